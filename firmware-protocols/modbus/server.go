package modbus

import "encoding/binary"

// ServerStats counts what a Server has seen.
type ServerStats struct {
	Bytes      uint64 // fed
	Requests   uint64 // to units that are here, broadcasts included
	Exceptions uint64 // requests answered with one, or that would have been
	Other      uint64 // requests to units that are not here
	Garbage    uint64 // bytes dropped
}

// Server is the device's side: requests go in, answers come out. It stands for
// one or more units. It is not safe for concurrent use.
//
// In RTU a request to a unit that is not here is not answered; in TCP it is
// answered with exception 11, and units 0 and 255 mean the unit that was
// attached first.
type Server struct {
	mode     Mode
	units    [256]*Bank
	first    *Bank
	buf      []byte // undecided bytes
	unsynced bool   // TCP: bytes were dropped since the last request
	stats    ServerStats
	storage  [2 * maxTCP]byte
	tx       [maxTCP]byte
	scratch  [MaxWriteBits]uint16
}

// NewServer returns a server without units.
func NewServer(m Mode) *Server {
	s := &Server{mode: m}
	s.buf = s.storage[:0]
	return s
}

// Attach puts a bank at a unit; nil takes it away.
func (s *Server) Attach(unit uint8, b *Bank) {
	s.units[unit] = b
	if s.first == nil {
		s.first = b
	}
}

// Stats returns the counters.
func (s *Server) Stats() ServerStats { return s.stats }

// Reset drops the bytes held, which count as garbage: for a new connection.
func (s *Server) Reset() {
	s.stats.Garbage += uint64(len(s.buf))
	s.buf, s.unsynced = s.buf[:0], false
}

// Feed takes the next bytes, carries out each request found, in order, and calls
// send with each answer, whose bytes are valid during the call only. p is not
// kept. send must not call the server.
func (s *Server) Feed(p []byte, send func(adu []byte)) {
	s.stats.Bytes += uint64(len(p))
	for len(p) > 0 {
		n := min(len(p), cap(s.buf)-len(s.buf))
		s.buf = append(s.buf, p[:n]...)
		p = p[n:]
		s.scan(false, send)
	}
}

// Silence says that nothing more belongs to what came so far: in RTU after t3.5,
// or longer where the system delivers in bursts. It ends requests of functions
// whose length is not known, and frees a request that stands behind what only
// looked like the beginning of one. Nothing is held afterwards. In TCP it is
// for a connection that stays in the middle of a request too long.
func (s *Server) Silence(send func(adu []byte)) { s.scan(true, send) }

func (s *Server) scan(silent bool, send func([]byte)) {
	if s.mode == TCP {
		s.scanTCP(silent, send)
	} else {
		s.scanRTU(silent, send)
	}
}

func (s *Server) drop(n int) {
	s.buf = s.buf[:copy(s.buf, s.buf[n:])]
}

func (s *Server) garbage(n int) {
	s.stats.Garbage += uint64(n)
	s.unsynced = s.unsynced || n > 0
	s.drop(n)
}

// scanRTU takes the earliest frame whose check sum is right. A frame of unknown
// length does not hold up those behind it; one of known length does.
func (s *Server) scanRTU(silent bool, send func([]byte)) {
	keep := -1 // the earliest byte that may begin a frame of unknown length
	for i := 0; i < len(s.buf); {
		b := s.buf[i:]
		n, st := requestAt(b)
		switch {
		case st == whole && crcOK(b[:n]), st == open && silent && len(b) <= maxRTU && crcOK(b):
			if st == open {
				n = len(b)
			}
			s.garbage(i)
			s.requestRTU(s.buf[:n], send)
			s.drop(n)
			i, keep = 0, -1
			continue
		case st == part && !silent:
			if keep < 0 {
				keep = i
			}
			s.garbage(keep)
			return
		case st == open && keep < 0 && len(b) <= maxRTU:
			keep = i
		}
		i++
	}
	if keep < 0 || silent {
		keep = len(s.buf)
	}
	s.garbage(keep)
}

// requestAt judges whether a request frame begins at b.
func requestAt(b []byte) (n int, st state) {
	if b[0] > MaxUnit {
		return 0, no
	}
	n, st = requestPDU(b[1:])
	return sized(b, n+3, st)
}

func (s *Server) requestRTU(frame []byte, send func([]byte)) {
	unit, pdu := frame[0], frame[1:len(frame)-2]
	if unit == 0 {
		s.stats.Requests++
		for _, b := range s.units {
			if b != nil && !Function(pdu[0]).IsRead() {
				s.handle(s.tx[:0], unit, pdu, b)
			}
		}
		return
	}
	b := s.units[unit]
	if b == nil {
		s.stats.Other++
		return
	}
	s.stats.Requests++
	adu := s.handle(append(s.tx[:0], unit), unit, pdu, b)
	send(appendCRC(adu, adu))
}

// scanTCP cuts by the header's length. After garbage a header must also agree
// with the length of its function.
func (s *Server) scanTCP(silent bool, send func([]byte)) {
	for len(s.buf) > 0 {
		n, st := mbapAt(s.buf)
		if st != no && s.unsynced && len(s.buf) > mbap {
			pdu, known := requestPDU(s.buf[mbap:])
			if known == no || known == whole && pdu+mbap != n || known == part && pdu+mbap > n {
				st = no
			}
		}
		switch {
		case st == no, st == part && silent:
			s.garbage(1)
		case st == part:
			return
		default:
			s.requestTCP(s.buf[:n], send)
			s.drop(n)
			s.unsynced = false
		}
	}
}

func (s *Server) requestTCP(frame []byte, send func([]byte)) {
	unit, pdu := frame[6], frame[mbap:]
	b := s.units[unit]
	if b == nil && (unit == 0 || unit == 255) {
		b = s.first
	}
	adu := append(s.tx[:0], frame[:mbap]...)
	if b == nil {
		s.stats.Other++
		adu = append(adu, pdu[0]|refuse, byte(GatewayTargetNoResponse))
	} else {
		s.stats.Requests++
		adu = s.handle(adu, unit, pdu, b)
	}
	binary.BigEndian.PutUint16(adu[4:], uint16(len(adu)-6))
	send(adu)
}
