package draw

import (
	"context"
	"math"
	"strconv"
	"time"

	"labbox/devices/camera/source"
	"labbox/edge"
)

// Plant is what is drawn. Its methods are called by one goroutine at a time.
type Plant interface {
	// Shape names a drawing: pendulum, aeropendulum, spinner, plotter, calculator. Any
	// other is drawn as dials of its channels.
	Shape() string
	Channels() []edge.Channel
	// Look fills values with what the names say now, NaN where there is no such value:
	// channels by their id, and for a plant its own (package sim, Look).
	Look(ctx context.Context, names []string, values []float64) error
}

// New returns the drawing of a plant.
func New(p Plant, o Options) source.Source {
	o.defaults()
	return &made{name: "drawing of " + o.Title, opt: o, begin: func() painter {
		s := scene{f: newFont(), title: o.Title, plant: p}
		switch p.Shape() {
		case "pendulum":
			return &pendulum{scene: s}
		case "aeropendulum":
			return &aeropendulum{scene: s}
		case "spinner":
			return &spinner{scene: s}
		case "plotter":
			return &plotter{scene: s}
		case "calculator":
			return &calculator{scene: s}
		}
		return &dials{scene: s}
	}}
}

// scene is what all drawings have.
type scene struct {
	f      font
	title  string
	plant  Plant
	names  []string
	values []float64
	asked  []float64
	last   time.Duration // of the picture before
	silent bool          // the device did not answer
}

// Colours of the bench.
const (
	inkColour   = 0x1f2a36
	greyColour  = 0x5d6b7a
	steelColour = 0x8d9aa8
	darkColour  = 0x39444f
	redColour   = 0xc8362e
	brassColour = 0xd19a2a
	blueColour  = 0x2a6fdb
	greenColour = 0x2e8b57
)

// look asks for the values by name; where the device does not answer they stay. It
// returns the seconds since the picture before.
func (s *scene) look(ctx context.Context, now time.Duration, names ...string) float64 {
	if s.names == nil {
		s.names = names
		s.values, s.asked = make([]float64, len(names)), make([]float64, len(names))
	}
	s.silent = s.plant.Look(ctx, s.names, s.asked) != nil
	if !s.silent {
		for i, v := range s.asked {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				v = 0
			}
			s.values[i] = v
		}
	}
	dt := (now - s.last).Seconds()
	s.last = now
	return min(max(dt, 0), 0.5)
}

// bench paints the wall and the table.
func (s *scene) bench(c *canvas) {
	c.fade(rgb(0xf7f9fb), rgb(0xdfe6ed))
	lo, hi := point{-c.dx / c.k, 424}, point{(float32(c.Rect.Dx()) - c.dx) / c.k, (float32(c.Rect.Dy()) - c.dy) / c.k}
	c.box(lo, hi, rgb(0xd2ab7c))
	c.box(lo, point{hi.x, 427}, rgb(0xe8cba6))
	for i := range 9 { // grain
		y := 436 + float32(i*i)*0.7
		x := lo.x + float32(i*97%400)
		c.line(point{x, y}, point{x + 260, y}, 1, rgb(0xb98f5f).through(0.35))
		c.line(point{x + 330, y + 3}, point{x + 480, y + 3}, 1, rgb(0xb98f5f).through(0.25))
	}
	c.soft(point{lo.x, 423}, point{hi.x, 423}, 2, 8, rgb(0x3a2c1a).through(0.25))
	c.text(s.f, s.title, point{20, 36}, 15, left, rgb(inkColour))
}

// foot writes the time, and that the device is silent.
func (s *scene) foot(c *canvas, now time.Duration) {
	c.text(s.f, clockText(now)+"."+strconv.Itoa(int(now/(100*time.Millisecond))%10), point{20, 464}, 11, left, rgb(0x4a3720))
	if s.silent {
		c.text(s.f, "no answer", point{320, 464}, 11, middle, rgb(redColour))
	}
}

// number writes a value at the top right, line by line.
func (s *scene) number(c *canvas, line int, v float64, places int, unit string) {
	height, y := float32(15), float32(36)
	if line > 0 {
		height, y = 11, 36+float32(line)*24
	}
	at := point{620, y}
	p := rgb(inkColour)
	if line > 0 {
		p = rgb(greyColour)
	}
	c.text(s.f, shown(v, places)+unit, at, height, right, p)
}

func shown(v float64, places int) string {
	t := strconv.FormatFloat(v, 'f', places, 64)
	if z, err := strconv.ParseFloat(t, 64); err == nil && z == 0 {
		t = strconv.FormatFloat(0, 'f', places, 64) // no -0
	}
	return t
}

// plate paints a round plate with an angle scale, 0 at the bottom, to 180 both ways.
func (s *scene) plate(c *canvas, m point, radius float32) {
	c.soft(m.plus(5, 8), m.plus(5, 8), 2*radius, 14, rgb(0x2a3440).through(0.22))
	c.disc(m, radius, rgb(0xffffff))
	c.ring(m, radius-1, 2, rgb(0xb9c4cf))
	for deg := -170; deg <= 180; deg += 10 {
		a := float64(deg) * math.Pi / 180
		long, wide := float32(6), float32(1)
		if deg%30 == 0 {
			long, wide = 11, 1.8
			at := m.toward(a, radius-29)
			c.text(s.f, strconv.Itoa(deg), at.plus(0, 4.5), 9, middle, rgb(greyColour))
		}
		c.line(m.toward(a, radius-4-long), m.toward(a, radius-4), wide, rgb(greyColour))
	}
}

// stand paints what holds a plate: a foot on the bench.
func (s *scene) stand(c *canvas, x, top float32) {
	c.soft(point{x - 80, 432}, point{x + 88, 432}, 12, 12, rgb(0x3a2c1a).through(0.4))
	c.polygon(rgb(0x6b7885), 0, point{x - 17, top}, point{x + 17, top}, point{x + 24, 424}, point{x - 24, 424})
	c.rounded(point{x - 86, 418}, point{x + 86, 432}, 6, rgb(darkColour))
	c.line(point{x - 78, 420.5}, point{x + 78, 420.5}, 1.4, rgb(0x77838f))
}

// hub paints an axle's end.
func (c *canvas) hub(m point, radius float32) {
	c.disc(m, radius, rgb(darkColour))
	c.disc(m, radius*0.62, rgb(steelColour))
	c.disc(m.plus(-radius*0.18, -radius*0.18), radius*0.25, rgb(0xe8edf2))
}
