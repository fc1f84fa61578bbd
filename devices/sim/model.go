package sim

import (
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"
)

// Model is what a simulated device knows of itself: its channels, as they move,
// and its parameters, as commands set them. A Dialect speaks for it. Its methods
// are called one at a time.
type Model struct {
	s            Spec
	rand         *rand.Rand
	params       map[string]float64
	chans        []channelState
	order        []int // channels without a memory, each after what it needs
	wires        []wiring
	clock        stepper
	inputs       []float64 // scratch
	clockSeconds float64   // since the firmware started
	boot         time.Time
	count        uint64
}

// NewModel returns a model at its initial values. A reference that leads nowhere
// counts as 0: Spec.check finds it before.
func NewModel(s Spec, seed uint64) *Model {
	m := &Model{s: s, rand: newRand(seed, 3), params: map[string]float64{}, chans: make([]channelState, len(s.Channels)),
		clock: stepper{step: modelStep}}
	m.wires, _ = s.wire()
	for i := range m.wires {
		if m.wires[i].rank > 0 {
			m.order = append(m.order, i)
		}
	}
	slices.SortStableFunc(m.order, func(a, b int) int { return m.wires[a].rank - m.wires[b].rank })
	m.initial()
	m.settle()
	return m
}

type channelState struct {
	x      float64
	y      state // of what moves by equations
	held   bool  // a command set it; it moves no more by itself
	pinned bool  // a person set it; only a person frees it
}

func (st *channelState) still() bool { return st.held || st.pinned }

// start notes the time of the first line.
func (m *Model) start(now time.Time) {
	if m.boot.IsZero() {
		m.boot = now
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
	if st := &m.chans[e.Channel]; !st.pinned {
		st.x, st.held = x, true
		m.put(e.Channel, x)
	}
}

// Pin holds a channel (by place) at a shown value, whatever commands say.
func (m *Model) Pin(i int, x float64) {
	m.chans[i].x, m.chans[i].pinned = x, true
	m.put(i, x)
}

// Free lets a channel move by itself again, from where it is.
func (m *Model) Free(i int) { m.chans[i].held, m.chans[i].pinned = false, false }

// Value is a channel's value as it is, without noise and resolution.
func (m *Model) Value(i int) float64 { return m.chans[i].x }

// Reboot is the start of the firmware: parameters and clocks begin anew, what
// moves by physics goes on.
func (m *Model) Reboot(now time.Time) {
	m.Reset()
	m.boot, m.count = now, 0
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
	if m.moves() {
		m.clock.to(now, func(dt float64) { m.step(m.clock.at.Sub(m.boot).Seconds(), dt) })
	}
	m.plain(now.Sub(m.boot).Seconds())
}

// wireValue is a channel as it is printed: a float64 or a word.
func (m *Model) wireValue(i int) any {
	c := &m.s.Channels[i]
	x := m.chans[i].x
	if !m.chans[i].still() {
		x += c.Noise*m.rand.NormFloat64() + c.Drift/3600*m.clockSeconds
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
