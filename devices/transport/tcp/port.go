package tcp

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"labbox/devices/transport"
	"labbox/edge"
)

// grace is how long Close waits for the device to acknowledge what was sent.
const grace = 250 * time.Millisecond

// poll is how often a queue is looked at that tells nobody when it is empty.
const poll = time.Millisecond

// port is the connection to one device.
type port struct {
	name string
	c    *net.TCPConn
	raw  syscall.RawConn

	closed atomic.Bool
	lost   atomic.Pointer[error] // why the line was given up
	sendMu sync.Mutex            // held while a message goes out

	mu     sync.Mutex
	abort  chan struct{} // closed by DiscardOutput, Close and giveUp; replaced by Send
	urgent bool          // the next Send waits for nothing
	writes bool          // a Send holds the connection's write deadline
}

func newPort(name string, c *net.TCPConn) (*port, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		_ = c.Close()
		return nil, edge.Errorf(edge.CodePortMissing, "open %s: %w", name, err)
	}
	return &port{name: name, c: c, raw: raw, abort: make(chan struct{})}, nil
}

var errStuck = errors.New("half a message was stuck and was given up")

// fail turns what a call came back with into the port's errors.
func (p *port) fail(err error) error {
	if p.closed.Load() {
		return transport.ErrClosed
	}
	if why := p.lost.Load(); why != nil {
		err = *why
	}
	return transport.Lost(p.name, plain(err))
}

// plain adds what to make of an error that means something else to its finder.
func plain(err error) error {
	switch {
	case errors.Is(err, io.EOF):
		return &explained{"the device closed the connection", err}
	case errors.Is(err, syscall.ETIMEDOUT):
		return &explained{"the device does not answer any more", err}
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return &explained{"the device broke the connection off", err}
	}
	return err
}

type explained struct {
	text  string
	cause error
}

func (e *explained) Error() string { return e.text + " (" + e.cause.Error() + ")" }
func (e *explained) Unwrap() error { return e.cause }

// giveUp notes why the line is lost; the next call reports it. drop: nothing of
// what the system still holds may go out.
func (p *port) giveUp(why error, drop bool) {
	p.lost.CompareAndSwap(nil, &why)
	p.free(false)
	if drop {
		_ = p.c.SetLinger(0)
		_ = p.c.Close()
	}
}

// free makes a Send that is under way return. urgent: the next one waits for
// nothing.
func (p *port) free(urgent bool) (busy bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.urgent = urgent
	select {
	case <-p.abort:
	default:
		close(p.abort)
	}
	if p.writes {
		_ = p.c.SetWriteDeadline(time.Unix(1, 0))
	}
	return p.writes
}

// Receive implements transport.Port.
func (p *port) Receive(b []byte) (int, transport.Kind, error) {
	if p.closed.Load() {
		return 0, transport.Stream, transport.ErrClosed
	}
	if len(b) == 0 {
		return 0, transport.Stream, transport.ErrTooLong
	}
	n, err := p.c.Read(b)
	if p.closed.Load() {
		return 0, transport.Stream, transport.ErrClosed
	}
	if n > 0 {
		return n, transport.Stream, nil
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	p.giveUp(err, false)
	return 0, transport.Stream, p.fail(err)
}

// Send implements transport.Port.
func (p *port) Send(b []byte, _ transport.Kind) error {
	p.sendMu.Lock()
	defer p.sendMu.Unlock()
	abort, urgent := p.begin()
	defer p.end()
	if p.closed.Load() {
		return transport.ErrClosed
	}
	if p.lost.Load() != nil {
		return p.fail(nil)
	}
	if !urgent {
		if err := p.settle(context.Background(), abort); err != nil {
			return err
		}
	}
	n, err := p.c.Write(b)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, os.ErrDeadlineExceeded) && n == 0 && p.lost.Load() == nil && !p.closed.Load():
		return transport.ErrDiscarded
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = errStuck // what follows would be read as its other half
		p.giveUp(err, true)
	default:
		p.giveUp(err, false) // what the device said before can still be received
	}
	return p.fail(err)
}

// begin readies the line for one message.
func (p *port) begin() (abort <-chan struct{}, urgent bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.abort, p.writes = make(chan struct{}), true
	_ = p.c.SetWriteDeadline(time.Time{})
	urgent, p.urgent = p.urgent, false
	return p.abort, urgent
}

func (p *port) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.writes = false
}

// settle waits until the device has acknowledged everything.
func (p *port) settle(ctx context.Context, abort <-chan struct{}) error {
	var tick *time.Ticker
	for {
		switch {
		case p.closed.Load():
			return transport.ErrClosed
		case p.lost.Load() != nil:
			return p.fail(nil)
		}
		n, err := unacknowledged(p.raw)
		if err != nil {
			p.giveUp(err, false)
			return p.fail(err)
		}
		if n <= 0 {
			return nil
		}
		if tick == nil {
			tick = time.NewTicker(poll)
			defer tick.Stop()
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		case <-abort:
			if !p.closed.Load() && p.lost.Load() == nil {
				return transport.ErrDiscarded
			}
		}
	}
}

// Pending implements transport.Port: bytes that the device's machine has not
// acknowledged.
func (p *port) Pending() int {
	n, err := unacknowledged(p.raw)
	if err != nil {
		return 0 // nothing will leave any more
	}
	return n
}

// Drain implements transport.Port.
func (p *port) Drain(ctx context.Context) error { return p.settle(ctx, nil) }

// DiscardOutput implements transport.Port. A Send of which nothing is out yet is
// ended; one of which a part is out costs the line.
func (p *port) DiscardOutput() error {
	if p.closed.Load() {
		return transport.ErrClosed
	}
	if p.lost.Load() != nil {
		return p.fail(nil)
	}
	p.free(true)
	return nil
}

// Close implements transport.Port.
func (p *port) Close() error {
	if p.closed.Swap(true) {
		return nil
	}
	_ = p.c.SetReadDeadline(time.Unix(1, 0))
	stuck := p.free(false)
	if !stuck && p.lost.Load() == nil {
		for end := time.Now().Add(grace); p.Pending() > 0 && time.Now().Before(end); time.Sleep(poll) {
		}
	}
	if stuck || p.Pending() > 0 {
		_ = p.c.SetLinger(0) // the kernel would go on for minutes
	}
	if err := p.c.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}
