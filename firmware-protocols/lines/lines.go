package lines

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strconv"
)

// Format is the grammar of a line.
type Format uint8

// The formats.
const (
	JSON    Format = iota // one or more JSON objects a line
	Relaxed               // JSON with unquoted keys, single quotes, a last comma, True, False, None; accepts JSON too
	Plotter               // Arduino Serial Plotter
	CSV                   // columns, with or without a header
)

func (f Format) String() string {
	names := [...]string{"json", "relaxed", "plotter", "csv"}
	if int(f) < len(names) {
		return names[f]
	}
	return "unknown"
}

// ParseFormat is the reverse of Format.String.
func ParseFormat(s string) (Format, error) {
	for f := JSON; f <= CSV; f++ {
		if s == f.String() {
			return f, nil
		}
	}
	return 0, fmt.Errorf("%w: format %q is none of json, relaxed, plotter, csv", ErrOptions, s)
}

// ErrOptions is wrapped by what New and ParseFormat return.
var ErrOptions = errors.New("lines: bad options")

// Limits of one record. Beyond them it is Garbage.
const (
	MaxDepth       = 8   // objects and arrays inside each other
	MaxFields      = 128 // fields of a record, nested ones included
	DefaultMaxLine = 1024
	maxTerminator  = 8
	maxPrefix      = 64 // of an overlong line that is shown
)

// Options describe a device's lines. The zero value is newline JSON.
type Options struct {
	Format     Format
	Terminator string   // default "\n"; one CR before it is dropped; 8 bytes at most
	MaxLine    int      // bytes without terminator, default 1024; longer lines are dropped and counted
	SkipFirst  bool     // discard everything up to the first terminator: a port opened in mid-line
	Separator  byte     // CSV, default ','
	Columns    []string // Plotter, CSV: names of the columns; lines of another width are Garbage
}

// Decoder cuts a byte stream into records. It is not safe for concurrent use.
type Decoder struct {
	opt     Options
	term    []byte
	buf     []byte // the line so far; while dropping, only its last bytes
	limit   int    // of buf
	drop    bool   // the line is over MaxLine: wait for its end
	skip    bool   // the first, partial line
	stats   Stats
	rec     Record
	junk    Record
	prefix  [maxPrefix]byte
	fields  []Field
	scratch []byte // joined keys and unescaped strings of one record
	nums    []float64
	why     string
	cols    columns
}

// New returns a decoder.
func New(o Options) (*Decoder, error) {
	if o.Terminator == "" {
		o.Terminator = "\n"
	}
	if o.MaxLine == 0 {
		o.MaxLine = DefaultMaxLine
	}
	if o.Separator == 0 {
		o.Separator = ','
	}
	switch {
	case o.Format > CSV:
		return nil, fmt.Errorf("%w: unknown format %d", ErrOptions, o.Format)
	case len(o.Terminator) > maxTerminator:
		return nil, fmt.Errorf("%w: terminator of %d bytes, at most %d", ErrOptions, len(o.Terminator), maxTerminator)
	case o.MaxLine < 1 || o.MaxLine > math.MaxInt32:
		return nil, fmt.Errorf("%w: longest line of %d bytes", ErrOptions, o.MaxLine)
	case isLetter(o.Separator) || o.Separator >= 0x7f || bytes.IndexByte([]byte("\"'\r\n .+-_0123456789\x00"), o.Separator) >= 0:
		return nil, fmt.Errorf("%w: separator %q", ErrOptions, o.Separator)
	case len(o.Columns) > MaxFields:
		return nil, fmt.Errorf("%w: %d columns, at most %d", ErrOptions, len(o.Columns), MaxFields)
	}
	d := &Decoder{opt: o, term: []byte(o.Terminator), limit: o.MaxLine + 1 + len(o.Terminator)}
	d.fields = make([]Field, 0, MaxFields)
	for i := range d.cols.numbers {
		d.cols.numbers[i] = strconv.AppendInt(nil, int64(i), 10)
	}
	d.cols.declare(o.Columns)
	d.Reset()
	return d, nil
}

// Reset forgets the half line, and the labels the device has printed: call it
// after a reconnect.
func (d *Decoder) Reset() {
	d.buf, d.drop, d.skip = d.buf[:0], false, d.opt.SkipFirst
	d.cols.reset()
}

// Stats returns the counters.
func (d *Decoder) Stats() Stats { return d.stats }

// Feed takes the next bytes and calls emit for each record found, in order. The
// record and all it points to are valid only during the call. p is not kept.
func (d *Decoder) Feed(p []byte, emit func(*Record)) {
	d.stats.Bytes += uint64(len(p))
	last := d.term[len(d.term)-1]
	for len(p) > 0 {
		i := bytes.IndexByte(p, last)
		if i < 0 {
			d.hold(p, emit)
			return
		}
		seg := p[:i+1]
		p = p[i+1:]
		if len(d.buf) == 0 && !d.drop && bytes.HasSuffix(seg, d.term) {
			d.line(seg[:len(seg)-len(d.term)], emit)
			continue
		}
		d.hold(seg, emit)
		if bytes.HasSuffix(d.buf, d.term) {
			d.end(d.buf[:len(d.buf)-len(d.term)], emit)
		}
	}
}

// Flush ends the line as if its terminator had come: for devices whose message
// ends with silence. A line being skipped or dropped stays so.
func (d *Decoder) Flush(emit func(*Record)) {
	if len(d.buf) > 0 && !d.drop && !d.skip {
		d.end(d.buf, emit)
	}
}

// end finishes the held line b.
func (d *Decoder) end(b []byte, emit func(*Record)) {
	if d.drop {
		d.drop, d.skip = false, false
	} else {
		d.line(b, emit)
	}
	d.buf = d.buf[:0]
}

// hold keeps seg until the line ends, or only the last bytes of a line that is
// too long.
func (d *Decoder) hold(seg []byte, emit func(*Record)) {
	if !d.drop {
		if len(d.buf)+len(seg) <= d.limit {
			d.buf = append(d.buf, seg...)
			return
		}
		d.drop = true
		n := copy(d.prefix[:], d.buf)
		n += copy(d.prefix[n:], seg)
		if d.skip {
			d.stats.Skipped++
		} else {
			d.stats.Lines++
			d.overlong(d.prefix[:n], emit)
		}
	}
	k := len(d.term)
	if len(seg) >= k {
		d.buf = append(d.buf[:0], seg[len(seg)-k:]...)
		return
	}
	if cut := len(d.buf) + len(seg) - k; cut > 0 {
		d.buf = append(d.buf[:0], d.buf[cut:]...)
	}
	d.buf = append(d.buf, seg...)
}

// line decodes one line without its terminator.
func (d *Decoder) line(b []byte, emit func(*Record)) {
	if d.skip {
		d.skip = false
		d.stats.Skipped++
		return
	}
	d.stats.Lines++
	if n := len(b); n > 0 && b[n-1] == '\r' {
		b = b[:n-1]
	}
	if len(b) > d.opt.MaxLine {
		d.overlong(b, emit)
		return
	}
	if d.opt.Format == CSV && isSpace(d.opt.Separator) {
		b = bytes.Trim(b, "\r\n ") // a tab at the end is an empty column
	} else {
		b = trim(b)
	}
	if len(b) == 0 {
		return
	}
	switch d.opt.Format {
	case JSON, Relaxed:
		d.jsonLine(b, emit)
	case Plotter:
		d.plotterLine(b, emit)
	default:
		d.csvLine(b, emit)
	}
}
