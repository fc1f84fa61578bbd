package mem

import (
	"context"
	"errors"
	"sync"
	"time"

	"labbox/devices/transport"
)

// DefaultBuffer is the size of a queue where Options.Buffer is 0: what Linux
// gives a serial port.
const DefaultBuffer = 4096

// grace is how long queued output still leaves after Close.
const grace = 250 * time.Millisecond

// Options of a pipe.
type Options struct {
	Name     string // for errors and logs; "memory" where empty
	Baud     int    // bits per second, ten per byte; 0: no delay
	Buffer   int    // bytes that queue in each direction; 0: DefaultBuffer
	Messages bool   // whole messages (Text, Binary) instead of a stream
}

// Port is one end of a pipe.
type Port struct {
	p       *pipe
	in, out *lane
	sending bool
	closed  bool
}

var _ transport.Port = (*Port)(nil)

// pipe is what both ends share.
type pipe struct {
	mu       sync.Mutex
	name     string
	messages bool
	cause    error         // why the line is gone; nil while it is not
	gone     bool          // unplugged, or closed at either end
	changed  chan struct{} // closed and replaced whenever something changes
}

var errUnplugged = errors.New("unplugged")

// Pipe returns the two ends of a new line.
func Pipe(o Options) (box, device *Port) {
	if o.Name == "" {
		o.Name = "memory"
	}
	if o.Buffer <= 0 {
		o.Buffer = DefaultBuffer
	}
	p := &pipe{name: o.Name, messages: o.Messages, changed: make(chan struct{})}
	a, b := newLane(p, o), newLane(p, o)
	return &Port{p: p, in: a, out: b}, &Port{p: p, in: b, out: a}
}

// wake lets everybody who waits look again. The lock is held.
func (p *pipe) wake() {
	close(p.changed)
	p.changed = make(chan struct{})
}

// wait gives up the lock until something changes.
func (p *pipe) wait(ctx context.Context) error {
	ch := p.changed
	p.mu.Unlock()
	defer p.mu.Lock()
	select {
	case <-ch:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// fail is the error of an end that can no longer be used, nil while it can.
func (e *Port) fail() error {
	switch {
	case e.closed:
		return transport.ErrClosed
	case e.p.gone:
		return transport.Lost(e.p.name, e.p.cause)
	}
	return nil
}

// Receive implements transport.Port.
func (e *Port) Receive(b []byte) (int, transport.Kind, error) {
	e.p.mu.Lock()
	defer e.p.mu.Unlock()
	if len(b) == 0 {
		return 0, transport.Stream, transport.ErrTooLong
	}
	for {
		if e.closed {
			return 0, transport.Stream, transport.ErrClosed
		}
		n, kind, err := e.in.take(b)
		if n > 0 || err != nil {
			e.p.wake()
			return n, kind, err
		}
		if e.p.gone && e.in.ended() {
			return 0, transport.Stream, e.fail()
		}
		_ = e.p.wait(context.Background())
	}
}

// Send implements transport.Port.
func (e *Port) Send(b []byte, kind transport.Kind) error {
	e.p.mu.Lock()
	defer e.p.mu.Unlock()
	discards := e.out.discards
	for e.sending && e.fail() == nil {
		_ = e.p.wait(context.Background())
	}
	e.sending = true
	defer func() { e.sending = false; e.p.wake() }()
	for {
		if err := e.fail(); err != nil {
			return err
		}
		if e.out.discards != discards {
			return transport.ErrDiscarded
		}
		n := e.out.put(b, kind)
		if n > 0 {
			e.p.wake()
		}
		if b = b[n:]; len(b) == 0 {
			return nil
		}
		_ = e.p.wait(context.Background())
	}
}

// Drain implements transport.Port.
func (e *Port) Drain(ctx context.Context) error {
	e.p.mu.Lock()
	defer e.p.mu.Unlock()
	for {
		if err := e.fail(); err != nil {
			return err
		}
		if e.out.queued() == 0 {
			return nil
		}
		if err := e.p.wait(ctx); err != nil {
			return err
		}
	}
}

// Pending implements transport.Port.
func (e *Port) Pending() int {
	e.p.mu.Lock()
	defer e.p.mu.Unlock()
	if e.fail() != nil {
		return 0
	}
	return e.out.queued()
}

// DiscardOutput implements transport.Port.
func (e *Port) DiscardOutput() error {
	e.p.mu.Lock()
	defer e.p.mu.Unlock()
	if err := e.fail(); err != nil {
		return err
	}
	e.out.discard()
	e.p.wake()
	return nil
}

// Close implements transport.Port. The other end is lost once it has received
// what was still on its way.
func (e *Port) Close() error {
	e.p.mu.Lock()
	defer e.p.mu.Unlock()
	if e.closed {
		return nil
	}
	e.closed = true
	if !e.p.gone {
		e.p.gone, e.p.cause = true, errors.New("the other end was closed")
		e.in.discard()
		e.out.expire(grace)
	}
	e.p.wake()
	return nil
}

// Unplug pulls the cable: both ends are lost, and what had not arrived is gone.
func (e *Port) Unplug() {
	e.p.mu.Lock()
	defer e.p.mu.Unlock()
	if e.p.gone {
		return
	}
	e.p.gone, e.p.cause = true, errUnplugged
	e.in.cut()
	e.out.cut()
	e.p.wake()
}
