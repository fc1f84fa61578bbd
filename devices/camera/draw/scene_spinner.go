package draw

import (
	"context"
	"math"
	"time"
)

// spinner is a disk on a motor, seen from before, with a mark and holes.
type spinner struct{ scene }

var spinnerAxle = point{320, 222}

func (p *spinner) still(c *canvas) {
	p.bench(c)
	p.stand(c, spinnerAxle.x, 300)
	m := spinnerAxle
	c.soft(m.plus(8, 12), m.plus(8, 12), 330, 16, rgb(0x2a3440).through(0.25))
	c.disc(m, 172, rgb(0x707d8a))
	c.disc(m, 168, rgb(0xcdd6df))
	c.ring(m, 150, 1.2, rgb(0xaab6c2))
	c.ring(m, 60, 1.2, rgb(0xaab6c2))
	for i := range 24 { // a scale that stands still, around the disk
		a := float64(i) * math.Pi / 12
		c.line(m.toward(a, 178), m.toward(a, 186), 1.5, rgb(greyColour))
	}
}

func (p *spinner) moving(ctx context.Context, c *canvas, now time.Duration) {
	p.look(ctx, now, "angle", "speed", "volts", "target", "mode")
	angle, speed := p.values[0], p.values[1]
	m := spinnerAxle
	// What a shutter of 1/60 s would see: marks are drawn out along their way.
	way := math.Max(-2.5, math.Min(2.5, speed/60))
	n := 1 + int(min(math.Abs(way)/0.06, 12))
	thin := 1 / float32(n)
	for k := range n {
		a := math.Pi - angle + way*float64(k)/float64(n)
		for h := range 5 { // holes, one left out
			c.disc(m.toward(a+float64(h+1)*math.Pi/3, 105), 15, rgb(0x7d8b99).through(min(1, 1.4*thin)))
		}
		c.line(m.toward(a, 40), m.toward(a, 140), 12, rgb(redColour).through(min(1, 1.6*thin)))
	}
	c.hub(m, 24)
	p.number(c, 0, angle, 2, " rad")
	p.number(c, 1, speed, 1, " rad/s")
	p.number(c, 2, p.values[2], 2, " V")
	p.foot(c, now)
}
