package devices

import (
	"fmt"
	"slices"
	"time"

	"labbox/devices/sim"
	"labbox/firmware-protocols/fields"
	"labbox/firmware-protocols/framing"
)

// partsDevice is the far end of a protocol whose messages are made of parts: it
// reads what the type sends, and prints what the type expects. The same
// declarations serve, the other way round.
type partsDevice struct {
	t     *Type
	known []simRequest
	// wrap puts a message on the line; unwrap takes those of the box off it.
	wrap   func(body []byte) []byte
	unwrap func(p []byte, message func(body []byte))
	reset  func()
	now    time.Time
	// outside is told of a value beyond its limits; may be nil.
	outside func()
	stray   func(body []byte, m *sim.Model) []byte // the answer to what nothing matches; may be nil
	vals    fields.Values
	more    [][]byte // of the answer, behind its first message
	then    []Turn   // what the box says next, once the answer has begun an exchange of several messages
}

// simRequest is one thing that the box may send, and what it does.
type simRequest struct {
	send  *Send
	reply *Reply
	cmd   *Command // nil: a poll or a step
	safe  bool     // a step of the safe sequence
	shows []sim.Effect
}

// requests are all messages that the type sends.
func (t *Type) requests() []simRequest {
	var out []simRequest
	for i := range t.Commands {
		c := &t.Commands[i]
		r := simRequest{send: c.Send, reply: c.Reply, cmd: c}
		for k := range c.Shows {
			if ch := t.channel(c.Shows[k].Channel); ch != nil && !ch.Sim.driven() {
				r.shows = append(r.shows, t.simEffect(&c.Shows[k], c))
			}
		}
		out = append(out, r)
	}
	for i := range t.Polls {
		out = append(out, simRequest{send: t.Polls[i].Send, reply: t.Polls[i].Reply})
	}
	add := func(steps []Step, safe bool) {
		for i := range steps {
			if st := &steps[i]; st.Send != nil {
				out = append(out, simRequest{send: st.Send, reply: st.Reply, safe: safe})
			}
		}
	}
	add(t.Connect.Identify, false)
	add(t.Connect.Steps, false)
	if t.Keepalive != nil {
		out = append(out, simRequest{send: t.Keepalive.Send, reply: t.Keepalive.Reply})
	}
	if t.Safe != nil {
		add(t.Safe.Steps, true)
		if n := len(out); n > 0 && out[n-1].safe {
			for i := range t.Safe.Shows {
				if ch := t.channel(t.Safe.Shows[i].Channel); ch != nil && !ch.Sim.driven() {
					out[n-1].shows = append(out[n-1].shows, t.simEffect(&t.Safe.Shows[i], nil))
				}
			}
		}
	}
	add(t.On.Mismatch, false)
	add(t.On.Timeout, false)
	return out
}

func newMessagesDevice(t *Type) (*partsDevice, error) {
	m := t.Protocol.Messages
	toBox, fromBox := m.In, m.In
	if m.Out != nil {
		fromBox = *m.Out
	}
	toBox.Max, fromBox.Max = m.Max, m.Max
	enc, err := framing.NewEncoder(toBox)
	if err != nil {
		return nil, err
	}
	dec, err := framing.New(fromBox)
	if err != nil {
		return nil, err
	}
	d := &partsDevice{t: t, known: t.requests(), reset: dec.Reset}
	d.wrap = func(body []byte) []byte {
		out, err := enc.Append(nil, body)
		if err != nil {
			return nil
		}
		return out
	}
	if fromBox.Silence > 0 && fromBox.End == "" {
		d.unwrap = d.untilKnown(fromBox.Silence)
		return d, nil
	}
	d.unwrap = func(p []byte, message func([]byte)) {
		take := func(m *framing.Message) {
			if m.Why == framing.OK {
				message(m.Body)
			}
		}
		dec.Feed(p, take)
	}
	return d, nil
}

// untilKnown ends a message where it is one that the type sends: bytes come in
// pieces, and only a real device hears the pause behind the last.
func (d *partsDevice) untilKnown(pause time.Duration) func(p []byte, message func([]byte)) {
	var held []byte
	var last time.Time
	return func(p []byte, message func([]byte)) {
		if d.now.Sub(last) > 4*pause {
			held = held[:0]
		}
		last = d.now
		if held = append(held, p...); len(held) > maxSimLine {
			held = held[:0]
		}
		if len(d.then) > 0 && d.then[0].Send.pattern.Match(held, &d.vals, nil) {
			message(held)
			held = held[:0]
			return
		}
		for i := range d.known {
			if s := d.known[i].send; s.pattern != nil && s.pattern.Match(held, &d.vals, nil) {
				message(held)
				held = held[:0]
				return
			}
		}
	}
}

// Open starts the device: what ends a boot comes first, and then no more.
func (d *partsDevice) Open(_ time.Time, m *sim.Model, out sim.Output) {
	d.reset()
	d.report(m, out, true)
}

// Report sends what comes by itself.
func (d *partsDevice) Report(_ time.Time, m *sim.Model, out sim.Output) { d.report(m, out, false) }

// report sends the messages that tell of a boot, or the others.
func (d *partsDevice) report(m *sim.Model, out sim.Output, boot bool) {
	if d.t.Protocol.Messages == nil {
		return
	}
	for i := range d.t.Protocol.Messages.Receive {
		msg := &d.t.Protocol.Messages.Receive[i]
		if msg.boots(d.t.Connect.Banner) != boot {
			continue
		}
		if body := d.print(msg.simulated, msg.Example, nil, m); body != nil {
			out.Binary(d.wrap(body))
		}
	}
}

// boots says whether the message has all that the banner looks at.
func (m *Message) boots(banner Fields) bool {
	if m.pattern == nil {
		return false
	}
	own := m.pattern.Fields()
	for name := range banner {
		if !slices.ContainsFunc(own, func(f fields.FieldInfo) bool { return f.Name == name }) {
			return false
		}
	}
	return len(banner) > 0
}

func (d *partsDevice) Receive(now time.Time, p []byte, m *sim.Model, out sim.Output) {
	d.now = now
	d.unwrap(p, func(body []byte) {
		if answer := d.answer(body, m); answer != nil {
			out.Binary(d.wrap(answer))
			for _, b := range d.more {
				out.Binary(d.wrap(b))
			}
		}
	})
}

// answer carries out one message and returns the body of the answer, nil for
// none.
func (d *partsDevice) answer(body []byte, m *sim.Model) []byte {
	d.more = d.more[:0]
	if then := d.then; len(then) > 0 && then[0].Send.pattern != nil && then[0].Send.pattern.Match(body, &d.vals, nil) {
		d.then = nil
		if then[0].Reply == nil {
			d.follow(then[1:], m)
			return nil
		}
		vals := d.vals
		out := d.print(then[0].Reply.simulated, then[0].Reply.Example, vals.Lookup, m)
		d.follow(then[1:], m)
		return out
	}
	d.then = nil
	for i := range d.known {
		r := &d.known[i]
		if r.send.pattern == nil || !r.send.pattern.Match(body, &d.vals, nil) {
			continue
		}
		set, ok := r.values(&d.vals)
		if !ok {
			if d.outside != nil {
				d.outside()
			}
			if r.reply == nil || r.reply.refusal == nil && r.reply.ErrorExample == "" {
				return nil
			}
			return d.print(r.reply.refusal, r.reply.ErrorExample, nil, m)
		}
		if r.safe {
			m.Reset()
		}
		for id, x := range set {
			m.Set(id, x)
		}
		for _, e := range r.shows {
			m.Show(e)
		}
		if r.reply == nil {
			return nil
		}
		vals := d.vals
		first := d.print(r.reply.simulated, r.reply.Example, vals.Lookup, m)
		d.follow(r.reply.Then, m)
		return first
	}
	if d.stray != nil {
		return d.stray(body, m)
	}
	return nil
}

// follow adds what belongs to the same answer, and awaits what the box says then.
func (d *partsDevice) follow(then []Turn, m *sim.Model) {
	for i := range then {
		if then[i].Send != nil {
			d.then = then[i:]
			return
		}
		if b := d.print(then[i].Reply.simulated, then[i].Reply.Example, nil, m); b != nil {
			d.more = append(d.more, b)
		}
	}
}

// values are the parameters that a message sets; ok is false where one is outside
// its range.
func (r *simRequest) values(v *fields.Values) (set map[string]float64, ok bool) {
	set = map[string]float64{}
	if r.cmd == nil {
		return set, true
	}
	for i := range r.cmd.Params {
		p := &r.cmd.Params[i]
		e, found := v.Get(p.ID)
		if !found {
			continue
		}
		x := e.Num
		if len(p.Choices) > 0 {
			k, known := p.fromWire(e)
			if !known {
				return nil, false
			}
			set[r.cmd.ID+"."+p.ID] = p.Choices[k].value(k)
			continue
		}
		if !e.NumOK || p.Range != nil && !p.means(x) {
			return nil, false
		}
		if s := p.Wire.Scale; s != 0 {
			x = (x - p.Wire.Offset) / s
		} else {
			x -= p.Wire.Offset
		}
		set[r.cmd.ID+"."+p.ID] = x
	}
	return set, true
}

// fromWire finds the choice that a received value stands for.
func (p *Param) fromWire(e *fields.Entry) (int, bool) {
	for i := range p.Choices {
		x, text, isText := argument{param: p, num: p.Choices[i].value(i), place: i}.wire()
		if isText && string(e.Text) == text || !isText && e.NumOK && e.Num == x {
			return i, true
		}
	}
	return 0, false
}

// print writes a message from the request's own values and the channels as they
// stand; example stands in where the parts cannot be printed.
func (d *partsDevice) print(p *fields.Pattern, example string, got fields.Lookup, m *sim.Model) []byte {
	if p != nil && p.CanPrint() {
		body, err := p.Append(nil, func(name string) (fields.Value, bool) {
			if got != nil {
				if v, ok := got(name); ok {
					return v, true
				}
			}
			v, ok := d.value(name, m)
			if !ok {
				return filler(p, name), true
			}
			switch kind := kindOf(p, name); {
			case v.Kind == fields.Text && kind == fields.Number: // such as bits
				v = fields.Num(v.Num)
			case v.Kind == fields.Number && kind == fields.Array:
				v = fields.Nums(slices.Repeat([]float64{v.Num}, d.elements(name)))
			}
			return v, true
		})
		if err == nil {
			return body
		}
	}
	if example != "" {
		return []byte(example)
	}
	return nil
}

// kindOf is how a field is written.
func kindOf(p *fields.Pattern, name string) fields.Kind {
	for _, f := range p.Fields() {
		if f.Name == name {
			return f.Kind
		}
	}
	return fields.Text
}

// simElements is the length of an array of any length.
const simElements = 32

// elements is how many values an array of the device has.
func (d *partsDevice) elements(name string) int {
	count := simElements
	look := func(parts []fields.Part) {
		for i := range parts {
			if l := parts[i].List; l != nil && l.Field == name && parts[i].Count > 0 {
				count = parts[i].Count
			}
		}
	}
	for i := range d.known {
		if r := d.known[i].reply; r != nil {
			look(r.Parts)
		}
	}
	if m := d.t.Protocol.Messages; m != nil {
		for i := range m.Receive {
			look(m.Receive[i].Parts)
		}
	}
	return count
}

// filler is something to say for a field that is no channel.
func filler(p *fields.Pattern, name string) fields.Value {
	for _, f := range p.Fields() {
		switch {
		case f.Name != name:
		case len(f.Choices) > 0:
			return fields.Str(f.Choices[0])
		case f.Kind == fields.Text:
			return fields.Str(simWord)
		case f.Kind == fields.Array:
			return fields.Nums([]float64{0})
		}
	}
	return fields.Num(0)
}

// simWord stands for any word that a real device would say.
const simWord = "simulated"

// value is a channel's value on the wire.
func (d *partsDevice) value(field string, m *sim.Model) (fields.Value, bool) {
	v, ok := m.Read(field)
	if !ok {
		return fields.Value{}, false
	}
	switch x := v.(type) {
	case string:
		return fields.Str(x), true
	case float64:
		for i := range d.t.Channels { // an enum without words of its own is printed by its ids
			if ch := &d.t.Channels[i]; ch.from() == field {
				for k := range ch.Choices {
					if _, isText := ch.Choices[k].Wire.(string); !isText && ch.Choices[k].Wire == nil && ch.Choices[k].value(k) == x {
						return fields.Value{Kind: fields.Text, Num: x, Text: ch.Choices[k].ID}, true
					}
				}
			}
		}
		return fields.Num(x), true
	}
	return fields.Str(fmt.Sprint(v)), true
}
