package gcode

import (
	"bytes"
	"math"
	"unicode/utf8"
)

// Kind says what a line from the stage is.
type Kind uint8

// The kinds of lines.
const (
	OK       Kind = iota // the oldest line is done with; Fields hold what stands behind the word
	Error                // the oldest line is refused: Code, or Text from old versions
	Alarm                // motion is locked: Code, or Text from old versions
	Banner               // the stage has started or was reset: nothing is under way any more
	Status               // a report: Fields
	Busy                 // working on it, do not give up (Marlin)
	Resend               // send again from line Code (Marlin)
	Fault                // Error:... of Marlin: Text; it answers no line
	Message              // [...], $..., >..., echo:, //: Text
	Text                 // any other printable line
	Garbage              // a damaged line: no value of it counts
	Overlong             // a line over MaxLine was dropped: Raw is its first 64 bytes at most
)

func (k Kind) String() string {
	names := [...]string{"ok", "error", "alarm", "banner", "status", "busy", "resend", "fault", "message", "text", "garbage", "overlong"}
	if int(k) < len(names) {
		return names[k]
	}
	return "unknown"
}

// Line is one line from the stage. It and what it points to end with the call.
type Line struct {
	Kind   Kind
	Code   int
	Text   []byte
	Fields []Field
	Raw    []byte // the line without its end and outer blanks
}

// Field is one value of a report. Key is one of the names of SPEC.md, section 3, or
// what the stage calls it, in lower case.
type Field struct {
	Key  string
	Num  float64 // NaN where the value is text
	Text []byte  // as it came
}

// Get returns the field with that key.
func (l *Line) Get(key string) (Field, bool) {
	for _, f := range l.Fields {
		if f.Key == key {
			return f, true
		}
	}
	return Field{Num: math.NaN()}, false
}

// Stats counts since New. Reset does not clear them.
type Stats struct {
	Bytes    uint64 // fed
	Lines    uint64 // of all kinds but overlong
	Garbage  uint64
	Overlong uint64
	Cut      uint64 // begun lines that Reset threw away
}

// Decoder cuts what a stage sends into lines and reads them. It is not safe for
// concurrent use.
type Decoder struct {
	max    int
	buf    []byte
	drop   bool
	stats  Stats
	line   Line
	fields []Field
	values [maxFields][]byte // of one field
	names  map[string]string // fields that are in no table
	wco    [axes]float64     // work coordinate offset, as last told
	hasWCO bool
	shown  [maxPrefix]byte
}

// New returns a decoder.
func New(o Options) (*Decoder, error) {
	o, err := o.WithDefaults()
	if err != nil {
		return nil, err
	}
	return &Decoder{max: o.MaxLine, fields: make([]Field, 0, maxFields), names: map[string]string{}}, nil
}

// Stats returns the counters.
func (d *Decoder) Stats() Stats { return d.stats }

// Reset forgets the line that has begun and the work offset: call it after a
// reconnect.
func (d *Decoder) Reset() {
	if len(d.buf) > 0 {
		d.stats.Cut++
	}
	d.buf, d.drop, d.hasWCO = d.buf[:0], false, false
}

// Feed takes the next bytes and calls emit for each line, in order. CR and LF both
// end a line, empty lines are none. p is not kept.
func (d *Decoder) Feed(p []byte, emit func(*Line)) {
	d.stats.Bytes += uint64(len(p))
	for len(p) > 0 {
		n := 0
		for n < len(p) && p[n] != '\n' && p[n] != '\r' {
			n++
		}
		seg := p[:n]
		if n == len(p) {
			d.hold(seg, emit)
			return
		}
		p = p[n+1:]
		if len(d.buf) > 0 || d.drop {
			d.hold(seg, emit)
			seg = d.buf
		}
		switch {
		case d.drop:
		case len(seg) > d.max:
			d.overlong(seg, nil, emit)
		default:
			d.read(seg, emit)
		}
		d.buf, d.drop = d.buf[:0], false
	}
}

func (d *Decoder) hold(seg []byte, emit func(*Line)) {
	switch {
	case d.drop:
	case len(d.buf)+len(seg) > d.max:
		d.overlong(d.buf, seg, emit)
		d.drop = true
		d.buf = d.buf[:0]
	default:
		d.buf = append(d.buf, seg...)
	}
}

func (d *Decoder) overlong(a, b []byte, emit func(*Line)) {
	d.stats.Overlong++
	n := copy(d.shown[:], a)
	n += copy(d.shown[n:], b)
	d.line = Line{Kind: Overlong, Raw: d.shown[:n]}
	emit(&d.line)
}

// read tells the kinds of lines apart.
func (d *Decoder) read(b []byte, emit func(*Line)) {
	b = bytes.Trim(b, " \t")
	if len(b) == 0 {
		return
	}
	d.stats.Lines++
	d.line = Line{Kind: Text, Raw: b, Text: b}
	d.fields = d.fields[:0]
	l := &d.line
	ok := clean(b)
	if ok {
		ok = d.classify(l, b)
	}
	if !ok {
		*l = Line{Kind: Garbage, Raw: b}
		d.stats.Garbage++
	} else {
		l.Fields = d.fields
	}
	emit(l)
}

func (d *Decoder) classify(l *Line, b []byte) bool {
	switch b[0] {
	case '<':
		l.Kind, l.Text = Status, nil
		return d.report(b)
	case '[', '$', '>', '/':
		l.Kind = Message
		return b[0] != '[' || b[len(b)-1] == ']'
	}
	switch {
	case bytes.HasPrefix(b, []byte("ok")):
		l.Kind, l.Text = OK, bytes.TrimLeft(b[2:], " ")
		return len(b) == 2 || b[2] == ' ' && d.pairs(l.Text)
	case after(b, "error:", l):
		l.Kind = Error
		return l.number(true)
	case after(b, "ALARM:", l):
		l.Kind = Alarm
		return l.number(true)
	case after(b, "Error:", l):
		l.Kind = Fault
	case bytes.HasPrefix(b, []byte("!!")):
		l.Kind = Fault
	case after(b, "Resend:", l), after(b, "rs ", l):
		l.Kind = Resend
		return l.number(false)
	case after(b, "echo:busy", l), after(b, "busy:", l):
		l.Kind = Busy
	case after(b, "echo:", l):
		l.Kind = Message
	case string(b) == "start", bytes.HasPrefix(b, []byte("Grbl")) && bytes.IndexByte(b, '[') > 0:
		l.Kind, d.hasWCO = Banner, false
	case bytes.Contains(b, []byte(">ok")), bytes.Contains(b, []byte("|MPos:")):
		return false // a piece of a report with something glued to it
	default:
		if isPairs(b) && d.pairs(b) {
			l.Kind, l.Text = Status, nil
		}
	}
	return true
}

func after(b []byte, prefix string, l *Line) bool {
	if !bytes.HasPrefix(b, []byte(prefix)) {
		return false
	}
	l.Text = bytes.TrimLeft(b[len(prefix):], " ")
	return true
}

// number reads the code in Text. Old versions send words in its place.
func (l *Line) number(words bool) bool {
	n := 0
	for n < len(l.Text) && isDigit(l.Text[n]) && n < 9 {
		l.Code = l.Code*10 + int(l.Text[n]-'0')
		n++
	}
	if n == len(l.Text) && n > 0 {
		l.Text = nil
		return true
	}
	l.Code = 0
	return words && n == 0 && len(l.Text) > 0
}

// clean reports whether b is text: a stage sends nothing else.
func clean(b []byte) bool {
	for _, c := range b {
		if c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return utf8.Valid(b)
}
