package devices

import (
	"math"
	"slices"

	"labbox/edge"
)

// Interlock is one row of a flat table of comparisons: while all of When hold,
// Forbid are refused; with Safe the device is made safe, and obeys nothing but
// calming commands until one of them no longer holds.
type Interlock struct {
	When   []When    `yaml:"when"`
	Forbid []string  `yaml:"forbid"` // commands
	Safe   bool      `yaml:"safe"`
	Text   edge.Text `yaml:"text"` // why, for people
}

// When is one comparison. Exactly one of Channel and Param is given, and at least
// one of Above, Below, Equals. A channel that shows nothing, or nothing lately,
// counts as holding where a command is to be forbidden: what is not known is not
// allowed.
type When struct {
	Channel string   `yaml:"channel"` // its shown value
	Param   string   `yaml:"param"`   // of the command that is asked for; another command's row does not hold
	Above   *float64 `yaml:"above"`
	Below   *float64 `yaml:"below"`
	Equals  any      `yaml:"equals"` // a number or a choice's id
	Not     bool     `yaml:"not"`    // with Equals: anything else
}

// holds compares x; want is the choice's value where Equals names one.
func (w *When) holds(x float64, want float64) bool {
	if w.Above != nil && !(x > *w.Above) || w.Below != nil && !(x < *w.Below) {
		return false
	}
	if w.Equals == nil {
		return true
	}
	same := math.Abs(x-want) <= 1e-6*math.Max(1, math.Abs(want))
	return same != w.Not
}

func (t *Type) wanted(w *When, p *Param) float64 {
	if x, ok := number(w.Equals); ok {
		return x
	}
	id, _ := w.Equals.(string)
	choices := []Choice(nil)
	if p != nil {
		choices = p.Choices
	} else if ch := t.channel(w.Channel); ch != nil {
		choices = ch.Choices
	}
	for i := range choices {
		if choices[i].ID == id {
			return choices[i].value(i)
		}
	}
	return math.NaN()
}

// forbids returns why a command may not go out now. read gives channels' shown
// values, NaN for what is not shown lately.
func (t *Type) forbids(cmd *Command, args []argument, read func(channel string) float64) error {
	for i := range t.Interlocks {
		row := &t.Interlocks[i]
		if cmd.Calming || !slices.Contains(row.Forbid, cmd.ID) && !row.Safe {
			continue
		}
		if !t.allHold(row, args, read, !row.Safe) {
			continue
		}
		e := edge.Errorf(edge.CodeInterlock, "%s is not allowed now", cmd.ID).With("command", cmd.ID)
		if why := row.Text.In("en"); why != "" {
			e = edge.Errorf(edge.CodeInterlock, "%s is not allowed now: %s", cmd.ID, why).With("command", cmd.ID).With("text", row.Text)
		}
		return e
	}
	return nil
}

// allHold says whether every comparison of a row holds; unknown is what a channel
// without a value counts as.
func (t *Type) allHold(row *Interlock, args []argument, read func(channel string) float64, unknown bool) bool {
	for k := range row.When {
		w := &row.When[k]
		if w.Param != "" {
			a, found := findArg(args, w.Param)
			if !found || !w.holds(a.num, t.wanted(w, a.param)) {
				return false
			}
			continue
		}
		x := read(w.Channel)
		if math.IsNaN(x) {
			if !unknown {
				return false
			}
			continue
		}
		if !w.holds(x, t.wanted(w, nil)) {
			return false
		}
	}
	return true
}

// tripped looks after each sample whether a value has left its range or a row
// with `safe` has begun to hold, and makes the device safe then.
func (s *Supervisor) tripped() {
	t := s.typ()
	s.mu.Lock()
	s.straysLocked(t)
	s.mu.Unlock()
	for i := range t.Interlocks {
		row := &t.Interlocks[i]
		if !row.Safe {
			continue
		}
		holds := t.allHold(row, nil, s.readBack, false)
		s.mu.Lock()
		if s.trips == nil {
			s.trips = map[int]bool{}
		}
		// While it is made safe already, nothing else passes: what comes and goes
		// meanwhile needs no sequence of its own.
		if holds && !s.trips[i] && s.calmLocked() {
			s.eventLocked("interlock", nil, map[string]any{"text": row.Text.In("en")})
			s.demandSafeLocked("interlock")
		}
		s.trips[i] = holds
		s.mu.Unlock()
	}
}

// calmLocked says that no safe sequence is wanted or under way. What brings the
// device to its known state is none.
func (s *Supervisor) calmLocked() bool {
	return s.wantSafe == "" && (s.state != edge.StateSafing || s.between.moving)
}

// interlocks checks the table.
func (c *checker) interlocks() {
	for i := range c.t.Interlocks {
		row, p := &c.t.Interlocks[i], at("interlocks", i)
		c.text(row.Text, false, append(p, "text"))
		if len(row.When) == 0 {
			c.bad("missing", "such as `when: [{channel: temperature, above: 90}]`", p, "an interlock needs `when:`")
		}
		if len(row.Forbid) == 0 && !row.Safe {
			c.bad("missing", "`forbid: [command]` or `safe: true`", p, "an interlock that does nothing")
		}
		if row.Safe && c.t.Safe == nil {
			c.bad("missing", "write the type's `safe:`", append(p, "safe"), "the type has no safe state")
		}
		var cmds []*Command
		for k, id := range row.Forbid {
			cmd := c.t.command(id)
			if cmd == nil {
				c.bad("unknown_command", c.choose(id, c.commandIDs()...), at("interlocks", i, "forbid", k), "no command `%s`", id)
				continue
			}
			if cmd.Calming {
				c.bad("bad_value", "a calming command is always allowed", at("interlocks", i, "forbid", k), "`%s` is calming", id)
			}
			cmds = append(cmds, cmd)
		}
		for k := range row.When {
			c.when(row, &row.When[k], cmds, at("interlocks", i, "when", k))
		}
	}
}

func (c *checker) commandIDs() []string {
	var ids []string
	for i := range c.t.Commands {
		ids = append(ids, c.t.Commands[i].ID)
	}
	return ids
}

func (c *checker) when(row *Interlock, w *When, cmds []*Command, p []any) {
	if w.Above == nil && w.Below == nil && w.Equals == nil {
		c.bad("missing", "`above:`, `below:` or `equals:`", p, "nothing to compare with")
	}
	for _, x := range []*float64{w.Above, w.Below} {
		if x != nil {
			c.finite(p, *x)
		}
	}
	if w.Not && w.Equals == nil {
		c.bad("missing", "`not: true` goes with `equals:`", p, "nothing that it must not be")
	}
	switch {
	case (w.Channel == "") == (w.Param == ""):
		c.bad("missing", "", p, "exactly one of channel and param is compared")
	case w.Channel != "":
		c.channel(w.Channel, append(p, "channel"))
		c.comparable(w, nil, p)
	case row.Safe:
		c.bad("bad_value", "a parameter is there only while its command is asked for; use `channel:`", append(p, "param"), "`safe` cannot follow a parameter")
	default:
		for _, cmd := range cmds {
			if !cmd.hasParam(w.Param) {
				var ids []string
				for i := range cmd.Params {
					ids = append(ids, cmd.Params[i].ID)
				}
				c.bad("unknown_param", c.choose(w.Param, ids...), append(p, "param"), "%s has no parameter `%s`", cmd.ID, w.Param)
				continue
			}
			for i := range cmd.Params {
				if cmd.Params[i].ID == w.Param {
					c.comparable(w, &cmd.Params[i], p)
				}
			}
		}
	}
}

func (c *checker) comparable(w *When, par *Param, p []any) {
	if w.Equals == nil || w.Channel != "" && c.t.channel(w.Channel) == nil {
		return
	}
	if math.IsNaN(c.t.wanted(w, par)) {
		c.bad("bad_value", "a number, or the id of one of its choices", append(p, "equals"), "`%v` is no value of it", w.Equals)
	}
}
