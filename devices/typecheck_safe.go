package devices

import (
	"time"

	"github.com/goccy/go-yaml"

	"labbox/edge"
)

// safe checks the safe sequence as strictly as anything a driver may send:
// at run time it passes slew and rate, so its values are judged here.
func (c *checker) safe() {
	c.numbers()
	s := c.t.Safe
	if s == nil {
		if len(c.t.Commands) > 0 {
			c.bad("missing", "write the steps that stop it, or `safe: {steps: []}` with a text that says why nothing needs stopping",
				at("commands"), "a type with commands needs `safe:`")
		}
		return
	}
	c.text(s.Text, false, at("safe", "text"))
	confirmed := len(s.Shows) > 0
	for i := range s.Steps {
		st := &s.Steps[i]
		c.step(st, at("safe", "steps", i))
		confirmed = confirmed || st.Reply != nil || st.Send != nil && (st.Send.native != nil || c.t.Protocol.Firmata != nil) // which are answered by themselves
		if cmd := c.t.command(st.Command); cmd != nil {
			confirmed = confirmed || cmd.Reply != nil || len(cmd.Shows) > 0
		}
	}
	if len(s.Steps) > 0 && !confirmed {
		c.bad("unconfirmed", "give a step a `reply:`, or say under `shows:` what the telemetry reads when it is safe",
			at("safe"), "nothing tells that the device is safe")
	}
	for i := range s.Shows {
		c.show(&s.Shows[i], nil, at("safe", "shows", i))
	}
	if s.Tries < 0 || s.Within < 0 {
		c.bad("bad_range", "", at("safe"), "tries and within cannot be negative")
	}
}

// mostBetween is the longest that the known state may take.
const mostBetween = 5 * time.Minute

// between checks the known state between two turns: its values are those of
// commands, so that ranges and interlocks hold for each.
func (c *checker) between() {
	b := c.t.Between
	if b == nil {
		return
	}
	c.text(b.Text, false, at("between", "text"))
	confirmed := len(b.Shows) > 0
	for i := range b.Steps {
		st, p := &b.Steps[i], at("between", "steps", i)
		c.step(st, p)
		if st.Send != nil || st.Expect != nil || st.Reply != nil || st.Anyway {
			c.bad("bad_value", "make it a command of the type", p, "a step between two turns is a command or a wait")
		}
		if st.Wait < 0 || st.Wait > mostBetween {
			c.bad("bad_range", "0 to 5m", append(p, "wait"), "%v is no time to wait", st.Wait)
		}
		c.args(st, p)
		if cmd := c.t.command(st.Command); cmd != nil {
			confirmed = confirmed || cmd.Reply != nil || len(cmd.Shows) > 0 || c.t.Protocol.answers()
		}
	}
	switch {
	case len(b.Steps) == 0 && len(b.Shows) == 0:
		c.bad("missing", "such as `steps: [{command: home}]`", at("between"), "a known state that nothing leads to")
	case !confirmed:
		c.bad("unconfirmed", "say under `shows:` what the telemetry reads then", at("between"), "nothing tells that the known state is reached")
	case !c.t.makesSafe() && !c.t.untold():
		c.bad("missing", "write the steps of `safe:`", at("between"), "the device has to be made safe where the known state is not reached")
	}
	for i := range b.Shows {
		c.show(&b.Shows[i], nil, at("between", "shows", i))
		c.finite(at("between", "shows", i), b.Shows[i].Tolerance)
	}
	if b.Within < 0 || b.Within > mostBetween || b.Tries < 0 || b.Tries > 10 {
		c.bad("bad_range", "within 5m, at most 10 tries", at("between"), "within %v, tries %d", b.Within, b.Tries)
	}
}

func (c *checker) step(st *Step, path []any) {
	n := 0
	for _, given := range []bool{st.Command != "", st.Send != nil, st.Wait != 0, st.Expect != nil} {
		if given {
			n++
		}
	}
	if n != 1 {
		c.bad("missing", "", path, "a step is exactly one of command, send, expect, wait")
		return
	}
	switch {
	case st.Command != "":
		cmd := c.t.command(st.Command)
		if cmd == nil {
			var ids []string
			for i := range c.t.Commands {
				ids = append(ids, c.t.Commands[i].ID)
			}
			c.bad("unknown_command", c.choose(st.Command, ids...), append(path, "command"), "no command `%s`", st.Command)
			return
		}
		if _, err := cmd.resolve(stepArgs(st.Args)); err != nil {
			e := edge.AsError(err)
			c.bad(string(e.Code), e.Hint, append(path, "args"), "%s", e.Message)
		}
	case st.Expect != nil:
		c.reply(st.Expect, nil, append(path, "expect"))
	case st.Send != nil:
		c.send(st.Send, nil, append(path, "send"))
		c.reply(st.Reply, nil, append(path, "reply"))
	}
}

func (c *checker) send(s *Send, cmd *Command, path []any) {
	if s == nil {
		c.bad("missing", "such as `send: {json: {cmd: stop}}`", path, "nothing to send")
		return
	}
	if s.native != nil {
		return
	}
	c.sendForm(s, path)
	if len(s.Parts) > 0 {
		if c.sendParts(s, cmd, path); c.t.Protocol.NMEA != nil {
			c.nmeaSends(s, path)
		}
		return
	}
	if c.t.Protocol.Gcode != nil {
		c.gcodeSend(s, cmd, path)
		return
	}
	if len(s.Write) > 0 && c.t.Protocol.Firmata != nil {
		c.writePins(s, cmd, path)
		return
	}
	if len(s.Write)+len(s.Read) > 0 && c.t.Protocol.Modbus != nil {
		c.writeRegisters(s, cmd, path)
		return
	}
	if f := c.t.Protocol.Floats; f != nil && len(s.JSON) != 1 {
		c.bad("bad_value", "this protocol's messages have exactly one key", path, "%d keys", len(s.JSON))
	}
	c.sendJSON(s.JSON, cmd, path)
	for _, w := range s.Text {
		c.placeholder(w, cmd, path)
	}
}

// sendJSON checks the members of an object that is sent.
func (c *checker) sendJSON(m yaml.MapSlice, cmd *Command, path []any) {
	for _, kv := range m {
		switch v := kv.Value.(type) {
		case string:
		case yaml.MapSlice:
			if c.t.Protocol.Floats != nil {
				c.bad("bad_value", "one level of keys", path, "`%v` holds a group of keys", kv.Key)
			}
			c.sendJSON(v, cmd, path)
		default:
			if _, ok := number(v); !ok {
				c.bad("bad_value", "a word, a number, true or false", path, "`%v`: %v is nothing to send", kv.Key, v)
			}
		}
		c.placeholder(kv.Value, cmd, path)
	}
}

// stepArgs turns a file's arguments into a command's.
func stepArgs(m map[string]any) edge.Args {
	args := edge.Args{}
	for k, v := range m {
		if x, ok := number(v); ok {
			args[k] = edge.Number(x)
		} else if s, ok := v.(string); ok {
			args[k] = edge.Word(s)
		}
	}
	return args
}
