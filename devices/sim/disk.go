package sim

// disk is a disk on a brushed motor, of first order in its speed:
//
//	dv/dt = (gain*volts - v - c tanh(v/width))/lag,  dq/dt = v
//
// q in rad, v in rad/s.
type disk struct {
	y     state // q, v
	volts float64
}

const (
	diskGain  = 6.0  // rad/s per V
	diskLag   = 0.35 // s
	diskDry   = 1.5  // rad/s: what friction takes of the speed
	diskWidth = 0.2  // rad/s
	diskVolts = 10.0 // of the supply
)

func (d *disk) step(dt float64) {
	d.y = rk4(d.y, dt, func(y state) state {
		return state{y[1], (diskGain*d.volts - y[1] - diskDry*dry(y[1], diskWidth)) / diskLag}
	})
}
