package wslisten

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"labbox/devices/transport"
)

// stuckAfter is how long DiscardOutput lets a Send go on before it takes it for
// stuck.
const stuckAfter = 100 * time.Millisecond

// grace is how long Close waits for the link to take what was sent.
const grace = 250 * time.Millisecond

// port is the link to one device. Only Receive reads, so that a slow driver
// slows the device down by TCP and nothing piles up here.
type port struct {
	l    *Listener
	ws   *websocket.Conn
	hold *time.Timer

	closed  atomic.Bool
	lost    atomic.Pointer[error] // why the link was given up
	done    chan struct{}
	sendMu  sync.Mutex
	sending atomic.Int32
}

func newPort(l *Listener, ws *websocket.Conn) *port {
	p := &port{l: l, ws: ws, done: make(chan struct{})}
	ws.SetReadLimit(l.o.MaxMessage)
	ws.SetPongHandler(func(string) error { return p.alive() })
	ws.SetPingHandler(func(data string) error {
		_ = ws.WriteControl(websocket.PongMessage, []byte(data), time.Now().Add(time.Second))
		return p.alive()
	})
	go p.ping()
	return p
}

// alive gives the device until the next pong but one.
func (p *port) alive() error { return p.ws.SetReadDeadline(time.Now().Add(p.l.o.PingEvery * 5 / 2)) }

func (p *port) ping() {
	tick := time.NewTicker(p.l.o.PingEvery)
	defer tick.Stop()
	for {
		select {
		case <-p.done:
			return
		case <-tick.C:
			_ = p.ws.WriteControl(websocket.PingMessage, nil, time.Now().Add(p.l.o.PingEvery))
		}
	}
}

// giveUp ends the link, for a reason that the next call reports.
func (p *port) giveUp(why error) {
	p.lost.CompareAndSwap(nil, &why)
	_ = p.ws.NetConn().Close()
}

func (p *port) fail(err error) error {
	if p.closed.Load() {
		return transport.ErrClosed
	}
	if why := p.lost.Load(); why != nil {
		err = *why
	}
	return transport.Lost(p.l.String(), err)
}

// Receive implements transport.Port.
func (p *port) Receive(b []byte) (int, transport.Kind, error) {
	if p.closed.Load() {
		return 0, transport.Stream, transport.ErrClosed
	}
	for {
		// The clock of a dead link runs while somebody reads: pongs come no other way.
		_ = p.alive()
		mt, r, err := p.ws.NextReader()
		if err != nil {
			return 0, transport.Stream, p.receiveFailed(err)
		}
		kind := transport.Text
		if mt == websocket.BinaryMessage {
			kind = transport.Binary
		}
		n, err := io.ReadFull(r, b)
		switch {
		case err == nil: // full: was that all?
			if extra, err := r.Read(make([]byte, 1)); extra > 0 {
				return 0, kind, transport.ErrTooLong
			} else if err != nil && err != io.EOF {
				return 0, kind, p.receiveFailed(err)
			}
			return n, kind, nil
		case errors.Is(err, io.EOF): // an empty message says nothing
			continue
		case !errors.Is(err, io.ErrUnexpectedEOF):
			return 0, kind, p.receiveFailed(err)
		case n > 0 && p.complete(r):
			return n, kind, nil
		default:
			return 0, kind, p.receiveFailed(err)
		}
	}
}

// complete tells the end of a message from a link that broke within one, which
// io.ReadFull reports alike.
func (p *port) complete(r io.Reader) bool {
	_, err := r.Read(make([]byte, 1))
	return err == io.EOF
}

func (p *port) receiveFailed(err error) error {
	if errors.Is(err, websocket.ErrReadLimit) {
		err = fmt.Errorf("message over %d bytes: %w", p.l.o.MaxMessage, err)
	}
	p.giveUp(err)
	return p.fail(err)
}

// Send implements transport.Port. It has p taken whole by the system or loses
// the line.
func (p *port) Send(b []byte, kind transport.Kind) error {
	p.sending.Add(1)
	defer p.sending.Add(-1)
	p.sendMu.Lock()
	defer p.sendMu.Unlock()
	if p.closed.Load() {
		return transport.ErrClosed
	}
	if p.lost.Load() != nil {
		return p.fail(nil)
	}
	mt := websocket.TextMessage
	if kind == transport.Binary {
		mt = websocket.BinaryMessage
	}
	_ = p.ws.SetWriteDeadline(time.Now().Add(p.l.o.WriteTimeout))
	if err := p.ws.WriteMessage(mt, b); err != nil {
		p.giveUp(err)
		return p.fail(err)
	}
	return nil
}

// Pending implements transport.Port: bytes that the device's machine has not
// acknowledged, frames and pings included.
func (p *port) Pending() int { return unacknowledged(p.ws.NetConn()) }

// Drain implements transport.Port.
func (p *port) Drain(ctx context.Context) error {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		if p.closed.Load() {
			return transport.ErrClosed
		}
		if p.lost.Load() != nil {
			return p.fail(nil)
		}
		if p.Pending() <= 0 {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

var errStuck = errors.New("a message was stuck and was given up")

// DiscardOutput implements transport.Port.
func (p *port) DiscardOutput() error {
	for end := time.Now().Add(stuckAfter); ; time.Sleep(2 * time.Millisecond) {
		switch {
		case p.closed.Load():
			return transport.ErrClosed
		case p.lost.Load() != nil:
			return p.fail(nil)
		case p.sending.Load() == 0:
			return nil
		case time.Now().After(end):
			p.giveUp(errStuck)
			return nil
		}
	}
}

// linger lets the device acknowledge what was sent: closing while something is
// unread resets the connection, and takes back what is on its way.
func (p *port) linger() {
	for end := time.Now().Add(grace); p.Pending() > 0 && time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
	}
}

// Close implements transport.Port.
func (p *port) Close() error {
	if p.closed.Swap(true) {
		return nil
	}
	defer p.l.left(p)
	close(p.done)
	_ = p.ws.SetReadDeadline(time.Unix(1, 0))
	if p.lost.Load() == nil && p.sending.Load() == 0 {
		p.linger()
		// Said before the connection goes, so that the device knows it was meant.
		_ = p.ws.WriteControl(websocket.CloseMessage,
			websocket.FormatCloseMessage(websocket.CloseGoingAway, ""), time.Now().Add(grace))
	}
	if err := p.ws.NetConn().Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}
