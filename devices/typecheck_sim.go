package devices

import (
	"maps"
	"slices"

	"labbox/devices/sim"
)

// simulate checks what is to stand in for the device.
func (c *checker) simulate() {
	if p := c.t.Simulate.Plant; p != "" && !oneOf(p, sim.Plants()...) {
		c.bad("bad_value", c.choose(p, sim.Plants()...), at("simulate", "plant"), "no plant `%s`", p)
	}
	names := c.simNames()
	for i := range c.t.Channels {
		if s := &c.t.Channels[i].Sim; s.given() {
			c.simChannel(s, names, at("channels", i, "simulate"))
		}
	}
	if len(c.Problems()) == 0 {
		c.simLoops()
	}
}

// simNames are what a channel may follow: parameters, and channels.
func (c *checker) simNames() []string {
	var names []string
	for i := range c.t.Commands {
		for k := range c.t.Commands[i].Params {
			names = append(names, c.t.Commands[i].ID+"."+c.t.Commands[i].Params[k].ID)
		}
	}
	for i := range c.t.Channels {
		names = append(names, c.t.Channels[i].ID)
	}
	return names
}

func (c *checker) simChannel(s *SimChannel, names []string, p []any) {
	all := slices.Sorted(maps.Keys(waves()))
	if s.Wave != "" && !oneOf(s.Wave, all...) {
		c.bad("bad_value", c.choose(s.Wave, all...), at(append(p, "wave")...), "unknown wave `%s`", s.Wave)
		return
	}
	ref := func(name, key string) {
		if name != "" && !oneOf(name, names...) {
			c.bad("unknown_param", c.choose(name, names...), at(append(p, key)...), "no parameter `%s`, and no channel", name)
		}
	}
	ref(s.Follow, "follow")
	for _, name := range s.Of {
		ref(name, "of")
	}
	c.simGate(s, names, p)
	switch s.wave() {
	case "sine", "square", "triangle", "second_order", "pendulum":
		switch {
		case s.Period == 0:
			c.bad("missing", "seconds, such as `period: 5`", p, "a %s needs a period", s.wave())
		case s.Period < sim.MinTime*max(1, 2*s.Damping) && oneOf(s.wave(), "second_order", "pendulum"):
			c.bad("bad_range", "the simulator takes steps of 2 ms", at(append(p, "period")...), "too fast: a period of at least %g s goes with this damping", sim.MinTime*max(1, 2*s.Damping))
		}
	case "thermal":
		if s.Capacity <= 0 {
			c.bad("missing", "joules per kelvin, such as `capacity: 40`", p, "thermal needs the capacity of what is heated")
		} else if s.Loss > 0 && s.Capacity/s.Loss < sim.MinLag {
			c.bad("bad_range", "the simulator takes steps of 2 ms", p, "too fast: capacity/loss is to be at least %g s", sim.MinLag)
		}
		if s.Lag > 0 && s.Lag < sim.MinLag {
			c.bad("bad_range", "leave it out for a sensor that is fast", at(append(p, "lag")...), "too fast: a lag of at least %g s, or none", sim.MinLag)
		}
	case "ramp":
		if s.Speed == 0 {
			c.bad("missing", "units per second, such as `speed: 10`", p, "a ramp needs a speed")
		}
	case "sum", "difference", "product", "quotient", "least", "most":
		if len(s.Of) < 2 {
			c.bad("missing", "such as `of: [volts, amps]`", p, "%s needs two values", s.Wave)
		}
	}
	c.simKeys(s, p)
}

// simKeys refuses keys that the wave does not use, and numbers that mean nothing.
func (c *checker) simKeys(s *SimChannel, p []any) {
	w := s.wave()
	driven := oneOf(w, "follow", "second_order", "thermal", "pendulum", "integrate", "ramp")
	if s.Follow == "" && oneOf(w, "follow", "integrate", "ramp", "thermal") {
		c.bad("missing", "such as `follow: drive.power`", p, "it follows nothing")
	}
	wave := oneOf(w, "sine", "square", "triangle")
	swings := oneOf(w, "second_order", "pendulum")
	for _, k := range []struct {
		key   string
		given bool
		used  bool
		waves string
	}{
		{"follow", s.Follow != "", driven, "follow, second_order, thermal, pendulum, integrate and ramp"},
		{"of", len(s.Of) > 0, oneOf(w, "sum", "difference", "product", "quotient", "least", "most"), "sum, difference, product, quotient, least and most"},
		{"period", s.Period != 0, wave || swings, "sine, square, triangle, second_order and pendulum"},
		{"amplitude", s.Amplitude != 0, wave || w == "walk" || w == "follow", "sine, square, triangle and walk"},
		{"damping", s.Damping != 0, swings, "second_order and pendulum"},
		{"capacity", s.Capacity != 0, w == "thermal", "thermal"},
		{"loss", s.Loss != 0, w == "thermal", "thermal"},
		{"lag", s.Lag != 0, w == "follow" || w == "thermal", "follow and thermal"},
		{"speed", s.Speed != 0, w == "ramp", "ramp"},
		{"duty", s.Duty != 0, w == "square", "square"},
		{"open", s.Open != "", s.Gate != "", "a channel with `gate`"},
	} {
		if k.given && !k.used {
			c.bad("bad_value", "it belongs to "+k.waves, at(append(p, k.key)...), "%s has no `%s`", w, k.key)
		}
	}
	for _, k := range []struct {
		key string
		x   float64
	}{{"period", s.Period}, {"noise", s.Noise}, {"lag", s.Lag}, {"damping", s.Damping}, {"capacity", s.Capacity}, {"loss", s.Loss}, {"speed", s.Speed}, {"duty", s.Duty}} {
		if k.x < 0 {
			c.bad("bad_range", "", at(append(p, k.key)...), "%s cannot be negative", k.key)
		}
	}
	if s.Duty > 1 {
		c.bad("bad_range", "a part of the period, 0 to 1", at(append(p, "duty")...), "duty %g", s.Duty)
	}
	if s.Limits != nil && s.Limits[0] > s.Limits[1] {
		c.bad("bad_range", "the smaller one first", at(append(p, "limits")...), "limits from %g to %g", s.Limits[0], s.Limits[1])
	}
}

func (c *checker) simGate(s *SimChannel, names []string, p []any) {
	if s.Gate == "" {
		return
	}
	choices := c.t.gateChoices(s.Gate)
	switch {
	case !oneOf(s.Gate, names...):
		c.bad("unknown_param", c.choose(s.Gate, names...), at(append(p, "gate")...), "no parameter `%s`, and no channel", s.Gate)
	case len(choices) == 0:
		c.bad("bad_value", "a parameter or a channel with `choices`", at(append(p, "gate")...), "`%s` is a number, a gate is a choice", s.Gate)
	case s.Open != "":
		var ids []string
		for i := range choices {
			ids = append(ids, choices[i].ID)
		}
		if !oneOf(s.Open, ids...) {
			c.bad("bad_value", c.choose(s.Open, ids...), at(append(p, "open")...), "`%s` has no choice `%s`", s.Gate, s.Open)
		}
	}
}

// simLoops refuses channels that need each other's value at the same instant.
func (c *checker) simLoops() {
	spec := sim.Spec{}
	for i := range c.t.Commands {
		c.t.simParams(&c.t.Commands[i], &spec)
	}
	c.t.simShape(&spec)
	if i, ok := spec.Loop(); ok {
		c.bad("bad_value", "let one of them have a `lag`", at("channels", i, "simulate"), "`%s` needs its own value", c.t.Channels[i].ID)
	}
}
