package devices

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"labbox/edge"
	"labbox/firmware-protocols/firmata"
)

// firmataSampling is the longest interval that a board takes.
const firmataSampling = 16383 * time.Millisecond

// firmata checks the pins and what is made of them.
func (c *checker) firmata() {
	f, p := c.t.Protocol.Firmata, at("protocol", "firmata")
	if f.Sampling != 0 && (f.Sampling < time.Millisecond || f.Sampling > firmataSampling) {
		c.bad("bad_range", "1ms to 16s", append(p, "sampling"), "sampling %v", f.Sampling)
	}
	if f.Poll != 0 && f.Poll < 10*time.Millisecond {
		c.bad("bad_range", "such as 500ms", append(p, "poll"), "poll %v", f.Poll)
	}
	if !(f.Volts >= 0) || f.Volts > 1e6 {
		c.bad("bad_range", "such as 5", append(p, "volts"), "volts %g", f.Volts)
	}
	if len(c.t.Channels) == 0 && !f.all() {
		c.bad("missing", "list them, or write `analog: true` for the board's analog inputs", at("channels"), "no channels")
	}
	fields, pins := map[string]bool{}, map[string]string{}
	for i := range f.Pins {
		c.firmataPin(&f.Pins[i], fields, pins, at("protocol", "firmata", "pins", i))
	}
	if len(c.Problems()) == 0 {
		if _, err := newFirmataCodec(c.t); err != nil {
			c.bad("bad_value", "", p, "%s", err)
		}
	}
	for i := range c.t.Channels {
		if from := c.t.Channels[i].from(); f.pin(from) == nil && !(f.all() && isAnalog(from)) {
			c.bad("unknown_field", c.choose(from, c.firmataFields("")...), at("channels", i, "from"), "no pin `%s`", from)
		}
	}
	c.firmataExtras()
	c.firmataSafe()
}

func (c *checker) firmataPin(o *firmata.PinOption, fields map[string]bool, pins map[string]string, path []any) {
	if o.Field == "" || strings.ContainsAny(o.Field, " $") {
		c.bad("bad_name", "such as `field: led`", append(path, "field"), "a pin needs a name")
	}
	if fields[o.Field] {
		c.bad("duplicate", "fields are unique within a type", append(path, "field"), "a second pin `%s`", o.Field)
	}
	fields[o.Field] = true
	mode, ok := firmata.ParseMode(o.Mode)
	if !ok {
		c.bad("bad_value", c.choose(o.Mode, "input", "pullup", "output", "analog", "pwm", "servo"), append(path, "mode"), "unknown mode `%s`", o.Mode)
	}
	n, err := strconv.Atoi(strings.TrimLeft(o.Pin, "AD"))
	if err != nil || n < 0 || n > 126 || len(o.Pin) > 1 && strings.Count(o.Pin, "A")+strings.Count(o.Pin, "D") > 1 {
		c.bad("bad_value", "a number such as 13, or an analog input such as A0", append(path, "pin"), "no pin is called `%s`", o.Pin)
		return
	}
	key := strings.TrimPrefix(o.Pin, "D")
	if other := pins[key]; other != "" {
		c.bad("duplicate", "each pin does one thing", append(path, "pin"), "pin %s is `%s` already", o.Pin, other)
	}
	pins[key] = o.Field
	switch {
	case !ok:
	case !(o.Max >= 0) || o.Max > 1e12:
		c.bad("bad_range", "the value of full scale, such as 5 or 100", append(path, "max"), "max %g", o.Max)
	case o.Max != 0 && mode != firmata.Analog && mode != firmata.PWM:
		c.bad("bad_value", "only analog and pwm have a full scale", append(path, "max"), "`%s` is %s", o.Field, o.Mode)
	case len(o.Pulse) != 0 && mode != firmata.Servo:
		c.bad("bad_value", "only servo has pulses", append(path, "pulse"), "`%s` is %s", o.Field, o.Mode)
	case len(o.Pulse) != 0 && (len(o.Pulse) != 2 || o.Pulse[0] < 1 || o.Pulse[1] <= o.Pulse[0] || o.Pulse[1] > 16383):
		c.bad("bad_range", "such as [544, 2400], in microseconds", append(path, "pulse"), "pulse %v", o.Pulse)
	}
}

func isAnalog(field string) bool {
	n, err := strconv.Atoi(strings.TrimPrefix(field, "A"))
	return strings.HasPrefix(field, "A") && err == nil && n >= 0 && field == "A"+strconv.Itoa(n)
}

// firmataFields are the pins of a kind: "" for all, "driven" for outputs.
func (c *checker) firmataFields(kind string) []string {
	var out []string
	for _, o := range c.t.Protocol.Firmata.Pins {
		if kind == "" || drivenMode(o.Mode) {
			out = append(out, o.Field)
		}
	}
	return out
}

// firmataExtras refuses what Firmata does by itself.
func (c *checker) firmataExtras() {
	t := c.t
	no := func(given bool, hint string, path ...any) {
		if given {
			c.bad("bad_value", hint, path, "a Firmata board needs no `%s`", path[len(path)-1])
		}
	}
	no(t.AutoChannel != nil, "write `protocol: {firmata: {analog: true}}`", "auto_channels")
	no(len(t.Polls) > 0, "write `protocol: {firmata: {poll: 500ms}}`", "polls")
	no(len(t.Connect.Banner) > 0, "leave it out: the board says its version", "connect", "banner")
	no(t.Safe != nil && t.Safe.Resync != "", "leave it out: the end of a message is sent first", "safe", "resync")
	const itself = "leave it out: the pin's state is the answer; `timing: {reply: 1s}` says how long it may take"
	for i := range t.Commands {
		no(t.Commands[i].Reply != nil, itself, "commands", i, "reply")
	}
	no(t.Keepalive != nil && t.Keepalive.Reply != nil, itself, "keepalive", "reply")
	for name, steps := range map[string][]Step{"identify": t.Connect.Identify, "steps": t.Connect.Steps} {
		for i := range steps {
			no(steps[i].Reply != nil, itself, "connect", name, i, "reply")
			no(steps[i].Expect != nil, "leave it out", "connect", name, i, "expect")
		}
	}
	if t.Safe != nil {
		for i := range t.Safe.Steps {
			no(t.Safe.Steps[i].Reply != nil, itself, "safe", "steps", i, "reply")
			no(t.Safe.Steps[i].Expect != nil, "leave it out", "safe", "steps", i, "expect")
		}
	}
}

// firmataSafe checks that no output is forgotten.
func (c *checker) firmataSafe() {
	if c.t.Safe == nil { // without commands nothing is ever driven
		return
	}
	left := c.firmataFields("driven")
	for i := range c.t.Safe.Steps {
		st := &c.t.Safe.Steps[i]
		send := st.Send
		if cmd := c.t.command(st.Command); cmd != nil {
			send = cmd.Send
		}
		if send == nil {
			continue
		}
		for _, kv := range send.Write {
			left = slices.DeleteFunc(left, func(f string) bool { return f == fmt.Sprint(kv.Key) })
		}
	}
	if len(left) > 0 {
		c.bad("missing", fmt.Sprintf("such as `steps: [{send: {write: {%s: 0}}}]`", left[0]), at("safe", "steps"),
			"the safe sequence leaves %s as it is", strings.Join(left, ", "))
	}
}

// writePins checks a message that names pins.
func (c *checker) writePins(s *Send, cmd *Command, path []any) {
	f := c.t.Protocol.Firmata
	for _, kv := range s.Write {
		key := fmt.Sprint(kv.Key)
		p := append(append([]any{}, path...), "write", key)
		o := f.pin(key)
		switch {
		case o == nil:
			c.bad("unknown_field", c.choose(key, c.firmataFields("driven")...), p, "no pin `%s`", key)
			continue
		case !drivenMode(o.Mode):
			c.bad("bad_value", c.choose("", c.firmataFields("driven")...), p, "`%s` is %s, no output", key, o.Mode)
			continue
		}
		id, isParam := strings.CutPrefix(fmt.Sprint(kv.Value), "$")
		x, isNumber := number(kv.Value)
		switch {
		case isParam:
			c.placeholder(kv.Value, cmd, p)
			for i := range paramsOf(cmd) {
				par := &cmd.Params[i]
				if par.ID == id && o.Mode == firmata.Output.String() && par.kind() == edge.ParamFloat {
					c.bad("bad_value", "give it `choices:`, or `type: int`", p, "`%s` is on or off, `%s` any number", key, id)
				}
			}
		case !isNumber:
			c.bad("bad_value", "a number, true or false, or `$` and a parameter", p, "%v is no number", kv.Value)
		default:
			if _, err := writable(o, nil, x, 0); err != nil {
				c.bad("out_of_range", "", p, "%s", edge.AsError(err).Message)
			}
		}
	}
}

func paramsOf(cmd *Command) []Param {
	if cmd == nil {
		return nil
	}
	return cmd.Params
}

// atEnds are a command's arguments at the lower (0) or upper (1) ends of their
// ranges.
func (c *Command) atEnds(end int) edge.Args {
	args := edge.Args{}
	for i := range c.Params {
		if p := &c.Params[i]; p.kind() == edge.ParamChoice {
			args[p.ID] = edge.Word(p.Choices[end*(len(p.Choices)-1)].ID)
		} else {
			args[p.ID] = edge.Number(p.Range[end])
		}
	}
	return args
}
