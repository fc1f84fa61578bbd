package devices

import (
	"math"
	"strings"
	"time"

	"labbox/edge"
)

// longest is the most that a step of a sequence may wait: longer, and a box that
// is being stopped would be killed before its devices are safe.
const longest = 10 * time.Second

// numbers checks what would not fail before it is written, or would make a limit
// mean nothing.
func (c *checker) numbers() {
	for i := range c.t.Channels {
		ch := &c.t.Channels[i]
		c.finite(at("channels", i), ch.Scale, ch.Offset, ch.Resolution)
		c.points(ch, at("channels", i, "points"))
		c.trip(ch, at("channels", i))
	}
	for i := range c.t.Commands {
		cmd, p := &c.t.Commands[i], at("commands", i)
		c.finite(p, cmd.Rate)
		c.within(p, cmd.Within)
		c.replyTime(cmd.Reply, p)
		c.longestRun(cmd.LongestRun, cmd, at("commands", i, "longest_run"))
		for k := range cmd.Shows {
			c.finite(append(at("commands", i), "shows", k), cmd.Shows[k].Tolerance)
		}
		for k := range cmd.Params {
			c.wire(&cmd.Params[k], append(at("commands", i), "params", k))
		}
	}
	c.longestRun(c.t.LongestRun, nil, at("longest_run"))
	if c.t.Rest < 0 || c.t.Rest > time.Hour {
		c.bad("bad_range", "0 to 1h", at("rest_after_run"), "%v is no time to rest", c.t.Rest)
	}
	c.steps(c.t.Connect.Steps, "connect", "steps")
	c.steps(c.t.Connect.Identify, "connect", "identify")
	c.steps(c.t.On.Mismatch, "on", "mismatch")
	c.steps(c.t.On.Timeout, "on", "timeout")
	if k := c.t.Keepalive; k != nil {
		c.replyTime(k.Reply, at("keepalive"))
	}
	if s := c.t.Safe; s != nil {
		c.steps(s.Steps, "safe", "steps")
		c.within(at("safe"), s.Within)
		if s.Tries > 10 {
			c.bad("bad_range", "at most 10", at("safe", "tries"), "tries %d", s.Tries)
		}
		for k := range s.Shows {
			c.finite(at("safe", "shows", k), s.Shows[k].Tolerance)
		}
	}
}

// points checks a calibration by two points.
func (c *checker) points(ch *Channel, path []any) {
	if ch.Points == nil {
		return
	}
	for _, p := range ch.Points {
		c.finite(path, p[0], p[1])
	}
	switch {
	case len(ch.Points) != 2:
		c.bad("bad_range", "such as [[0, 4], [1023, 20]]", path, "%d points, where two make a line", len(ch.Points))
	case ch.Points[0][0] == ch.Points[1][0] || ch.Points[0][1] == ch.Points[1][1]:
		c.bad("bad_range", "two different raw values and two different shown ones", path, "the points make no line")
	case ch.Scale != 0 || ch.Offset != 0:
		c.bad("bad_value", "give points, or scale and offset", path, "points and scale say the same twice")
	}
}

func (c *checker) steps(steps []Step, path ...any) {
	for i := range steps {
		st, p := &steps[i], append(append([]any{}, path...), i)
		c.within(p, st.Wait)
		c.replyTime(st.Reply, p)
		c.args(st, p)
	}
}

func (c *checker) args(st *Step, path []any) {
	for k, v := range st.Args {
		if _, isNumber := number(v); isNumber {
			continue
		}
		if _, isWord := v.(string); !isWord {
			c.bad("bad_value", "a number or a word", append(append([]any{}, path...), "args", k), "%v is no argument", v)
		}
	}
}

func (c *checker) replyTime(r *Reply, path []any) {
	if r != nil {
		c.within(append(path, "reply", "within"), r.Within)
	}
}

func (c *checker) within(path []any, d time.Duration) {
	if d < 0 || d > longest {
		c.bad("bad_range", "0 to 10s", path, "%v is no time to wait", d)
	}
}

func (c *checker) finite(path []any, xs ...float64) {
	for _, x := range xs {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			c.bad("bad_range", "give a number", path, "%g is no number", x)
		}
	}
}

// wire checks how a parameter is written.
func (c *checker) wire(p *Param, path []any) {
	c.finite(path, p.Slew, p.Step, p.MaxStep, p.Wire.Scale, p.Wire.Offset)
	if d := p.Wire.Decimals; d != nil && (*d < 0 || *d > 12) {
		c.bad("bad_range", "0 to 12", append(path, "wire", "decimals"), "decimals %d", *d)
	}
	for key, x := range map[string]float64{"slew": p.Slew, "max_step": p.MaxStep} {
		switch {
		case x < 0:
			c.bad("bad_range", "", append(path, key), "%s cannot be negative", key)
		case x == 0 && c.Has(append(path, key)...):
			c.bad("bad_range", "leave it out where there is no such limit", append(path, key), "`%s` of 0 never moves", key)
		case x == 0:
		case p.Channel == "" && p.Rest == nil:
			c.bad("missing", "name the `channel:` that shows it, or say where the safe state leaves it: `rest: 0`", append(path, key),
				"nothing tells where `%s` stands at first", p.ID)
		case p.Range == nil:
			c.bad("bad_value", "a number", append(path, key), "`%s` is no number", p.ID)
		}
	}
	if p.Rest != nil {
		c.finite(append(path, "rest"), *p.Rest)
	}
	words := p.Wire.As == "text"
	for i := range p.Choices {
		switch w := p.Choices[i].Wire.(type) {
		case nil:
			words = words || p.Choices[i].Value == nil
		case string:
			words = true
		default:
			if _, ok := number(w); !ok {
				c.bad("bad_value", "a number or a word", append(path, "choices", i, "wire"), "%v is nothing to send", w)
			}
		}
	}
	if words && c.t.Protocol.Floats != nil {
		c.bad("bad_value", "give each choice a number: `wire: 1`", path, "this protocol sends numbers only")
	}
	if r := p.Range; r != nil && r[0] <= r[1] && p.kind() != edge.ParamChoice {
		for _, x := range r {
			if _, ok := p.written(x); !ok {
				c.bad("bad_range", "choose limits that the device's digits can say", append(path, "range"), "%g cannot be written within the limits", x)
			}
		}
	}
}

// encodes tries every message at the ends of its ranges, so that none fails when
// it is needed.
func (c *checker) encodes() {
	codec, err := newCodec(c.t)
	if err != nil {
		c.bad("bad_value", "", at("protocol"), "%s", err)
		return
	}
	try := func(s *Send, args []argument, path []any) {
		if _, err := codec.encode(nil, s, nil, args); err != nil {
			c.bad("not_sendable", "is it too long, or not made of plain words?", path, "this message cannot be sent: %s", err)
		}
	}
	for i := range c.t.Commands {
		cmd := &c.t.Commands[i]
		for end := range 2 {
			args := edge.Args{}
			for k := range cmd.Params {
				if p := &cmd.Params[k]; p.kind() == edge.ParamChoice {
					args[p.ID] = edge.Word(p.Choices[end*(len(p.Choices)-1)].ID)
				} else {
					args[p.ID] = edge.Number(p.Range[end])
				}
			}
			resolved, err := cmd.resolve(args)
			if err == nil {
				try(cmd.Send, resolved, at("commands", i, "send"))
			} // an int between whole limits is not there: narrower ones may be
		}
	}
	for where, steps := range map[string][]Step{"connect steps": c.t.Connect.Steps, "connect identify": c.t.Connect.Identify,
		"on mismatch": c.t.On.Mismatch, "on timeout": c.t.On.Timeout} {
		for i := range steps {
			if s := steps[i].Send; s != nil {
				a, b, _ := strings.Cut(where, " ")
				try(s, nil, at(a, b, i, "send"))
			}
		}
	}
	for i := range c.t.Polls {
		try(c.t.Polls[i].Send, nil, at("polls", i, "send"))
	}
	if k := c.t.Keepalive; k != nil {
		try(k.Send, nil, at("keepalive", "send"))
	}
	if c.t.Safe != nil {
		for i := range c.t.Safe.Steps {
			if s := c.t.Safe.Steps[i].Send; s != nil {
				try(s, nil, at("safe", "steps", i, "send"))
			}
		}
	}
}
