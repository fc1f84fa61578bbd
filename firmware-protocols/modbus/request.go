package modbus

import (
	"encoding/binary"
	"fmt"
)

// Request is what a client asks. Data is on-the-wire order: registers with the
// high byte first, coils packed with the lowest address in bit 0.
type Request struct {
	Unit     uint8
	Function Function
	Address  uint16 // counted from 0
	Count    uint16 // bits or registers; 1 for functions 5 and 6
	Data     []byte // values of functions 5, 6, 15, 16
	TxID     uint16 // TCP: number of the request, chosen by the caller
}

// NewRead is a request of function 1, 2, 3 or 4.
func NewRead(unit uint8, f Function, address uint16, count int) (Request, error) {
	r := Request{Unit: unit, Function: f, Address: address, Count: uint16(count)}
	if !f.IsRead() {
		return Request{}, fmt.Errorf("%w: %v is no read", ErrRequest, f)
	}
	if count < 1 || count > MaxReadBits {
		return Request{}, fmt.Errorf("%w: %v: count %d", ErrRequest, f, count)
	}
	return r, r.check()
}

// NewWriteCoil is a request of function 5.
func NewWriteCoil(unit uint8, address uint16, on bool) Request {
	r := Request{Unit: unit, Function: WriteSingleCoil, Address: address, Count: 1, Data: []byte{0, 0}}
	if on {
		binary.BigEndian.PutUint16(r.Data, coilOn)
	}
	return r
}

// NewWriteRegister is a request of function 6.
func NewWriteRegister(unit uint8, address, value uint16) Request {
	return Request{Unit: unit, Function: WriteSingleRegister, Address: address, Count: 1,
		Data: binary.BigEndian.AppendUint16(nil, value)}
}

// NewWriteCoils is a request of function 15.
func NewWriteCoils(unit uint8, address uint16, values []bool) (Request, error) {
	if len(values) > MaxWriteBits {
		return Request{}, fmt.Errorf("%w: %d coils, at most %d", ErrRequest, len(values), MaxWriteBits)
	}
	r := Request{Unit: unit, Function: WriteMultipleCoils, Address: address, Count: uint16(len(values)),
		Data: make([]byte, (len(values)+7)/8)}
	for i, on := range values {
		if on {
			r.Data[i/8] |= 1 << (i % 8)
		}
	}
	return r, r.check()
}

// NewWriteRegisters is a request of function 16.
func NewWriteRegisters(unit uint8, address uint16, values []uint16) (Request, error) {
	if len(values) > MaxWriteRegisters {
		return Request{}, fmt.Errorf("%w: %d registers, at most %d", ErrRequest, len(values), MaxWriteRegisters)
	}
	r := Request{Unit: unit, Function: WriteMultipleRegisters, Address: address, Count: uint16(len(values))}
	for _, v := range values {
		r.Data = binary.BigEndian.AppendUint16(r.Data, v)
	}
	return r, r.check()
}

// Broadcast reports whether every device obeys and none answers.
func (r *Request) Broadcast(m Mode) bool { return m == RTU && r.Unit == 0 }

// Check says what is wrong with a request in that mode. In RTU, unit 0 may not
// be read and units over 247 are reserved; in TCP, 0 and 255 mean the device itself.
func (r *Request) Check(m Mode) error {
	if m == RTU {
		switch {
		case r.Unit == 0 && r.Function.IsRead():
			return fmt.Errorf("%w: %v by broadcast: nobody answers", ErrRequest, r.Function)
		case r.Unit > MaxUnit:
			return fmt.Errorf("%w: unit %d, at most %d on a serial line", ErrRequest, r.Unit, MaxUnit)
		}
	}
	return r.check()
}

func (r *Request) check() error {
	most, size := 1, 2
	switch r.Function {
	case ReadCoils, ReadDiscreteInputs:
		most, size = MaxReadBits, 0
	case ReadHoldingRegisters, ReadInputRegisters:
		most, size = MaxReadRegisters, 0
	case WriteSingleCoil, WriteSingleRegister:
	case WriteMultipleCoils:
		most, size = MaxWriteBits, (int(r.Count)+7)/8
	case WriteMultipleRegisters:
		most, size = MaxWriteRegisters, 2*int(r.Count)
	default:
		return fmt.Errorf("%w: %v is not spoken", ErrRequest, r.Function)
	}
	switch {
	case r.Count < 1 || int(r.Count) > most:
		return fmt.Errorf("%w: %v: count %d, must be 1 to %d", ErrRequest, r.Function, r.Count, most)
	case int(r.Address)+int(r.Count) > 1<<16:
		return fmt.Errorf("%w: %v: %d from address %d go beyond 65535", ErrRequest, r.Function, r.Count, r.Address)
	case len(r.Data) != size:
		return fmt.Errorf("%w: %v of %d: %d bytes of values, must be %d", ErrRequest, r.Function, r.Count, len(r.Data), size)
	case r.Function == WriteSingleCoil && (r.Data[0] != 0 && r.Data[0] != 0xff || r.Data[1] != 0):
		return fmt.Errorf("%w: %v: value %x is neither ff00 nor 0000", ErrRequest, r.Function, r.Data)
	}
	return nil
}

// Append appends the request as one ADU. On an error dst comes back as it was.
func (r *Request) Append(dst []byte, m Mode) ([]byte, error) {
	if err := r.Check(m); err != nil {
		return dst, err
	}
	start := len(dst)
	if m == TCP {
		dst = appendMBAP(dst, r.TxID, r.pduLen())
	}
	dst = append(dst, r.Unit, byte(r.Function))
	dst = binary.BigEndian.AppendUint16(dst, r.Address)
	switch r.Function {
	case WriteSingleCoil, WriteSingleRegister:
	default:
		dst = binary.BigEndian.AppendUint16(dst, r.Count)
		if !r.Function.IsRead() {
			dst = append(dst, byte(len(r.Data)))
		}
	}
	dst = append(dst, r.Data...)
	if m == RTU {
		dst = appendCRC(dst, dst[start:])
	}
	return dst, nil
}

func (r *Request) pduLen() int {
	if r.Function == WriteMultipleCoils || r.Function == WriteMultipleRegisters {
		return 6 + len(r.Data)
	}
	return 5
}

// appendMBAP appends the header but for the unit.
func appendMBAP(dst []byte, txid uint16, pdu int) []byte {
	dst = binary.BigEndian.AppendUint16(dst, txid)
	return append(dst, 0, 0, byte((pdu+1)>>8), byte(pdu+1))
}

// replyLen is the length of the PDU that answers r.
func (r *Request) replyLen() int {
	switch r.Function {
	case ReadCoils, ReadDiscreteInputs:
		return 2 + (int(r.Count)+7)/8
	case ReadHoldingRegisters, ReadInputRegisters:
		return 2 + 2*int(r.Count)
	}
	return 5
}

// appendReplyHead appends what of the answering PDU is known beforehand.
func (r *Request) appendReplyHead(dst []byte) []byte {
	dst = append(dst, byte(r.Function))
	if r.Function.IsRead() {
		return append(dst, byte(r.replyLen()-2))
	}
	dst = binary.BigEndian.AppendUint16(dst, r.Address)
	if r.Function == WriteSingleCoil || r.Function == WriteSingleRegister {
		return append(dst, r.Data...)
	}
	return binary.BigEndian.AppendUint16(dst, r.Count)
}
