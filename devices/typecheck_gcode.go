package devices

import (
	"slices"
	"strings"

	"labbox/edge"
	"labbox/edge/config"
)

// gcode checks the options and where the channels come from.
func (c *checker) gcode() {
	path := at("protocol", "gcode")
	if _, err := newGcodeCodec(c.t); err != nil {
		c.bad("bad_value", "buffer 8 to 65536, poll 1ms or more, max_line 16 or more, status a line or `?`", path, "%s", err)
	}
	if c.t.Protocol.Gcode.Numbered {
		c.bad("bad_value", "leave it out: stages take lines without numbers, too", append(path, "numbered"), "numbered lines are not sent yet")
	}
	for i := range c.t.Channels {
		c.gcodeField(c.t.Channels[i].from(), at("channels", i, "from"))
	}
	c.gcodeReplies()
	if c.t.Time != nil {
		c.bad("bad_value", "leave it out", at("time"), "a stage's reports have no time")
	}
	if c.t.Count != nil {
		c.bad("bad_value", "leave it out", at("count"), "a stage's reports are not numbered")
	}
	if len(c.t.Polls) > 0 {
		c.bad("bad_value", "the status is asked by itself: `protocol: {gcode: {poll: 200ms}}`", at("polls"), "this protocol has no other polls")
	}
}

// gcodeReplies checks that what waits for an answer gets one: lines are answered by
// themselves, single bytes are not.
func (c *checker) gcodeReplies() {
	check := func(s *Send, r *Reply, path []any) {
		if s != nil && s.Realtime != "" && r != nil && len(r.OK) == 0 {
			c.bad("missing", "such as `reply: {ok: {banner: \"*\"}}` after a reset, or `shows:`", append(path, "reply"), "the stage does not answer a realtime byte")
		}
	}
	for i := range c.t.Commands {
		check(c.t.Commands[i].Send, c.t.Commands[i].Reply, at("commands", i))
	}
	steps := func(steps []Step, path ...any) {
		for i := range steps {
			check(steps[i].Send, steps[i].Reply, append(slices.Clone(path), i))
		}
	}
	steps(c.t.Connect.Identify, "connect", "identify")
	steps(c.t.Connect.Steps, "connect", "steps")
	steps(c.t.On.Mismatch, "on", "mismatch")
	steps(c.t.On.Timeout, "on", "timeout")
	if c.t.Safe != nil {
		steps(c.t.Safe.Steps, "safe", "steps")
	}
}

// gcodeFields are those of a report that have a meaning here.
func gcodeFields() []string {
	names := strings.Fields("state substate moving x y z a b c wx wy wz wa wb wc feed speed feed_override rapid_override speed_override " +
		"pins blocks_free bytes_free blocks_used bytes_used line accessories t t_target b_target t0 e")
	return append(names, gcodePinFields[:]...)
}

// gcodeField checks a field's name: a stage may report others, under its own names
// in lower case.
func (c *checker) gcodeField(from string, path []any) {
	known := gcodeFields()
	if oneOf(from, known...) {
		return
	}
	own := len(from) > 0 && len(from) <= 24 && strings.Trim(from, "abcdefghijklmnopqrstuvwxyz0123456789_") == ""
	if near := config.Nearest(from, slices.Clone(known)); near != "" && len(from) > 3 || !own {
		c.bad("unknown_field", c.choose(from, known...), path, "no report has a field `%s`", from)
	}
}

// gcodeSend checks lines and realtime bytes.
func (c *checker) gcodeSend(s *Send, cmd *Command, path []any) {
	if s.Realtime != "" {
		if _, err := realtimeByte(s.Realtime); err != nil {
			c.bad("bad_value", edge.AsError(err).Hint, append(slices.Clone(path), "realtime"), "%s", err)
		}
	}
	s.patterns = s.patterns[:0]
	for i := range s.Lines {
		s.patterns = append(s.patterns, c.printed(s.Lines[i], cmd, append(slices.Clone(path), "lines", i)))
	}
}
