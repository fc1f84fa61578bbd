package framing

import (
	"bytes"

	"labbox/firmware-protocols/checksum"
)

const maxPrefix = 64 // of a message that is too long, shown

// Decoder cuts a byte stream into messages. It is not safe for concurrent use.
type Decoder struct {
	l     *layout
	buf   []byte // the loss so far, and the frame so far behind it
	pos   int    // length of the loss
	loss  loss
	seen  int  // of the frame so far: looked at before
	drop  bool // a frame without start mark is too long: wait for its end
	skip  bool // nothing has come yet, SkipFirst
	last  bool // nothing more comes
	plain []byte
	join  []byte
	msg   Message
	bad   Message
	stats Stats
}

// loss is a run of bytes that are no message.
type loss struct {
	why       Fault
	open      bool // its end is not known
	until     int
	sum, want uint32
}

// New returns a decoder, or the *KeyError of Check.
func New(o Options) (*Decoder, error) {
	l, err := compile(o)
	if err != nil {
		return nil, err
	}
	return newDecoder(l), nil
}

func newDecoder(l *layout) *Decoder {
	d := &Decoder{l: l}
	d.Reset()
	return d
}

// Reset forgets what is held, without counting it: call it after a reconnect.
func (d *Decoder) Reset() {
	d.buf, d.pos, d.seen, d.drop = d.buf[:0], 0, 0, false
	d.skip = d.l.opt.SkipFirst
	d.drop = d.skip && !d.l.rescans()
}

// Stats returns the counters.
func (d *Decoder) Stats() Stats { return d.stats }

// Pending reports whether part of a message is held.
func (d *Decoder) Pending() bool { return len(d.buf) > 0 }

// Feed takes the next bytes and calls emit for each message, good or bad, in
// order. How the bytes are cut into chunks changes nothing. p is not kept.
func (d *Decoder) Feed(p []byte, emit func(*Message)) {
	d.stats.Bytes += uint64(len(p))
	if len(d.buf) == 0 {
		p = p[d.scan(p, emit):]
		d.buf = append(d.buf, p...)
		return
	}
	limit := 2 * d.l.rawMax // a loss and a frame
	for len(p) > 0 {
		k := min(len(p), limit-len(d.buf))
		d.buf = append(d.buf, p[:k]...)
		p = p[k:]
		n := d.scan(d.buf, emit)
		d.buf = d.buf[:copy(d.buf, d.buf[n:])]
	}
}

// Silent says that the line has paused. Where silence ends a message, this is
// its end. Anywhere else the frame so far is given up as CutOff and searched for
// good ones; call it then only when the rest cannot come any more.
func (d *Decoder) Silent(emit func(*Message)) {
	l := d.l
	switch {
	case l.rescans():
		d.last = true
		d.scan(d.buf, emit)
		d.last = false
		d.pos = 0
	case l.way == silent || l.opt.Silence > 0:
		switch {
		case d.drop && d.skip:
			d.stats.Skipped++
			fallthrough
		case d.drop:
			d.drop, d.skip = false, false
		case len(d.buf) > 0:
			at := len(d.buf) - l.width
			if d.msg.Why = d.verify(d.buf, at); d.msg.Why == OK {
				d.body(d.buf[:at], nil)
			}
			d.emit(d.buf, emit)
		}
	case d.drop:
		return // the end of what is dropped may still come
	case len(d.buf) > 0:
		d.msg.Why = CutOff
		d.emit(d.buf, emit)
	}
	d.buf, d.seen = d.buf[:0], 0
}

// scan looks for messages in b and returns how many bytes are done with. The
// first d.pos bytes of b are a loss that is not told yet.
func (d *Decoder) scan(b []byte, emit func(*Message)) int {
	done := 0
	for {
		if d.pos > 0 && d.pos >= d.loss.until {
			done += d.tell(b[done:], emit)
		}
		c := b[done+d.pos:]
		if len(c) == 0 {
			break
		}
		if d.drop {
			n, end := d.dropped(c)
			done += n
			if !end {
				break
			}
			continue
		}
		if k := d.noStart(c); k > 0 {
			d.lose(k, Garbage, 0)
			continue
		}
		n, why := d.frame(c)
		if why == OK && n == 0 {
			if !d.last {
				break
			}
			n, why = len(c), CutOff
		}
		d.seen = 0
		switch {
		case why == OK:
			done += d.tell(b[done:], emit)
			d.skip = false
			d.msg.Why = OK
			d.emit(c[:n], emit)
			done += n
		case d.l.rescans():
			if why == TooLong {
				n = 0 // nobody knows where it ends
			}
			d.lose(1, why, n)
		case why == Garbage: // no message at all
			done += n
		default:
			d.msg.Why, d.drop = why, why == TooLong
			d.emit(c[:n], emit)
			done += n
		}
	}
	if d.last {
		d.tell(b[done:], emit)
	}
	return done
}

// noStart returns how many bytes of c cannot begin a frame.
func (d *Decoder) noStart(c []byte) int {
	start := d.l.start
	if len(start) == 0 {
		return 0
	}
	if i := bytes.Index(c, start); i >= 0 {
		return i
	}
	if d.last {
		return len(c)
	}
	for k := min(len(start)-1, len(c)); k > 0; k-- {
		if bytes.HasPrefix(start, c[len(c)-k:]) {
			return len(c) - k
		}
	}
	return len(c)
}

// frame reads the frame at the begin of c. It returns its length and OK, or
// 0 and OK when more bytes are needed, or how far a bad one goes and why.
func (d *Decoder) frame(c []byte) (int, Fault) {
	if len(c) < len(d.l.start) {
		return 0, OK
	}
	switch d.l.way {
	case marked:
		return d.markedFrame(c)
	case stuffed:
		return d.stuffedFrame(c)
	case cobs:
		return d.cobsFrame(c)
	case sized:
		return d.sizedFrame(c)
	}
	if most := d.l.max + d.l.width; len(c) > most {
		return most + 1, TooLong
	}
	return 0, OK
}

// lose adds k bytes to the loss. A bad frame of n bytes begins a new one, and
// what is not found to be good up to its end belongs to it; 0: its end is not
// known, and whatever follows belongs to it.
func (d *Decoder) lose(k int, why Fault, n int) {
	if d.pos > 0 && d.loss.open && (n > 0 || d.loss.why == Garbage && why != Garbage) {
		d.loss.until = d.pos // told first; the frame is found bad once more
		return
	}
	if d.pos == 0 {
		d.loss = loss{why: why, open: n == 0, until: n}
		if n == 0 {
			d.loss.until = d.l.runMax
		}
		if why == BadSum {
			d.loss.sum, d.loss.want = d.msg.Sum, d.msg.Want
		}
	}
	d.pos += min(k, d.loss.until-d.pos)
}

// tell hands over the loss at the begin of b and returns its length.
func (d *Decoder) tell(b []byte, emit func(*Message)) int {
	n := d.pos
	d.pos = 0
	switch {
	case n == 0:
	case d.skip:
		d.skip = false
		d.stats.Skipped++
	default:
		d.bad = Message{Raw: b[:n], Why: d.loss.why, Sum: d.loss.sum, Want: d.loss.want}
		d.lost(n, d.loss.why)
		emit(&d.bad)
	}
	return n
}

// emit hands over the frame raw, good or bad.
func (d *Decoder) emit(raw []byte, emit func(*Message)) {
	m := &d.msg
	m.Raw = raw
	if m.Why == OK {
		d.stats.Messages++
	} else {
		m.Body = nil
		d.lost(len(raw), m.Why)
		if m.Why == TooLong {
			m.Raw = raw[:min(len(raw), maxPrefix)]
		}
	}
	if m.Why != BadSum {
		m.Sum, m.Want = 0, 0
	}
	emit(m)
}

func (d *Decoder) lost(n int, why Fault) {
	d.stats.Bad++
	d.stats.Faults[why]++
	d.stats.Lost += uint64(n)
}

// verify checks the checksum at frame[at:].
func (d *Decoder) verify(frame []byte, at int) Fault {
	l := d.l
	if l.width == 0 {
		return OK
	}
	if at < len(l.start) || at-l.until < l.from {
		return CutOff
	}
	sum := l.sum.Sum(frame[l.from : at-l.until])
	want, ok := checksum.Parse(frame[at:at+l.width], l.sum, l.form, l.little)
	if ok && sum == want {
		return OK
	}
	d.msg.Sum, d.msg.Want = sum, want
	return BadSum
}

// body sets the message's body, of one or two pieces.
func (d *Decoder) body(a, b []byte) {
	switch {
	case len(b) == 0:
		d.msg.Body = a
	case len(a) == 0:
		d.msg.Body = b
	default:
		d.join = append(append(d.join[:0], a...), b...)
		d.msg.Body = d.join
	}
}
