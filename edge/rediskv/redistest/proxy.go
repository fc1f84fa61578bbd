package redistest

import (
	"bytes"
	"net"
	"sync"
	"testing"
	"time"
)

// Proxy stands between a client and a server and does what networks do.
type Proxy struct {
	l      net.Listener
	target string

	mu       sync.Mutex
	sent     bytes.Buffer // what clients sent
	cutAfter []byte       // cut when a client has sent this and the server answers
	passed   int          // bytes of that answer that still get through
	cuts     int
	conns    map[net.Conn]bool
	lost     map[net.Conn]bool // cut as soon as the client sends something
	closed   bool
	wg       sync.WaitGroup
}

// NewProxy starts a proxy in front of target (host:port); it ends with the test.
func NewProxy(t testing.TB, target string) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{l: l, target: target, conns: map[net.Conn]bool{}, lost: map[net.Conn]bool{}}
	p.wg.Go(p.serve)
	t.Cleanup(func() {
		_ = l.Close()
		p.mu.Lock()
		p.closed = true
		for c := range p.conns {
			_ = c.Close()
		}
		p.mu.Unlock()
		p.wg.Wait()
	})
	return p
}

// Addr is where clients connect.
func (p *Proxy) Addr() string { return p.l.Addr().String() }

// CutReply cuts the connection on which the bytes word are sent next, after
// passed bytes of the reply. The server has done what it was told by then.
func (p *Proxy) CutReply(word string, passed int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cutAfter, p.passed = []byte(word), passed
}

// Cuts says how often a reply was cut.
func (p *Proxy) Cuts() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cuts
}

// CutAll cuts every connection that stands. Clients can see it when it returns.
func (p *Proxy) CutAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		cut(c)
	}
}

// Forget does what a server's reboot does to connections that are idle: their
// ends at the clients look alive until something is sent.
func (p *Proxy) Forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		p.lost[c] = true
	}
}

// Sent returns what clients have sent so far.
func (p *Proxy) Sent() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	return bytes.Clone(p.sent.Bytes())
}

func (p *Proxy) serve() {
	for {
		c, err := p.l.Accept()
		if err != nil {
			return
		}
		s, err := net.DialTimeout("tcp", p.target, 2*time.Second)
		if err != nil {
			_ = c.Close()
			continue
		}
		p.mu.Lock()
		if p.closed {
			_ = c.Close()
			_ = s.Close()
		}
		p.conns[c], p.conns[s] = true, true
		p.mu.Unlock()
		armed := make(chan int, 1)
		p.wg.Go(func() { p.pump(c, s, armed) })
		p.wg.Go(func() { p.reply(c, s, armed) })
	}
}

// cut ends c so that the other side sees it at once: Close alone waits until who
// reads here has noticed.
func cut(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.CloseWrite()
	}
	_ = c.Close()
}

func (p *Proxy) drop(c, s net.Conn) {
	cut(c)
	cut(s)
	p.mu.Lock()
	delete(p.conns, c)
	delete(p.conns, s)
	delete(p.lost, c)
	delete(p.lost, s)
	p.mu.Unlock()
}

// pump passes what the client sends.
func (p *Proxy) pump(c, s net.Conn, armed chan<- int) {
	defer p.drop(c, s)
	buf := make([]byte, 32<<10)
	for {
		n, err := c.Read(buf)
		if n > 0 {
			p.mu.Lock()
			if p.lost[c] {
				p.mu.Unlock()
				return
			}
			p.sent.Write(buf[:n])
			if p.cutAfter != nil && bytes.Contains(buf[:n], p.cutAfter) {
				armed <- p.passed
				p.cutAfter = nil
				p.cuts++
			}
			p.mu.Unlock()
			if _, err := s.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// reply passes what the server answers.
func (p *Proxy) reply(c, s net.Conn, armed <-chan int) {
	defer p.drop(c, s)
	buf := make([]byte, 32<<10)
	for {
		n, err := s.Read(buf)
		select {
		case passed := <-armed:
			_, _ = c.Write(buf[:min(n, passed)])
			return
		default:
		}
		if n > 0 {
			if _, err := c.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
