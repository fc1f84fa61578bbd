package modbus

import (
	"encoding/binary"
	"fmt"
)

// Reply is one answer. Its Data ends with the call that brings it.
type Reply struct {
	Unit      uint8
	Function  Function  // without the exception bit
	Exception Exception // 0: none
	Data      []byte    // reads: the values, without their byte count; writes: address, then value or count; nil with an exception
	TxID      uint16    // TCP: as it stands in the reply; RTU: that of the request
	Stray     bool      // it does not answer the request that Begin named
}

// Match returns nil if reply answers req: with values or with an exception. Else
// an error that wraps ErrMismatch and says what differs.
func Match(req Request, reply Reply) error {
	switch {
	case reply.TxID != req.TxID && !reply.Stray:
		return fmt.Errorf("%w: transaction %d, not %d", ErrMismatch, reply.TxID, req.TxID)
	case reply.Unit != req.Unit:
		return fmt.Errorf("%w: unit %d, not %d", ErrMismatch, reply.Unit, req.Unit)
	case reply.Function != req.Function:
		return fmt.Errorf("%w: %v, not %v", ErrMismatch, reply.Function, req.Function)
	case reply.Exception != 0:
	case req.Function.IsRead():
		if n := req.replyLen() - 2; len(reply.Data) != n {
			return fmt.Errorf("%w: %v: %d bytes of values, not %d", ErrMismatch, req.Function, len(reply.Data), n)
		}
	default:
		if err := matchEcho(req, reply); err != nil {
			return err
		}
	}
	if reply.Stray {
		return fmt.Errorf("%w: it came unasked (transaction %d)", ErrMismatch, reply.TxID)
	}
	return nil
}

// matchEcho compares the four bytes that the answer to a write repeats.
func matchEcho(req Request, reply Reply) error {
	if len(reply.Data) != 4 {
		return fmt.Errorf("%w: %v: %d bytes, not 4", ErrMismatch, req.Function, len(reply.Data))
	}
	at, v := binary.BigEndian.Uint16(reply.Data), binary.BigEndian.Uint16(reply.Data[2:])
	want, what := req.Count, "count"
	if req.Function == WriteSingleCoil || req.Function == WriteSingleRegister {
		if len(req.Data) != 2 {
			return fmt.Errorf("%w: %v: %d bytes of value, must be 2", ErrRequest, req.Function, len(req.Data))
		}
		want, what = binary.BigEndian.Uint16(req.Data), "value"
	}
	switch {
	case at != req.Address:
		return fmt.Errorf("%w: %v: address %d, not %d", ErrMismatch, req.Function, at, req.Address)
	case v != want:
		return fmt.Errorf("%w: %v: %s %d, not %d", ErrMismatch, req.Function, what, v, want)
	}
	return nil
}

// parseReply reads a reply that is known to be whole.
func parseReply(m Mode, frame []byte) Reply {
	r := Reply{Unit: frame[0]}
	pdu := frame[1 : len(frame)-2]
	if m == TCP {
		r.Unit, r.TxID, pdu = frame[6], binary.BigEndian.Uint16(frame), frame[mbap:]
	}
	r.Function = Function(pdu[0] &^ refuse)
	switch {
	case pdu[0]&refuse != 0:
		r.Exception = Exception(pdu[1])
	case r.Function.IsRead():
		r.Data = pdu[2:]
	default:
		r.Data = pdu[1:]
	}
	return r
}

// state says what the bytes at hand may be.
type state uint8

const (
	no    state = iota // no frame begins here
	part               // one may: more bytes tell
	whole              // the frame is here, its check sum aside
	open               // a frame of unknown length: only silence ends it
)

// replyAt judges whether any reply begins at b, and how long it then is. The
// length of a part is a lower bound.
func replyAt(m Mode, b []byte) (n int, st state) {
	if m == RTU {
		if len(b) > 0 && (b[0] == 0 || b[0] > MaxUnit) {
			return 0, no
		}
		n, st = replyPDU(b[min(1, len(b)):])
		return sized(b, n+3, st)
	}
	n, st = mbapAt(b)
	if st == no || len(b) <= mbap {
		return n, st
	}
	pdu, st := replyPDU(b[mbap:])
	if st == no || st == whole && pdu+mbap != n || pdu+mbap > n {
		return 0, no
	}
	return sized(b, n, whole)
}

// sized turns a known length into whole or part.
func sized(b []byte, n int, st state) (int, state) {
	if st == whole && len(b) < n {
		st = part
	}
	return n, st
}

// mbapAt judges the header alone; n is the length of the whole frame.
func mbapAt(b []byte) (n int, st state) {
	if len(b) > 2 && b[2] != 0 || len(b) > 3 && b[3] != 0 || len(b) > 4 && b[4] != 0 {
		return 0, no
	}
	if len(b) < 6 {
		return mbap + 1, part
	}
	if b[5] < 2 || int(b[5]) > maxPDU+1 {
		return 0, no
	}
	return sized(b, 6+int(b[5]), whole)
}

// replyPDU gives the length of the reply PDU at p: whole means that it is known,
// not that it is all here.
func replyPDU(p []byte) (n int, st state) {
	if len(p) == 0 {
		return 2, part
	}
	f := Function(p[0] &^ refuse)
	switch {
	case !f.known():
		return 0, no
	case p[0]&refuse != 0:
		if len(p) > 1 && p[1] == 0 {
			return 0, no
		}
		return 2, whole
	case !f.IsRead():
		return 5, whole
	case len(p) < 2:
		return 3, part
	}
	n = int(p[1])
	if n == 0 || n > 2*MaxReadRegisters || f >= ReadHoldingRegisters && n%2 != 0 {
		return 0, no
	}
	return 2 + n, whole
}
