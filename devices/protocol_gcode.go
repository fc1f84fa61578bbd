package devices

import (
	"fmt"
	"math"
	"strings"
	"sync"
	"time"

	"labbox/devices/transport"
	"labbox/edge"
	"labbox/firmware-protocols/gcode"
	"labbox/firmware-protocols/lines"
)

// gcodeCodec drives a stage (firmware-protocols/gcode): lines that are answered by
// ok or error, with no more of them under way than its buffer holds, and bytes that
// overtake them.
type gcodeCodec struct {
	o    gcode.Options
	wait time.Duration // for an answer that gives no time of its own
	room chan struct{} // gets a token when lines have left the buffer
	take func(*gcode.Line)
	keys map[string][]byte
	emit func(*lines.Record)
	rec  lines.Record

	mu    sync.Mutex // of what follows: the writer counts lines, the reader their answers
	dec   *gcode.Decoder
	win   *gcode.Window
	line  *gcode.Line // that rec stands for
	id    uint64      // of the line that it answers, 0 for none
	idle  int         // reports in a row, since the last line, that it stands
	asked int         // status reports until a reset that was asked for is forgotten
}

// idleHeard is how many reports without a motion, after a line, tell that the
// stage has nothing to do any more: what it has not answered by then, it has, and
// the answer was lost.
const idleHeard = 3

// stands says whether a stage in that state has carried out what it got.
func stands(state string) bool { return oneOf(state, "Idle", "Alarm", "Check", "Sleep") }

// resetHeard is how many status reports may be under way when a stage is reset:
// its banner comes before any later one.
const resetHeard = 3

func newGcodeCodec(t *Type) (*gcodeCodec, error) {
	o, err := t.Protocol.Gcode.WithDefaults()
	if err != nil {
		return nil, err
	}
	dec, err := gcode.New(o)
	if err != nil {
		return nil, err
	}
	c := &gcodeCodec{o: o, wait: t.Timing.Reply, room: make(chan struct{}, 1), keys: map[string][]byte{},
		dec: dec, win: gcode.NewWindow(o.Buffer)}
	c.take = c.received
	return c, nil
}

func (c *gcodeCodec) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dec.Reset()
	c.win.Reset()
	c.asked = 0
}

func (c *gcodeCodec) feed(p []byte, _ transport.Kind, emit func(*lines.Record)) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.emit = emit
	c.dec.Feed(p, c.take)
	c.emit, c.line = nil, nil
	return nil
}

// received makes a record of one line.
func (c *gcodeCodec) received(l *gcode.Line) {
	c.rec = lines.Record{Kind: lines.Labels, Raw: l.Raw, Fields: c.rec.Fields[:0]}
	c.line, c.id = l, 0
	switch l.Kind {
	case gcode.Status:
		c.rec.Kind = lines.Values
		c.status(l)
		c.asked = max(0, c.asked-1)
		if state, ok := l.Get("state"); ok && !stands(string(state.Text)) {
			c.idle = 0
		} else {
			c.idle++
		}
	case gcode.OK, gcode.Error:
		if id, expected := c.win.Ok(); expected {
			c.id = id
			c.made()
			break
		}
		c.rec.Kind, c.rec.Why = lines.Garbage, "it answers no line"
	case gcode.Banner:
		c.win.Reset()
		c.made()
		c.text("banner", l.Raw)
		if c.asked == 0 { // nobody asked for it
			c.text("rebooted", l.Raw)
		}
		c.asked = 0
	case gcode.Overlong:
		c.rec.Kind = lines.Overlong
	case gcode.Garbage:
		c.rec.Kind, c.rec.Why = lines.Garbage, "a damaged line"
	}
	c.emit(&c.rec)
}

// sort: what nobody waited for and is no report is words for people.
func (c *gcodeCodec) sort(r *lines.Record) {
	if c.line == nil || r.Kind != lines.Labels {
		return
	}
	switch c.line.Kind {
	case gcode.Alarm, gcode.Error:
		r.Raw = []byte(gcodeWords(c.line))
		fallthrough
	case gcode.Message, gcode.Text, gcode.Fault, gcode.Resend:
		r.Kind, r.Plain = lines.Garbage, true
	}
}

// made tells that there is room in the stage's buffer.
func (c *gcodeCodec) made() {
	select {
	case c.room <- struct{}{}:
	default:
	}
}

// status gives a report's values, and what follows from them: a number for each
// input, and whether anything moves.
func (c *gcodeCodec) status(l *gcode.Line) {
	for i := range l.Fields {
		f := &l.Fields[i]
		switch {
		case f.Key == "pins":
			for k := range gcodePins {
				c.number(gcodePinFields[k], oneIf(strings.IndexByte(string(f.Text), gcodePins[k]) >= 0))
			}
			c.text(f.Key, f.Text)
		case math.IsNaN(f.Num):
			c.text(f.Key, f.Text)
		default:
			c.number(f.Key, f.Num)
		}
	}
	if state, ok := l.Get("state"); ok {
		sub, _ := l.Get("substate")
		c.number("moving", oneIf(gcodeMoves(string(state.Text), sub.Num)))
	}
}

// gcodeMoves says whether a stage in that state may move: Hold:1 slows down yet,
// Door:2 and 3 move to and from where it waits.
func gcodeMoves(state string, sub float64) bool {
	switch state {
	case "Run", "Jog", "Home":
		return true
	case "Hold":
		return sub == 1
	case "Door":
		return sub >= 2
	}
	return false
}

// gcodePins are the letters of inputs in a report, gcodePinFields their fields.
const gcodePins = "XYZABCPDHRS"

var gcodePinFields = [...]string{"pin_x", "pin_y", "pin_z", "pin_a", "pin_b", "pin_c", "pin_probe", "pin_door", "pin_hold", "pin_reset", "pin_start"}

func oneIf(on bool) float64 {
	if on {
		return 1
	}
	return 0
}

func (c *gcodeCodec) number(key string, x float64) {
	c.rec.Fields = append(c.rec.Fields, lines.Field{Key: c.key(key), Kind: lines.Number, NumOK: true, Num: x})
}

func (c *gcodeCodec) text(key string, text []byte) {
	c.rec.Fields = append(c.rec.Fields, lines.Field{Key: c.key(key), Kind: lines.Text, Text: text})
}

// key keeps names, of which the decoder bounds the number.
func (c *gcodeCodec) key(name string) []byte {
	k, ok := c.keys[name]
	if !ok {
		k = []byte(name)
		c.keys[name] = k
	}
	return k
}

// polls asks for the status: by a byte that goes past every line, or by a line.
func (c *gcodeCodec) polls() []poll {
	p := poll{id: "status", every: c.o.Poll, message: func() (*outgoing, error) {
		return &outgoing{data: []byte(c.o.Status), kind: transport.Binary, aside: true, answer: gcodeStatus{c}, within: c.wait}, nil
	}}
	if !c.byByte() {
		p.message = func() (*outgoing, error) {
			return c.outgoing(nil, [][]byte{[]byte(c.o.Status + "\n")}, &gcodeAnswer{c: c, status: true}, nil)
		}
	}
	return []poll{p}
}

// byByte says that the status is asked for past all lines.
func (c *gcodeCodec) byByte() bool {
	return len(c.o.Status) == 1 && gcode.IsRealtime(c.o.Status[0])
}

// gcodeStatus awaits a report.
type gcodeStatus struct{ c *gcodeCodec }

func (a gcodeStatus) answer(*lines.Record) (verdict, error) {
	if l := a.c.line; l != nil && l.Kind == gcode.Status {
		return obeyed, nil
	}
	return notMine, nil
}

func (c *gcodeCodec) encode(dst []byte, s *Send, r *Reply, args []argument) (*outgoing, error) {
	if s.Realtime != "" {
		b, err := realtimeByte(s.Realtime)
		if err != nil {
			return nil, err
		}
		out := newOutgoing(append(dst, b), transport.Binary, r, args)
		if out.aside = true; b == gcode.SoftReset {
			out.begin = func() {
				c.mu.Lock()
				defer c.mu.Unlock()
				c.asked = resetHeard
			}
		}
		return out, nil
	}
	patterns := s.patterns
	if len(s.Lines) == 0 {
		patterns = append(patterns[:0:0], s.pattern)
	}
	ls := make([][]byte, 0, len(patterns))
	for _, p := range patterns {
		line, err := printPattern(nil, p, args)
		if err != nil {
			return nil, err
		}
		ls = append(ls, append(line, '\n'))
	}
	return c.outgoing(dst, ls, &gcodeAnswer{c: c, reply: r, args: args}, r)
}

// outgoing sends lines, which a answers.
func (c *gcodeCodec) outgoing(dst []byte, ls [][]byte, a *gcodeAnswer, r *Reply) (*outgoing, error) {
	for i, line := range ls {
		if err := gcode.Check(line, c.o.Buffer); err != nil {
			return nil, edge.Errorf(edge.CodeBadValue, "line %d: %w", i+1, err)
		}
	}
	a.lines = ls
	out := &outgoing{data: append(dst, ls[0]...), kind: transport.Text, answer: a, within: c.wait, ready: a.push}
	if r != nil {
		out.within = r.Within
	}
	if len(ls) > 1 {
		out.flow = a
	}
	return out, nil
}

// realtimeByte is the byte that a file's realtime stands for.
func realtimeByte(s string) (byte, error) {
	rs := []rune(s)
	if len(rs) != 1 || rs[0] > 0xff || !gcode.IsRealtime(byte(rs[0])) {
		return 0, edge.Errorf(edge.CodeBadValue, "%q is no realtime byte", s).WithHint(`such as "!", "~", "\x18" or "\x85"`)
	}
	return byte(rs[0]), nil
}

// gcodeWords is an error or an alarm for people.
func gcodeWords(l *gcode.Line) string {
	why := gcode.ErrorText(l.Code)
	if l.Kind == gcode.Alarm {
		why = gcode.AlarmText(l.Code)
	}
	if l.Code == 0 || why == "" {
		return clip(l.Raw)
	}
	return fmt.Sprintf("%s: %s", clip(l.Raw), why)
}
