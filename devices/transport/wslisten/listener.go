package wslisten

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"labbox/devices/transport"
	"labbox/edge"
)

// Options of a Listener.
type Options struct {
	Name  string // for errors and logs: the device's id
	Token string // "" : no token opens the door

	// AllowedAddrs may dial in without the token. Where it is empty and there is
	// no token either, loopback may.
	AllowedAddrs []netip.Prefix

	MaxMessage   int64         // bytes; a longer message costs the line; 0: 64 KiB
	PingEvery    time.Duration // 0: 2 s; a link that is silent for 2.5 times that is dead
	WriteTimeout time.Duration // a Send that takes longer costs the line; 0: 5 s
	HoldFor      time.Duration // how long a device waits for an Open; 0: 10 s

	// Refused, when set, is told of everyone who was turned away, and why. It is
	// called on the request's goroutine.
	Refused func(remote string, why *edge.Error)
}

// Listener is the http.Handler that the device dials and the Opener that the
// driver waits on.
type Listener struct {
	o  Options
	up websocket.Upgrader

	mu      sync.Mutex
	closed  bool
	waiting *port         // dialled in, not opened yet
	using   *port         // opened, not closed yet
	arrived chan struct{} // closed and replaced when waiting or using change
}

var (
	_ transport.Opener = (*Listener)(nil)
	_ http.Handler     = (*Listener)(nil)
)

// New returns a Listener, or what is wrong with o (bad_config).
func New(o Options) (*Listener, error) {
	if o.Name == "" {
		o.Name = "device"
	}
	if o.MaxMessage < 0 || o.PingEvery < 0 || o.WriteTimeout < 0 || o.HoldFor < 0 {
		return nil, edge.Errorf(edge.CodeBadConfig, "websocket of %s: negative limit or time", o.Name)
	}
	setDefault(&o.MaxMessage, 64<<10)
	setDefault(&o.PingEvery, 2*time.Second)
	setDefault(&o.WriteTimeout, 5*time.Second)
	setDefault(&o.HoldFor, 10*time.Second)
	if o.Token == "" && len(o.AllowedAddrs) == 0 {
		o.AllowedAddrs = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	}
	return &Listener{
		o:       o,
		arrived: make(chan struct{}),
		up: websocket.Upgrader{
			HandshakeTimeout: o.WriteTimeout, ReadBufferSize: 1024, WriteBufferSize: 1024,
			CheckOrigin: func(*http.Request) bool { return true }, // there is none: see admit
		},
	}, nil
}

func setDefault[T int64 | time.Duration](v *T, d T) {
	if *v == 0 {
		*v = d
	}
}

// String implements transport.Opener.
func (l *Listener) String() string { return "websocket of " + l.o.Name }

// ServeHTTP lets a device in.
func (l *Listener) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if status, why := l.admit(r); why != nil {
		l.refuse(w, r, status, why)
		return
	}
	// before the handshake, which would tell the device it is welcome
	if status, why := l.room(); why != nil {
		l.refuse(w, r, status, why)
		return
	}
	ws, err := l.up.Upgrade(w, r, nil)
	if err != nil {
		return // gorilla has answered
	}
	p := newPort(l, ws)
	if !l.arrive(p) {
		_ = ws.WriteControl(websocket.CloseMessage,
			websocket.FormatCloseMessage(websocket.CloseTryAgainLater, "another device is connected"), time.Now().Add(time.Second))
		p.Close()
		l.tell(r, l.errBusy())
	}
}

// admit says who may not come in.
func (l *Listener) admit(r *http.Request) (status int, why *edge.Error) {
	if _, ok := r.Header["Origin"]; ok {
		return http.StatusForbidden, edge.Errorf(edge.CodeBadOrigin, "no browser may be the device %s", l.o.Name)
	}
	if !l.known(r) {
		return http.StatusUnauthorized, edge.Errorf(edge.CodeForbidden, "token or address of the device %s is not accepted", l.o.Name).
			WithHint("set the token of the box file in the firmware: Authorization: Bearer TOKEN, or ?token=TOKEN")
	}
	if !websocket.IsWebSocketUpgrade(r) {
		return http.StatusUpgradeRequired, edge.Errorf(edge.CodeBadRequest, "a device dials this address by websocket")
	}
	return 0, nil
}

func (l *Listener) known(r *http.Request) bool {
	if l.o.Token != "" {
		token := r.URL.Query().Get("token")
		if scheme, t, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && strings.EqualFold(scheme, "bearer") {
			token = strings.TrimSpace(t)
		}
		if subtle.ConstantTimeCompare([]byte(token), []byte(l.o.Token)) == 1 {
			return true
		}
	}
	if r.Header.Get("X-Forwarded-For") != "" || r.Header.Get("Forwarded") != "" {
		return false
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return false
	}
	addr = addr.Unmap().WithZone("")
	for _, p := range l.o.AllowedAddrs {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

func (l *Listener) refuse(w http.ResponseWriter, r *http.Request, status int, why *edge.Error) {
	if status == http.StatusUpgradeRequired {
		w.Header().Set("Upgrade", "websocket")
		w.Header().Set("Connection", "Upgrade")
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]*edge.Error{"error": why})
	l.tell(r, why)
}

func (l *Listener) tell(r *http.Request, why *edge.Error) {
	if l.o.Refused != nil {
		l.o.Refused(r.RemoteAddr, why)
	}
}

func (l *Listener) errBusy() *edge.Error {
	return edge.Errorf(edge.CodePortBusy, "a device is connected as %s already", l.o.Name).
		WithHint("switch the other one off, or give this one a device of its own")
}

// room says why there is none for another device.
func (l *Listener) room() (status int, why *edge.Error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.closed:
		return http.StatusServiceUnavailable, edge.Errorf(edge.CodeNotReady, "this box is shutting down")
	case l.using != nil:
		return http.StatusConflict, l.errBusy()
	}
	return 0, nil
}

// arrive makes p the device that waits for an Open. One that waited before was
// in nobody's use and is let go: most likely it is the same board, restarted.
func (l *Listener) arrive(p *port) bool {
	l.mu.Lock()
	if l.closed || l.using != nil {
		l.mu.Unlock()
		return false
	}
	old := l.waiting
	l.waiting = p
	p.hold = time.AfterFunc(l.o.HoldFor, func() { l.expire(p) })
	l.wake()
	l.mu.Unlock()
	if old != nil {
		old.Close()
	}
	return true
}

// expire lets go of a device that nobody has opened.
func (l *Listener) expire(p *port) {
	l.mu.Lock()
	unwanted := l.waiting == p
	if unwanted {
		l.waiting = nil
	}
	l.mu.Unlock()
	if unwanted {
		p.Close()
	}
}

// wake lets every Open look again. The lock is held.
func (l *Listener) wake() {
	close(l.arrived)
	l.arrived = make(chan struct{})
}

// Open implements transport.Opener: it waits until a device has dialled in. A
// port opened before must be closed first (port_busy).
func (l *Listener) Open(ctx context.Context) (transport.Port, error) {
	for {
		l.mu.Lock()
		switch {
		case l.closed:
			l.mu.Unlock()
			return nil, edge.Errorf(edge.CodePortMissing, "%s: %w", l, transport.ErrClosed)
		case l.using != nil:
			l.mu.Unlock()
			return nil, l.errBusy()
		case l.waiting != nil:
			p := l.waiting
			l.waiting, l.using = nil, p
			p.hold.Stop()
			l.mu.Unlock()
			return p, nil
		}
		arrived := l.arrived
		l.mu.Unlock()
		select {
		case <-arrived:
		case <-ctx.Done():
			return nil, edge.Errorf(edge.CodePortMissing, "no device has dialled in as %s: %w", l.o.Name, ctx.Err()).
				WithHint("switch the device on; it must dial this box's address with its token")
		}
	}
}

// left makes room after p was closed.
func (l *Listener) left(p *port) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.using == p {
		l.using = nil
	}
	if l.waiting == p {
		l.waiting = nil
	}
}

// Close turns every device away and ends the open line.
func (l *Listener) Close() error {
	l.mu.Lock()
	l.closed = true
	ports := []*port{l.waiting, l.using}
	l.wake()
	l.mu.Unlock()
	for _, p := range ports {
		if p != nil {
			p.Close()
		}
	}
	return nil
}
