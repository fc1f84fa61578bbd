package sim

import (
	"math"
	"time"
)

// modelStep is the step of a model's equations. What moves faster than some
// twenty steps is refused where type files are checked.
const modelStep = 2 * time.Millisecond

// MinTime is the shortest period that the equations follow, in s; MinLag the
// shortest time constant. A first-order Follow has none: its step is exact.
const (
	MinTime = 0.04
	MinLag  = 0.02
)

// moves says whether any channel needs steps of time.
func (m *Model) moves() bool {
	for i := range m.s.Channels {
		if m.s.Channels[i].remembers() {
			return true
		}
	}
	return false
}

func (m *Model) value(r ref) float64 {
	if r.place < 0 {
		return m.params[r.param]
	}
	return m.chans[r.place].x
}

// open says whether a channel's gate lets its input through.
func (m *Model) open(i int) bool {
	g := m.s.Channels[i].Gate
	return g == nil || (m.value(m.wires[i].gate) == g.Value) != g.Not
}

// input is u.
func (m *Model) input(i int) float64 {
	c := &m.s.Channels[i]
	if c.Param == "" || !m.open(i) {
		return 0
	}
	return c.gain() * m.value(m.wires[i].in)
}

func (c *Channel) gain() float64 {
	if c.Gain == 0 {
		return 1
	}
	return c.Gain
}

// settle puts every channel where it starts.
func (m *Model) settle() {
	for i := range m.chans {
		c := &m.s.Channels[i]
		m.chans[i].x = c.Mean
		if c.Start != nil {
			m.chans[i].x = *c.Start
		}
	}
	m.plain(0)
	for range m.chans { // through chains of followers
		for i := range m.chans {
			if c := &m.s.Channels[i]; c.Start == nil && (c.Wave == Follow || c.Wave == SecondOrder || c.Wave == Ramp) {
				m.chans[i].x = c.Mean + m.input(i)
			}
		}
		m.plain(0)
	}
	for i := range m.chans {
		m.bound(i)
		m.put(i, m.chans[i].x)
	}
}

// put gives the equations of a channel a new value, at rest.
func (m *Model) put(i int, x float64) {
	c := &m.s.Channels[i]
	switch c.Wave {
	case Swing:
		m.chans[i].y = state{(x - c.Mean) / c.angle()}
	case Thermal:
		m.chans[i].y = state{x, x}
	default:
		m.chans[i].y = state{x}
	}
}

// angle is how many of the channel's units a radian is.
func (c *Channel) angle() float64 {
	if c.Radians {
		return 1
	}
	return 180 / math.Pi
}

// plain sets the channels that have no memory.
func (m *Model) plain(t float64) {
	m.clockSeconds = t
	for _, i := range m.order {
		if !m.chans[i].still() {
			m.chans[i].x = m.instant(i, t)
			m.bound(i)
		}
	}
}

// instant is a wave's value at a time.
func (m *Model) instant(i int, t float64) float64 {
	c := &m.s.Channels[i]
	if c.Wave == Follow {
		return c.Mean + m.input(i)
	}
	if !m.open(i) {
		return 0
	}
	switch c.Wave {
	case Sine, Square, Triangle:
		if c.Period > 0 {
			return c.Mean + c.Amplitude*c.shape(t/c.Period-math.Floor(t/c.Period))
		}
	case Sum, Difference, Product, Quotient, Least, Most:
		return c.Mean + c.gain()*m.combine(i)
	}
	return c.Mean
}

// shape is a wave of amplitude 1 at a place 0 to 1 of its period.
func (c *Channel) shape(p float64) float64 {
	switch c.Wave {
	case Square:
		duty := c.Duty
		if duty == 0 {
			duty = 0.5
		}
		if p < duty {
			return 1
		}
		return -1
	case Triangle:
		return 1 - 4*math.Abs(math.Mod(p+0.25, 1)-0.5)
	}
	return math.Sin(2 * math.Pi * p)
}

func (m *Model) combine(i int) float64 {
	of := m.wires[i].of
	if len(of) == 0 {
		return 0
	}
	x := m.value(of[0])
	for _, r := range of[1:] {
		y := m.value(r)
		switch m.s.Channels[i].Wave {
		case Sum:
			x += y
		case Difference:
			x -= y
		case Product:
			x *= y
		case Quotient:
			if y == 0 {
				return 0
			}
			x /= y
		case Least:
			x = math.Min(x, y)
		case Most:
			x = math.Max(x, y)
		}
	}
	return x
}

// step moves every channel that remembers by dt, to time t. Inputs are those at
// its beginning.
func (m *Model) step(t, dt float64) {
	m.plain(t - dt)
	if cap(m.inputs) < len(m.chans) {
		m.inputs = make([]float64, len(m.chans))
	}
	in := m.inputs[:len(m.chans)]
	for i := range in {
		in[i] = m.input(i)
	}
	for i := range m.chans {
		if c := &m.s.Channels[i]; c.remembers() && !m.chans[i].still() {
			m.move(i, in[i], dt)
			m.bound(i)
		}
	}
}

func (m *Model) move(i int, u, dt float64) {
	c, st := &m.s.Channels[i], &m.chans[i]
	w := 2 * math.Pi / c.Period
	switch c.Wave {
	case Walk: // Ornstein-Uhlenbeck, 10 s
		keep := math.Exp(-dt / 10)
		st.x = c.Mean + (st.x-c.Mean)*keep + c.Amplitude*math.Sqrt(1-keep*keep)*m.rand.NormFloat64()
	case Follow:
		st.x += (c.Mean + u - st.x) * -math.Expm1(-dt/c.Lag)
	case Integrate:
		st.x += u * dt
	case Ramp:
		st.x += clamp(c.Mean+u-st.x, -c.Speed*dt, c.Speed*dt)
	case SecondOrder:
		st.y = rk4(st.y, dt, func(y state) state {
			return state{y[1], w*w*(c.Mean+u-y[0]) - 2*c.Damping*w*y[1]}
		})
		st.x = st.y[0]
	case Thermal:
		st.y = rk4(st.y, dt, func(y state) state {
			d := state{(u - c.Loss*(y[0]-c.Mean)) / c.Capacity}
			if c.Lag > 0 {
				d[1] = (y[0] - y[1]) / c.Lag
			}
			return d
		})
		if c.Lag == 0 {
			st.y[1] = st.y[0]
		}
		st.x = st.y[1]
	case Swing:
		u /= c.angle()
		st.y = rk4(st.y, dt, func(y state) state {
			return state{y[1], -w*w*math.Sin(y[0]) - 2*c.Damping*w*y[1] + u}
		})
		st.x = c.Mean + st.y[0]*c.angle()
	}
}

// bound stops a value at its bounds.
func (m *Model) bound(i int) {
	if b := m.s.Channels[i].Bounds; b != nil {
		m.chans[i].x = clamp(m.chans[i].x, b[0], b[1])
	}
}
