package labwire

import (
	"encoding/binary"
	"unicode/utf8"
)

const (
	maxLine   = 250 // of text from the device
	maxPrefix = 64  // of garbage that is shown
)

// Stats counts what a Decoder has seen.
type Stats struct {
	Bytes, Frames, LostFrames, LostRows, Lines, Garbage, GarbageBytes uint64
	Skipped                                                           uint64 // bytes before the first whole line or frame
}

type state uint8

const (
	inText  state = iota
	inFresh       // a zero came, the next two bytes decide
	inFrame
	inDrop // overlong: up to the next LF or zero
)

// Decoder cuts what a device sends into messages. It holds no more than one frame
// or line. It is not safe for concurrent use.
type Decoder struct {
	state    state
	partial  bool // nothing whole has come yet
	zeroed   bool // a zero has come
	buf      [MaxFrame + 2]byte
	n        int
	over     int // bytes dropped
	seq      uint8
	seqOK    bool
	row      uint32
	rowOK    bool
	expected bool
	epoch    uint8
	clock    uint64
	uptime   uint32
	layout   layout
	stats    Stats
	msg      Message
}

// NewDecoder returns a decoder that may start in the middle of anything.
func NewDecoder() *Decoder {
	d := &Decoder{}
	d.Reset()
	return d
}

// Reset forgets the half message and the counts of frames and rows: call it when
// the port was opened anew. The layout stays.
func (d *Decoder) Reset() {
	d.state, d.n, d.partial, d.zeroed = inText, 0, true, false
	d.seqOK, d.rowOK, d.expected, d.clock, d.uptime = false, false, false, 0, 0
}

// Stats returns the counters.
func (d *Decoder) Stats() Stats { return d.stats }

// Feed takes bytes as they arrive and hands out each message.
func (d *Decoder) Feed(p []byte, emit func(*Message)) {
	d.stats.Bytes += uint64(len(p))
	for _, c := range p {
		if c == 0 {
			d.zero(emit)
			continue
		}
		switch d.state {
		case inFresh:
			d.buf[d.n] = c
			d.n++
			if d.n < 2 {
				break
			}
			if c >= lowestType {
				d.state = inFrame
				break
			}
			first := d.buf[0]
			d.n, d.state = 0, inText
			d.text(first, emit)
			d.text(c, emit)
		case inFrame:
			if d.n == MaxFrame {
				d.drop(1)
				break
			}
			d.buf[d.n] = c
			d.n++
		default:
			d.text(c, emit)
		}
	}
}

// drop gives up what is held, without reporting it before its end is known.
func (d *Decoder) drop(more int) {
	d.over, d.state = d.n+more, inDrop
	d.n = min(d.n, maxPrefix)
}

func (d *Decoder) text(c byte, emit func(*Message)) {
	switch {
	case d.state == inDrop:
		if d.over++; c == '\n' {
			d.garbage("overlong", d.over, emit)
			d.state = inText
		}
	case c == '\n':
		d.line(emit)
	case d.n == maxLine:
		d.drop(1)
	default:
		d.buf[d.n] = c
		d.n++
	}
}

// zero ends whatever is held. What stands before the first one may be the tail of a
// frame, and is nobody's fault.
func (d *Decoder) zero(emit func(*Message)) {
	if !d.zeroed {
		d.partial = true
	}
	switch {
	case d.state == inFrame:
		d.frame(emit)
	case d.state == inDrop:
		d.garbage("overlong", d.over, emit)
	case d.n > 0:
		d.garbage("cut", d.n, emit)
	}
	d.n, d.state, d.partial, d.zeroed = 0, inFresh, false, true
}

// garbage reports what is held. The half message at the very beginning is none of
// the device's fault.
func (d *Decoder) garbage(why string, size int, emit func(*Message)) {
	show := d.buf[:min(d.n, maxPrefix)]
	d.n = 0
	if d.partial {
		d.stats.Skipped += uint64(size)
		return
	}
	d.stats.Garbage++
	d.stats.GarbageBytes += uint64(size)
	d.msg = Message{Kind: KindGarbage, Raw: show, Why: why, Size: size}
	emit(&d.msg)
}

func (d *Decoder) line(emit func(*Message)) {
	line := d.buf[:d.n]
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	switch {
	case d.partial:
		d.stats.Skipped += uint64(d.n + 1)
		d.partial = d.n == 0 || !plain(line) // the tail of a frame may hold an LF
	case len(line) == 0:
	case !plain(line):
		d.garbage("text", d.n+1, emit)
	default:
		boot := isHello(line)
		if boot {
			d.anew()
		}
		d.stats.Lines++
		d.msg = Message{Kind: KindText, Raw: line, Boot: boot}
		emit(&d.msg)
	}
	d.n = 0
}

// anew: the device has started again, its counts and its clock with it.
func (d *Decoder) anew() { d.seqOK, d.clock, d.uptime = false, 0, 0 }

func isHello(line []byte) bool { return len(line) > 7 && string(line[:7]) == "!hello " }

// plain reports whether p is text: UTF-8 without control characters but tab.
func plain(p []byte) bool {
	for _, c := range p {
		if c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return utf8.Valid(p)
}

func (d *Decoder) frame(emit func(*Message)) {
	size := d.n
	content, why := unstuff(d.buf[:d.n])
	if why != "" {
		d.garbage(why, size, emit)
		return
	}
	d.msg = Message{}
	if why = d.content(content); why != "" {
		d.garbage(why, size, emit)
		return
	}
	seq := content[1]
	if d.seqOK {
		d.msg.Lost = int(seq - d.seq)
		d.stats.LostFrames += uint64(d.msg.Lost)
	}
	d.seq, d.seqOK = seq+1, true
	d.stats.Frames++
	emit(&d.msg)
}

// content reads a checked frame into the message, or says why it cannot.
func (d *Decoder) content(p []byte) (why string) {
	le, m, n := binary.LittleEndian, &d.msg, len(p)
	if n < 2 {
		return "shape"
	}
	switch p[0] {
	case typeHello:
		if n < 15 {
			return "shape"
		}
		m.Kind = KindHello
		m.Hello = Hello{Version: p[2], Safe: p[3]&1 != 0, DictionaryCRC: le.Uint32(p[4:]), DictionaryLen: int(le.Uint16(p[8:])),
			UptimeMS: le.Uint32(p[10:]), MaxRequest: int(p[14])}
		if m.Hello.UptimeMS < d.uptime {
			d.anew()
			m.Hello.Restarted = true
		}
		d.uptime = m.Hello.UptimeMS
	case typeReply:
		if n < 5 {
			return "shape"
		}
		m.Kind = KindReply
		m.Reply = Reply{ID: le.Uint16(p[2:]), Code: Code(p[4]), Text: p[5:]}
	case typeEvent:
		if n < 8 {
			return "shape"
		}
		m.Kind = KindEvent
		m.Event = Event{Kind: EventKind(p[2]), Cause: Cause(p[3]), TimeMS: le.Uint32(p[4:]), Text: p[8:]}
	case typeStatus:
		if n < 14 {
			return "shape"
		}
		m.Kind = KindStatus
		m.Status = Status{Safe: p[2]&1 != 0, Cause: Cause(p[3]), Mode: Mode(p[4]), Epoch: p[5], UptimeMS: le.Uint32(p[6:]),
			Missed: le.Uint16(p[10:]), Bad: le.Uint16(p[12:])}
	case typeChunk:
		if n < 4 {
			return "shape"
		}
		m.Kind = KindChunk
		m.Chunk = Chunk{Offset: int(le.Uint16(p[2:])), Data: p[4:]}
	case typeSamples:
		return d.samples(p)
	default:
		return "type"
	}
	return ""
}
