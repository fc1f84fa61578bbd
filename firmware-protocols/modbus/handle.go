package modbus

import "encoding/binary"

// handle answers the request PDU. It appends the answering PDU to dst.
func (s *Server) handle(dst []byte, unit uint8, pdu []byte, b *Bank) []byte {
	start := len(dst)
	dst, e := s.execute(dst, unit, pdu, b)
	if e != 0 {
		s.stats.Exceptions++
		return append(dst[:start], pdu[0]|refuse, byte(e))
	}
	return dst
}

// execute checks in the specification's order: function, value and length,
// address, and then what the device says.
func (s *Server) execute(dst []byte, unit uint8, pdu []byte, b *Bank) ([]byte, Exception) {
	f := Function(pdu[0])
	if !f.known() {
		return dst, IllegalFunction
	}
	if len(pdu) < 5 {
		return dst, IllegalDataValue
	}
	a := Access{Unit: unit, Function: f, At: binary.BigEndian.Uint16(pdu[1:]), Count: int(binary.BigEndian.Uint16(pdu[3:]))}
	most := MaxReadBits
	switch f {
	case ReadCoils, WriteSingleCoil, WriteMultipleCoils:
		a.Table = Coil
	case ReadDiscreteInputs:
		a.Table = Discrete
	case ReadInputRegisters:
		a.Table, most = Input, MaxReadRegisters
	default:
		a.Table, most = Holding, MaxReadRegisters
	}
	if !f.IsRead() {
		a.Write = true
		values, ok := s.values(f, pdu)
		if !ok {
			return dst, IllegalDataValue
		}
		a.Values, a.Count = values, len(values)
	} else if len(pdu) != 5 || a.Count < 1 || a.Count > most {
		return dst, IllegalDataValue
	}
	if int(a.At)+a.Count > 1<<16 {
		return dst, IllegalDataAddress
	}
	cells := b.Cells(a.Table, a.At, a.Count)
	if cells == nil {
		return dst, IllegalDataAddress
	}
	if b.Before != nil {
		if e := b.Before(a); e != 0 {
			return dst, e
		}
	}
	if !a.Write {
		return appendCells(append(dst, pdu[0]), cells, a.Table.bits()), 0
	}
	copy(cells, a.Values)
	if b.After != nil {
		b.After(a)
	}
	return append(dst, pdu[:5]...), 0
}

// values unpacks what a write brings.
func (s *Server) values(f Function, pdu []byte) ([]uint16, bool) {
	v := s.scratch[:]
	word := binary.BigEndian.Uint16(pdu[3:])
	n := int(word)
	switch f {
	case WriteSingleCoil:
		v[0] = word >> 15
		return v[:1], len(pdu) == 5 && (word == 0 || word == coilOn)
	case WriteSingleRegister:
		v[0] = word
		return v[:1], len(pdu) == 5
	case WriteMultipleCoils:
		if n < 1 || n > MaxWriteBits || len(pdu) != 6+(n+7)/8 || int(pdu[5]) != (n+7)/8 {
			return nil, false
		}
		for i := range n {
			v[i] = uint16(pdu[6+i/8] >> (i % 8) & 1)
		}
	default:
		if n < 1 || n > MaxWriteRegisters || len(pdu) != 6+2*n || int(pdu[5]) != 2*n {
			return nil, false
		}
		for i := range n {
			v[i] = binary.BigEndian.Uint16(pdu[6+2*i:])
		}
	}
	return v[:n], true
}

// appendCells appends byte count and values.
func appendCells(dst []byte, cells []uint16, bits bool) []byte {
	if !bits {
		dst = append(dst, byte(2*len(cells)))
		for _, c := range cells {
			dst = binary.BigEndian.AppendUint16(dst, c)
		}
		return dst
	}
	dst = append(dst, byte((len(cells)+7)/8))
	for i, c := range cells {
		if i%8 == 0 {
			dst = append(dst, 0)
		}
		dst[len(dst)-1] |= byte(c&1) << (i % 8)
	}
	return dst
}

// requestPDU gives the length of the request PDU at p, by the specification's
// public functions. whole means that the length is known, not that all is here.
func requestPDU(p []byte) (n int, st state) {
	if len(p) == 0 {
		return 1, part
	}
	count := func(at, fixed int) (int, state) {
		if len(p) <= at {
			return fixed, part
		}
		if n := fixed + int(p[at]); n <= maxPDU {
			return n, whole
		}
		return 0, no
	}
	switch p[0] {
	case 0:
		return 0, no
	case 1, 2, 3, 4, 5, 6, 8:
		return 5, whole
	case 7, 11, 12, 17:
		return 1, whole
	case 15, 16:
		return count(5, 6)
	case 20, 21:
		return count(1, 2)
	case 22:
		return 7, whole
	case 23:
		return count(9, 10)
	case 24:
		return 3, whole
	}
	if p[0]&refuse != 0 {
		return 0, no
	}
	return 1, open
}
