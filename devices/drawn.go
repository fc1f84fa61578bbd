package devices

import (
	"context"

	"labbox/devices/sim"
	"labbox/edge"
)

// Drawn is a simulated device of a bench as a picture of it needs it.
type Drawn struct {
	typ *Type
	dev sim.Looker
}

// Shape names the plant, "" for a device that its type file describes.
func (d *Drawn) Shape() string { return d.typ.Simulate.Plant }

// Channels are those of its type.
func (d *Drawn) Channels() []edge.Channel { return d.typ.contract(nil).Channels }

// Look fills values with what the names say now (sim.Looker).
func (d *Drawn) Look(ctx context.Context, names []string, values []float64) error {
	return d.dev.Look(ctx, names, values)
}

// Drawn is the simulated device of that id, ok false where there is none.
func (b *Bench) Drawn(id string) (d *Drawn, ok bool) {
	d, ok = b.drawn[id]
	return d, ok
}

// looked keeps what can be drawn.
func (b *Bench) looked(id string, t *Type, dev sim.Device) {
	l, ok := dev.(sim.Looker)
	if !ok {
		return
	}
	if b.drawn == nil {
		b.drawn = map[string]*Drawn{}
	}
	b.drawn[id] = &Drawn{t, l}
}
