package rabbitbus

import (
	"net"
	"sync"
	"time"
)

// socketBytes is how much waits for the kernel before Write does.
const socketBytes = 256 << 10

// socket is a connection whose writes are collected while the one before is
// under way: the client library flushes after every message. Every write to the
// kernel has a deadline, so that a broker that reads no more is found and nobody
// hangs on it.
type socket struct {
	net.Conn
	most time.Duration

	mu      sync.Mutex
	changed sync.Cond
	buf     []byte
	err     error
	closed  bool
	over    chan struct{}
}

func newSocket(c net.Conn, most time.Duration) *socket {
	s := &socket{Conn: c, most: most, over: make(chan struct{})}
	s.changed.L = &s.mu
	go s.run()
	return s
}

// Write implements net.Conn.
func (s *socket) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.buf) > socketBytes && s.err == nil && !s.closed {
		s.changed.Wait()
	}
	if s.err == nil && s.closed {
		return 0, net.ErrClosed
	}
	if s.err != nil {
		return 0, s.err
	}
	s.buf = append(s.buf, b...)
	s.changed.Broadcast()
	return len(b), nil
}

func (s *socket) run() {
	defer close(s.over)
	var out []byte
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		for len(s.buf) == 0 && !s.closed {
			s.changed.Wait()
		}
		if len(s.buf) == 0 {
			return
		}
		out, s.buf = s.buf, out[:0]
		s.mu.Unlock()
		err := s.SetWriteDeadline(time.Now().Add(s.most))
		if err == nil {
			_, err = s.Conn.Write(out)
		}
		s.mu.Lock()
		s.changed.Broadcast()
		if err != nil {
			s.err = err
			_ = s.Conn.Close() // the reader finds out
			return
		}
	}
}

// Close implements net.Conn. What was written before still goes out, if that
// does not take long.
func (s *socket) Close() error {
	s.mu.Lock()
	s.closed = true
	s.changed.Broadcast()
	s.mu.Unlock()
	late := time.AfterFunc(goodbyeMost, func() { _ = s.Conn.Close() })
	defer late.Stop()
	<-s.over
	return s.Conn.Close()
}
