package sim

import (
	"math"
	"math/rand/v2"
	"time"
)

// state is what the equations of motion move.
type state [4]float64

// rk4 moves y by one step of the classical fourth-order Runge-Kutta method
// (Kutta 1901) under dy/dt = f(y).
func rk4(y state, dt float64, f func(state) state) state {
	k1 := f(y)
	k2 := f(y.plus(k1, dt/2))
	k3 := f(y.plus(k2, dt/2))
	k4 := f(y.plus(k3, dt))
	for i := range y {
		y[i] += dt / 6 * (k1[i] + 2*k2[i] + 2*k3[i] + k4[i])
	}
	return y
}

func (y state) plus(k state, dt float64) state {
	for i := range y {
		y[i] += dt * k[i]
	}
	return y
}

// catchUp is the most time that is integrated at once: a board that was away
// longer finds its plant as it left it, two seconds on.
const catchUp = 2 * time.Second

// stepper turns the clock into whole steps.
type stepper struct {
	step time.Duration
	at   time.Time // zero before the first call
}

// to calls f for each step up to now; at is the step's end then.
func (s *stepper) to(now time.Time, f func(dt float64)) {
	if s.at.IsZero() || now.Sub(s.at) > catchUp {
		if s.at.IsZero() {
			s.at = now
		} else {
			s.at = now.Add(-catchUp)
		}
	}
	for dt := s.step.Seconds(); now.Sub(s.at) >= s.step; {
		s.at = s.at.Add(s.step)
		f(dt)
	}
}

// periodic is work at a fixed rate. What is missed by more than a few periods
// is left out, as firmware that compares millis() does.
type periodic struct {
	every time.Duration
	next  time.Time
}

// advance sets the next time after now.
func (p *periodic) advance(now time.Time) {
	p.next = p.next.Add(p.every)
	if now.Sub(p.next) > 4*p.every {
		p.next = now.Add(p.every)
	}
}

func newRand(seed, stream uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, stream)) }

func clamp(x, low, high float64) float64 { return math.Min(math.Max(x, low), high) }

// quantise rounds to whole steps; 0 leaves x alone.
func quantise(x, step float64) float64 {
	if step <= 0 {
		return x
	}
	return math.Round(x/step) * step
}

// dry is Coulomb friction of a unit size, smooth around zero speed so that the
// equations stay regular.
func dry(speed, width float64) float64 { return math.Tanh(speed / width) }
