package sim

import (
	"fmt"
	"slices"
)

// Wave is how a channel moves by itself.
type Wave uint8

// Waves. u is the input of those that have one: Gain times what Param names, 0
// while the gate is shut.
const (
	Constant Wave = iota
	Sine          // Mean + Amplitude*sin(2 pi t/Period)
	Walk          // a random walk that is drawn back to Mean, about Amplitude wide
	Follow        // Mean + u, through a lag of first order
	Square        // Mean + Amplitude for Duty of each Period, then Mean - Amplitude
	Triangle      // from Mean up to Mean + Amplitude, down, and back, as the sine does
	// SecondOrder: x'' = w^2 (Mean + u - x) - 2 Damping w x', w = 2 pi/Period.
	SecondOrder
	// Thermal: Capacity T' = u - Loss (T - Mean), read by a sensor of first order
	// with the time constant Lag.
	Thermal
	// Swing is a pendulum: q'' = -w^2 sin q - 2 Damping w q' + u, w = 2 pi/Period, released
	// from Start at rest. Degrees, or rad with Radians; shown is Mean + q.
	Swing
	Integrate // x' = u
	Ramp      // goes to Mean + u with at most Speed per second
	Sum       // Mean + Gain * (a + b + ...)
	Difference
	Product
	Quotient // division by 0 gives 0
	Least
	Most
)

// Channel is one field of the reports. Its values are those shown; what is
// printed is (shown-Offset)/Scale.
type Channel struct {
	ID         string // by which other channels refer to it
	Field      string
	Wave       Wave
	Mean       float64
	Amplitude  float64
	Period     float64 // s
	Duty       float64 // Square: 0 to 1; 0 counts as 0.5
	Noise      float64 // standard deviation
	Drift      float64 // per hour, from the start of the firmware
	Param      string  // the input: a parameter (command.param), or a channel's ID
	Gain       float64 // 0 counts as 1
	Of         []string
	Gate       *Gate
	Lag        float64 // s, time constant; 0: at once
	Damping    float64 // ratio; 1 is critical
	Capacity   float64 // Thermal: J/K where the input is in W
	Loss       float64 // Thermal: W/K
	Speed      float64 // Ramp
	Start      *float64
	Radians    bool
	Bounds     *[2]float64 // the value stops here
	Resolution float64
	Limits     *[2]float64 // what is printed does
	Scale      float64     // 0 counts as 1
	Offset     float64
	Words      map[float64]string // values that are printed as words
}

// Gate switches an input off. It is open while what Ref names is at Value, or,
// with Not, while it is at anything else.
type Gate struct {
	Ref   string
	Value float64
	Not   bool
}

// ref is what a channel looks at: a parameter, or another channel.
type ref struct {
	param string
	place int // -1: the parameter
}

// wiring is a channel's references, found.
type wiring struct {
	in   ref
	of   []ref
	gate ref
	// rank orders those without a memory of their own: each after what it needs.
	rank int
}

// remembers says whether a wave has a state that steps of time move. Others are
// known from the time and their inputs alone.
func (c *Channel) remembers() bool {
	switch c.Wave {
	case Walk, SecondOrder, Thermal, Swing, Integrate, Ramp:
		return true
	case Follow:
		return c.Lag > 0
	}
	return false
}

// wire finds what every channel refers to. Channels that need each other at the
// same instant are refused; over one that remembers, a loop is a feedback.
func (s *Spec) wire() ([]wiring, error) {
	out := make([]wiring, len(s.Channels))
	find := func(c *Channel, name string) (ref, error) {
		for _, p := range s.Params {
			if p.ID == name {
				return ref{name, -1}, nil
			}
		}
		for i := range s.Channels {
			if id := s.Channels[i].ID; id != "" && id == name {
				return ref{"", i}, nil
			}
		}
		return ref{name, -1}, fmt.Errorf("sim: channel %s follows %q, which is no parameter of a command and no channel", c.Field, name)
	}
	var bad error
	note := func(r ref, err error) ref {
		if err != nil && bad == nil {
			bad = err
		}
		return r
	}
	for i := range s.Channels {
		c := &s.Channels[i]
		if c.Param != "" || c.Wave == Follow {
			out[i].in = note(find(c, c.Param))
		}
		for _, name := range c.Of {
			out[i].of = append(out[i].of, note(find(c, name)))
		}
		if c.Gate != nil {
			out[i].gate = note(find(c, c.Gate.Ref))
		}
	}
	for i := range s.Channels {
		if _, err := s.rank(out, i, nil); err != nil && bad == nil {
			bad = err
		}
	}
	return out, bad
}

// Loop returns a channel, by place, that needs its own value at the same instant.
func (s *Spec) Loop() (channel int, ok bool) {
	w, _ := s.wire()
	for i := range w {
		if _, err := s.rank(w, i, nil); err != nil {
			return i, true
		}
	}
	return 0, false
}

// rank is 1 more than that of the highest channel that i needs.
func (s *Spec) rank(w []wiring, i int, above []int) (int, error) {
	if s.Channels[i].remembers() {
		return 0, nil
	}
	if slices.Contains(above, i) {
		return 0, fmt.Errorf("sim: channel %s needs its own value", s.Channels[i].Field)
	}
	if w[i].rank > 0 {
		return w[i].rank, nil
	}
	highest := 0
	for _, r := range w[i].all(&s.Channels[i]) {
		if r.place < 0 {
			continue
		}
		n, err := s.rank(w, r.place, append(above, i))
		if err != nil {
			return 0, err
		}
		highest = max(highest, n)
	}
	w[i].rank = highest + 1
	return w[i].rank, nil
}

// all are the references that are there.
func (w *wiring) all(c *Channel) []ref {
	out := slices.Clone(w.of)
	if c.Param != "" {
		out = append(out, w.in)
	}
	if c.Gate != nil {
		out = append(out, w.gate)
	}
	return out
}
