package scpi

import (
	"bytes"
	"fmt"
	"math"
	"strings"
)

// Header declares a command or a query of a device.
type Header struct {
	ID      string // what the handler is told
	Pattern string // as manuals write it: [SOURce<1-2>]:VOLTage[:LEVel]; a query ends in ?
	Params  []Param
	Lenient bool // numbers out of range pass: the handler answers for them
}

// DeviceOptions describe a simulated instrument.
type DeviceOptions struct {
	// IDN answers *IDN?.
	IDN IDN
	// Headers are its commands and queries. The common commands of IEEE 488.2 and
	// SYSTem:ERRor[:NEXT]?, :ALL?, :COUNt?, SYSTem:VERSion? are there by themselves.
	Headers []Header
	// End ends its replies, default "\n". Program messages end with it, or
	// with LF where it ends in LF.
	End string `yaml:"end"`
	// Depth is the length of the error queue, default 20, at least 2.
	Depth int `yaml:"depth"`
	// Input is the longest program message in bytes, default 65536. A longer one is
	// dropped with error -363.
	Input int `yaml:"input"`
}

// Device is an instrument that reads program messages and answers them. It checks
// headers and parameters by itself and keeps the error queue and the status
// registers; what remains goes to the handler. It is not safe for concurrent use.
type Device struct {
	cut       cutter
	handle    func(*Call)
	idn       IDN
	end       string
	depth     int
	input     int
	headers   []entry
	queue     []Error
	esr       byte
	ese, sre  byte
	busy, opc bool
	answered  bool
	out       []byte
	path      []byte // of the header before, up to its last colon
	full      []byte // path and header
	held      []byte // of the message that waits for the end of a motion
	waiting   []byte // what came meanwhile
	stopped   bool
	call      Call
	args      []Arg
	suffixes  [maxNodes]int
}

type entry struct {
	pattern
	Header
	own builtin
}

// NewDevice returns a device that has just been switched on. handle is called for
// every command and query of the options, for *RST (ID "*RST") and for *TST?, which
// answers 0 unless the handler answers.
func NewDevice(o DeviceOptions, handle func(*Call)) (*Device, error) {
	if o.End == "" {
		o.End = "\n"
	}
	if o.Depth == 0 {
		o.Depth = 20
	}
	if o.Input == 0 {
		o.Input = 65536
	}
	if len(o.End) > maxTerminator || o.Depth < 2 || o.Input < 16 || o.Input > math.MaxInt32 {
		return nil, fmt.Errorf("%w: terminator %q, %d errors, input of %d bytes", ErrOptions, o.End, o.Depth, o.Input)
	}
	d := &Device{handle: handle, idn: o.IDN, end: o.End, depth: o.Depth, input: o.Input, esr: eventPowerOn}
	term := o.End
	if strings.HasSuffix(term, "\n") {
		term = "\n"
	}
	d.cut = cutter{term: []byte(term), max: o.Input}
	d.cut.reset()
	for _, h := range append(builtins(), o.Headers...) {
		p, err := compile(h.Pattern)
		if err != nil {
			return nil, err
		}
		d.headers = append(d.headers, entry{pattern: p, Header: h})
	}
	for i := range builtins() {
		d.headers[i].own = builtin(i + 1)
	}
	return d, nil
}

// Errors returns how many entries the queue holds.
func (d *Device) Errors() int { return len(d.queue) }

// Busy says whether an operation is under way, a motion or a measurement: *OPC?
// and *WAI wait for its end, *OPC sets its bit then. What the device answers at
// the end is appended to out.
func (d *Device) Busy(busy bool, out []byte) []byte {
	d.busy = busy
	if busy {
		return out
	}
	if d.opc {
		d.opc, d.esr = false, d.esr|eventOPC
	}
	if !d.stopped {
		return out
	}
	d.stopped = false
	d.out = out
	held := d.held
	d.units(held)
	if d.stopped {
		return d.take()
	}
	d.finish()
	waiting := d.waiting
	d.waiting = nil
	return d.Feed(waiting, d.take())
}

// Feed takes the next bytes and appends what the device answers to out.
func (d *Device) Feed(p []byte, out []byte) []byte {
	d.out = out
	for len(p) > 0 {
		if d.stopped {
			if len(d.waiting)+len(p) > d.input {
				d.Push(InputOverrun, "")
				return d.take()
			}
			d.waiting = append(d.waiting, p...)
			return d.take()
		}
		n, msg, kind := d.cut.next(p)
		p = p[n:]
		switch kind {
		case done:
			d.message(msg)
			d.cut.reset()
		case tooLong:
			d.cut.told = true
			d.Push(InputOverrun, "")
		case dropped:
			if !d.cut.told {
				d.Push(InputOverrun, "")
			}
			d.cut.reset()
		}
	}
	return d.take()
}

func (d *Device) take() []byte {
	out := d.out
	d.out = nil
	return out
}

func (d *Device) message(msg []byte) {
	d.path, d.answered = d.path[:0], false
	switch {
	case len(msg) == 0:
		return
	case d.cut.open:
		d.Push(InvalidString, "")
		return
	case d.cut.dirty:
		d.Push(InvalidCharacter, "")
		return
	}
	if d.units(msg); !d.stopped {
		d.finish()
	}
}

// finish ends the response message.
func (d *Device) finish() {
	if d.answered {
		d.out = append(d.out, d.end...)
	}
	d.answered = false
}

// units runs the units of a message. A command error ends it, an execution error
// does not.
func (d *Device) units(msg []byte) {
	for {
		n := element(msg, ';', true)
		unit := trimRight(trimLeft(msg[:n]))
		if d.busy && (bytes.EqualFold(unit, []byte("*OPC?")) || bytes.EqualFold(unit, []byte("*WAI"))) {
			d.held, d.stopped = append(d.held[:0], msg...), true
			return
		}
		if code := d.unit(unit); code != 0 {
			d.Push(code, "")
			if code > -200 {
				return
			}
		}
		if n == len(msg) {
			return
		}
		msg = msg[n+1:]
	}
}

// unit runs one command or query.
func (d *Device) unit(b []byte) (code int) {
	if len(b) == 0 {
		return 0 // a ; at the end: forgiven, as most instruments do
	}
	n := 0
	for n < len(b) && !isBlank(b[n]) {
		n++
	}
	header, params := b[:n], trimLeft(b[n:])
	e, code := d.find(header)
	if code != 0 {
		return code
	}
	d.args = d.args[:0]
	for i := range e.Params {
		p := &e.Params[i]
		if len(params) == 0 {
			if !p.Optional {
				return MissingParam
			}
			d.args = append(d.args, Arg{Num: p.Default})
			continue
		}
		n := parameter(params)
		a, code := p.arg(params[:n], !e.Lenient)
		if code != 0 {
			return code
		}
		d.args = append(d.args, a)
		if params = params[n:]; len(params) > 0 {
			if params = trimLeft(params[1:]); len(params) == 0 {
				return SyntaxError // a comma at the end
			}
		}
	}
	if len(params) > 0 {
		return TooManyParams
	}
	d.run(e)
	return 0
}

// find looks a header up. A header without a colon in front continues where the one
// before stood; common commands leave that as it is (IEEE 488.2, appendix A).
func (d *Device) find(h []byte) (*entry, int) {
	query := h[len(h)-1] == '?'
	if query {
		h = h[:len(h)-1]
	}
	common := len(h) > 0 && h[0] == '*'
	switch {
	case common:
		d.full = append(d.full[:0], h[1:]...)
	case len(h) > 0 && h[0] == ':':
		d.full = append(d.full[:0], h[1:]...)
	default:
		d.full = append(append(d.full[:0], d.path...), h...)
	}
	if len(d.full) == 0 || len(d.full) > maxNodes*(maxMnemonic+10) {
		return nil, UndefinedHeader
	}
	for i := range d.headers {
		e := &d.headers[i]
		if e.query != query || common != (e.own != 0 && e.own <= lastCommon) {
			continue
		}
		ok, wrong := e.match(d.full, &d.suffixes)
		if !ok {
			continue
		}
		if wrong {
			return nil, SuffixRange
		}
		if !common {
			d.path = append(d.path[:0], d.full[:bytes.LastIndexByte(d.full, ':')+1]...)
		}
		return e, 0
	}
	return nil, UndefinedHeader
}

// parameter returns the length of the parameter at the start of b. Commas in
// parentheses do not end it.
func parameter(b []byte) int {
	if b[0] != '(' {
		return element(b, ',', false)
	}
	depth := 0
	for i, c := range b {
		switch c {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i + 1 + element(b[i+1:], ',', false)
			}
		}
	}
	return len(b)
}

func (d *Device) run(e *entry) {
	d.call = Call{ID: e.ID, Query: e.query, Args: d.args, Suffixes: d.suffixes[:len(e.nodes)], dev: d}
	if e.own != 0 {
		d.builtin(e.own, &d.call)
	} else {
		d.handle(&d.call)
	}
}
