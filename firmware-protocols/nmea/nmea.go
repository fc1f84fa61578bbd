package nmea

import (
	"bytes"
	"errors"
	"fmt"
)

// Limits of a sentence.
const (
	StandardMax = 82   // bytes by the standard, from $ to LF
	DefaultMax  = 1024 // accepted unless declared otherwise
	MaxFields   = 128
	shown       = 64 // bytes of an overlong line that are shown
)

// ErrOptions is wrapped by what New returns.
var ErrOptions = errors.New("nmea: bad options")

// Options describe a device's sentences. The zero value is the standard.
type Options struct {
	NoChecksum bool // a sentence may come without a checksum; one that is there must be right all the same
	Max        int  // longest line in bytes without its end, 16 to 65536; default 1024
}

// Bad says why a sentence gives no values.
type Bad uint8

// The reasons.
const (
	Good       Bad = iota
	Checksum       // the checksum is wrong
	NoChecksum     // there is none
	Cut            // the next sentence began before this one ended
	Address        // neither talker and type nor a proprietary address
	Characters     // control characters, or bytes above 7E without a checksum
	Overlong       // longer than Options.Max; Raw is its beginning
	Fields         // more than MaxFields
	Text           // not a sentence: a banner, an echo, a half line
)

func (b Bad) String() string {
	names := [...]string{"good", "wrong checksum", "no checksum", "cut", "bad address", "bad characters", "overlong", "too many fields", "no sentence"}
	if int(b) < len(names) {
		return names[b]
	}
	return "unknown"
}

// Sentence is one line. It and all it points to are valid only during the call
// of emit.
type Sentence struct {
	Talker       []byte   // "GP"; "P" where it is proprietary
	Type         []byte   // "GGA"; "MTK001"
	Fields       [][]byte // behind the address
	Encapsulated bool     // began with !
	Checked      bool     // it had a checksum, and it was right
	Bad          Bad      // then only Raw counts
	Raw          []byte   // without CR and LF

	names *names
}

// Stats counts since New. Reset does not clear them.
type Stats struct {
	Bytes     uint64 // fed
	Sentences uint64 // good ones
	Wrong     uint64 // with a wrong checksum or none
	Malformed uint64 // cut, address, characters, fields
	Overlong  uint64
	Text      uint64 // lines that are no sentence
	Skipped   uint64 // bytes of the first, half line
}

// Decoder cuts a byte stream into sentences. It is not safe for concurrent use.
type Decoder struct {
	opt    Options
	buf    []byte
	drop   bool // the line is too long: wait for its end
	skip   bool // the first line may be half of one
	stats  Stats
	s      Sentence
	fields [][]byte
	names  names
}

// New returns a decoder.
func New(o Options) (*Decoder, error) {
	if o.Max == 0 {
		o.Max = DefaultMax
	}
	if o.Max < 16 || o.Max > 1<<16 {
		return nil, fmt.Errorf("%w: longest line of %d bytes, must be 16 to 65536", ErrOptions, o.Max)
	}
	return &Decoder{opt: o, buf: make([]byte, 0, o.Max), skip: true, fields: make([][]byte, 0, MaxFields)}, nil
}

// Reset forgets the half line: call it after a reconnect.
func (d *Decoder) Reset() { d.buf, d.drop, d.skip = d.buf[:0], false, true }

// Stats returns the counters.
func (d *Decoder) Stats() Stats { return d.stats }

// Feed takes the next bytes and calls emit for each line found, in order, the bad
// ones too. p is not kept. What stands before the first $, ! or line end after a
// start is half a line and only counted.
func (d *Decoder) Feed(p []byte, emit func(*Sentence)) {
	d.stats.Bytes += uint64(len(p))
	for len(p) > 0 {
		n := bytes.IndexByte(p, '\n')
		if n < 0 {
			n = len(p)
		}
		if cr := bytes.IndexByte(p[:n], '\r'); cr >= 0 {
			n = cr // some devices end lines with CR alone
		}
		d.hold(p[:n], emit)
		if n == len(p) {
			return
		}
		d.end(emit)
		p = p[n+1:]
	}
}

// hold keeps a part of a line.
func (d *Decoder) hold(b []byte, emit func(*Sentence)) {
	for len(b) > 0 {
		if d.drop {
			start := bytes.IndexByte(b, '$')
			if start < 0 {
				return
			}
			b, d.drop = b[start:], false
		}
		room := d.opt.Max - len(d.buf)
		if len(b) <= room {
			d.buf = append(d.buf, b...)
			return
		}
		// The line may be several glued ones: what is complete is not lost, and
		// the last may still fit.
		d.buf = append(d.buf, b[:room]...)
		b = b[room:]
		if at := bytes.LastIndexByte(d.buf, '$'); at > 0 {
			d.line(d.buf[:at], false, emit)
			d.buf = append(d.buf[:0], d.buf[at:]...)
			continue
		}
		d.drop, d.skip = true, false
		d.bad(Overlong, d.buf[:min(len(d.buf), shown)], emit)
		d.buf = d.buf[:0]
	}
}

// end finishes the held line.
func (d *Decoder) end(emit func(*Sentence)) {
	if !d.drop {
		d.line(d.buf, true, emit)
	}
	d.buf, d.drop, d.skip = d.buf[:0], false, false
}

// line splits b at each $, which stands nowhere else in a sentence. ended says
// that a line end follows b.
func (d *Decoder) line(b []byte, ended bool, emit func(*Sentence)) {
	start := bytes.IndexAny(b, "$!")
	if start < 0 {
		start = len(b)
	}
	if start > 0 {
		switch {
		case d.skip:
			d.stats.Skipped += uint64(start)
		case !isTag(b[:start]) && len(bytes.TrimSpace(b[:start])) > 0:
			d.bad(Text, b[:start], emit)
		}
		b = b[start:]
	}
	d.skip = false
	for len(b) > 0 {
		n := len(b)
		if next := bytes.IndexByte(b[1:], '$'); next >= 0 {
			n = 1 + next
		}
		d.sentence(b[:n], ended && n == len(b), emit)
		b = b[n:]
	}
}

// isTag tells a TAG block (NMEA 4.10), which stands between backslashes before a
// sentence.
func isTag(b []byte) bool { return len(b) >= 2 && b[0] == '\\' && b[len(b)-1] == '\\' }

func (d *Decoder) bad(why Bad, raw []byte, emit func(*Sentence)) {
	switch why {
	case Checksum, NoChecksum:
		d.stats.Wrong++
	case Overlong:
		d.stats.Overlong++
	case Text:
		d.stats.Text++
	default:
		d.stats.Malformed++
	}
	d.s = Sentence{Bad: why, Raw: raw}
	emit(&d.s)
}
