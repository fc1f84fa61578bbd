package sim

import (
	"context"
	"math"
	"time"
)

// Looker is a simulated device that can be looked at, as it is and without noise,
// while it runs or between two lines.
type Looker interface {
	// Look fills values with what the names say now, all at one moment; NaN where
	// there is no such value. A device that is moved by a Model has its channels, by
	// their id. The plants have:
	//
	//	pendulum      turn (rad, 0 hanging down), angle (deg, as measured), drive (-1 to 1)
	//	aeropendulum  turn (rad, 0 hanging down), angle, reference (deg), control, motor1, motor2 (rad/s), mode
	//	spinner       angle (rad), speed (rad/s), target, volts, mode
	//	plotter       raw, filtered, light
	//	calculator    display, sums
	//
	// Its error is ctx's where the device is stuck on a line that takes nothing.
	Look(ctx context.Context, names []string, values []float64) error
}

var _ Looker = (*board)(nil)

// looked is a plant that can be looked at.
type looked interface {
	look(now time.Time) func(name string) float64
}

// Look implements Looker.
func (b *board) Look(ctx context.Context, names []string, values []float64) error {
	return b.do(ctx, func() {
		value := func(string) float64 { return math.NaN() }
		switch p := b.prog.(type) {
		case looked:
			value = p.look(time.Now())
		case modelled:
			m := p.model()
			if b.out != nil {
				m.advance(time.Now())
			}
			value = m.look
		}
		for i, n := range names {
			values[i] = value(n)
		}
	})
}

func (m *Model) look(id string) float64 {
	for i := range m.s.Channels {
		if c := &m.s.Channels[i]; c.ID == id || c.ID == "" && c.Field == id {
			return m.Value(i)
		}
	}
	return math.NaN()
}

// among looks a name up.
func among(values map[string]float64) func(string) float64 {
	return func(name string) float64 {
		if v, ok := values[name]; ok {
			return v
		}
		return math.NaN()
	}
}

func (p *penduino) look(now time.Time) func(string) float64 {
	if !p.boot.IsZero() {
		p.advance(now)
	}
	turn := p.plant.y[0]
	drive := 0.0
	if p.plant.mode == motorDrive {
		drive = p.plant.level
	}
	zero := float64(p.zero) * 360 / encoderCounts
	return among(map[string]float64{"turn": turn, "angle": math.Remainder(turn*180/math.Pi-zero, 360), "drive": drive})
}

func (a *aeropendulum) look(now time.Time) func(string) float64 {
	a.advance(now)
	turn := a.plant.y[0]
	return among(map[string]float64{"turn": turn, "angle": math.Remainder(turn, 2*math.Pi) * 180 / math.Pi, "reference": a.rk, "control": a.uk,
		"motor1": a.plant.y[2], "motor2": a.plant.y[3], "mode": float64(a.mode)})
}

func (s *spinner) look(now time.Time) func(string) float64 {
	if !s.boot.IsZero() {
		s.advance(now)
	}
	return among(map[string]float64{"angle": s.plant.y[0], "speed": s.plant.y[1], "target": s.want, "volts": s.plant.volts, "mode": float64(s.mode)})
}

func (p *plotter) look(time.Time) func(string) float64 {
	return among(map[string]float64{"raw": p.sensor, "filtered": p.filtered, "light": p.light})
}

func (c *calculator) look(time.Time) func(string) float64 {
	return among(map[string]float64{"display": c.shown, "sums": float64(c.sums)})
}
