package rediskv

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

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
