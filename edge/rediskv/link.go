package rediskv

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
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
