package devices

import (
	"context"
	"strings"
	"time"

	"labbox/devices/sim"
	"labbox/devices/sim/faults"
	"labbox/devices/transport"
	"labbox/devices/transport/mem"
	"labbox/edge"
	"labbox/edge/config"
)

// SimulatedOptions set up a simulated device.
type SimulatedOptions struct {
	Name   string // of the line; default "simulated" and the type
	Seed   uint64
	RateHz float64 // reports a second; default the type's
	Faults faults.Faults
	// Unpaced: the line takes any rate, for a device that is passed on over a line
	// with a pace of its own.
	Unpaced bool
}

// Simulated is a device made from its type file, on a line in memory whose faults
// can be had on demand. It is the opener of that line; the device lives on between
// lines.
type Simulated struct {
	*faults.Opener
	typ *Type
	dev sim.Device
}

var _ transport.Opener = (*Simulated)(nil)

// NewSimulated returns a type's simulated device.
func NewSimulated(t *Type, o SimulatedOptions) (*Simulated, error) {
	if o.RateHz != 0 {
		other := *t
		other.RateHz = o.RateHz
		t = &other
		if t.Simulate.Plant != "" {
			return nil, edge.Errorf(edge.CodeBadRequest, "%s is a plant with a rate of its own", t.Name).WithHint("leave the rate out")
		}
		if !(o.RateHz > 0 && o.RateHz <= 10_000) {
			return nil, edge.Errorf(edge.CodeBadRequest, "a rate of %g reports a second", o.RateHz).WithHint("more than 0, up to 10000")
		}
	}
	if o.Name == "" {
		o.Name = "simulated " + t.Name
	}
	dev, err := t.Simulator(o.Seed)
	if err != nil {
		return nil, err
	}
	s := &Simulated{typ: t, dev: dev}
	s.Opener = faults.New(t.simLine(o.Name, dev, o.Unpaced), o.Faults, faults.Options{Seed: o.Seed, Reboot: s.reboot})
	return s, nil
}

// SimOpener returns a line in memory with a simulated device at its other end and
// no faults. The device lives on between lines.
func SimOpener(t *Type, name string, seed uint64) (*mem.Opener, error) {
	d, err := t.Simulator(seed)
	if err != nil {
		return nil, err
	}
	return t.simLine(name, d, false), nil
}

// simLine is the line on which a simulated device hangs: at the type's baud rate,
// or, for a type that speaks in messages or hangs on USB alone, without one.
func (t *Type) simLine(name string, d sim.Device, unpaced bool) *mem.Opener {
	o := mem.Options{Name: name, Baud: t.Serial.Baud}
	if t.Protocol.Floats != nil {
		o.Baud, o.Messages = 0, true
	}
	if unpaced || sim.FullSpeed(t.Simulate.Plant) {
		o.Baud = 0
	}
	// The device ends with its line, which its opener closes.
	return mem.NewOpener(o, func(port *mem.Port) { go func() { _ = d.Run(context.Background(), port) }() })
}

// rebooting is how long a restart may wait for a device that is stuck on its line.
const rebooting = 5 * time.Second

func (s *Simulated) reboot() {
	if c, ok := s.dev.(sim.Controls); ok {
		ctx, cancel := context.WithTimeout(context.Background(), rebooting)
		defer cancel()
		_ = c.Reboot(ctx) // one that is stuck, is
	}
}

// Set holds a channel at a shown value, or at a choice, until Free.
func (s *Simulated) Set(ctx context.Context, channel, value string) error {
	c, ch, err := s.channel(channel)
	if err != nil {
		return err
	}
	x, isNumber := simNumber(value).(float64)
	for i := range ch.Choices {
		if ch.Choices[i].ID == value {
			x, isNumber = ch.Choices[i].value(i), true
		}
	}
	if !isNumber {
		hint := "a number"
		if len(ch.Choices) > 0 {
			hint = "a number, or one of"
			for i := range ch.Choices {
				hint += " " + ch.Choices[i].ID
			}
		}
		return edge.Errorf(edge.CodeBadRequest, "%s cannot be %q", channel, value).WithHint("%s", hint)
	}
	return c.Set(ctx, channel, x)
}

// Free lets a channel move by itself again.
func (s *Simulated) Free(ctx context.Context, channel string) error {
	c, _, err := s.channel(channel)
	if err != nil {
		return err
	}
	return c.Free(ctx, channel)
}

// Value is a channel's value as the device has it, without noise.
func (s *Simulated) Value(ctx context.Context, channel string) (float64, error) {
	c, _, err := s.channel(channel)
	if err != nil {
		return 0, err
	}
	return c.Value(ctx, channel)
}

// Param is what the device was last told to have for a command's parameter.
func (s *Simulated) Param(ctx context.Context, id string) (float64, error) {
	c, ok := s.dev.(sim.Controls)
	if !ok {
		return 0, errNoControls
	}
	return c.Param(ctx, id)
}

var errNoControls = edge.Errorf(edge.CodeBadRequest, "this device cannot be set")

func (s *Simulated) channel(id string) (sim.Controls, *Channel, error) {
	c, ok := s.dev.(sim.Controls)
	if !ok {
		return nil, nil, errNoControls
	}
	if ch := s.typ.channel(id); ch != nil {
		return c, ch, nil
	}
	var ids []string
	for i := range s.typ.Channels {
		ids = append(ids, s.typ.Channels[i].ID)
	}
	err := edge.Errorf(edge.CodeBadRequest, "%s has no channel %q", s.typ.Name, id)
	if best := config.Nearest(id, ids); best != "" {
		return nil, nil, err.WithHint("did you mean %q?", best)
	}
	return nil, nil, err.WithHint("its channels: %s", strings.Join(ids, ", "))
}

// simulated is the device of a box file.
func (b *Bench) simulated(t *Type, dev *config.Device, cfg BenchConfig) (transport.Opener, error) {
	if len(dev.Port.Faults) == 0 {
		d, err := t.Simulator(cfg.Seed)
		if err != nil {
			return nil, err
		}
		b.looked(dev.ID, t, d)
		return t.simLine("simulated "+t.Name, d, false), nil
	}
	f, err := faults.Parse(dev.Port.Faults)
	if err != nil {
		return nil, edge.Errorf(edge.CodeBadConfig, "%s: %w", dev.ID, err).WithHint("%s", edge.AsError(err).Hint)
	}
	s, err := NewSimulated(t, SimulatedOptions{Seed: cfg.Seed, Faults: f})
	if err != nil {
		return nil, err
	}
	b.looked(dev.ID, t, s.dev)
	return s, nil
}
