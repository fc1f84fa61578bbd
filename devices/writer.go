package devices

import (
	"context"
	"errors"
	"time"

	"labbox/devices/transport"
	"labbox/edge"
)

// message is one thing to write. check is called immediately before the bytes
// go out and may still refuse them: it is where fence, envelope and deadline are
// judged for the last time.
type message struct {
	data  []byte
	kind  transport.Kind
	check func() error
	expct *expectation // armed when the bytes go out; may be nil
	also  *expectation // the same
	begin func()       // right before the bytes; may be nil
	sent  chan error   // buffered
	at    time.Duration
}

// errInterrupted is what a message gets that the safe sequence overtook.
var errInterrupted = edge.Errorf(edge.CodeSafing, "the device is being made safe").WithHint("wait until it is safe")

// errSlot says that a message waited for the line until its deadline.
var errSlot = edge.Errorf(edge.CodeLate, "the line was busy until the deadline").WithHint("try again")

// writer is the one goroutine that writes to a port. At most one message sits
// in the kernel's buffer: the next goes out when that one has left (as far as
// the port can tell, and not before its time at the line's speed), except that
// the safe sequence discards it and goes first.
type writer struct {
	port   transport.Port
	clock  edge.Clock
	baud   int // 0: no pacing
	watch  *watchers
	normal chan *message
	urgent chan *message
	// patience is how long a write may take where the line's speed does not tell.
	patience time.Duration
	stuck    func() // called once when a write does not return
}

func newWriter(port transport.Port, clock edge.Clock, baud int, w *watchers, stuck func()) *writer {
	return &writer{port: port, clock: clock, baud: baud, watch: w, stuck: stuck,
		normal: make(chan *message), urgent: make(chan *message, 1)}
}

// lineTime is how long n bytes take on the line, ten bits a byte.
func (w *writer) lineTime(n int) time.Duration {
	if w.baud <= 0 {
		return 0
	}
	return time.Duration(n) * 10 * time.Second / time.Duration(w.baud)
}

func (w *writer) run(ctx context.Context) {
	for {
		m := w.next(ctx)
		if m == nil {
			return
		}
		w.write(m)
		w.settleLine(ctx, m)
	}
}

func (w *writer) next(ctx context.Context) *message {
	select {
	case m := <-w.urgent:
		return m
	default:
	}
	select {
	case m := <-w.urgent:
		return m
	case m := <-w.normal:
		return m
	case <-ctx.Done():
		return nil
	}
}

func (w *writer) write(m *message) {
	if err := m.check(); err != nil {
		m.sent <- err
		return
	}
	if m.begin != nil {
		m.begin()
	}
	for _, e := range []*expectation{m.expct, m.also} {
		if e != nil {
			w.watch.arm(e, w.clock.Mono()+w.lineTime(len(m.data)))
		}
	}
	m.at = w.clock.Mono()
	if len(m.data) == 0 {
		m.sent <- nil
		return
	}
	dog := time.AfterFunc(max(time.Second, w.patience, 4*w.lineTime(len(m.data))), w.stuck)
	err := w.port.Send(m.data, m.kind)
	dog.Stop()
	switch { // any beginning of it may have gone out
	case errors.Is(err, transport.ErrDiscarded):
		err = edge.Errorf(edge.CodeUnknownOutcome, "the safe sequence overtook the command").WithHint("look at the device")
	case err != nil:
		err = edge.Errorf(edge.CodeUnknownOutcome, "the line was lost while the message was sent: %w", err).WithHint("is the cable plugged in?")
	}
	m.sent <- err
}

// settleLine waits until the message has left, or something urgent comes.
func (w *writer) settleLine(ctx context.Context, m *message) {
	if w.baud <= 0 {
		return
	}
	left := w.clock.Mono() + w.lineTime(len(m.data))
	give := left + time.Second // a port that never empties is found by the next write
	for {
		now := w.clock.Mono()
		if now >= give || now >= left && w.port.Pending() <= 0 {
			return
		}
		t := time.NewTimer(min(max(left-now, 500*time.Microsecond), 5*time.Millisecond))
		select {
		case u := <-w.urgent:
			t.Stop()
			w.write(u)
			left = w.clock.Mono() + w.lineTime(len(u.data))
			give = left + time.Second
		case <-ctx.Done():
			t.Stop()
			return
		case <-t.C:
		}
	}
}

// send hands a message to the writer and waits until it went out. stop ends the
// wait for messages that are not urgent.
func (w *writer) send(ctx context.Context, m *message, urgent bool, stop <-chan struct{}) error {
	m.sent = make(chan error, 1)
	ch := w.normal
	if urgent {
		ch = w.urgent
	}
	select {
	case ch <- m:
	case <-stop:
		return errInterrupted
	case <-ctx.Done():
		return ctxError(ctx)
	}
	select {
	case err := <-m.sent:
		return err
	case <-ctx.Done():
		return edge.Errorf(edge.CodeUnknownOutcome, "the message was on its way when the line failed").
			WithHint("look at the device")
	}
}

// ctxError tells a lost line from a passed deadline.
func ctxError(ctx context.Context) error {
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.DeadlineExceeded) && !errors.Is(cause, context.Canceled) {
		return cause
	}
	return errSlot
}
