package devices

import (
	"context"
	"fmt"
	"time"

	"labbox/devices/transport"
	"labbox/edge"
	"labbox/firmware-protocols/lines"
)

// outgoing is one message to send, how its answer is known, and what the
// protocol sends after it.
type outgoing struct {
	data    []byte
	kind    transport.Kind
	begin   func()        // by the writer, right before the bytes; may be nil
	ready   func() error  // by the writer, the last check of all; may be nil
	aside   bool          // it disturbs no exchange, and waits for none
	flow    flow          // the rest of the message; nil: data is all
	answer  answerer      // nil: none is awaited
	within  time.Duration // for the answer
	repeats int           // the same bytes again, where no answer came
	why     *outgoing     // sent where no answer came, to be told why
	next    *outgoing     // sent once this one is answered, such as a query of the error queue
}

// answers says whether anything of it is answered.
func (o *outgoing) answers() bool {
	for ; o != nil; o = o.next {
		if o.answer != nil {
			return true
		}
	}
	return false
}

// answerer recognises the answer to one message among the records that come. The
// reader asks it for one record at a time.
type answerer interface {
	// answer says what r is to the message. It may give r its fields. With
	// declined comes the error that the caller is told.
	answer(r *lines.Record) (verdict, error)
}

// verdict is what a record is to a message that waits for its answer.
type verdict uint8

const (
	notMine  verdict = iota
	obeyed           // the answer
	partly           // a part of the answer: there is more to come
	declined         // the answer: no
	again            // the answer: ask once more
	busy             // the answer: ask once more, later
)

// fieldsAnswer is an answer that is known by fields of a record.
type fieldsAnswer struct {
	reply *Reply
	args  []argument
}

func (a *fieldsAnswer) answer(r *lines.Record) (verdict, error) {
	switch {
	case r.Kind == lines.Overlong:
		return notMine, nil
	case len(a.reply.OK) > 0 && matchFields(r, a.reply.OK, a.args):
		return obeyed, nil
	case len(a.reply.Error) > 0 && matchFields(r, a.reply.Error, a.args):
		return declined, deviceRefused(r.Raw)
	}
	return notMine, nil
}

// deviceRefused is a device's own no.
func deviceRefused(raw []byte) error {
	text := clip(raw)
	if text == "" { // NAK, or such
		text = fmt.Sprintf("%q", raw[:min(len(raw), 40)])
	}
	return edge.Errorf(edge.CodeDeviceRefused, "the device answered %s", text).With("reply", text)
}

// mostAgain bounds how often one exchange is asked again: an error queue may
// fill faster than it is read.
const mostAgain = 32

// exchange sends one message, waits for its answer, and sends what follows.
type exchange struct {
	s      *Supervisor
	l      *link
	out    *outgoing
	ctx    context.Context // until the messages are out
	stop   <-chan struct{} // what ends it early; nil for the safe sequence
	urgent bool            // past every queue
	held   bool            // the line is the caller's
	resync bool            // what was sent before may be refused, too
	check  func() error    // by the writer, right before the bytes of the first message
	anew   func() error    // the same where it is sent once more; nil: that nothing has overtaken it
	round  *round          // of a poll; nil for commands and steps
	shows  *expectation    // armed with the first message; may be nil

	at   time.Duration   // when the first message went out
	sent bool            // it did, or may have
	raw  string          // the answer's bytes, for people
	late []*expectation  // answers that may still come, and would be taken for others'
	left time.Duration   // how long for
	over <-chan struct{} // closed when they will not: the safe sequence was answered
}

// run carries the exchange out, with the line to itself. An error before sent is
// true means that nothing left the box.
func (x *exchange) run() error {
	x.s.mu.Lock()
	x.over = x.s.swept
	x.s.mu.Unlock()
	switch {
	case x.held:
	case x.urgent: // questions stay away from it
		x.s.urgent.Add(1)
		defer x.s.urgent.Add(-1)
	case !x.out.aside:
		if err := x.takeLine(); err != nil {
			return err
		}
		defer x.giveLine()
	}
	check, repeats, again := x.check, 0, 0
	for out := x.out; out != nil; {
		err := x.one(out, check)
		check = x.still
		if err != nil && out == x.out && x.anew != nil {
			check = x.anew
		}
		var retry *retryError
		switch {
		case err == nil:
			out, repeats, again = out.next, 0, 0
		case asRetry(err, &retry):
			if repeats++; repeats > mostAgain {
				return edge.Errorf(edge.CodeDeviceRefused, "the device is busy, or its errors do not end").WithHint("look at the device")
			}
			if err := x.rest(retry.wait); err != nil {
				return err
			}
			if err := check(); err != nil && out == x.out {
				return edge.Errorf(edge.CodeDeviceRefused, "the device asked to be asked later, and by then: %w", err)
			}
		case edge.CodeOf(err) == edge.CodeNoAnswer && again < out.repeats && check() == nil:
			again++
			for _, e := range x.late { // an answer to the first is one to the second
				x.l.watch.remove(e)
			}
			x.late = nil
		default:
			return x.explained(out, err)
		}
	}
	return nil
}

// takeLine waits until no other exchange is under way. The safe sequence does not
// wait: those that do not concern it have been told to end.
func (x *exchange) takeLine() error {
	select {
	case <-x.s.line:
		return nil
	case <-x.stop:
		return errInterrupted
	case <-x.ctx.Done():
		return ctxError(x.ctx)
	}
}

// giveLine lets the next exchange begin, once no late answer can come that would
// be taken for its own.
func (x *exchange) giveLine() {
	if len(x.late) == 0 {
		x.s.line <- struct{}{}
		return
	}
	go func() {
		defer func() { x.s.line <- struct{}{} }()
		left := time.NewTimer(x.left)
		defer left.Stop()
		for i, ended := 0, false; i < len(x.late) && !ended; i++ {
			ended = true
			select {
			case <-x.late[i].done: //nolint:errcheck // whatever it is, it has come
				ended = false
			case <-left.C:
			case <-x.over:
			case <-x.l.ctx.Done():
			}
		}
		for _, e := range x.late {
			x.l.watch.remove(e)
		}
	}()
}

// explained asks a device that did not answer why, where it can say.
func (x *exchange) explained(out *outgoing, err error) error {
	if out.why == nil || edge.CodeOf(err) != edge.CodeNoAnswer && edge.CodeOf(err) != edge.CodeGarbage {
		return err
	}
	for range mostAgain {
		why := x.one(out.why, x.still)
		var retry *retryError
		if asRetry(why, &retry) {
			continue
		}
		if edge.CodeOf(why) == edge.CodeDeviceRefused {
			return why
		}
		break
	}
	return err
}

// still is the check of messages that follow the first: nothing has overtaken
// the exchange.
func (x *exchange) still() error {
	select {
	case <-x.stop:
		return errInterrupted
	default:
		return nil
	}
}

func (x *exchange) rest(d time.Duration) error {
	if d <= 0 {
		return x.still()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-x.stop:
		return errInterrupted
	case <-x.l.ctx.Done():
		return context.Cause(x.l.ctx)
	}
}

// one sends one message and waits for its answer.
func (x *exchange) one(out *outgoing, check func() error) error {
	if !out.aside {
		if err := x.rest(x.l.pause(x.s.clock.Mono(), x.s.typ().Timing.Pause)); err != nil {
			return err
		}
		defer func() { x.l.spoke(x.s.clock.Mono()) }()
	}
	e := newAnswer(out.answer, x.round)
	e.spare = x.resync && out == x.out
	x.l.watch.add(e)
	drop := true
	defer func() {
		if drop {
			x.l.watch.remove(e)
		}
	}()
	m := &message{data: out.data, kind: out.kind, expct: e, check: andReady(check, out.ready), begin: out.begin}
	if !x.sent && x.shows != nil {
		m.also = x.shows
	}
	ctx := x.ctx
	if x.sent {
		ctx = x.l.ctx
	}
	err := x.l.w.send(ctx, m, x.urgent, x.stop)
	if err != nil && !wasSent(err) {
		return err
	}
	if err != nil {
		if !x.sent { // perhaps
			x.at, x.sent = x.s.clock.Mono(), true
		}
		return err
	}
	if !x.sent {
		x.at, x.sent = m.at, true
	}
	if out.answer == nil {
		return nil
	}
	if out.flow != nil {
		err = x.pour(out, e)
	} else {
		err = e.wait(out.within, x.stop)
	}
	raw, mismatch, spared := x.l.watch.peek(e)
	x.raw = raw
	if spared != nil && edge.CodeOf(err) == edge.CodeNoAnswer { // there was only one: it was meant
		return spared
	}
	_, byFields := out.answer.(*fieldsAnswer)
	if code := edge.CodeOf(err); !x.urgent && !out.aside && (code == edge.CodeNoAnswer && mismatch == "" || code == edge.CodeSafing && !byFields) {
		// A late answer must not be taken for the next message's. A safe message
		// is repeated as it was: any answer to it is good. Where another answer came
		// in its place none will.
		drop = false
		x.late, x.left = append(x.late, e), max(x.left, out.within)
	}
	if code := edge.CodeOf(err); code == edge.CodeNoAnswer && mismatch != "" {
		err = edge.Errorf(edge.CodeGarbage, "the device answered %s", mismatch).WithHint("is the type file right about the answer?")
	}
	return err
}

// retryError says that the message is to be sent once more.
type retryError struct{ wait time.Duration }

func (*retryError) Error() string { return "the device asks to be asked again" }

func asRetry(err error, r **retryError) bool {
	e, ok := err.(*retryError) //nolint:errorlint // it is never wrapped
	*r = e
	return ok
}
