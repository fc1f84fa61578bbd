package sim

import (
	"math"
	"math/rand/v2"
	"strconv"
	"time"
)

// Model is what a simulated device knows of itself: its channels, as they move,
// and its parameters, as commands set them. A Dialect speaks for it. Its methods
// are called one at a time.
type Model struct {
	s      Spec
	rand   *rand.Rand
	params map[string]float64
	chans  []channelState
	boot   time.Time
	last   time.Time
	count  uint64
}

// NewModel returns a model at its initial values.
func NewModel(s Spec, seed uint64) *Model {
	m := &Model{s: s, rand: newRand(seed, 3), params: map[string]float64{}, chans: make([]channelState, len(s.Channels))}
	m.initial()
	for i := range m.chans {
		m.chans[i].x = m.target(i, 0)
	}
	return m
}

type channelState struct {
	x    float64
	held bool // a command set it; it moves no more by itself
}

// start notes the time of the first line.
func (m *Model) start(now time.Time) {
	if m.boot.IsZero() {
		m.boot, m.last = now, now
	}
}

// Time is the device's own clock in the spec's unit, 0 where it has none.
func (m *Model) Time(now time.Time) float64 {
	if m.s.Time == nil {
		return 0
	}
	return m.time(now)
}

// Next counts a report and returns its number.
func (m *Model) Next() uint64 {
	m.count++
	if m.s.CountMax > 0 && m.count > m.s.CountMax {
		m.count = 0
	}
	return m.count
}

// Advance moves every channel to now.
func (m *Model) Advance(now time.Time) { m.advance(now) }

// Read is the channel of that field as it stands on the wire: a float64 or a
// word. It is measured anew at each call, with noise.
func (m *Model) Read(field string) (v any, ok bool) {
	for i := range m.s.Channels {
		if m.s.Channels[i].Field == field {
			return m.wireValue(i), true
		}
	}
	return nil, false
}

// Param is a parameter's value, by command.param.
func (m *Model) Param(id string) (float64, bool) {
	x, ok := m.params[id]
	return x, ok
}

// Set gives a parameter a value; channels that follow it move towards it.
func (m *Model) Set(id string, x float64) { m.params[id] = x }

// Reset takes every parameter back, and lets channels move by themselves again.
func (m *Model) Reset() {
	m.initial()
	for k := range m.chans {
		m.chans[k].held = false
	}
}

// Show holds a channel at a value, or at a parameter's.
func (m *Model) Show(e Effect) {
	x := e.Value
	if e.Param != "" {
		x = m.params[e.Param]
	}
	m.chans[e.Channel] = channelState{x: x, held: true}
}

func (m *Model) initial() {
	for _, p := range m.s.Params {
		m.params[p.ID] = p.Initial
	}
}

func (m *Model) time(now time.Time) float64 {
	c := m.s.Time
	t := math.Floor(float64(now.Sub(m.boot)) / float64(c.Unit))
	if c.Unit >= time.Second {
		t = float64(now.Sub(m.boot).Milliseconds()) / 1000
	}
	if c.Wrap > 0 {
		t = math.Mod(t, c.Wrap)
	}
	return t
}

// advance moves every channel to now.
func (m *Model) advance(now time.Time) {
	dt := min(now.Sub(m.last), catchUp).Seconds()
	m.last = now
	for i := range m.chans {
		c, st := &m.s.Channels[i], &m.chans[i]
		if st.held {
			continue
		}
		goal := m.target(i, now.Sub(m.boot).Seconds())
		switch {
		case c.Wave == Walk:
			pull := dt / (10 + dt)
			st.x += (c.Mean-st.x)*pull + c.Amplitude*math.Sqrt(0.2*dt)*m.rand.NormFloat64()
		case c.Lag > 0:
			st.x += (goal - st.x) * (1 - math.Exp(-dt/c.Lag))
		default:
			st.x = goal
		}
	}
}

func (m *Model) target(i int, t float64) float64 {
	c := &m.s.Channels[i]
	switch c.Wave {
	case Sine:
		if c.Period > 0 {
			return c.Mean + c.Amplitude*math.Sin(2*math.Pi*t/c.Period)
		}
	case Follow:
		gain := c.Gain
		if gain == 0 {
			gain = 1
		}
		return c.Mean + gain*m.params[c.Param]
	}
	return c.Mean
}

// wireValue is a channel as it is printed: a float64 or a worm.
func (m *Model) wireValue(i int) any {
	c := &m.s.Channels[i]
	x := m.chans[i].x
	if !m.chans[i].held {
		x += c.Noise * m.rand.NormFloat64()
	}
	x = quantise(x, c.Resolution)
	if c.Limits != nil {
		x = clamp(x, c.Limits[0], c.Limits[1])
	}
	x -= c.Offset
	if c.Scale != 0 {
		x /= c.Scale
	}
	if w, ok := c.Words[x]; ok {
		return w
	}
	if r, err := strconv.ParseFloat(strconv.FormatFloat(x, 'g', 9, 64), 64); err == nil {
		return r // no more digits than a board prints
	}
	return x
}
