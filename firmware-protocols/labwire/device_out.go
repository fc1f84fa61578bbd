package labwire

import (
	"bytes"
	"encoding/binary"
	"math"
	"strings"
)

// maxWord is the longest text in a reply or an event.
const maxWord = 16

// pump sends what waits, the most urgent first.
func (d *Device) pump() {
	for d.one() {
	}
}

// one sends one message; false when none waits.
func (d *Device) one() bool {
	le := binary.LittleEndian
	at := len(d.out)
	frame := func(kind byte) {
		d.out = append(open(d.out), kind, d.seq)
		d.seq++
	}
	flags := byte(0)
	if d.safe {
		flags = 1
	}
	switch {
	case d.reply:
		d.reply = false
		frame(typeReply)
		d.out = append(le.AppendUint16(d.out, d.answer.id), byte(d.answer.code))
		word, _, _ := strings.Cut(d.text, " ")
		d.out = append(d.out, word[:min(len(word), maxWord)]...)
	case d.event != NotYet:
		cause := d.event
		d.event = NotYet
		if !d.framed {
			d.print("!safe ", cause.String(), "\r\n")
			return true
		}
		d.wantStatus = true
		frame(typeEvent)
		d.out = le.AppendUint32(append(d.out, byte(WentSafe), byte(cause)), d.ms-d.startMS)
	case d.note != "":
		note := d.note
		d.note = ""
		if !d.framed {
			d.print("!note ", note, "\r\n")
			return true
		}
		frame(typeEvent)
		d.out = le.AppendUint32(append(d.out, byte(Note), byte(NotYet)), d.ms-d.startMS)
		d.out = append(d.out, note[:min(len(note), maxWord)]...)
	case d.wantHello:
		d.wantHello = false
		frame(typeHello)
		d.out = le.AppendUint32(append(d.out, 1, flags), d.crc)
		d.out = le.AppendUint16(d.out, uint16(len(d.opt.Dictionary)))
		d.out = append(le.AppendUint32(d.out, d.ms-d.startMS), deviceRX)
	case d.wantStatus:
		d.wantStatus, d.statusMS = false, d.ms
		frame(typeStatus)
		d.out = le.AppendUint32(append(d.out, flags, byte(d.cause), byte(d.mode), d.epoch), d.ms-d.startMS)
		d.out = le.AppendUint16(le.AppendUint16(d.out, d.missed), d.bad)
	case d.ready:
		frame(typeSamples)
		step := uint32(0)
		if d.rows.n > 1 {
			step = d.periodUS
		}
		d.out = append(d.out, flags, d.epoch)
		d.out = le.AppendUint32(le.AppendUint32(d.out, d.first), d.t0)
		d.out = append(le.AppendUint16(d.out, uint16(step)), d.rows.n)
		d.out = append(d.out, d.rows.data...)
		d.ready, d.rows.n = false, 0
	case d.chunks > 0 && d.chunkAt < len(d.opt.Dictionary):
		d.chunks--
		frame(typeChunk)
		end := min(d.chunkAt+chunkBytes, len(d.opt.Dictionary))
		d.out = le.AppendUint16(d.out, uint16(d.chunkAt))
		d.out = append(d.out, d.opt.Dictionary[d.chunkAt:end]...)
		d.chunkAt = end
	default:
		return false
	}
	d.out = seal(d.out, at)
	return true
}

// appendRaw prints an int16 in the channel's unit as the firmware does: in whole
// numbers, with no more places than the scale has, and cut off.
func (c *Channel) appendRaw(dst []byte, raw int16) []byte {
	if raw == missing {
		return append(dst, "nan"...)
	}
	if c.Kind == Enum {
		return appendFixed(dst, int64(raw), 0)
	}
	places := int(c.Scale.Places)
	offset, _ := c.Offset.at(places)
	v := int64(raw)*int64(c.Scale.Mantissa) + int64(offset)
	dst = appendFixed(dst, v, places)
	if cut := places - c.Decimals; cut > 0 {
		dst = bytes.TrimSuffix(dst[:len(dst)-cut], []byte("."))
	}
	return dst
}

// appendFloat prints a float32 with that many places, cut off after 28 bits.
func appendFloat(dst []byte, bits uint32, decimals int) []byte {
	exp := int(bits>>23&255) - 150
	m := bits&(1<<23-1) | 1<<23
	switch exp {
	case 105:
		return append(dst, "nan"...) // infinities too
	case -150:
		m = 0
	}
	for range decimals {
		m *= 10
		for m >= 1<<28 {
			m >>= 1
			exp++
		}
	}
	for ; exp < 0 && m > 0; exp++ {
		m = m>>1 + m&1*b2u(exp == -1)
	}
	for ; exp > 0 && m > 0; exp-- {
		if m >= 1<<30 {
			return append(dst, "ovf"...)
		}
		m <<= 1
	}
	v := int64(m)
	if bits>>31 != 0 && m != 0 {
		v = -v
	}
	if v > math.MaxInt32 {
		return append(dst, "ovf"...)
	}
	return appendFixed(dst, v, decimals)
}

func b2u(b bool) uint32 {
	if b {
		return 1
	}
	return 0
}
