package draw

import (
	"context"
	"math"
	"time"

	"labbox/edge"
)

// dials are instruments with needles, one for each of the first channels.
type dials struct {
	scene
	shown []dial
}

type dial struct {
	c      edge.Channel
	m      point
	radius float32
	lo, hi float64 // of the scale; equal: there is none
}

const (
	mostDials = 6
	dialSpan  = 4 * math.Pi / 3 // from end to end of a scale
)

// pick chooses what is drawn: measured and plotted channels first.
func (p *dials) pick() {
	for _, hidden := range []bool{false, true} {
		for _, ch := range p.plant.Channels() {
			if ch.Hidden == hidden && len(p.shown) < mostDials {
				d := dial{c: ch}
				if ch.Min != nil && ch.Max != nil && *ch.Max > *ch.Min && ch.Format != "enum" {
					d.lo, d.hi = *ch.Min, *ch.Max
				}
				p.shown = append(p.shown, d)
			}
		}
		if len(p.shown) > 0 {
			break
		}
	}
	n := len(p.shown)
	columns := min(n, 3)
	if n == 4 {
		columns = 2
	}
	for i := range p.shown {
		rows := (n + columns - 1) / columns
		in := min(columns, n-i/columns*columns) // in this row
		p.shown[i].radius = []float32{0, 150, 84}[rows]
		if columns > 1 && rows == 1 {
			p.shown[i].radius = 90
		}
		w := float32(600) / float32(in)
		p.shown[i].m = point{20 + w*(float32(i%columns)+0.5), []float32{0, 235, 145}[rows] + float32(i/columns)*188}
	}
}

func (p *dials) still(c *canvas) {
	p.bench(c)
	p.pick()
	for _, d := range p.shown {
		m, r := d.m, d.radius
		c.soft(m.plus(4, 7), m.plus(4, 7), 2*r, 12, rgb(0x2a3440).through(0.28))
		c.disc(m, r, rgb(darkColour))
		c.disc(m, r-5, rgb(0xffffff))
		name := d.c.Label.In("en")
		if name == "" {
			name = d.c.ID
		}
		height := min(r/9, 12)
		wide, y := 1.5*r, 0.48*r
		if d.lo != d.hi { // between the ends of its scale
			wide, y = 0.85*r, 0.42*r
		}
		if w := p.f.width(name, height); w > wide {
			height *= wide / w
		}
		c.text(p.f, name, m.plus(0, y), height, middle, rgb(greyColour))
		if d.lo == d.hi {
			continue
		}
		for i := range 21 {
			a := d.angle(d.lo + (d.hi-d.lo)*float64(i)/20)
			long := r * 0.06
			if i%5 == 0 {
				long = r * 0.12
				if i%10 == 0 {
					v := d.lo + (d.hi-d.lo)*float64(i)/20
					c.text(p.f, short(v), m.toward(a, r*0.66).plus(0, r*0.04), r*0.085, middle, rgb(greyColour))
				}
			}
			c.line(m.toward(a, r*0.9-long), m.toward(a, r*0.9), max(r/60, 1.2), rgb(inkColour))
		}
	}
}

// short is a number for a scale.
func short(v float64) string {
	for _, k := range []struct {
		unit float64
		name string
	}{{1e9, "G"}, {1e6, "M"}, {1e3, "k"}} {
		if math.Abs(v) >= 10*k.unit {
			return trim(v/k.unit) + k.name
		}
	}
	return trim(v)
}

func trim(v float64) string {
	places := 2
	if math.Abs(v) >= 100 {
		places = 0
	} else if math.Abs(v) >= 10 {
		places = 1
	}
	s := shown(v, places)
	for places > 0 && (s[len(s)-1] == '0' || s[len(s)-1] == '.') {
		dot := s[len(s)-1] == '.'
		if s = s[:len(s)-1]; dot {
			break
		}
	}
	return s
}

// angle is where a needle points, as in point.toward.
func (d *dial) angle(v float64) float64 {
	part := min(max((v-d.lo)/(d.hi-d.lo), -0.03), 1.03)
	return math.Pi + dialSpan/2 - dialSpan*part
}

func (p *dials) moving(ctx context.Context, c *canvas, now time.Duration) {
	ids := make([]string, len(p.shown))
	for i := range p.shown {
		ids[i] = p.shown[i].c.ID
	}
	p.look(ctx, now, ids...)
	for i := range p.shown {
		d := &p.shown[i]
		m, r, v := d.m, d.radius, p.values[i]
		text := d.text(v)
		height := r / 6
		if w := p.f.width(text, height); w > 1.05*r {
			height *= 1.05 * r / w
		}
		at := m.plus(0, 0.74*r)
		if d.lo == d.hi {
			at = m.plus(0, height/2)
		}
		c.text(p.f, text, at, height, middle, rgb(inkColour))
		if d.lo == d.hi {
			continue
		}
		a := d.angle(v)
		c.soft(m.plus(3, 4), m.toward(a, r*0.8).plus(3, 4), r/28, 4, rgb(0x2a3440).through(0.3))
		c.line(m.toward(a+math.Pi, r*0.14), m.toward(a, r*0.8), max(r/34, 2), rgb(redColour))
		c.hub(m, r*0.08)
	}
	p.foot(c, now)
}

// text is a value with its unit, or the name of a choice.
func (d *dial) text(v float64) string {
	for _, ch := range d.c.Choices {
		if ch.Value == v {
			if l := ch.Label.In("en"); l != "" {
				return l
			}
			return ch.ID
		}
	}
	unit := d.c.Unit
	switch unit {
	case "":
		return shown(v, d.c.Decimals)
	case "deg":
		unit = "°"
	case "Cel":
		unit = " °C"
	default:
		unit = " " + unit
	}
	return shown(v, d.c.Decimals) + unit
}
