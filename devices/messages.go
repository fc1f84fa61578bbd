package devices

import (
	"fmt"
	"math"
	"sync"
	"time"

	"labbox/devices/transport"
	"labbox/edge"
	"labbox/firmware-protocols/fields"
	"labbox/firmware-protocols/framing"
	"labbox/firmware-protocols/lines"
)

// messagesCodec speaks messages that the type file describes by parts.
type messagesCodec struct {
	dec     *framing.Decoder
	mu      sync.Mutex // of out
	out     *framing.Encoder
	receive []*fields.Pattern
	busy    *Busy
	ignore  bool          // what nothing matches
	pause   time.Duration // ends a message; 0: none does
	read    time.Duration // cuts one off

	rec  lines.Record
	vals fields.Values
}

func newMessagesCodec(t *Type) (*messagesCodec, error) {
	m := t.Protocol.Messages
	in := m.In
	in.Max = m.Max
	// What is asked answers in whole messages; what talks by itself may be in the
	// middle of one.
	in.SkipFirst = !t.Connect.Reset && len(t.Polls)+len(t.Connect.Identify) == 0
	dec, err := framing.New(in)
	if err != nil {
		return nil, err
	}
	out := m.In
	if m.Out != nil {
		out = *m.Out
	}
	enc, err := framing.NewEncoder(out)
	if err != nil {
		return nil, err
	}
	c := &messagesCodec{dec: dec, out: enc, busy: t.Busy, ignore: m.Extra == "ignore", pause: in.Silence, read: t.Timing.Read}
	for i := range m.Receive {
		c.receive = append(c.receive, m.Receive[i].pattern)
	}
	return c, nil
}

func (c *messagesCodec) reset() { c.dec.Reset() }

// silence is the pause that ends a message, 0 where none does.
func (c *messagesCodec) silence() time.Duration {
	if c.pause > 0 && c.read > 0 {
		return min(c.pause, c.read)
	}
	return max(c.pause, c.read)
}

func (c *messagesCodec) silent(emit func(*lines.Record)) {
	c.dec.Silent(func(m *framing.Message) { c.message(m, emit) })
}

func (c *messagesCodec) feed(p []byte, kind transport.Kind, emit func(*lines.Record)) error {
	c.dec.Feed(p, func(m *framing.Message) { c.message(m, emit) })
	if kind != transport.Stream { // its end is the message's
		c.silent(emit)
	}
	return nil
}

func (c *messagesCodec) message(m *framing.Message, emit func(*lines.Record)) {
	c.rec = lines.Record{Fields: c.rec.Fields[:0], Raw: m.Body, Kind: lines.Values}
	switch {
	case m.Why == framing.TooLong:
		c.rec.Kind = lines.Overlong
	case m.Why != framing.OK:
		c.rec.Kind, c.rec.Why, c.rec.Raw = lines.Garbage, m.Why.String(), m.Raw
		if c.ignore && m.Why == framing.Garbage { // bytes between messages
			c.rec.Kind = lines.Labels
		}
	}
	emit(&c.rec)
}

// sort gives a message that nobody awaited the fields of the first declared one
// that it matches.
func (c *messagesCodec) sort(r *lines.Record) {
	if r.Kind != lines.Values {
		return
	}
	for _, p := range c.receive {
		if p.Match(r.Raw, &c.vals, nil) {
			r.Fields = appendFields(r.Fields[:0], &c.vals)
			return
		}
	}
	r.Kind, r.Why = lines.Garbage, "matches no declared message"
	if c.ignore {
		r.Kind = lines.Labels
	}
}

// known says whether a message is one of those that come by themselves.
func (c *messagesCodec) known(raw []byte) bool {
	var vals fields.Values
	for _, p := range c.receive {
		if p.Match(raw, &vals, nil) {
			return true
		}
	}
	return false
}

func (c *messagesCodec) encode(dst []byte, s *Send, r *Reply, args []argument) (*outgoing, error) {
	body, err := s.print(nil, args)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	data, err := c.out.Append(dst, body)
	c.mu.Unlock()
	if err != nil {
		return nil, edge.Errorf(edge.CodeBadValue, "%w", err)
	}
	out := newPartsOutgoing(data, transport.Binary, r, c.busy, args, c.known)
	if r != nil && len(r.Then) > 0 {
		if err := c.follow(out, r, args); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// print writes a message's parts with its parameters, and judges the result: it
// is read back by the same parts, and what it says must lie within the limits.
func (s *Send) print(dst []byte, args []argument) ([]byte, error) {
	return printPattern(dst, s.pattern, args)
}

func printPattern(dst []byte, p *fields.Pattern, args []argument) ([]byte, error) {
	begin := len(dst)
	out, err := p.Append(dst, lookup(args))
	if err != nil {
		return nil, edge.Errorf(edge.CodeBadValue, "%w", err)
	}
	var vals fields.Values
	if !p.Match(out[begin:], &vals, lookup(args)) {
		return out, nil // not all that is printed can be read back
	}
	for _, a := range args {
		e, ok := vals.Get(a.param.ID)
		if ok && e.NumOK && a.param.Range != nil && !a.param.means(e.Num) {
			return nil, rounded(a.param, a.num, e.Num)
		}
	}
	return out, nil
}

// means says whether a number on the wire is one within the parameter's range.
func (p *Param) means(wire float64) bool {
	scale := p.Wire.Scale
	if scale == 0 {
		scale = 1
	}
	x := (wire - p.Wire.Offset) / scale
	slack := 1e-6 * math.Max(1e-6, math.Max(math.Abs(p.Range[0]), math.Abs(p.Range[1])))
	return x >= p.Range[0]-slack && x <= p.Range[1]+slack
}

// lookup gives a command's arguments to the parts that print them.
func lookup(args []argument) fields.Lookup {
	return func(name string) (fields.Value, bool) {
		a, ok := findArg(args, name)
		if !ok {
			return fields.Value{}, false
		}
		x, text, isText := a.wire()
		if isText {
			return fields.Str(text), true
		}
		return fields.Num(x), true
	}
}

// appendFields turns what a pattern found into a record's fields.
func appendFields(dst []lines.Field, v *fields.Values) []lines.Field {
	for i := range v.Entries {
		e := &v.Entries[i]
		f := lines.Field{Key: e.Name, Kind: lines.Number, NumOK: e.NumOK, Num: e.Num, Text: e.Text}
		switch e.Kind {
		case fields.Text:
			f.Kind = lines.Text
		case fields.Array:
			f.Kind, f.Array = lines.NumberArray, e.Array
		}
		dst = append(dst, f)
	}
	return dst
}

// partsAnswer is an answer that parts describe.
type partsAnswer struct {
	reply *Reply
	busy  *Busy
	args  []argument
	vals  fields.Values
	known func(raw []byte) bool // a message that came by itself
	turns turns
}

func newPartsOutgoing(data []byte, kind transport.Kind, r *Reply, busy *Busy, args []argument, known func([]byte) bool) *outgoing {
	o := &outgoing{data: data, kind: kind}
	if r != nil {
		o.answer, o.within = &partsAnswer{reply: r, busy: busy, args: args, known: known}, r.Within
	}
	return o
}

func (a *partsAnswer) answer(r *lines.Record) (verdict, error) {
	if r.Kind != lines.Values || len(r.Fields) > 0 {
		return notMine, nil
	}
	if b := a.busy; b != nil && b.pattern.Match(r.Raw, &a.vals, nil) {
		a.rewind()
		return busy, nil
	}
	if p := a.reply.pattern; p != nil && p.Match(r.Raw, &a.vals, lookup(a.args)) {
		r.Fields = appendFields(r.Fields[:0], &a.vals)
		if len(a.reply.OK) > 0 && !matchFields(r, a.reply.OK, a.args) {
			return declined, deviceRefused(r.Raw)
		}
		return a.onward(), nil
	}
	if p := a.reply.refusal; p != nil && p.Match(r.Raw, &a.vals, lookup(a.args)) {
		return declined, deviceRefused(r.Raw)
	}
	return notMine, nil
}

func (a *partsAnswer) pause() time.Duration {
	if a.busy == nil {
		return 0
	}
	return a.busy.Wait
}

// mismatch says byte by byte why a message is not the answer.
func (a *partsAnswer) mismatch(r *lines.Record) string {
	if r.Kind != lines.Values || a.reply.pattern == nil || a.known != nil && a.known(r.Raw) {
		return ""
	}
	x := a.reply.pattern.Explain(r.Raw, lookup(a.args))
	return fmt.Sprintf("%q: at byte %d it has %s, not %s", clip(r.Raw), x.At, x.Got, x.Want)
}
