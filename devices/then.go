package devices

import "labbox/devices/transport"

// turns are what follows an answer: more messages of the device, which belong to
// the same answer, and messages to it with their own.
type turns struct {
	first *Reply
	more  []*Reply // awaited in order, once the first has come
	at    int      // how many of more are awaited already
	done  bool     // all of them have come
	later bool     // an answer to a later message has values as well
}

// follow gives out the messages that the reply's `then` asks for.
func (c *messagesCodec) follow(out *outgoing, r *Reply, args []argument) error {
	last := out
	for i := range r.Then {
		t := &r.Then[i]
		if t.Send == nil {
			if a, ok := last.answer.(*partsAnswer); ok {
				a.turns.more = append(a.turns.more, t.Reply)
			}
			continue
		}
		next, err := c.encode(nil, t.Send, nil, args)
		if err != nil {
			return err
		}
		next = newPartsOutgoing(next.data, transport.Binary, t.Reply, c.busy, args, c.known)
		if a, ok := last.answer.(*partsAnswer); ok {
			a.turns.later = valued(r.Then[i:])
		}
		last.next, last = next, next
	}
	return nil
}

// total is how long the whole exchange may take.
func (r *Reply) total() Duration {
	sum := r.Within
	for i := range r.Then {
		if next := r.Then[i].Reply; next != nil && r.Then[i].Send != nil {
			sum += next.Within
		}
	}
	return sum
}

// valued says whether an answer among them has values.
func valued(ts []Turn) bool {
	for i := range ts {
		if r := ts[i].Reply; r != nil && r.valued() {
			return true
		}
	}
	return false
}

func (r *Reply) valued() bool {
	if r.pattern == nil {
		return false
	}
	for _, f := range r.pattern.Fields() {
		if f.Name != "" {
			return true
		}
	}
	return false
}

// onward is the verdict on a message that fits: the answer, or a part of it.
func (a *partsAnswer) onward() verdict {
	if a.turns.at == len(a.turns.more) {
		a.turns.done = true
		return obeyed
	}
	if a.turns.first == nil {
		a.turns.first = a.reply
	}
	a.reply = a.turns.more[a.turns.at]
	a.turns.at++
	return partly
}

// rewind awaits the answer anew.
func (a *partsAnswer) rewind() {
	if a.turns.done = false; a.turns.first != nil {
		a.reply, a.turns.at = a.turns.first, 0
	}
}

// goesOn says that values are still to come in the same exchange.
func (a *partsAnswer) goesOn() bool {
	if a.turns.later {
		return true
	}
	// The reply that is awaited now is more[at-1].
	for i := max(0, a.turns.at-1); i < len(a.turns.more) && !a.turns.done; i++ {
		if a.turns.more[i].valued() {
			return true
		}
	}
	return false
}

// turns checks what follows an answer.
func (c *checker) turns(r *Reply, cmd *Command, path []any) {
	if len(r.Then) > 0 && c.t.Protocol.Messages == nil {
		c.bad("bad_value", "this protocol has its own way of several messages", append(path, "then"), "`then` needs the protocol messages")
		return
	}
	for i := range r.Then {
		t, p := &r.Then[i], append(append([]any{}, path...), "then", i)
		switch {
		case t.Send == nil && t.Reply == nil:
			c.bad("missing", "`send:`, `reply:` or both", p, "an empty step")
			continue
		case t.Reply != nil && len(t.Reply.Then) > 0:
			c.bad("bad_value", "write all steps into one list", append(p, "reply", "then"), "a `then` within a `then`")
			continue
		}
		if t.Send != nil {
			c.send(t.Send, cmd, append(append([]any{}, p...), "send"))
		}
		if t.Send == nil && t.Reply.Within != 0 {
			c.bad("bad_value", "give the whole answer more time, by the `within:` above", append(append([]any{}, p...), "reply", "within"), "a part of an answer has no time of its own")
		}
		c.reply(t.Reply, cmd, append(append([]any{}, p...), "reply"))
		if i > 0 && t.Send == nil && r.Then[i-1].Send != nil && r.Then[i-1].Reply == nil {
			c.bad("missing", "say what answers the message before", p, "a further answer to a message without one")
		}
	}
}
