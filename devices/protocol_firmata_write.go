package devices

import (
	"fmt"
	"math"
	"strings"

	"labbox/devices/transport"
	"labbox/edge"
	"labbox/firmware-protocols/firmata"
	"labbox/firmware-protocols/lines"
)

// firmataWrite is a pin and what it is to have, in the pin's own unit and such as
// its resolution can say.
type firmataWrite struct {
	field string
	mode  string
	value float64
	at    int // of an output's three bytes in the message
}

// mostPins are written, or asked for, in one message: so many fit into the
// smallest receive buffer.
const mostPins = 4

// servoTop is a servo's largest angle in degrees.
const servoTop = 180

// anyTop is the most that a PWM output takes before the board has said its
// resolution.
const anyTop = 1<<14 - 1

// writes are the pins of a message with their values. bits is 0 as long as the
// board has not said its resolution.
func (f *FirmataProtocol) writes(s *Send, args []argument, bits func(field string) int) ([]firmataWrite, error) {
	var out []firmataWrite
	for _, kv := range s.Write {
		field := fmt.Sprint(kv.Key)
		o := f.pin(field)
		if o == nil {
			return nil, edge.Errorf(edge.CodeBadValue, "no pin %q", field)
		}
		x, param, err := written(kv.Value, args)
		if err != nil {
			return nil, err
		}
		x, err = writable(o, param, x, bits(field))
		if err != nil {
			return nil, err
		}
		out = append(out, firmataWrite{field: field, mode: o.Mode, value: x})
	}
	return out, nil
}

// writable is the value nearest to x that the pin can have, within the limits of
// the parameter that it comes from.
func writable(o *firmata.PinOption, p *Param, x float64, bits int) (float64, error) {
	top, full := 1.0, 1.0
	switch o.Mode {
	case firmata.Output.String():
		if x != 0 && x != 1 {
			return 0, edge.Errorf(edge.CodeBadValue, "%g for %s, which is 0 or 1", x, o.Field)
		}
	case firmata.Servo.String():
		top, full = servoTop, servoTop
	case firmata.PWM.String():
		if full = float64(int(1)<<bits - 1); bits == 0 {
			full = anyTop
		}
		if top = o.Max; top == 0 {
			top = full
		}
	default:
		return 0, edge.Errorf(edge.CodeBadValue, "%s is %s, no output", o.Field, o.Mode)
	}
	if x < 0 || x > top {
		return 0, edge.Errorf(edge.CodeOutOfRange, "%g for %s, which takes 0 to %g", x, o.Field, top).With("value", x).With("min", 0).With("max", top)
	}
	near := math.Round(x * full / top)
	for _, raw := range []float64{near, near - 1, near + 1} {
		v := raw * top / full
		if raw >= 0 && raw <= full && (p == nil || p.Range == nil || p.means(v)) {
			return v, nil
		}
	}
	return 0, rounded(p, x, near*top/full)
}

// bits is a PWM output's resolution as the board says it; 0: it has not said.
func (c *firmataCodec) bits(field string) int {
	if i, ok := c.index[field]; ok && c.sess.State() == firmata.Ready {
		return c.fields[i].bits
	}
	return 0
}

// encode begins each message with the end of whatever the board may be in the
// middle of, and ends it with questions for what the pins have.
func (c *firmataCodec) encode(dst []byte, s *Send, r *Reply, args []argument) (*outgoing, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	w, err := c.f.writes(s, args, c.bits)
	if err != nil {
		return nil, err
	}
	if c.sess.State() == firmata.Stopped { // no line yet: the file is being checked
		return c.message(append(dst, firmata.Resync...), nil, r), nil
	}
	if c.sess.State() != firmata.Ready {
		return nil, edge.Errorf(edge.CodeNotReady, "the board is not ready: %s", c.sess.State())
	}
	var first, last *outgoing
	for len(w) > 0 {
		n := min(len(w), mostPins)
		out, err := c.writing(dst, w[:n:n], r)
		if err != nil {
			return nil, err
		}
		if w, dst = w[n:], nil; first == nil {
			first = out
		} else {
			last.next = out
		}
		last = out
	}
	return first, nil
}

// writing is one message that writes pins and asks for them.
func (c *firmataCodec) writing(dst []byte, w []firmataWrite, r *Reply) (*outgoing, error) {
	data := append(dst, firmata.Resync...)
	for i := range w {
		if w[i].mode == firmata.Output.String() { // see begin
			w[i].at = len(data)
			data = append(data, 0, 0, 0)
			continue
		}
		if err := c.sess.Write(w[i].field, w[i].value); err != nil {
			return nil, err
		}
		data = append(data, c.sess.Output()...)
	}
	for i := range w {
		if err := c.sess.Query(w[i].field); err != nil {
			return nil, err
		}
	}
	out := c.message(append(data, c.sess.Output()...), w, r)
	if shape := c.shape.Load(); shape != nil && !shape.scans { // nothing else shows it before the next poll
		a, _ := out.answer.(*firmataAnswer)
		for i := range w {
			a.with = append(a.with, w[i].field)
		}
	}
	return out, nil
}

// message is data with the pins' states as its answer.
func (c *firmataCodec) message(data []byte, w []firmataWrite, r *Reply) *outgoing {
	a := &firmataAnswer{c: c, want: w, write: true, got: make([]bool, len(w))}
	out := &outgoing{data: data, kind: transport.Binary, answer: a, within: c.t.Timing.Reply, begin: func() { a.begin(data) }}
	if r != nil && r.Within > 0 {
		out.within = r.Within
	}
	return out
}

// polls ask for the outputs; a board without analog inputs says its values only
// with that. Before a board is set up there are none.
func (c *firmataCodec) polls() []poll {
	shape := c.shape.Load()
	if shape == nil {
		return nil
	}
	ask := shape.driven
	if len(ask) == 0 && !shape.scans && len(shape.digital) > 0 {
		ask = shape.digital[:1] // a sign of life
	}
	var out []poll
	for i := 0; i < len(ask); i += 2 * mostPins {
		part := ask[i:min(len(ask), i+2*mostPins)]
		var with []string
		if !shape.scans {
			with = part
			if i == 0 {
				with = append(part[:len(part):len(part)], shape.digital...)
			}
		}
		out = append(out, poll{id: "pins " + strings.Join(part, " "), every: c.f.poll(),
			message: func() (*outgoing, error) { return c.question(part, with) }})
	}
	return out
}

// question asks for pins. A board that is being set up anew is asked nothing.
func (c *firmataCodec) question(pins, with []string) (*outgoing, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sess.State() != firmata.Ready {
		return &outgoing{kind: transport.Binary}, nil
	}
	var w []firmataWrite
	for _, p := range pins {
		w = append(w, firmataWrite{field: p})
		if err := c.sess.Query(p); err != nil {
			return nil, err
		}
	}
	out := c.message(append([]byte(firmata.Resync), c.sess.Output()...), w, nil)
	a, _ := out.answer.(*firmataAnswer)
	a.write, a.with = false, with
	return out, nil
}

// firmataAnswer awaits the states of some pins. Firmata's answers have no number:
// nothing that went out before the last write waits on, or it would take that
// one's answers, and a state that is not the one that was written is an earlier
// one.
type firmataAnswer struct {
	c     *firmataCodec
	want  []firmataWrite
	write bool     // they are to have want's values; else any will do
	with  []string // fields that the answer shows
	gen   uint64
	got   []bool
}

// begin is called by the writer, right before the bytes. What an output's message
// holds before Firmata 2.5 are all eight pins of its port, as they stand at this
// moment.
func (a *firmataAnswer) begin(data []byte) {
	c := a.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if a.write {
		c.gen++
	}
	a.gen = c.gen
	clear(a.got)
	if !a.write || c.sess.State() != firmata.Ready {
		return
	}
	for i := range a.want {
		if w := &a.want[i]; w.mode == firmata.Output.String() && c.sess.Write(w.field, w.value) == nil {
			copy(data[w.at:w.at+3], c.sess.Output())
		}
	}
}

// find is the place of the pin whose state came, -1: none of these; right says
// that it is the state that was written.
func (a *firmataAnswer) find() (i int, right bool) {
	e := a.c.state
	if e == nil || a.gen != a.c.gen {
		return -1, false
	}
	for i := range a.want {
		if w := &a.want[i]; w.field == e.Field {
			return i, !a.write || e.Mode.String() == w.mode && math.Abs(e.Value-w.value) <= 1e-6*math.Max(1, w.value)
		}
	}
	return -1, false
}

func (a *firmataAnswer) answer(r *lines.Record) (verdict, error) {
	i, right := a.find()
	if i < 0 || !right {
		return notMine, nil
	}
	a.got[i] = true
	for _, got := range a.got {
		if !got {
			return notMine, nil
		}
	}
	for _, name := range a.with {
		if f := &a.c.fields[a.c.index[name]]; f.known {
			r.Fields = append(r.Fields, lines.Field{Key: f.name, Kind: lines.Number, NumOK: true, Num: f.value})
		}
	}
	return obeyed, nil
}

// mismatch says of a pin's state that it is not the one that was written.
func (a *firmataAnswer) mismatch(r *lines.Record) string {
	if i, right := a.find(); i >= 0 && !right {
		return fmt.Sprintf("%s, not %s %g", r.Raw, a.want[i].mode, a.want[i].value)
	}
	return ""
}

// fits says whether the board that was set up is one that the type file is for.
func (c *firmataCodec) fits() error {
	bad := func(format string, args ...any) error {
		return edge.Errorf(edge.CodeContract, "the board is not what %s says: %s", c.t.Name, fmt.Sprintf(format, args...)).
			WithHint("choose pins that the board has, or the type of this board")
	}
	if len(c.fields) == 0 {
		return bad("it has no analog input, and the file lists no pins")
	}
	if b, shape := c.sess.Board(), c.shape.Load(); len(shape.digital) > 0 && b.Major == 2 && b.Minor < 4 {
		return bad("it speaks Firmata %d.%d, which does not report what digital inputs are at first; 2.4 or later is needed", b.Major, b.Minor)
	}
	for i := range c.t.Channels {
		if _, ok := c.index[c.t.Channels[i].from()]; !ok && !c.t.Channels[i].Optional {
			return bad("it has no %s", c.t.Channels[i].from())
		}
	}
	for i := range c.t.Commands {
		cmd := &c.t.Commands[i]
		for end := range 2 {
			args, err := cmd.resolve(cmd.atEnds(end))
			if err != nil {
				continue // an int between whole limits is not there: narrower ones may be
			}
			if _, err := c.f.writes(cmd.Send, args, c.bits); err != nil {
				return bad("%s: %s", cmd.ID, edge.AsError(err).Message)
			}
		}
	}
	return nil
}
