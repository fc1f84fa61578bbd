package httpcam

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
)

const (
	maxHead   = 64 << 10 // bytes of an answer's headers
	maxInform = 5        // answers 1xx before the real one
)

// wire is a connection, for one request at a time. It stands in for http.Transport, which
// writes what a camera sends unasked into the log of the process.
type wire struct {
	conn  net.Conn
	head  *io.LimitedReader
	r     *bufio.Reader
	place string
}

// pool keeps one connection between requests.
type pool struct {
	mu     sync.Mutex
	w      *wire
	closed bool
}

// take is the connection that is kept, if it leads to place.
func (p *pool) take(place string) *wire {
	p.mu.Lock()
	defer p.mu.Unlock()
	w := p.w
	p.w = nil
	if w != nil && w.place != place {
		_ = w.conn.Close()
		return nil
	}
	return w
}

func (p *pool) keep(w *wire) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.w != nil || p.closed {
		_ = w.conn.Close()
		return
	}
	p.w = w
}

func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	if p.w != nil {
		_ = p.w.conn.Close()
		p.w = nil
	}
}

// do sends a request without a body. The answer's body ends with ctx.
func (c *client) do(ctx context.Context, req *http.Request) (*http.Response, error) {
	place := req.URL.Scheme + "://" + net.JoinHostPort(req.URL.Hostname(), port(req.URL))
	if w := c.pool.take(place); w != nil {
		if resp, err := c.ask(ctx, w, req); err == nil || ctx.Err() != nil {
			return resp, err
		} // the camera may have ended it meanwhile
	}
	w, err := c.dial(ctx, req.URL, place)
	if err != nil {
		return nil, err
	}
	return c.ask(ctx, w, req)
}

func (c *client) dial(ctx context.Context, u *url.URL, place string) (*wire, error) {
	d := net.Dialer{Timeout: c.o.Connect * 3 / 4}
	conn, err := d.DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), port(u)))
	if err != nil {
		return nil, err
	}
	if u.Scheme == "https" {
		t := tls.Client(conn, &tls.Config{ServerName: u.Hostname(), RootCAs: c.o.Roots, MinVersion: tls.VersionTLS12})
		if err := t.HandshakeContext(ctx); err != nil {
			_ = conn.Close()
			return nil, err
		}
		conn = t
	}
	w := &wire{conn: conn, head: &io.LimitedReader{R: conn}, place: place}
	w.r = bufio.NewReaderSize(w.head, 16<<10)
	return w, nil
}

func (c *client) ask(ctx context.Context, w *wire, req *http.Request) (*http.Response, error) {
	unwatch := context.AfterFunc(ctx, func() { _ = w.conn.Close() })
	resp, err := w.exchange(req)
	if err != nil {
		unwatch()
		_ = w.conn.Close()
		return nil, err
	}
	resp.Body = &body{r: resp.Body, w: w, pool: &c.pool, unwatch: unwatch, last: resp.Close}
	return resp, nil
}

func (w *wire) exchange(req *http.Request) (*http.Response, error) {
	if err := req.Write(w.conn); err != nil {
		return nil, err
	}
	w.head.N = maxHead
	for range maxInform {
		resp, err := http.ReadResponse(w.r, req)
		if err != nil {
			if w.head.N <= 0 {
				err = fmt.Errorf("headers over %d bytes", maxHead)
			}
			return nil, err
		}
		if resp.StatusCode >= http.StatusOK || resp.StatusCode == http.StatusSwitchingProtocols {
			w.head.N = math.MaxInt64
			return resp, nil
		}
	}
	return nil, fmt.Errorf("more than %d provisional answers", maxInform)
}

// body is that of an answer. Its connection is kept when the body was read to its end
// and nothing follows, else closed.
type body struct {
	r       io.Reader
	w       *wire
	pool    *pool
	unwatch func() bool
	last    bool // the camera closes the connection
	ended   atomic.Bool
	once    sync.Once
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if err == io.EOF { //nolint:errorlint // as io.Reader has it
		b.ended.Store(true)
	}
	return n, err
}

// Close does not read what is left, as it may be without end.
func (b *body) Close() error {
	b.once.Do(func() {
		if b.unwatch() && b.ended.Load() && !b.last && b.w.r.Buffered() == 0 {
			b.pool.keep(b.w)
			return
		}
		_ = b.w.conn.Close()
	})
	return nil
}
