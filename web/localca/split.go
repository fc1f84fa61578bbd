package localca

import (
	"container/list"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// Bounds of connections whose first byte has not come.
const (
	firstByteWithin = 5 * time.Second
	maxPending      = 512
)

// tlsHandshake is the first byte of every TLS connection.
const tlsHandshake = 0x16

// Split returns a listener for both TLS and plain connections of ln: those that
// begin as TLS come out as *tls.Conn. A connection that says nothing for 5 s is
// closed, and the oldest of them when 512 wait, so that those who speak get in.
func Split(ln net.Listener, conf *tls.Config) net.Listener {
	s := &split{Listener: ln, conf: conf, out: make(chan net.Conn), done: make(chan struct{}), pending: list.New()}
	s.wg.Add(1)
	go s.accept()
	return s
}

type split struct {
	net.Listener
	conf *tls.Config
	out  chan net.Conn
	done chan struct{}
	wg   sync.WaitGroup
	once sync.Once

	mu      sync.Mutex
	err     error      // of Accept, once it has ended
	pending *list.List // net.Conn, oldest first
	closed  bool
}

// Accept implements net.Listener.
func (s *split) Accept() (net.Conn, error) {
	select {
	case c := <-s.out:
		return c, nil
	case <-s.done:
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.err != nil {
			return nil, s.err
		}
		return nil, net.ErrClosed
	}
}

// Close ends Accept and all connections that have not begun.
func (s *split) Close() error {
	err := s.Listener.Close()
	s.finish(net.ErrClosed)
	s.wg.Wait()
	return err
}

func (s *split) finish(err error) {
	s.once.Do(func() {
		s.mu.Lock()
		s.err, s.closed = err, true
		for e := s.pending.Front(); e != nil; e = e.Next() {
			_ = e.Value.(net.Conn).Close()
		}
		s.mu.Unlock()
		close(s.done)
	})
}

func (s *split) accept() {
	defer s.wg.Done()
	var delay time.Duration
	for {
		c, err := s.Listener.Accept()
		if err == nil {
			delay = 0
			if e := s.await(c); e != nil {
				s.wg.Go(func() { s.first(c, e) })
			}
			continue
		}
		// As net/http does: no more files, or a client that is gone already.
		var ne interface{ Temporary() bool }
		if !errors.As(err, &ne) || !ne.Temporary() {
			s.finish(err)
			return
		}
		delay = min(max(2*delay, 5*time.Millisecond), time.Second)
		select {
		case <-time.After(delay):
		case <-s.done:
			return
		}
	}
}

// await notes a connection among those that wait; nil: the listener is closed.
func (s *split) await(c net.Conn) *list.Element {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		_ = c.Close()
		return nil
	}
	if s.pending.Len() >= maxPending {
		oldest := s.pending.Remove(s.pending.Front()).(net.Conn)
		_ = oldest.Close() // its read ends
	}
	return s.pending.PushBack(c)
}

// first reads the byte that tells, and hands the connection on.
func (s *split) first(c net.Conn, e *list.Element) {
	b := make([]byte, 1)
	_ = c.SetReadDeadline(time.Now().Add(firstByteWithin))
	_, err := c.Read(b)
	s.mu.Lock()
	s.pending.Remove(e) // nothing where it was the oldest
	s.mu.Unlock()
	if err != nil || c.SetReadDeadline(time.Time{}) != nil {
		_ = c.Close()
		return
	}
	out := begun(c, b[0])
	if b[0] == tlsHandshake {
		out = tls.Server(out, s.conf)
	}
	select {
	case s.out <- out:
	case <-s.done:
		_ = c.Close()
	}
}

// begun is c with its first byte still to be read. A TCP connection keeps what else
// it can do.
func begun(c net.Conn, first byte) net.Conn {
	if tcp, ok := c.(*net.TCPConn); ok {
		return &begunTCP{TCPConn: tcp, first: firstByte{b: first, left: true}}
	}
	return &begunConn{Conn: c, first: firstByte{b: first, left: true}}
}

type firstByte struct {
	b    byte
	left bool
}

func (f *firstByte) read(c net.Conn, p []byte) (int, error) {
	if !f.left || len(p) == 0 {
		return c.Read(p)
	}
	f.left, p[0] = false, f.b
	return 1, nil
}

type begunTCP struct {
	*net.TCPConn
	first firstByte
}

func (c *begunTCP) Read(p []byte) (int, error) { return c.first.read(c.TCPConn, p) }

// WriteTo hides TCPConn's, which would pass the first byte by.
func (c *begunTCP) WriteTo(w io.Writer) (int64, error) {
	return io.Copy(w, struct{ io.Reader }{c})
}

type begunConn struct {
	net.Conn
	first firstByte
}

func (c *begunConn) Read(p []byte) (int, error) { return c.first.read(c.Conn, p) }
