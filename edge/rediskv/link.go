package rediskv

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// notSent marks what failed before the server had answered its first greeting:
// no command can have reached it. It is wrapped twice, because go-redis takes
// one layer off what fails in a handshake.
type notSent struct {
	err error
	tls bool // the connection was encrypted
}

func (e *notSent) Error() string { return e.err.Error() }
func (e *notSent) Unwrap() error { return e.err }

func beforeGreeting(err error, tls bool) error {
	return fmt.Errorf("connect: %w", &notSent{err, tls})
}

// tlsWith begins the text of a handshake that failed.
const tlsWith = "tls with "

// link dials. While a server is away one caller at a time looks whether it is
// back, and the others are told at once: nobody waits behind nobody, and the
// first who comes after the server's return finds it.
type link struct {
	timeout time.Duration
	tls     *tls.Config

	mu    sync.Mutex
	peers map[string]*peer
}

func newLink(timeout time.Duration, conf *tls.Config) *link {
	return &link{timeout: timeout, tls: conf, peers: map[string]*peer{}}
}

// peer is one server's address.
type peer struct {
	// broken counts connections that broke. One that was made before the last of
	// them is not used again: it would cost its user an error to find it dead.
	broken atomic.Uint64

	mu     sync.Mutex
	last   error // why it is away, nil while it is not
	trying bool
}

func (l *link) peer(addr string) *peer {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.peers[addr]
	if p == nil {
		p = &peer{}
		l.peers[addr] = p
	}
	return p
}

// dial never returns an error: go-redis would count it, and after some look for
// the server once a second only. The connection fails in its place.
func (l *link) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	p := l.peer(addr)
	p.mu.Lock()
	if p.last != nil && p.trying {
		err := p.last
		p.mu.Unlock()
		return failed{err}, nil
	}
	trial := p.last != nil
	p.trying = trial
	p.mu.Unlock()
	c := &conn{peer: p, trial: trial, born: time.Now(), generation: p.broken.Load()}
	raw, err := l.connect(ctx, network, addr)
	if err != nil {
		c.settle(err)
		return failed{err}, nil
	}
	c.Conn = raw
	return c, nil
}

func (l *link) connect(ctx context.Context, network, addr string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, l.timeout)
	defer cancel()
	d := net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 5 * time.Second, Interval: 2 * time.Second, Count: 3}}
	raw, err := d.DialContext(ctx, network, addr)
	if err != nil || l.tls == nil {
		return raw, err
	}
	conf := l.tls.Clone()
	if host, _, err := net.SplitHostPort(addr); err == nil {
		conf.ServerName = host
	}
	c := tls.Client(raw, conf)
	if err := c.HandshakeContext(ctx); err != nil {
		_ = raw.Close()
		return nil, fmt.Errorf(tlsWith+"%s: %w", addr, err)
	}
	return c, nil
}

// conn watches what becomes of a connection.
type conn struct {
	net.Conn
	peer       *peer
	trial      bool // others wait for what becomes of it
	born       time.Time
	generation uint64

	greeted atomic.Bool
	settled sync.Once
}

// settle says once how the connection's beginning went.
func (c *conn) settle(err error) {
	c.settled.Do(func() {
		c.peer.mu.Lock()
		defer c.peer.mu.Unlock()
		if c.trial {
			c.peer.trying = false
		}
		switch {
		case err == nil:
			c.peer.last = nil
		case errors.Is(err, context.Canceled):
		case errors.Is(err, os.ErrDeadlineExceeded) && time.Since(c.born) < 500*time.Millisecond:
			// The caller was in a hurry; that says nothing about the server.
		default:
			c.peer.last = err
		}
	})
}

func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 && !c.greeted.Load() {
		c.greeted.Store(true)
		c.settle(nil)
	}
	if err != nil {
		return n, c.fail(err)
	}
	return n, nil
}

func (c *conn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	if err != nil {
		return n, c.fail(err)
	}
	return n, nil
}

func (c *conn) fail(err error) error {
	if !errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(err, net.ErrClosed) {
		c.peer.broken.Add(1)
	}
	if c.greeted.Load() {
		return err
	}
	c.settle(err)
	_, encrypted := c.Conn.(*tls.Conn)
	return beforeGreeting(err, encrypted)
}

func (c *conn) Close() error {
	c.settle(context.Canceled)
	return c.Conn.Close()
}

var errStale = errors.New("rediskv: connection from before the server's last break")

// SyscallConn is where go-redis looks whether an idle connection is alive.
func (c *conn) SyscallConn() (syscall.RawConn, error) {
	if c.peer.broken.Load() != c.generation {
		return nil, errStale
	}
	if s, ok := c.Conn.(syscall.Conn); ok {
		return s.SyscallConn()
	}
	if t, ok := c.Conn.(*tls.Conn); ok { // go-redis must not take TLS's bytes for the server's
		if err := peek(t.NetConn()); err != nil {
			return nil, err
		}
	}
	return quietConn{}, nil
}

// quietConn has nothing to tell.
type quietConn struct{}

func (quietConn) Control(func(uintptr)) error    { return nil }
func (quietConn) Read(func(uintptr) bool) error  { return nil }
func (quietConn) Write(func(uintptr) bool) error { return nil }

// failed is a connection that could not be made.
type failed struct{ err error }

func (f failed) Read([]byte) (int, error)              { return 0, beforeGreeting(f.err, false) }
func (f failed) Write([]byte) (int, error)             { return 0, beforeGreeting(f.err, false) }
func (failed) Close() error                            { return nil }
func (f failed) SyscallConn() (syscall.RawConn, error) { return nil, f.err } // not to be kept as idle
func (failed) LocalAddr() net.Addr                     { return &net.TCPAddr{} }
func (failed) RemoteAddr() net.Addr                    { return &net.TCPAddr{} }
func (failed) SetDeadline(time.Time) error             { return nil }
func (failed) SetReadDeadline(time.Time) error         { return nil }
func (failed) SetWriteDeadline(time.Time) error        { return nil }
