package scpi

import "bytes"

// Kind says what was cut out of the stream.
type Kind uint8

// The kinds of responses.
const (
	Reply    Kind = iota // a response message
	Broken               // a message with control characters outside of blocks and strings, or with a string that has no end: no value of it counts
	Overlong             // a message over Max was dropped: Raw is its first 64 bytes at most
)

func (k Kind) String() string { return [...]string{"reply", "broken", "overlong", "unknown"}[k&3] }

// Response is one response message. Raw has no terminator and no outer blanks.
type Response struct {
	Raw   []byte
	Kind  Kind
	plain bool // quotes and # mean nothing
	short bool // there are none
}

// Stats counts since New. Reset does not clear them.
type Stats struct {
	Bytes    uint64 // fed
	Replies  uint64
	Broken   uint64
	Overlong uint64
	Empty    uint64 // messages without a byte: the second half of CR LF mixes, newlines behind blocks
	Echoes   uint64 // own messages that came back and were dropped
	Cut      uint64 // begun messages that Reset threw away
}

// Decoder cuts what an instrument sends into response messages. It is not safe for
// concurrent use.
type Decoder struct {
	opt   Options
	cut   cutter
	stats Stats
	echo  []byte
	wait  bool // the echo has not come yet
}

// New returns a decoder.
func New(o Options) (*Decoder, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	d := &Decoder{opt: o, cut: cutter{
		term: []byte(o.End), prompt: []byte(o.Prompt), max: o.Max,
		bare: o.BareBlocks, multiline: o.Multiline, scan: scanner{plain: o.Plain},
	}}
	d.cut.reset()
	return d, nil
}

// Stats returns the counters.
func (d *Decoder) Stats() Stats { return d.stats }

// Reset forgets the message that has begun: after a reconnect, a device clear, or a
// reply that did not come in time.
func (d *Decoder) Reset() {
	if d.cut.pos > 0 {
		d.stats.Cut++
	}
	d.cut.reset()
	d.wait = false
}

// Pending returns the bytes of the message so far, and how many bytes of its block
// are to come: a driver shows progress with it and waits on while it grows.
func (d *Decoder) Pending() (got, left int) { return d.cut.pos, d.cut.scan.left }

// Sent tells of a message that was sent. With Options.Echo what comes back of it is
// dropped, be it a message of its own or glued to the reply.
func (d *Decoder) Sent(msg []byte) {
	msg = bytes.TrimSpace(msg)
	if !d.opt.Echo || len(msg) == 0 || len(msg) > maxEcho {
		return
	}
	d.echo, d.wait = append(d.echo[:0], msg...), true
}

// Feed takes the next bytes and calls emit for each message found, in order. A
// response is valid only during the call. p is not kept.
func (d *Decoder) Feed(p []byte, emit func(Response)) {
	d.stats.Bytes += uint64(len(p))
	for len(p) > 0 {
		n, msg, kind := d.cut.next(p)
		p = p[n:]
		switch kind {
		case done:
			d.message(msg, emit)
			d.cut.reset()
		case tooLong:
			d.cut.told = true
			d.overlong(msg, emit)
		case dropped:
			if !d.cut.told {
				d.overlong(msg, emit)
			}
			d.cut.reset()
		}
	}
}

// Flush ends the message as if its terminator had come: for instruments whose
// message ends with silence. A block that is not complete yet stays open.
func (d *Decoder) Flush(emit func(Response)) {
	if d.cut.pos == 0 || d.cut.over || d.cut.scan.st == inBlock && d.cut.scan.left > 0 {
		return
	}
	d.cut.open = d.cut.scan.st == inQuote
	if msg := d.cut.message(nil, 0); len(msg) > d.opt.Max {
		d.overlong(msg[:min(d.opt.Max, maxPrefix)], emit)
	} else {
		d.message(msg, emit)
	}
	d.cut.reset()
}

func (d *Decoder) message(msg []byte, emit func(Response)) {
	if d.wait && bytes.HasPrefix(msg, d.echo) {
		d.wait = false
		d.stats.Echoes++
		if msg = bytes.TrimLeft(msg[len(d.echo):], " \t\r\n"); len(msg) == 0 {
			return
		}
	}
	r := Response{Raw: msg, plain: d.opt.Plain, short: d.cut.plain}
	switch {
	case d.cut.dirty || d.cut.open:
		r.Kind = Broken
		d.stats.Broken++
	case len(msg) == 0:
		d.stats.Empty++
		return
	default:
		d.stats.Replies++
	}
	emit(r)
}

func (d *Decoder) overlong(msg []byte, emit func(Response)) {
	d.stats.Overlong++
	emit(Response{Raw: msg, Kind: Overlong})
}
