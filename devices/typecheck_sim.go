package devices

import "labbox/devices/sim"

// simulate checks what is to stand in for the device.
func (c *checker) simulate() {
	if p := c.t.Simulate.Plant; p != "" && !oneOf(p, sim.Plants()...) {
		c.bad("bad_value", c.choose(p, sim.Plants()...), at("simulate", "plant"), "no plant `%s`", p)
	}
	var params []string
	for i := range c.t.Commands {
		for k := range c.t.Commands[i].Params {
			params = append(params, c.t.Commands[i].ID+"."+c.t.Commands[i].Params[k].ID)
		}
	}
	for i := range c.t.Channels {
		s, p := c.t.Channels[i].Sim, at("channels", i, "simulate")
		if !oneOf(s.Wave, "", "constant", "sine", "walk", "follow") {
			c.bad("bad_value", c.choose(s.Wave, "constant", "sine", "walk", "follow"), append(p, "wave"), "unknown wave `%s`", s.Wave)
		}
		if s.Follow != "" && !oneOf(s.Follow, params...) {
			c.bad("unknown_param", c.choose(s.Follow, params...), append(p, "follow"), "no parameter `%s`", s.Follow)
		}
		if s.Wave == "follow" && s.Follow == "" {
			c.bad("missing", "such as `follow: drive.power`", p, "it follows nothing")
		}
		if s.Wave == "sine" && s.Period <= 0 {
			c.bad("missing", "seconds, such as `period: 5`", p, "a sine needs a period")
		}
		if s.Period < 0 || s.Noise < 0 || s.Lag < 0 {
			c.bad("bad_range", "", p, "period, noise and lag cannot be negative")
		}
	}
}
