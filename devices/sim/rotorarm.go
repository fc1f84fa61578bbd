package sim

import "math"

// rotorArm is an arm that two propellers turn about a horizontal axle, against
// gravity. Thrust goes with the square of a propeller's speed, speed follows its
// command with a first-order lag:
//
//	J a = l k (m1^2 - m2^2) - m g d sin(q) - b w - c tanh(w/width)
//	dm/dt = (command - m)/lag
//
// q is 0 hanging down, in rad; speeds are in rad/s.
type rotorArm struct {
	y    state // q, w, m1, m2
	want [2]float64
}

const (
	armInertia = 0.006  // J, kg m^2
	armWeight  = 0.1766 // m g d, N m
	armHold    = 480.0  // rad/s of one propeller that holds the arm level
	armLift    = armWeight / (armHold * armHold)
	armViscous = 0.012  // b, N m s
	armDry     = 0.0004 // c, N m
	armWidth   = 0.02   // rad/s
	rotorLag   = 0.06   // s
	rotorMost  = 600.0  // rad/s
)

func (r *rotorArm) step(dt float64) {
	r.y = rk4(r.y, dt, func(y state) state {
		q, w, m1, m2 := y[0], y[1], y[2], y[3]
		torque := armLift*(m1*m1-m2*m2) - armWeight*math.Sin(q) - armViscous*w - armDry*dry(w, armWidth)
		return state{w, torque / armInertia, (r.want[0] - m1) / rotorLag, (r.want[1] - m2) / rotorLag}
	})
}

// drive asks for a speed: above zero of the first propeller, below of the second.
func (r *rotorArm) drive(u float64) {
	r.want = [2]float64{clamp(u, 0, rotorMost), clamp(-u, 0, rotorMost)}
}
