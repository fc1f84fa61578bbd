package devices

import (
	"context"
	"time"

	"labbox/edge"
)

// flow hands out a message piece by piece, as the device makes room for it. Its
// answerer knows when all of it is answered.
type flow interface {
	// next is the piece that may go now, nil for none. ready is its last check, by
	// the writer right before the bytes: it takes the piece off.
	next() (data []byte, ready func() error)
	// room gets a token when next may have more.
	room() <-chan struct{}
}

// pour writes the rest of a message and waits until it is answered. The time for
// the answer begins anew with each sign that the device goes on.
func (x *exchange) pour(out *outgoing, e *expectation) error {
	limit := time.NewTimer(out.within)
	defer limit.Stop()
	for {
		if data, ready := out.flow.next(); data != nil {
			m := &message{data: data, kind: out.kind, check: andReady(x.still, ready)}
			if err := x.l.w.send(x.l.ctx, m, x.urgent, x.stop); err != nil {
				return err
			}
			continue
		}
		select {
		case err := <-e.done:
			return err
		case <-out.flow.room():
			limit.Reset(out.within)
		case <-limit.C:
			return edge.Errorf(edge.CodeNoAnswer, "the device did not answer within %v", out.within).
				With("within_ms", out.within.Milliseconds())
		case <-x.stop:
			return errInterrupted
		case <-x.l.ctx.Done():
			return context.Cause(x.l.ctx)
		}
	}
}

// andReady is check, and then ready, where there is one.
func andReady(check, ready func() error) func() error {
	if ready == nil {
		return check
	}
	return func() error {
		if err := check(); err != nil {
			return err
		}
		return ready()
	}
}
