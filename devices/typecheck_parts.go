package devices

import (
	"errors"
	"fmt"
	"slices"

	"labbox/edge/config"
	"labbox/firmware-protocols/fields"
	"labbox/firmware-protocols/framing"
)

// compile turns parts into a pattern, and points at the part that is wrong. cmd
// and with gives the choices that a part leaves out: those of the parameter, or
// of the channel, that it is named after.
func (c *checker) compile(parts []fields.Part, o fields.Options, cmd *Command, path []any) *fields.Pattern {
	if o.SCPI = c.t.Protocol.SCPI != nil; o.Print && c.t.Protocol.Messages != nil {
		out := c.t.Protocol.Messages.In
		if c.t.Protocol.Messages.Out != nil {
			out = *c.t.Protocol.Messages.Out
		}
		o.Forbidden = []byte(out.End + out.Start)
	}
	own := c.withChoices(parts, cmd)
	p, err := fields.Compile(own, o)
	if err == nil {
		return p
	}
	c.unclear = true
	var pe *fields.PartError
	if !errors.As(err, &pe) {
		c.bad("bad_part", "", path, "%s", err)
		return nil
	}
	hint := pe.Hint
	if pe.Code == fields.CodeKind && pe.Key == "as" {
		if best := config.Nearest(own[pe.Index].As, fields.Kinds()); best != "" {
			hint = fmt.Sprintf("did you mean `%s`?", best)
		}
	}
	c.bad(pe.Code, hint, append(slices.Clone(path), pe.Index, pe.Key), "part %d: `%s` is not right", pe.Index+1, pe.Key)
	return nil
}

// choicesOf are the words of a parameter or a channel as a part's choices.
func (c *checker) choicesOf(field string, cmd *Command) []fields.Choice {
	var from []Choice
	if cmd != nil {
		for i := range cmd.Params {
			if cmd.Params[i].ID == field {
				from = cmd.Params[i].Choices
			}
		}
	}
	for i := range c.t.Channels {
		if len(from) == 0 && c.t.Channels[i].from() == field {
			from = c.t.Channels[i].Choices
		}
	}
	var out []fields.Choice
	for i := range from {
		word := from[i].ID
		if w, ok := from[i].Wire.(string); ok {
			word = w
		}
		out = append(out, fields.Choice{ID: word})
	}
	return out
}

// partsAllowed says whether this protocol's messages are made of parts.
func (c *checker) partsAllowed() bool {
	p := c.t.Protocol
	return p.Messages != nil || p.SCPI != nil
}

// sendParts checks a message made of parts: each field is a parameter, or has a
// value of its own.
func (c *checker) sendParts(s *Send, cmd *Command, path []any) {
	path = append(slices.Clone(path), "parts")
	if c.within(path, s.Done); s.Done > 0 && c.t.Protocol.SCPI == nil {
		c.bad("bad_value", "use `wait:` or `shows:`", path, "done_within needs the protocol scpi")
	}
	s.pattern = c.printed(s.Parts, cmd, path)
}

// printed compiles parts whose fields are parameters.
func (c *checker) printed(parts []fields.Part, cmd *Command, path []any) *fields.Pattern {
	p := c.compile(parts, fields.Options{Print: true}, cmd, path)
	if p == nil {
		return nil
	}
	var ids []string
	if cmd != nil {
		for i := range cmd.Params {
			ids = append(ids, cmd.Params[i].ID)
		}
	}
	for _, f := range p.Fields() {
		if f.Name != "" && !f.Optional && !slices.Contains(ids, f.Name) {
			c.bad("unknown_param", c.choose(f.Name, ids...), path, "`%s` names no parameter", f.Name)
		}
	}
	return p
}

// replyParts checks an answer made of parts.
func (c *checker) replyParts(r *Reply, cmd *Command, path []any) {
	if len(r.Parts) > 0 {
		r.pattern = c.compile(r.Parts, fields.Options{}, cmd, append(slices.Clone(path), "parts"))
	}
	if len(r.No) > 0 {
		r.refusal = c.compile(r.No, fields.Options{}, cmd, append(slices.Clone(path), "error_parts"))
	}
	r.simulated = c.printable(r.Parts, cmd)
	c.example(r.pattern, r.Example, append(slices.Clone(path), "example"))
	c.example(r.refusal, r.ErrorExample, append(slices.Clone(path), "error_example"))
}

// example checks that an example is what its parts say.
func (c *checker) example(p *fields.Pattern, example string, path []any) {
	var vals fields.Values
	if p == nil || example == "" || p.Match([]byte(example), &vals, nil) {
		return
	}
	x := p.Explain([]byte(example), nil)
	c.bad("bad_example", fmt.Sprintf("at byte %d it has %s, not %s", x.At, x.Got, x.Want), path, "the example does not match the parts")
}

// messages checks a protocol that the file describes by parts.
func (c *checker) messages() {
	m := c.t.Protocol.Messages
	c.framing(m.In, "in")
	if m.Out != nil {
		c.framing(*m.Out, "out")
	}
	if !oneOf(m.Extra, "", "garbage", "ignore") {
		c.bad("bad_value", c.choose(m.Extra, "garbage", "ignore"), at("protocol", "messages", "extra"), "unknown `extra: %s`", m.Extra)
	}
	if m.Max < 0 || m.Max > 1<<20 {
		c.bad("bad_range", "at most 1048576", at("protocol", "messages", "max"), "max %d", m.Max)
	}
	seen := map[string]bool{}
	for i := range m.Receive {
		p := at("protocol", "messages", "receive", i)
		c.name(m.Receive[i].ID, append(p, "id"))
		if seen[m.Receive[i].ID] {
			c.bad("duplicate", "ids are unique within a type", append(p, "id"), "a second message `%s`", m.Receive[i].ID)
		}
		seen[m.Receive[i].ID] = true
		m.Receive[i].pattern = c.compile(m.Receive[i].Parts, fields.Options{}, nil, append(p, "parts"))
		m.Receive[i].simulated = c.printable(m.Receive[i].Parts, nil)
		c.example(m.Receive[i].pattern, m.Receive[i].Example, append(p, "example"))
	}
}

func (c *checker) framing(o framing.Options, key string) {
	var ke *framing.KeyError
	if err := o.Check(); errors.As(err, &ke) {
		c.bad("bad_framing", ke.Text, at("protocol", "messages", key, ke.Key), "`%s` is not right", ke.Key)
	} else if err != nil {
		c.bad("bad_framing", "", at("protocol", "messages", key), "%s", err)
	}
}

// busyAnswer checks what means that the device is to be asked again.
func (c *checker) busyAnswer() {
	b := c.t.Busy
	if b == nil {
		return
	}
	if !c.partsAllowed() {
		c.bad("bad_value", "", at("busy"), "this protocol has no answers made of parts")
		return
	}
	b.pattern = c.compile(b.Parts, fields.Options{}, nil, at("busy", "parts"))
	c.within(at("busy", "wait"), b.Wait)
}

// sources checks that every channel has a field it comes from.
func (c *checker) sources() {
	t := c.t
	if c.unclear {
		return
	}
	if t.Protocol.Messages == nil && t.Protocol.SCPI == nil {
		return
	}
	var names []string
	add := func(p *fields.Pattern) {
		if p != nil {
			for _, f := range p.Fields() {
				names = append(names, f.Name)
			}
		}
	}
	addReply := func(r *Reply) {
		if r == nil {
			return
		}
		add(r.pattern)
		for i := range r.Then {
			if more := r.Then[i].Reply; more != nil {
				add(more.pattern)
			}
		}
	}
	if m := t.Protocol.Messages; m != nil {
		for i := range m.Receive {
			add(m.Receive[i].pattern)
		}
	}
	for i := range t.Polls {
		addReply(t.Polls[i].Reply)
	}
	for i := range t.Commands {
		addReply(t.Commands[i].Reply)
	}
	for key := range t.Connect.Banner {
		if !slices.Contains(names, key) {
			c.bad("unknown_field", c.choose(key, slices.Clone(names)...), at("connect", "banner", key), "no message has a field `%s`", key)
		}
	}
	for i := range t.Channels {
		if from := t.Channels[i].from(); !slices.Contains(names, from) {
			c.bad("unknown_field", c.choose(from, slices.Clone(names)...), at("channels", i, "from"), "no message has a field `%s`", from)
		}
	}
}
