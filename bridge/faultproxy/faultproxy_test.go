package faultproxy

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// echo answers every byte.
func echo(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(c, c); c.Close() }()
		}
	}()
	return l.Addr().String()
}

func dial(t *testing.T, addr string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// ping sends one byte and waits for it.
func ping(c net.Conn, wait time.Duration) error {
	if _, err := c.Write([]byte{1}); err != nil {
		return err
	}
	_ = c.SetReadDeadline(time.Now().Add(wait))
	_, err := io.ReadFull(c, make([]byte, 1))
	return err
}

func TestProxy(t *testing.T) {
	t.Cleanup(func() { goleak.VerifyNone(t) }) // after the connections of the test are closed
	p, err := Listen(echo(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	addr := p.Addr()
	c := dial(t, addr)
	if err := ping(c, 5*time.Second); err != nil {
		t.Fatal(err)
	}
	p.Delay(100 * time.Millisecond)
	start := time.Now()
	if err := ping(c, 5*time.Second); err != nil || time.Since(start) < 200*time.Millisecond {
		t.Fatalf("a delayed ping took %v: %v", time.Since(start), err)
	}
	p.Delay(0)
	p.Drop(true)
	if err := ping(c, 50*time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("a swallowed ping: %v", err)
	}
	p.Drop(false)
	if err := ping(c, 5*time.Second); err != nil {
		t.Fatal("the connection did not survive swallowed bytes")
	}
	p.Cut()
	if err := ping(c, 5*time.Second); err == nil {
		t.Fatal("a cut connection answers")
	}
	if c, err := net.Dial("tcp", addr); err == nil {
		c.Close()
		t.Fatal("a cut proxy takes connections")
	}
	if err := p.Restore(); err != nil {
		t.Fatal(err)
	}
	if p.Addr() != addr {
		t.Fatalf("restored at %s, was %s", p.Addr(), addr)
	}
	c = dial(t, addr)
	if err := ping(c, 5*time.Second); err != nil {
		t.Fatal(err)
	}
	p.Break()
	if err := ping(c, 5*time.Second); err == nil {
		t.Fatal("a broken connection answers")
	}
	if p.Accepted() != 2 {
		t.Fatalf("%d connections accepted", p.Accepted())
	}
	if err := ping(dial(t, addr), 5*time.Second); err != nil {
		t.Fatal(err)
	}
}
