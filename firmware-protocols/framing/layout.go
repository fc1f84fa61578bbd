package framing

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"labbox/firmware-protocols/checksum"
)

type way uint8

const (
	marked  way = iota // an end mark, perhaps a start mark
	stuffed            // marks and escape bytes, SLIP
	cobs
	sized // a length field or a fixed size
	silent
)

// layout is what Options mean, for both directions.
type layout struct {
	opt   Options
	way   way
	max   int    // of the body
	start []byte // empty: frames have no start mark, or share it with the end
	mark  []byte // the end mark; with a tail the one before it
	tail  int
	final []byte // what closes the frame behind the tail, or must end a sized one
	lead  []byte // a start mark that is sent and passed over: frames that share marks

	esc      byte
	xor      byte
	slip     bool
	startEsc bool // the start mark is the escape byte and another one
	endEsc   bool
	startCut bool // a start mark inside a frame begins another one

	length Length // its Size 0: a fixed size

	sum    checksum.Algorithm
	form   checksum.Form
	little bool
	width  int // of the checksum; 0: none
	from   int
	until  int
	upper  bool
	raw    bool // the checksum is that of the stuffed bytes

	extra  int // bytes of the tail that are message
	rawMax int // no frame is longer on the line
	runMax int // garbage in one piece
}

// rescans says that a bad frame is searched for another one.
func (l *layout) rescans() bool { return len(l.start) > 0 || l.way == sized }

// passes says that an empty message is its end mark alone, passed over when read.
func (l *layout) passes() bool {
	return l.way == marked && len(l.start) == 0 && l.tail == 0 && l.width == 0 && !l.opt.Empty
}

func wrong(key, format string, args ...any) error {
	return &KeyError{Key: key, Text: fmt.Sprintf(format, args...)}
}

// toBytes turns characters up to U+00FF into bytes.
func toBytes(key, s string, most int) ([]byte, error) {
	var b []byte
	if !utf8.ValidString(s) {
		return nil, wrong(key, "is no valid text; write the byte AA as \"\\xAA\" in YAML, \"\\u00aa\" in Go")
	}
	if i := strings.IndexByte(s, '\\'); i >= 0 && i+1 < len(s) && strings.IndexByte("nrtx0", s[i+1]) >= 0 {
		return nil, wrong(key, "%q holds a backslash: write it in double quotes, where \\%c is one byte", s, s[i+1])
	}
	for _, r := range s {
		if r > 0xFF {
			return nil, wrong(key, "%q is no byte", r)
		}
		b = append(b, byte(r))
	}
	if len(b) > most {
		return nil, wrong(key, "is %d bytes, at most %d", len(b), most)
	}
	return b, nil
}

func compile(o Options) (*layout, error) {
	l := &layout{opt: o, max: o.Max}
	for _, step := range []func(Options) error{l.marks, l.choose, l.lengths, l.escapes, l.checks, l.tails, l.limits} {
		if err := step(o); err != nil {
			return nil, err
		}
	}
	return l, nil
}

func (l *layout) marks(o Options) (err error) {
	if l.start, err = toBytes("start", o.Start, maxMark); err != nil {
		return err
	}
	if l.mark, err = toBytes("end", o.End, maxMark); err != nil {
		return err
	}
	after, err := toBytes("after", o.After, maxMark)
	if err != nil {
		return err
	}
	if len(after) > 0 {
		l.mark, l.final = after, l.mark
	}
	return nil
}

// choose finds the way and refuses keys of another one.
func (l *layout) choose(o Options) error {
	var chosen string
	for _, w := range []struct {
		key string
		on  bool
		way way
	}{
		{"length", o.Length != nil, sized}, {"size", o.Size != 0, sized}, {"cobs", o.COBS, cobs}, {"slip", o.SLIP, stuffed},
		{"end", (o.End != "" || o.After != "") && o.Length == nil && o.Size == 0, marked},
		{"silence", o.Silence != 0, silent},
	} {
		if !w.on || w.key == "silence" && chosen == "end" { // silence beside end
			continue
		}
		if chosen != "" {
			return wrong(w.key, "cannot stand beside %s", chosen)
		}
		chosen, l.way = w.key, w.way
	}
	switch {
	case chosen == "" && o.Start != "":
		return wrong("start", "needs end, length or size beside it")
	case chosen == "":
		return wrong("end", "is missing: one of end, length, size, cobs, slip, silence says where a message ends")
	case o.Silence < 0:
		return wrong("silence", "%v is no time", o.Silence)
	}
	plain := chosen == "end"
	for _, k := range []struct {
		key    string
		on, ok bool
	}{
		{"start", o.Start != "", plain || l.way == sized},
		{"escape", o.Escape != "", plain},
		{"xor", o.Xor != 0, o.Escape != ""},
		{"hex", o.Hex, plain && o.Escape == "" && o.Tail == 0 && !o.Empty},
		{"after", o.After != "", plain && o.Tail > 0},
		{"tail", o.Tail != 0, plain},
		{"silence", o.Silence != 0, chosen == "silence" || plain && o.Start == "" && o.Escape == "" && o.Tail == 0},
		{"empty", o.Empty, plain && o.Start == "" && o.Escape == "" && o.Tail == 0},
	} {
		if k.on && !k.ok {
			return wrong(k.key, "does not go with the other keys")
		}
	}
	if l.way == sized {
		l.mark, l.final = nil, l.mark
	}
	if plain && o.Escape == "" && string(l.start) == string(l.mark) {
		return wrong("start", "is the end mark too; leave it out")
	}
	return nil
}

func (l *layout) lengths(o Options) error {
	if o.Length == nil {
		if o.Size < 0 || o.Size > maxRescan {
			return wrong("size", "%d, want 1 to %d", o.Size, maxRescan)
		}
		return nil
	}
	n := *o.Length
	most := 4
	if n.As == "decimal" || n.As == "hex" {
		most = 8
	}
	switch {
	case n.As != "" && n.As != "binary" && n.As != "decimal" && n.As != "hex":
		return wrong("length.as", "%q is none of binary, decimal, hex", n.As)
	case n.Size < 1 || n.Size > most:
		return wrong("length.size", "%d, want 1 to %d", n.Size, most)
	case n.Order != "" && n.Order != "big" && n.Order != "little":
		return wrong("length.order", "%q is none of big, little", n.Order)
	case n.At < len(l.start) || n.At > maxTail:
		return wrong("length.at", "%d, want %d (behind the start mark) to %d", n.At, len(l.start), maxTail)
	case n.Add < -maxRescan || n.Add > maxRescan:
		return wrong("length.add", "%d is too much", n.Add)
	}
	l.length = n
	return nil
}

func (l *layout) checks(o Options) error {
	c := o.Checksum
	if c == nil {
		return nil
	}
	var ok bool
	if l.sum, ok = checksum.Lookup(c.Kind); !ok {
		return wrong("checksum.kind", "%q is no known checksum", c.Kind)
	}
	if l.form, ok = checksum.ParseForm(c.As); !ok {
		return wrong("checksum.as", "%q is none of binary, hex, decimal", c.As)
	}
	switch {
	case c.Order != "" && c.Order != "big" && c.Order != "little":
		return wrong("checksum.order", "%q is none of big, little", c.Order)
	case c.From < 0 || c.From > maxMax:
		return wrong("checksum.from", "%d is no number of bytes", c.From)
	case c.Until < 0 || c.Until > maxMax:
		return wrong("checksum.until", "%d is no number of bytes", c.Until)
	case o.Hex && l.form != checksum.Binary:
		return wrong("checksum.as", "is binary with hex: its digits are those of hex")
	case c.Stuffed && (l.way != stuffed || l.tail == 0 && o.Tail == 0):
		return wrong("checksum.stuffed", "needs escape and tail")
	}
	l.little, l.upper, l.raw = c.Order == "little", c.Upper, c.Stuffed
	l.from, l.until = c.From, c.Until
	l.width = checksum.Width(l.sum, l.form)
	return nil
}

func (l *layout) tails(o Options) error {
	l.tail = o.Tail
	switch {
	case l.tail < 0 || l.tail > maxTail:
		return wrong("tail", "%d, want 0 to %d", l.tail, maxTail)
	case l.tail > 0 && l.tail < l.width:
		return wrong("tail", "%d bytes are too few for the checksum's %d", l.tail, l.width)
	}
	return nil
}

func (l *layout) limits(o Options) error {
	if l.max == 0 {
		l.max = DefaultMax
	}
	most := maxMax
	if l.rescans() {
		most = maxRescan
	}
	if l.max < 1 || l.max > most {
		return wrong("max", "%d, want 1 to %d", l.max, most)
	}
	if l.extra = max(l.tail-l.width, 0); l.extra > l.max {
		return wrong("max", "%d is less than the tail", l.max)
	}
	if o.Size > 0 {
		if l.overhead() >= o.Size {
			return wrong("size", "%d leaves no byte for a message", o.Size)
		}
		l.max = o.Size - l.overhead()
	}
	l.rawMax = l.max + slack
	if l.way == stuffed || o.Hex {
		l.rawMax = 2*l.max + slack
	} else if l.way == cobs {
		l.rawMax = l.max + l.max/254 + slack
	}
	l.runMax = l.max + slack
	return nil
}

// overhead is what a sized frame has beside its message.
func (l *layout) overhead() int { return len(l.start) + l.length.Size + l.width + len(l.final) }
