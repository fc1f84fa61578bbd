package devices

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"labbox/edge"
	"labbox/edge/config"
)

// narrowed returns a copy of t with the bench's limits and calibration. A limit
// that would widen the type's, or that names nothing, is an error.
func (t *Type) narrowed(dev *config.Device) (*Type, error) {
	n := t.copied()
	untold := t.untold()
	for key, l := range dev.Limits {
		if err := n.limit(key, l); err != nil && (!untold || !errors.Is(err, errNoSuchLimit)) {
			return nil, edge.Errorf(edge.CodeBadConfig, "%s: limits: %w", dev.ID, err).WithHint("%s", edge.AsError(err).Hint)
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
	if d := dev.LongestRun; d != 0 {
		if err := shorten(&n.LongestRun, d); err != nil {
			return nil, edge.Errorf(edge.CodeBadConfig, "%s: longest_run: %w", dev.ID, err)
		}
	}
	if err := n.fixSteps(t); err != nil {
		return nil, edge.Errorf(edge.CodeBadConfig, "%s: %w", dev.ID, err).WithHint("%s", edge.AsError(err).Hint)
	}
	return n, nil
}

// copied is a copy of t whose limits may be changed.
func (t *Type) copied() *Type {
	n := *t
	n.Channels = append([]Channel(nil), t.Channels...)
	n.Commands = append([]Command(nil), t.Commands...)
	for i := range n.Commands {
		n.Commands[i].Params = append([]Param(nil), t.Commands[i].Params...)
	}
	return &n
}

// untold says that the device will tell its channels and commands, and is held
// to the limits then.
func (t *Type) untold() bool { return t.Protocol.Labwire != nil && t.keys == nil }

// fixSteps gives the sequences of a narrowed copy of wide the values that wide
// means. One that the limits exclude is an error.
func (t *Type) fixSteps(wide *Type) (err error) {
	if wide.Safe != nil {
		safe := *wide.Safe
		t.Safe = &safe
		if safe.Steps, err = t.fixed(wide, wide.Safe.Steps); err != nil {
			return fmt.Errorf("the safe sequence is outside the limits: %w", err)
		}
	}
	if wide.Between != nil {
		between := *wide.Between
		t.Between = &between
		if between.Steps, err = t.fixed(wide, wide.Between.Steps); err != nil {
			return fmt.Errorf("the known state between two turns is outside the limits: %w", err)
		}
	}
	if t.Connect.Steps, err = t.fixed(wide, wide.Connect.Steps); err != nil {
		return fmt.Errorf("connecting is outside the limits: %w", err)
	}
	for _, steps := range []*[]Step{&t.On.Mismatch, &t.On.Timeout} {
		if *steps, err = t.fixed(wide, *steps); err != nil {
			return fmt.Errorf("what `on:` sends is outside the limits: %w", err)
		}
	}
	return nil
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
		inside, err := t.command(cmd.ID).resolve(stepArgs(args))
		if err == nil { // as the device will read it, too
			var codec codec
			if codec, err = newCodec(t); err == nil {
				_, err = codec.encode(nil, cmd.Send, cmd.Reply, inside)
			}
		}
		if err != nil {
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
		LongestRunMS: t.LongestRun.Milliseconds(), RestMS: t.Rest.Milliseconds(),
		Drivable: len(t.Commands) > 0, Channels: []edge.Channel{}, Commands: []edge.CommandSpec{}}
	if t.Safe != nil {
		c.SafeText = t.Safe.Text
	}
	if t.Between != nil {
		c.BetweenText = t.Between.Text
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
	if r := ch.Range; r != nil {
		if !math.IsInf(r[0], 0) {
			out.Min = &r[0]
		}
		if !math.IsInf(r[1], 0) {
			out.Max = &r[1]
		}
		out.Trip, out.TripBeyond = ch.Trip, ch.TripBeyond
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
		LongestRunMS: c.LongestRun.Milliseconds(),
		Params:       []edge.Param{}, Confirm: "none"}
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
		ep := edge.Param{ID: p.ID, Label: p.Label, Type: p.kind(), Unit: p.Unit, Step: p.Step, MaxStep: p.MaxStep, SlewPS: p.Slew,
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
