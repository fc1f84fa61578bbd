package sim

import (
	"math"
	"math/rand/v2"
	"strconv"
	"time"
)

// plotter is a sketch that prints an analogue reading for the Arduino Serial
// Plotter: light that comes and goes, a sensor that follows it with a lag, its
// noise, and the sketch's own filter. It obeys nothing.
type plotter struct {
	rand     *rand.Rand
	clock    stepper
	report   periodic
	light    float64 // what the sensor sees
	until    float64 // s until the light changes
	sensor   float64
	filtered float64
	out      []byte
}

const (
	plotterEvery = 20 * time.Millisecond
	plotterLag   = 0.8 // s
	plotterNoise = 6.0 // counts of 1024
)

// Plotter returns the sketch, for type plotter.
func Plotter(o Options) Device {
	p := &plotter{rand: newRand(o.Seed, 5), clock: stepper{step: 5 * time.Millisecond}, report: periodic{every: plotterEvery}}
	p.light, p.sensor, p.filtered = 300, 300, 300
	return newBoard(p, 0)
}

func (p *plotter) reboot(time.Time) {}

func (p *plotter) open(now time.Time, _ *output) { p.report.next = now.Add(plotterEvery) }

func (p *plotter) receive(time.Time, []byte, *output) {}

func (p *plotter) wake() time.Time { return p.report.next }

func (p *plotter) tick(now time.Time, out *output) {
	p.report.advance(now)
	p.clock.to(now, func(dt float64) {
		if p.until -= dt; p.until <= 0 {
			p.until = 2 + 6*p.rand.Float64()
			p.light = 100 + 800*p.rand.Float64()
		}
		next := rk4(state{p.sensor}, dt, func(y state) state { return state{(p.light - y[0]) / plotterLag} })
		p.sensor = next[0]
	})
	raw := clamp(math.Round(p.sensor+plotterNoise*p.rand.NormFloat64()), 0, 1023)
	p.filtered += 0.1 * (raw - p.filtered)
	b := append(p.out[:0], "Min:0,raw:"...)
	b = strconv.AppendFloat(b, raw, 'f', 0, 64)
	b = append(b, ",filtered:"...)
	b = strconv.AppendFloat(b, p.filtered, 'f', 1, 64)
	p.out = append(b, "\r\n"...)
	out.text(p.out)
}
