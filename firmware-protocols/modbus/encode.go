package modbus

import (
	"bytes"
	"fmt"
)

// Write is one value for one register.
type Write struct {
	Register Register
	Value    float64
}

// Encode is the request that writes value to r: function 5, 6, 15 or 16 by its
// table, type and Write. The raw number is rounded to nearest. A value that the
// register cannot hold is refused (ErrRange), as is a register that cannot be
// written (ErrRegister): those of discrete and input, texts, and single bits of
// holding registers, whose neighbours it would overwrite.
func Encode(unit uint8, r Register, value float64) (Request, error) {
	c, data, err := encode(&r, value)
	if err != nil {
		return Request{}, err
	}
	req := Request{Unit: unit, Function: WriteMultipleRegisters, Address: r.At, Count: uint16(c.words), Data: data}
	single := c.words == 1 && r.Write != WriteMultiple
	switch {
	case r.Table == Coil && single:
		return NewWriteCoil(unit, r.At, value == 1), nil
	case r.Table == Coil:
		req.Function = WriteMultipleCoils
	case single:
		req.Function = WriteSingleRegister
	}
	return req, nil
}

// EncodeMany is Encode for several values. Where a register begins right behind
// the one before it in the list, both go in one request of at most `most`
// registers (0: 123; coils 16 times that, at most 1968), unless either is
// written single. The order of the list is kept. An error means that nothing is
// written.
func EncodeMany(unit uint8, writes []Write, most int) ([]Request, error) {
	if most == 0 {
		most = MaxWriteRegisters
	}
	if most < 1 || most > MaxWriteRegisters {
		return nil, fmt.Errorf("%w: at most %d registers in a write: must be 1 to %d", ErrRegister, most, MaxWriteRegisters)
	}
	var out []Request
	for i := range writes {
		r := &writes[i].Register
		c, data, err := encode(r, writes[i].Value)
		if err != nil {
			return nil, err
		}
		if i > 0 && follows(&writes[i-1].Register, r) && join(&out[len(out)-1], r.Table, c.words, data, most) {
			continue
		}
		if !r.Table.bits() && c.words > most {
			return nil, fmt.Errorf("%w %q: %d registers, a write has at most %d", ErrRegister, r.Field, c.words, most)
		}
		req, err := Encode(unit, *r, writes[i].Value)
		if err != nil {
			return nil, err
		}
		out = append(out, req)
	}
	return out, nil
}

// encode gives the value as it stands in a request for several registers.
func encode(r *Register, value float64) (codec, []byte, error) {
	c, err := compile(r)
	switch {
	case err != nil:
		return c, nil, err
	case r.Table == Discrete || r.Table == Input:
		return c, nil, fmt.Errorf("%w %q: table %s cannot be written", ErrRegister, r.Field, r.Table)
	case c.kind == kindText:
		return c, nil, fmt.Errorf("%w %q: a text takes no number", ErrRegister, r.Field)
	case c.kind == kindBit && r.Table == Holding:
		return c, nil, fmt.Errorf("%w %q: one bit of a register cannot be written alone", ErrRegister, r.Field)
	}
	if r.Table == Coil {
		v, err := c.rawOf(r.Field, value)
		return c, []byte{byte(v)}, err
	}
	data, err := c.put(nil, r.Field, value)
	return c, data, err
}

func follows(a, b *Register) bool {
	return a.Table == b.Table && a.Write != WriteSingle && b.Write != WriteSingle && int(a.At)+a.Words() == int(b.At)
}

// join puts a value behind those of req, if there is room.
func join(req *Request, t Table, words int, data []byte, most int) bool {
	if t == Coil {
		n := int(req.Count)
		if n+1 > min(16*most, MaxWriteBits) {
			return false
		}
		if req.Function == WriteSingleCoil {
			req.Function, req.Data = WriteMultipleCoils, []byte{req.Data[0] & 1}
		}
		if n%8 == 0 {
			req.Data = append(req.Data, 0)
		}
		req.Data[n/8] |= data[0] << (n % 8)
		req.Count++
		return true
	}
	if int(req.Count)+words > most {
		return false
	}
	req.Function = WriteMultipleRegisters
	req.Count += uint16(words)
	req.Data = append(req.Data, data...)
	return true
}

// EncodeText is the request that writes a text, filled up with NUL. It must be
// printable ASCII and fit.
func EncodeText(unit uint8, r Register, text string) (Request, error) {
	if r.Table != Holding {
		return Request{}, fmt.Errorf("%w %q: table %s cannot be written", ErrRegister, r.Field, r.Table)
	}
	data, err := textBytes(&r, text)
	if err != nil {
		return Request{}, err
	}
	req := Request{Unit: unit, Function: WriteMultipleRegisters, Address: r.At, Count: uint16(len(data) / 2), Data: data}
	if req.Count == 1 && r.Write != WriteMultiple {
		req.Function = WriteSingleRegister
	}
	return req, req.check()
}

// textBytes is a text as it stands in the registers.
func textBytes(r *Register, text string) ([]byte, error) {
	c, err := compile(r)
	if err != nil {
		return nil, err
	}
	if c.kind != kindText {
		return nil, fmt.Errorf("%w %q: not a text", ErrRegister, r.Field)
	}
	data := make([]byte, 2*c.words)
	if copy(data, text) < len(text) {
		return nil, fmt.Errorf("%w: %q: text of %d characters, the registers hold %d", ErrRange, r.Field, len(text), len(data))
	}
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return nil, fmt.Errorf("%w: %q: text %q is not printable ASCII", ErrRange, r.Field, text)
		}
	}
	c.swapText(data)
	return data, nil
}

// text appends the registers at p as a text.
func (c *codec) text(dst, p []byte) []byte {
	from := len(dst)
	dst = append(dst, p[:2*c.words]...)
	s := dst[from:]
	c.swapText(s)
	if i := bytes.IndexByte(s, 0); i >= 0 {
		s = s[:i]
	}
	return dst[:from+len(bytes.TrimRight(s, " "))]
}

// swapText puts the characters into the order of the registers, or back. Texts
// know no word order.
func (c *codec) swapText(s []byte) {
	for i := 0; c.littleBytes && i+1 < len(s); i += 2 {
		s[i], s[i+1] = s[i+1], s[i]
	}
}
