package firmata

// Role says whose messages a Decoder reads. The two directions differ in one: a
// version request has no content, a version report has.
type Role uint8

// The roles.
const (
	FromBoard Role = iota // the computer's side
	ToBoard               // the board's side
)

// Stats counts since NewDecoder. Reset does not clear them.
type Stats struct {
	Bytes     uint64 // fed
	Messages  uint64 // complete ones, unknown ones included
	Unknown   uint64 // of these: sysex commands or contents without a meaning here
	Cut       uint64 // messages that another one began in the middle of
	Overlong  uint64 // sysex messages longer than the limit
	Stray     uint64 // bytes outside any message
	Undefined uint64 // bytes that begin no known message
	Skipped   uint64 // bytes before the first beginning after a start or reset
}

// Lost is how many messages or bytes were not understood.
func (s Stats) Lost() uint64 { return s.Cut + s.Overlong + s.Stray + s.Undefined }

// Decoder cuts a byte stream into messages. Any byte with bit 7 set begins a
// message, also inside another, which is then lost; so the next good message is
// always read. It is not safe for concurrent use.
type Decoder struct {
	role  Role
	limit int // of a sysex message
	state uint8
	cmd   byte
	need  int // data bytes of a short message
	got   int
	data  [2]byte
	buf   []byte
	text  []byte
	skip  bool
	stats Stats
	m     Message
}

// The states of a Decoder.
const (
	outside uint8 = iota
	short
	sysex
	dropping // an overlong sysex
)

// NewDecoder returns a decoder. It holds at most [MaxReply] or [MaxRequest] bytes.
func NewDecoder(role Role) *Decoder {
	d := &Decoder{role: role, limit: MaxReply, skip: true}
	if role == ToBoard {
		d.limit = MaxRequest
	}
	d.buf = make([]byte, 0, d.limit)
	d.text = make([]byte, 0, d.limit/2)
	return d
}

// Reset forgets the message begun: call it after a reconnect.
func (d *Decoder) Reset() { d.state, d.skip = outside, true }

// Stats returns the counters.
func (d *Decoder) Stats() Stats { return d.stats }

// Feed takes the next bytes and calls emit for each complete message, in order.
// The message and what it points to end with the call. p is not kept.
func (d *Decoder) Feed(p []byte, emit func(*Message)) {
	d.stats.Bytes += uint64(len(p))
	for _, c := range p {
		if c < 0x80 {
			d.content(c, emit)
		} else {
			d.begin(c, emit)
		}
	}
}

func (d *Decoder) content(c byte, emit func(*Message)) {
	switch d.state {
	case short:
		d.data[d.got] = c
		if d.got++; d.got == d.need {
			d.state = outside
			d.finishShort(emit)
		}
	case sysex:
		if len(d.buf) == d.limit {
			d.state = dropping
			d.stats.Overlong++
			return
		}
		d.buf = append(d.buf, c)
	case dropping:
	default:
		if d.skip {
			d.stats.Skipped++
		} else {
			d.stats.Stray++
		}
	}
}

func (d *Decoder) begin(c byte, emit func(*Message)) {
	was := d.state
	d.state = outside
	if c == cmdEnd {
		switch {
		case was == sysex:
			d.finishSysex(emit)
		case was == short:
			d.stats.Cut++
		case was == dropping: // counted when it began
		case d.skip:
			d.stats.Skipped++
		case d.role == FromBoard:
			d.stats.Stray++ // to a board it is the usual way to start afresh
		}
		return
	}
	if was == short || was == sysex {
		d.stats.Cut++
	}
	d.cmd, d.got = c, 0
	switch toBoard := d.role == ToBoard; {
	case c == cmdSysex:
		d.state, d.buf = sysex, d.buf[:0]
	case toBoard && (c == cmdReset || c == cmdVersion):
		d.finishShort(emit)
	case c&0xF0 == cmdDigital, c&0xF0 == cmdAnalog, c == cmdVersion, toBoard && (c == cmdPinMode || c == cmdPinValue):
		d.state, d.need = short, 2
	case toBoard && (c&0xF0 == cmdReportAnalog || c&0xF0 == cmdReportPort):
		d.state, d.need = short, 1
	default:
		d.stats.Undefined++
		return // stays in skip: noise, not a beginning
	}
	d.skip = false
}
