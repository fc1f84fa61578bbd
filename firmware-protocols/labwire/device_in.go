package labwire

import "encoding/binary"

// take is one byte from the box.
func (d *Device) take(c byte) {
	d.rxMS = d.ms
	if c == 0 {
		d.zero()
		return
	}
	switch d.rxState {
	case inFresh:
		d.rx[d.rxN] = c
		if d.rxN++; d.rxN < 2 {
			return
		}
		if c >= lowestType {
			d.rxState = inFrame
			return
		}
		first := d.rx[0]
		d.rxN, d.rxState = 0, inText
		d.typed(first)
		d.typed(c)
	case inFrame:
		if d.rxN == deviceRX {
			d.rxN, d.rxState, d.rxBad = 0, inText, Overflow
			d.typed(c)
			return
		}
		d.rx[d.rxN] = c
		d.rxN++
	default:
		d.typed(c)
	}
}

// zero ends whatever came before.
func (d *Device) zero() {
	switch {
	case d.rxState == inFrame:
		d.request(d.rx[:d.rxN])
	case d.rxState == inFresh && d.rxN == 1 && d.rx[0] == can:
		d.framed, d.wantStatus = true, true
		d.goSafe(Asked)
	case d.rxN > 0 || d.rxBad != OK:
		d.bad++
	}
	d.rxN, d.rxState, d.rxBad = 0, inFresh, OK
}

// silence ends half a frame, so that a person can type after a box that died.
func (d *Device) silence() {
	switch d.rxState {
	case inFresh:
		d.rxN, d.rxState = 0, inText
		d.typed(d.rx[0])
	case inFrame:
		d.rxN, d.rxState = 0, inText
		d.bad++
	}
}

// request is a whole frame from the box.
func (d *Device) request(p []byte) {
	content, why := unstuff(p)
	if why != "" || len(content) < 4 || content[0] != typeRequest {
		d.bad++
		return
	}
	le := binary.LittleEndian
	id, op, body := le.Uint16(content[1:]), content[3], content[4:]
	crc := crc16(0xFFFF, content)
	need := [...]int{opPing: 0, opHello: 0, opDictionary: 3, opStream: 6, opSafe: 0}
	if op > opCommand || op < opCommand && len(body) != need[op] || op == opCommand && len(body)%4 != 1 {
		d.bad++
		return
	}
	d.alive(true)
	switch op {
	case opPing:
		if id == 0 {
			return
		}
		d.answered(answered{id, crc, OK}, "")
	case opHello:
		d.known = [rememberIDs]answered{}
		d.wantHello = true
	case opDictionary:
		d.chunkAt, d.chunks = int(le.Uint16(body)), int(body[2])
		if d.chunks == 0 {
			d.chunks = 255
		}
	case opStream:
		code := d.stream(Mode(body[0]), body[1], le.Uint32(body[2:]))
		d.answered(answered{id, crc, code}, "")
	case opSafe:
		d.goSafe(Asked)
		d.answered(answered{id, crc, OK}, "")
	case opCommand:
		d.args = d.args[:0]
		for a := body[1:]; len(a) > 0; a = a[4:] {
			d.args = append(d.args, int32(le.Uint32(a)))
		}
		d.once(id, crc, int(body[0]))
	}
}

// alive notes a valid message of the box, or of a person.
func (d *Device) alive(framed bool) {
	d.lastMS, d.framed, d.holdMS = d.ms, framed, uint32(d.dict.Safe.DeadManMS)
	if !framed {
		d.holdMS = uint32(d.dict.Safe.TypedMS)
	}
}

func (d *Device) answered(a answered, text string) {
	d.answer, d.text, d.reply = a, text, true
}

func (d *Device) stream(m Mode, epoch uint8, crc uint32) Code {
	switch {
	case m > Fast:
		return Args
	case m == Fast && crc != d.crc:
		return Drift
	}
	d.mode, d.epoch = m, epoch
	d.rows.n, d.rowNo, d.ready, d.nextUS, d.statusMS = 0, 0, false, d.us, d.ms
	return OK
}

// once carries out a command with d.args unless it has been.
func (d *Device) once(id, crc uint16, index int) {
	if id != 0 {
		for _, k := range d.known {
			if k.id == id && k.crc == crc {
				d.answered(k, "")
				return
			}
		}
	}
	code, text := d.command(index)
	d.answered(answered{id, crc, code}, text)
	if id != 0 {
		d.known[d.knownAt] = d.answer
		d.knownAt = (d.knownAt + 1) % rememberIDs
	}
}

// command checks and carries out.
func (d *Device) command(index int) (code Code, text string) {
	if index >= len(d.dict.Commands) {
		return Unknown, ""
	}
	c := &d.dict.Commands[index]
	if len(d.args) != len(c.Params) {
		return Args, ""
	}
	for i, v := range d.args {
		if lo, hi := c.Params[i].raw(); v < lo || v > hi {
			return Range, c.Params[i].ID
		}
	}
	wasSafe := d.safe
	if c.Kind == On {
		d.safe = false
	}
	code = Unknown
	if d.opt.Command != nil {
		code, text = d.opt.Command(index, d.args)
	}
	if code == OK {
		return OK, ""
	}
	if c.Kind == On && wasSafe {
		d.goSafe(Undone)
		d.event = NotYet
	}
	return code, text
}
