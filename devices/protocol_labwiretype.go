package devices

import (
	"fmt"
	"time"

	"labbox/edge"
	"labbox/edge/config"
	"labbox/firmware-protocols/labwire"
)

// labwireType makes a device type of what a firmware says of itself. It is held
// to the same rules as a type file. What the dictionary does not say (port,
// boot, grace) comes from base.
func labwireType(base *Type, d *labwire.Dictionary, crc uint32) (*Type, error) {
	t := *base
	t.Name, t.Label, t.hash = d.Device, edge.Text(d.Label), fmt.Sprintf("labwire-%08x", crc)
	if len(d.Help) > 0 {
		t.Description = edge.Text(d.Help)
	}
	t.RateHz = d.RateHz.Float()
	if t.RateHz < labwireSlow { // the status of each second tells that it lives
		t.Stale = max(t.Stale, 3*time.Second)
	}
	t.Connect.Banner = Fields{labwireBoot: 1}
	t.Time, t.Count = &DeviceTime{From: labwireTime, Unit: "us"}, &Count{From: labwireRow, Bits: 32}
	t.Channels, t.Commands, t.keys = nil, nil, [][]byte{} // no longer nil: it has told
	for i := range d.Channels {
		t.Channels = append(t.Channels, labwireChannel(&d.Channels[i]))
		t.keys = append(t.keys, []byte(d.Channels[i].ID))
	}
	t.Channels = append(t.Channels, Channel{ID: labwireSafe, Format: "enum", Role: "status", Label: edge.Text{"en": "Safe", "fr": "Sûr", "es": "Seguro"},
		Choices: []Choice{{ID: "no", Label: edge.Text{"en": "no", "fr": "non", "es": "no"}}, {ID: "yes", Label: edge.Text{"en": "yes", "fr": "oui", "es": "sí"}}}})
	for i := range d.Commands {
		t.Commands = append(t.Commands, labwireCommand(&d.Commands[i], i))
	}
	t.Safe = &Safe{Text: edge.Text(d.Safe.Text), Resync: "\x00\x18\x00", Steps: []Step{{Send: &Send{native: &labwireSend{}}}},
		Shows: []Show{{Channel: labwireSafe, Equals: "yes"}}, Within: labwireConfirm(d)}
	if len(d.Commands) == 0 {
		t.Safe = nil
	}
	c := &checker{Doc: &config.Doc{}, t: &t}
	c.check()
	if ps := c.Problems(); len(ps) > 0 {
		return nil, edge.Errorf(edge.CodeContract, "what the firmware says of itself cannot be: %s", ps[0].Message).WithHint("%s", ps[0].Hint)
	}
	t.defaults()
	return &t, nil
}

// labwireConfirm is how long the flag `safe` may take: two samples, or two
// reports of the status.
func labwireConfirm(d *labwire.Dictionary) time.Duration {
	if hz := d.RateHz.Float(); hz >= labwireSlow {
		return time.Second + time.Duration(3*float64(time.Second)/hz)
	}
	return 4 * time.Second
}

func labwireChannel(ch *labwire.Channel) Channel {
	out := Channel{ID: ch.ID, Label: edge.Text(ch.Label), Unit: ch.Unit, Group: ch.Group, Role: ch.Role, Hidden: ch.Hidden,
		Scale: ch.Scale.Float(), Offset: ch.Offset.Float(), Format: "i16"}
	decimals := ch.Decimals
	switch ch.Kind {
	case labwire.F32:
		out.Format, out.Scale, out.Offset = "f32", 1, 0
	case labwire.Enum:
		out.Format, out.Scale, out.Offset = "enum", 1, 0
		out.Choices = labwireChoices(ch.Choices)
		return out
	}
	out.Decimals = &decimals
	out.Range = &Range{ch.Min.Float(), ch.Max.Float()}
	return out
}

func labwireChoices(cs []labwire.Choice) []Choice {
	var out []Choice
	for i := range cs {
		out = append(out, Choice{ID: cs[i].ID, Label: edge.Text(cs[i].Label)})
	}
	return out
}

func labwireCommand(c *labwire.Command, index int) Command {
	out := Command{ID: c.ID, Label: edge.Text(c.Label), Help: edge.Text(c.Help), Rate: c.MostHz.Float(), Calming: c.Kind == labwire.Calming,
		Send: &Send{native: &labwireSend{index: index, command: c}}}
	for i := range c.Params {
		p := &c.Params[i]
		q := Param{ID: p.ID, Label: edge.Text(p.Label), Unit: p.Unit, Step: p.Step.Float(), Slew: p.Slew.Float(), Channel: p.Channel}
		switch p.Kind {
		case labwire.Pick:
			q.Type, q.Choices = edge.ParamChoice, labwireChoices(p.Choices)
			if n := int(p.Default.Float()); n >= 0 && n < len(q.Choices) {
				q.Default = q.Choices[n].ID
			}
		default:
			q.Type = edge.ParamFloat
			if p.Kind == labwire.Int {
				q.Type = edge.ParamInt
			}
			decimals := p.Decimals
			q.Wire.Decimals = &decimals
			q.Range, q.Default = &Range{p.Min.Float(), p.Max.Float()}, p.Default.Float()
			if p.HasRest {
				x := p.Rest.Float()
				q.Rest = &x
			}
		}
		out.Params = append(out.Params, q)
	}
	return out
}
