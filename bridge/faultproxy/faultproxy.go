// Package faultproxy is a TCP proxy for tests that breaks a connection in the
// ways a network does: it cuts, delays, or silently swallows bytes.
//
//	p := faultproxy.Start(t, broker.Addr())
//	bus := open(t, "amqp://lab:secret@"+p.Addr())
//	p.Cut()           // every connection ends, new ones are refused
//	p.Restore()       // the same address takes connections again
//	p.Drop(true)      // connections stay, nothing comes through: a dead link
//
// It knows nothing of what it carries. Known limits: TCP only; Delay holds every
// chunk for the same time and so caps the throughput of large transfers.
package faultproxy

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Proxy forwards connections to its target.
type Proxy struct {
	target string
	addr   string

	delay atomic.Int64
	drop  atomic.Bool

	mu       sync.Mutex
	listener net.Listener // nil while cut
	conns    map[net.Conn]struct{}
	closed   bool
	accepted atomic.Int64
	wg       sync.WaitGroup
}

// Start runs a proxy to target, HOST:PORT, until the test ends.
func Start(t testing.TB, target string) *Proxy {
	t.Helper()
	p, err := Listen(target)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// Listen runs a proxy to target on a free port of the loopback; Close ends it.
func Listen(target string) (*Proxy, error) {
	p := &Proxy{target: target, addr: "127.0.0.1:0", conns: map[net.Conn]struct{}{}}
	if err := p.listen(); err != nil {
		return nil, err
	}
	return p, nil
}

// Addr is where the proxy listens; it stays over Cut and Restore.
func (p *Proxy) Addr() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.addr
}

// Accepted counts the connections taken so far.
func (p *Proxy) Accepted() int64 { return p.accepted.Load() }

// Cut ends every connection and refuses new ones.
func (p *Proxy) Cut() {
	p.mu.Lock()
	l := p.listener
	p.listener = nil
	p.mu.Unlock()
	if l != nil {
		_ = l.Close()
	}
	p.Break()
}

// Break ends every connection; new ones are taken.
func (p *Proxy) Break() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		_ = c.Close()
	}
}

// Restore takes connections again at the same address. It fails where another
// program took the port meanwhile.
func (p *Proxy) Restore() error { return p.listen() }

// Delay holds back every chunk of bytes for d, in both directions.
func (p *Proxy) Delay(d time.Duration) { p.delay.Store(int64(d)) }

// Drop swallows all bytes of both directions while on; connections stay open.
func (p *Proxy) Drop(on bool) { p.drop.Store(on) }

// Close ends the proxy and returns when nothing of it runs any more.
func (p *Proxy) Close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.Cut()
	p.wg.Wait()
}

func (p *Proxy) listen() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return errors.New("faultproxy: closed")
	}
	if p.listener != nil {
		return nil
	}
	l, err := net.Listen("tcp", p.addr)
	if err != nil {
		return fmt.Errorf("faultproxy: %w", err)
	}
	p.listener, p.addr = l, l.Addr().String()
	p.wg.Go(func() { p.accept(l) })
	return nil
}

func (p *Proxy) accept(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		p.accepted.Add(1)
		if !p.keep(l, c) {
			_ = c.Close()
			continue
		}
		p.wg.Go(func() { p.serve(l, c) })
	}
}

// keep notes a connection, unless the proxy was cut meanwhile.
func (p *Proxy) keep(l net.Listener, c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listener != l {
		return false
	}
	p.conns[c] = struct{}{}
	return true
}

func (p *Proxy) forget(c net.Conn) {
	_ = c.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
}

func (p *Proxy) serve(l net.Listener, client net.Conn) {
	defer p.forget(client)
	server, err := net.DialTimeout("tcp", p.target, 5*time.Second)
	if err != nil {
		return
	}
	defer p.forget(server)
	if !p.keep(l, server) {
		return
	}
	var wg sync.WaitGroup
	wg.Go(func() { p.pump(client, server) })
	p.pump(server, client)
	wg.Wait()
}

// pump copies one direction until either side ends, then ends both.
func (p *Proxy) pump(to, from net.Conn) {
	defer func() { _, _ = to.Close(), from.Close() }()
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		if d := time.Duration(p.delay.Load()); d > 0 {
			time.Sleep(d)
		}
		if p.drop.Load() {
			continue
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}
