package devices

import "time"

// fastest is the shortest time between two questions.
const fastest = time.Millisecond

// polls checks what the device is asked again and again.
func (c *checker) polls() {
	seen := map[string]bool{}
	for i := range c.t.Polls {
		p, path := &c.t.Polls[i], at("polls", i)
		c.name(p.ID, append(path, "id"))
		if seen[p.ID] {
			c.bad("duplicate", "ids are unique within a type", append(path, "id"), "a second poll `%s`", p.ID)
		}
		seen[p.ID] = true
		c.send(p.Send, nil, append(path, "send"))
		if p.Reply == nil {
			c.bad("missing", "say what the answer holds", path, "a poll needs a `reply:`")
		}
		c.reply(p.Reply, nil, append(path, "reply"))
		c.replyTime(p.Reply, path)
		if p.Every < fastest {
			c.bad("missing", "such as `every: 500ms`", append(path, "every"), "a poll needs `every:`, 1ms or more")
		}
		if p.Retries < 0 || p.Retries > 10 {
			c.bad("bad_range", "0 to 10", append(path, "retries"), "retries %d", p.Retries)
		}
	}
	c.within(at("timing", "reply"), c.t.Timing.Reply)
	c.within(at("timing", "pause"), c.t.Timing.Pause)
	c.within(at("timing", "write"), c.t.Timing.Write)
	if l := c.t.Timing.Lock; l < 0 || l > maxWithin {
		c.bad("bad_range", "at most 2s", at("timing", "lock"), "%v is no time to wait", l)
	}
	c.within(at("timing", "read"), c.t.Timing.Read)
}
