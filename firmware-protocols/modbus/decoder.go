package modbus

import "bytes"

// Options set up a Decoder.
type Options struct {
	Mode Mode
	Echo bool // RTU: the adapter hands back what is sent; each request's echo is dropped
}

// Stats counts what a Decoder has seen. Every byte fed and not held is in a
// reply, an echo or the garbage.
type Stats struct {
	Bytes   uint64 // fed
	Replies uint64 // to the request of Begin
	Strays  uint64 // whole replies that answer something else
	Echoes  uint64 // own requests that came back
	Garbage uint64 // bytes dropped
	BadCRC  uint64 // RTU: awaited replies that came damaged
}

// Decoder finds replies in what a client receives. It is not safe for
// concurrent use.
//
// The reply to the request of Begin is found behind any garbage as soon as its
// last byte is there. Replies to something else are reported as strays when
// nothing awaited can overlap them; in doubt, Silence decides.
type Decoder struct {
	opt       Options
	buf       []byte // undecided bytes
	pat       [3]pattern
	waiting   bool // for the answer to req
	echoDue   bool
	txid      uint16
	stats     Stats
	storage   [2 * maxTCP]byte
	echoStore [maxRTU]byte
	headStore [2][mbap + 6]byte
}

// pattern is a frame of a known length and beginning.
type pattern struct {
	head  []byte
	total int
}

const (
	patEcho = iota
	patReply
	patException
)

// NewDecoder returns a decoder that awaits nothing.
func NewDecoder(o Options) *Decoder {
	d := &Decoder{opt: o}
	d.buf = d.storage[:0]
	return d
}

// Stats returns the counters.
func (d *Decoder) Stats() Stats { return d.stats }

// Held is how many bytes are undecided.
func (d *Decoder) Held() int { return len(d.buf) }

// Begin names the request whose answer is awaited next, in place of any before.
// Call it before the request is sent. Bytes held so far cannot answer it: in RTU
// they are dropped.
func (d *Decoder) Begin(req Request) error {
	d.waiting, d.echoDue = false, false
	if d.opt.Mode == RTU {
		d.Reset()
	}
	if err := req.Check(d.opt.Mode); err != nil {
		return err
	}
	d.txid = req.TxID
	d.waiting = !req.Broadcast(d.opt.Mode)
	if d.opt.Echo && d.opt.Mode == RTU {
		adu, err := req.Append(d.echoStore[:0], RTU)
		if err != nil {
			return err
		}
		d.pat[patEcho], d.echoDue = pattern{adu, len(adu)}, true
	}
	for i, pdu := range []int{req.replyLen(), 2} {
		head, total := d.headStore[i][:0], 3+pdu
		if d.opt.Mode == TCP {
			head, total = appendMBAP(head, req.TxID, pdu), mbap+pdu
		}
		head = append(head, req.Unit)
		if i == 0 {
			head = req.appendReplyHead(head)
		} else {
			head = append(head, byte(req.Function)|refuse)
		}
		d.pat[patReply+i] = pattern{head, total}
	}
	return nil
}

// Reset drops the bytes held, which count as garbage. What Begin named stays.
func (d *Decoder) Reset() {
	d.stats.Garbage += uint64(len(d.buf))
	d.buf = d.buf[:0]
}

// Feed takes the next bytes and calls emit for each reply found, in order. The
// reply's Data is valid during the call only. p is not kept. emit must not call
// the decoder.
func (d *Decoder) Feed(p []byte, emit func(Reply)) {
	d.stats.Bytes += uint64(len(p))
	for len(p) > 0 {
		n := min(len(p), cap(d.buf)-len(d.buf))
		d.buf = append(d.buf, p[:n]...)
		p = p[n:]
		d.scan(false, emit)
	}
}

// Silence says that nothing more belongs to what came so far: on a serial line
// after t3.5, or, with adapters that deliver in bursts, after the timeout inside
// a message. Nothing is held afterwards.
func (d *Decoder) Silence(emit func(Reply)) { d.scan(true, emit) }

func (d *Decoder) scan(silent bool, emit func(Reply)) {
	at := 0
	for at < len(d.buf) {
		n := d.step(d.buf[at:], silent, emit)
		if n == 0 {
			break
		}
		at += n
	}
	d.buf = d.buf[:copy(d.buf, d.buf[at:])]
}

// step decides about the first bytes of b. It returns how many are done with, 0
// if more must come.
func (d *Decoder) step(b []byte, silent bool, emit func(Reply)) int {
	n, which, st := d.awaited(b)
	switch {
	case st == whole && which == patEcho:
		d.echoDue = false
		d.stats.Echoes++
		return n
	case st == whole:
		d.waiting, d.echoDue = false, false
		d.stats.Replies++
		r := parseReply(d.opt.Mode, b[:n])
		r.TxID = d.txid
		emit(r)
		return n
	case st == part && !silent:
		return 0
	case st == no && n > 0:
		d.stats.BadCRC++
	}
	n, st = replyAt(d.opt.Mode, b)
	if st == no || st == part && silent || st == whole && d.opt.Mode == RTU && !crcOK(b[:n]) {
		d.stats.Garbage++
		return 1
	}
	// What is awaited goes before anything else that it overlaps.
	for i := 1; i < min(n, len(b)); i++ {
		switch _, _, inner := d.awaited(b[i:]); {
		case inner == whole:
			d.stats.Garbage += uint64(i)
			return i
		case inner == part && !silent:
			return 0
		}
	}
	if st == part {
		return 0
	}
	d.stats.Strays++
	r := parseReply(d.opt.Mode, b[:n])
	r.Stray = true
	emit(r)
	return n
}

// awaited judges whether the echo or the answer begins at b. With no and a
// length, it would but for its check sum.
func (d *Decoder) awaited(b []byte) (n, which int, st state) {
	for i := range d.pat {
		if i == patEcho && !d.echoDue || i != patEcho && !d.waiting {
			continue
		}
		p := &d.pat[i]
		k := min(len(b), len(p.head))
		switch {
		case !bytes.Equal(b[:k], p.head[:k]):
		case len(b) < p.total:
			n, which, st = p.total, i, part
		case d.opt.Mode == RTU && !crcOK(b[:p.total]) || i == patException && b[len(p.head)] == 0:
			n = max(n, p.total)
		default:
			return p.total, i, whole
		}
	}
	return n, which, st
}
