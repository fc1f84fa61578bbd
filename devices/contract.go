package devices

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"

	"labbox/edge"
	"labbox/edge/config"
)

// narrowed returns a copy of t with the bench's limits and calibration. A limit
// that would widen the type's, or that names nothing, is an error.
func (t *Type) narrowed(dev *config.Device) (_ *Type, err error) {
	n := *t
	n.Channels = append([]Channel(nil), t.Channels...)
	n.Commands = append([]Command(nil), t.Commands...)
	for i := range n.Commands {
		n.Commands[i].Params = append([]Param(nil), t.Commands[i].Params...)
	}
	untold := t.Protocol.Labwire != nil && t.keys == nil // the device will tell, and is held to the limits then
	for key, l := range dev.Limits {
		p := n.paramByKey(key)
		if p == nil && untold {
			continue
		}
		if p == nil || p.Range == nil {
			return nil, edge.Errorf(edge.CodeBadConfig, "%s: limits: %s has no numeric parameter %q", dev.ID, t.Name, key).
				WithHint("limits are named command.param")
		}
		if err := p.narrow(l); err != nil {
			return nil, edge.Errorf(edge.CodeBadConfig, "%s: limits: %s: %w", dev.ID, key, err)
		}
	}
	for id, cal := range dev.Calibration {
		ch := n.channel(id)
		if ch == nil && untold {
			continue
		}
		if ch == nil {
			return nil, edge.Errorf(edge.CodeBadConfig, "%s: calibration: %s has no channel %q", dev.ID, t.Name, id)
		}
		for _, x := range []*float64{cal.Scale, cal.Offset} {
			if x != nil && (math.IsNaN(*x) || math.IsInf(*x, 0)) {
				return nil, edge.Errorf(edge.CodeBadConfig, "%s: calibration: %s: %g is no number", dev.ID, id, *x)
			}
		}
		if cal.Scale != nil && *cal.Scale == 0 {
			return nil, edge.Errorf(edge.CodeBadConfig, "%s: calibration: %s: a scale of 0 hides every value", dev.ID, id)
		}
		if cal.Scale != nil {
			ch.Scale = *cal.Scale
		}
		if cal.Offset != nil {
			ch.Offset = *cal.Offset
		}
	}
	if t.Safe != nil {
		safe := *t.Safe
		n.Safe = &safe
		if safe.Steps, err = n.fixed(t, t.Safe.Steps); err != nil {
			return nil, edge.Errorf(edge.CodeBadConfig, "%s: the safe sequence is outside the limits: %w", dev.ID, err)
		}
	}
	if n.Connect.Steps, err = n.fixed(t, t.Connect.Steps); err != nil {
		return nil, edge.Errorf(edge.CodeBadConfig, "%s: connecting is outside the limits: %w", dev.ID, err)
	}
	for _, steps := range []*[]Step{&n.On.Mismatch, &n.On.Timeout} {
		if *steps, err = n.fixed(t, *steps); err != nil {
			return nil, edge.Errorf(edge.CodeBadConfig, "%s: what `on:` sends is outside the limits: %w", dev.ID, err)
		}
	}
	return &n, nil
}

func (t *Type) paramByKey(key string) *Param {
	for i := range t.Commands {
		for j := range t.Commands[i].Params {
			if t.Commands[i].ID+"."+t.Commands[i].Params[j].ID == key {
				return &t.Commands[i].Params[j]
			}
		}
	}
	return nil
}

func (t *Type) channel(id string) *Channel {
	for i := range t.Channels {
		if t.Channels[i].ID == id {
			return &t.Channels[i]
		}
	}
	return nil
}

func (p *Param) narrow(l config.Limit) error {
	r := *p.Range
	for _, x := range []*float64{l.Min, l.Max, l.Slew} {
		if x != nil && (math.IsNaN(*x) || math.IsInf(*x, 0)) {
			return fmt.Errorf("%g is no limit", *x)
		}
	}
	if l.Min != nil {
		if *l.Min < r[0] {
			return fmt.Errorf("min %g would widen the type's %g", *l.Min, r[0])
		}
		r[0] = *l.Min
	}
	if l.Max != nil {
		if *l.Max > r[1] {
			return fmt.Errorf("max %g would widen the type's %g", *l.Max, r[1])
		}
		r[1] = *l.Max
	}
	if r[0] > r[1] {
		return fmt.Errorf("nothing is left between %g and %g", r[0], r[1])
	}
	if l.Slew != nil {
		if *l.Slew <= 0 {
			return fmt.Errorf("slew %g would let it move at any speed", *l.Slew)
		}
		if p.Slew > 0 && *l.Slew > p.Slew {
			return fmt.Errorf("slew %g would widen the type's %g", *l.Slew, p.Slew)
		}
		if p.Channel == "" && p.Rest == nil {
			return fmt.Errorf("the type does not say where %s stands at first, so its speed cannot be limited", p.ID)
		}
		p.Slew = *l.Slew
	}
	p.Range = &r
	if x, ok := number(p.Default); ok {
		p.Default = math.Min(math.Max(x, r[0]), r[1])
	}
	return nil
}

// fixed gives every step's command the values that the type file means, its
// defaults included: a bench's limits move the defaults, and must not move what
// is safe. A value that they exclude is an error.
func (t *Type) fixed(wide *Type, steps []Step) ([]Step, error) {
	out := append([]Step(nil), steps...)
	for i := range out {
		cmd := wide.command(out[i].Command)
		if cmd == nil {
			continue
		}
		meant, err := cmd.resolve(stepArgs(out[i].Args))
		if err != nil {
			return nil, err
		}
		args := map[string]any{}
		for _, a := range meant {
			args[a.param.ID] = a.num
			if a.param.kind() == edge.ParamChoice {
				args[a.param.ID] = a.param.Choices[a.place].ID
			}
		}
		if _, err := t.command(cmd.ID).resolve(stepArgs(args)); err != nil {
			return nil, err
		}
		out[i].Args = args
	}
	return out, nil
}

// contract is what everybody but the driver needs of t. auto are the channels
// that the device named by itself.
func (t *Type) contract(auto []Channel) *edge.Contract {
	c := &edge.Contract{Type: t.Name, Label: t.Label, Description: t.Description, RateHz: t.RateHz,
		StaleMS: int(t.Stale.Milliseconds()), GraceMS: int(t.Grace.Milliseconds()), KeepMS: int(t.Keep.Milliseconds()),
		Drivable: len(t.Commands) > 0, Channels: []edge.Channel{}, Commands: []edge.CommandSpec{}}
	if t.Safe != nil {
		c.SafeText = t.Safe.Text
	}
	spread := t.spread()
	for _, chans := range [][]Channel{t.Channels, auto} {
		for i := range chans {
			c.Channels = append(c.Channels, chans[i].contract())
			c.Channels[len(c.Channels)-1].Spread = spread
		}
	}
	for i := range t.Commands {
		c.Commands = append(c.Commands, t.Commands[i].contract())
	}
	for _, p := range t.Panel.Plots {
		c.Panel.Plots = append(c.Panel.Plots, edge.Plot(p))
	}
	c.Panel.Readouts, c.Panel.WindowS, c.Panel.Icon = t.Panel.Readouts, t.Panel.Window.Seconds(), t.Panel.Icon
	body, _ := json.Marshal(c) // the hash is still empty; every value was checked to be finite
	sum := sha256.Sum256(append(body, t.hash...))
	c.Hash = hex.EncodeToString(sum[:16])
	return c
}

func (ch *Channel) contract() edge.Channel {
	out := edge.Channel{ID: ch.ID, Label: ch.Label, Unit: ch.Unit, Resolution: ch.Resolution, Scale: ch.Scale,
		Offset: ch.Offset, Format: ch.Format, Group: ch.Group, Role: ch.Role, Hidden: ch.Hidden}
	if out.Format == "" {
		out.Format = "f32"
	}
	if ch.Range != nil {
		out.Min, out.Max = &ch.Range[0], &ch.Range[1]
	}
	switch {
	case ch.Decimals != nil:
		out.Decimals = *ch.Decimals
	case ch.Resolution > 0:
		out.Decimals = max(0, int(math.Ceil(-math.Log10(ch.Resolution)-1e-9)))
	case out.Format != "enum":
		out.Decimals = 2
	}
	out.Choices = contractChoices(ch.Choices)
	return out
}

func contractChoices(cs []Choice) []edge.Choice {
	var out []edge.Choice
	for i := range cs {
		label := cs[i].Label
		if label == nil {
			label = edge.Text{"en": cs[i].ID}
		}
		out = append(out, edge.Choice{ID: cs[i].ID, Value: cs[i].value(i), Label: label})
	}
	return out
}

func (c *Command) contract() edge.CommandSpec {
	out := edge.CommandSpec{ID: c.ID, Label: c.Label, Help: c.Help, RatePerS: c.Rate, Calming: c.Calming,
		Params: []edge.Param{}, Confirm: "none"}
	switch {
	case c.Reply != nil:
		out.Confirm, out.TimeoutMS = "reply", int(c.Reply.total().Milliseconds())
	case c.confirmed && len(c.Shows) == 0:
		out.Confirm, out.TimeoutMS = "reply", int(c.answerIn.Milliseconds())
	case len(c.Shows) > 0:
		out.Confirm, out.TimeoutMS = "telemetry", int(c.Within.Milliseconds())
	}
	for i := range c.Params {
		p := &c.Params[i]
		ep := edge.Param{ID: p.ID, Label: p.Label, Type: p.kind(), Unit: p.Unit, Step: p.Step, SlewPS: p.Slew,
			Choices: contractChoices(p.Choices), Channel: p.Channel}
		if ep.Label == nil {
			ep.Label = edge.Text{"en": p.ID}
		}
		if p.Range != nil {
			ep.Min, ep.Max = p.Range[0], p.Range[1]
		}
		switch {
		case p.Default != nil:
			ep.Default = defaultValue(p)
		case ep.Type == edge.ParamChoice:
			ep.Default = edge.Word(p.Choices[0].ID)
		default:
			ep.Default = edge.Number(math.Min(math.Max(0, ep.Min), ep.Max))
		}
		out.Params = append(out.Params, ep)
	}
	return out
}
