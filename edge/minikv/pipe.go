package minikv

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// newPipe returns the two ends of a connection in memory whose writes never
// block: with net.Pipe, a client that writes a whole pipeline before it reads
// and a server that answers the first command wait for each other for ever.
func newPipe() (client, server net.Conn) {
	a, b := newStream(), newStream()
	return &pipeEnd{in: a, out: b}, &pipeEnd{in: b, out: a}
}

type pipeEnd struct{ in, out *stream }

func (p *pipeEnd) Read(b []byte) (int, error)  { return p.in.read(b) }
func (p *pipeEnd) Write(b []byte) (int, error) { return p.out.write(b) }

func (p *pipeEnd) Close() error {
	p.in.close(io.ErrClosedPipe)
	p.out.close(io.EOF)
	return nil
}

func (p *pipeEnd) SetDeadline(t time.Time) error      { return p.in.setDeadline(t) }
func (p *pipeEnd) SetReadDeadline(t time.Time) error  { return p.in.setDeadline(t) }
func (p *pipeEnd) SetWriteDeadline(t time.Time) error { return nil } // writes never block
func (p *pipeEnd) LocalAddr() net.Addr                { return pipeAddr{} }
func (p *pipeEnd) RemoteAddr() net.Addr               { return pipeAddr{} }

type pipeAddr struct{}

func (pipeAddr) Network() string { return "memory" }
func (pipeAddr) String() string  { return "minikv" }

// keepBuffer is the largest buffer that is kept when it has been read empty.
const keepBuffer = 64 << 10

// stream is one direction of a pipe.
type stream struct {
	mu       sync.Mutex
	arrived  sync.Cond
	buf      []byte
	at       int // buf[at:] is unread
	err      error
	deadline time.Time
	timer    *time.Timer
	armed    time.Time // when timer fires next; zero: it is not running
}

func newStream() *stream {
	s := &stream{}
	s.arrived.L = &s.mu
	return s
}

func (s *stream) read(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.at == len(s.buf) {
		if s.err != nil {
			return 0, s.err
		}
		if len(b) == 0 {
			return 0, nil
		}
		if !s.deadline.IsZero() {
			if !time.Now().Before(s.deadline) {
				return 0, os.ErrDeadlineExceeded
			}
			s.arm()
		}
		s.arrived.Wait()
	}
	n := copy(b, s.buf[s.at:])
	if s.at += n; s.at == len(s.buf) {
		s.at = 0
		if s.buf = s.buf[:0]; cap(s.buf) > keepBuffer {
			s.buf = nil
		}
	}
	return n, nil
}

func (s *stream) write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return 0, io.ErrClosedPipe
	}
	s.buf = append(s.buf, b...)
	s.arrived.Signal()
	return len(b), nil
}

func (s *stream) close(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = err
	}
	if errors.Is(err, io.ErrClosedPipe) { // our own end: nothing more is read
		s.err, s.buf, s.at = err, nil, 0
	}
	if s.timer != nil {
		s.timer.Stop()
	}
	s.arrived.Broadcast()
}

func (s *stream) setDeadline(t time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deadline = t
	if !t.IsZero() && !s.armed.IsZero() && t.Before(s.armed) {
		s.armed = time.Time{}
		s.arrived.Broadcast() // a waiting reader arms the timer anew
	}
	return nil
}

// arm makes sure that a waiting reader wakes by its deadline. A timer that
// fires too early wakes it for nothing and is armed again, so that a deadline
// moved for every command costs no timer each.
func (s *stream) arm() {
	if !s.armed.IsZero() && !s.armed.After(s.deadline) {
		return
	}
	s.armed = s.deadline
	wait := time.Until(s.deadline)
	if s.timer != nil {
		s.timer.Reset(wait)
		return
	}
	s.timer = time.AfterFunc(wait, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.armed = time.Time{}
		s.arrived.Broadcast()
	})
}
