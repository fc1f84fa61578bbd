package sim

import (
	"math"
	"math/rand/v2"
)

// pendulum is a driven, damped compound pendulum with a brushed motor on its
// axle. All torques are divided by the moment of inertia:
//
//	a = -w0^2 sin(q) - b w - c tanh(w/width) + motor
//	drive u: A (u - w/wMax); brake s: -B s w; loaded: -G w
//
// q is 0 hanging down, in rad.
type pendulum struct {
	y     state // q, w
	mode  motorMode
	level float64 // drive: -1..1; brake: 0..1
}

type motorMode uint8

const (
	motorFree   motorMode = iota // open: friction only
	motorLoaded                  // a resistor across the motor
	motorBrake                   // shorted, in pulses of the given width
	motorDrive
)

const (
	pendulumW2     = 20.0 // (rad/s)^2: a period of 1.405 s for small angles
	pendulumB      = 0.03 // 1/s
	pendulumC      = 0.03 // rad/s^2
	pendulumWidth  = 0.03 // rad/s
	pendulumDrive  = 14.0 // rad/s^2 at standstill
	pendulumNoLoad = 40.0 // rad/s, where the motor drives no more
	pendulumLoaded = 1.0  // 1/s
	pendulumBrake  = 9.0  // 1/s
)

func (p *pendulum) step(dt float64) { p.y = rk4(p.y, dt, p.motion) }

func (p *pendulum) motion(y state) state {
	q, w := y[0], y[1]
	a := -pendulumW2*math.Sin(q) - pendulumB*w - pendulumC*dry(w, pendulumWidth)
	switch p.mode {
	case motorLoaded:
		a -= pendulumLoaded * w
	case motorBrake:
		a -= pendulumBrake * p.level * w
	case motorDrive:
		a += pendulumDrive * (p.level - w/pendulumNoLoad)
	}
	return state{w, a}
}

// energy is per moment of inertia, 0 at rest.
func (p *pendulum) energy() float64 {
	return p.y[1]*p.y[1]/2 + pendulumW2*(1-math.Cos(p.y[0]))
}

// swing is the angle up to which the present energy carries it, in rad.
func (p *pendulum) swing() float64 {
	return math.Acos(clamp(1-p.energy()/pendulumW2, -1, 1))
}

// encoderCounts is one turn of the encoder, all edges of both tracks counted.
const encoderCounts = 2400

// encoder reads the angle in counts from zero, wrapped as the firmware does. A
// moving disk trembles a little; one at rest does not.
func (p *pendulum) encoder(zero int, r *rand.Rand) int {
	counts := p.y[0] / (2 * math.Pi) * encoderCounts
	if math.Abs(p.y[1]) > 0.05 {
		counts += 0.2 * r.NormFloat64()
	}
	return wrapCounts(int(math.Round(math.Mod(counts, encoderCounts))) - zero)
}

// wrapCounts brings a count into [-1200, 1200).
func wrapCounts(n int) int {
	const half = encoderCounts / 2
	return ((n+half)%encoderCounts+encoderCounts)%encoderCounts - half
}
