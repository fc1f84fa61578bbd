package devices

import (
	"strings"

	"labbox/devices/sim"
)

// waves are what a channel's `simulate` may be, by their names in a type file.
func waves() map[string]sim.Wave {
	return map[string]sim.Wave{"constant": sim.Constant, "sine": sim.Sine, "square": sim.Square, "triangle": sim.Triangle,
		"walk": sim.Walk, "follow": sim.Follow, "second_order": sim.SecondOrder, "thermal": sim.Thermal, "pendulum": sim.Swing,
		"integrate": sim.Integrate, "ramp": sim.Ramp, "sum": sim.Sum, "difference": sim.Difference, "product": sim.Product,
		"quotient": sim.Quotient, "least": sim.Least, "most": sim.Most}
}

// wave is what the channel is, with the default that its keys imply.
func (s *SimChannel) wave() string {
	switch {
	case s.Wave != "":
		return s.Wave
	case s.Follow != "":
		return "follow"
	}
	return "constant"
}

func (t *Type) simChannel(i int) sim.Channel {
	ch := &t.Channels[i]
	s := &ch.Sim
	c := sim.Channel{ID: ch.ID, Field: ch.from(), Wave: waves()[s.wave()], Mean: s.Mean, Amplitude: s.Amplitude, Period: s.Period,
		Duty: s.Duty, Noise: s.Noise, Drift: s.Drift, Param: s.Follow, Gain: s.Gain, Of: s.Of, Gate: t.simGate(s), Lag: s.Lag,
		Damping: s.Damping, Capacity: s.Capacity, Loss: s.Loss, Speed: s.Speed, Start: s.Start, Radians: ch.Unit == "rad",
		Bounds: (*[2]float64)(s.Limits), Resolution: ch.Resolution, Limits: (*[2]float64)(ch.Range), Scale: ch.Scale, Offset: ch.Offset,
		Words: map[float64]string{}}
	if c.Wave == sim.Follow && c.Gain == 0 {
		c.Gain = s.Amplitude
	}
	for i := range ch.Choices {
		if w, ok := ch.Choices[i].Wire.(string); ok {
			c.Words[ch.Choices[i].value(i)] = w
		}
	}
	return c
}

func (t *Type) simGate(s *SimChannel) *sim.Gate {
	if s.Gate == "" {
		return nil
	}
	g := &sim.Gate{Ref: s.Gate, Not: true}
	choices := t.gateChoices(s.Gate)
	for i := range choices {
		switch c := &choices[i]; {
		case s.Open != "" && c.ID == s.Open:
			g.Value, g.Not = c.value(i), false
			return g
		case s.Open == "" && c.ID == "off":
			g.Value = c.value(i)
		}
	}
	return g
}

// gateChoices are those of a choice parameter or an enum channel; nil where the
// name is neither.
func (t *Type) gateChoices(name string) []Choice {
	if command, param, ok := strings.Cut(name, "."); ok {
		if c := t.command(command); c != nil {
			for i := range c.Params {
				if c.Params[i].ID == param {
					return c.Params[i].Choices
				}
			}
		}
		return nil
	}
	if ch := t.channel(name); ch != nil {
		return ch.Choices
	}
	return nil
}
