package mqtt

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"labbox/devices/transport"
)

// grace is how long Close waits for the device to acknowledge what was sent.
const grace = 250 * time.Millisecond

// poll is how often a queue is looked at that tells nobody when it is empty.
const poll = time.Millisecond

// port is one session of the device.
type port struct {
	op *Opener
	s  Session

	closed atomic.Bool
	done   chan struct{} // closed by Close
	sendMu sync.Mutex    // held while a message goes out

	in    chan incoming // from the session, one at a time
	pulls sync.Once

	mu     sync.Mutex
	abort  chan struct{} // closed by DiscardOutput; replaced by Send
	urgent bool          // the next Send waits for nothing
}

type incoming struct {
	b   []byte
	err error
}

func newPort(op *Opener, s Session) *port {
	return &port{op: op, s: s, done: make(chan struct{}), in: make(chan incoming), abort: make(chan struct{})}
}

var errClosedHere = errors.New("the line was closed")

func (p *port) fail(err error) error {
	if p.closed.Load() {
		return transport.ErrClosed
	}
	if why := p.s.Err(); why != nil {
		err = why
	}
	return transport.Lost(p.op.String(), err)
}

// pull hands over what the session receives, until it is over or the port is.
func (p *port) pull() {
	for {
		b, err := p.s.Receive()
		select {
		case p.in <- incoming{b, err}:
		case <-p.done:
			return
		}
		if err != nil {
			return
		}
	}
}

// Receive implements transport.Port.
func (p *port) Receive(b []byte) (int, transport.Kind, error) {
	if p.closed.Load() {
		return 0, transport.Stream, transport.ErrClosed
	}
	p.pulls.Do(func() { go p.pull() })
	select {
	case <-p.done:
		return 0, transport.Stream, transport.ErrClosed
	case m, ok := <-p.in:
		switch {
		case p.closed.Load():
			return 0, transport.Stream, transport.ErrClosed
		case !ok:
			return 0, transport.Stream, p.fail(nil)
		case m.err != nil:
			close(p.in)
			return 0, transport.Stream, p.fail(m.err)
		case len(m.b) == 0:
			return 0, transport.Stream, transport.ErrTooLong // gone, and the line is not
		}
		return p.take(b, m.b)
	}
}

func (p *port) take(b, m []byte) (int, transport.Kind, error) {
	k := kind(m)
	n := len(m)
	ends := !p.op.o.Lines || k != transport.Text || m[n-1] == '\n'
	if !ends {
		n++
	}
	if n > len(b) {
		return 0, k, transport.ErrTooLong
	}
	copy(b, m)
	if !ends {
		b[n-1] = '\n'
	}
	return n, k, nil
}

// kind tells text from bytes, which MQTT 3.1.1 does not.
func kind(m []byte) transport.Kind {
	for _, c := range m {
		if c < ' ' && c != '\t' && c != '\n' && c != '\r' || c == 0x7F {
			return transport.Binary
		}
	}
	if utf8.Valid(m) {
		return transport.Text
	}
	return transport.Binary
}

// Send implements transport.Port. It waits until the message before has left.
func (p *port) Send(b []byte, _ transport.Kind) error {
	p.sendMu.Lock()
	defer p.sendMu.Unlock()
	p.mu.Lock()
	p.abort = make(chan struct{})
	abort, urgent := p.abort, p.urgent
	p.urgent = false
	p.mu.Unlock()
	if !urgent {
		if err := p.settle(context.Background(), abort); err != nil {
			return err
		}
	}
	if p.closed.Load() {
		return transport.ErrClosed
	}
	if over(p.s) {
		return p.fail(nil)
	}
	if err := p.s.Publish(b); err != nil {
		p.s.End(err)
		return p.fail(err)
	}
	return nil
}

// settle waits until the device has acknowledged everything.
func (p *port) settle(ctx context.Context, abort <-chan struct{}) error {
	var tick *time.Ticker
	for {
		switch {
		case p.closed.Load():
			return transport.ErrClosed
		case over(p.s):
			return p.fail(nil)
		case p.s.Pending() <= 0:
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
			return transport.ErrDiscarded
		case <-p.done:
		case <-p.s.Done():
		}
	}
}

// Pending implements transport.Port.
func (p *port) Pending() int { return p.s.Pending() }

// Drain implements transport.Port.
func (p *port) Drain(ctx context.Context) error { return p.settle(ctx, nil) }

// DiscardOutput implements transport.Port: it ends a Send that waits. What the
// broker has taken it cannot take back.
func (p *port) DiscardOutput() error {
	if p.closed.Load() {
		return transport.ErrClosed
	}
	if over(p.s) {
		return p.fail(nil)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.urgent = true
	select {
	case <-p.abort:
	default:
		close(p.abort)
	}
	return nil
}

// Close implements transport.Port.
func (p *port) Close() error {
	if p.closed.Swap(true) {
		return nil
	}
	defer p.op.left(p)
	close(p.done)
	if !over(p.s) && p.sendMu.TryLock() { // nobody is stuck
		for end := time.Now().Add(grace); p.s.Pending() > 0 && !over(p.s) && time.Now().Before(end); time.Sleep(poll) {
		}
		p.sendMu.Unlock()
	}
	p.s.End(errClosedHere)
	return nil
}
