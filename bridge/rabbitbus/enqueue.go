package rabbitbus

import (
	"bytes"
	"context"
	"errors"
	"strconv"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"labbox/edge"
	"labbox/edge/fanout"
)

const (
	headCopy = "lab-copy" // names one copy of a job: a republished one has another
	headAt   = "lab-at"   // Unix ms of the Enqueue, on the publisher's clock

	maxJob = 16 << 20
)

// Enqueue implements edge.Bus. It fails at once while the broker is away or
// takes no messages. A job whose confirm was lost with the connection is
// published again under the same id, within Config.ConfirmWithin.
func (b *Bus) Enqueue(ctx context.Context, name, id string, data []byte) error {
	if err := checkQueueName(name); err != nil {
		return err
	}
	if err := fanout.CheckID(id); err != nil {
		return err
	}
	q, err := b.queue(ctx, name)
	if err != nil {
		return err
	}
	if int64(len(data)+perJob) > min(deadBytes(q.Queue), maxJob) {
		return edge.Errorf(edge.CodeTooLarge, "rabbitbus: job of %d bytes is too large for queue %s", len(data), name).
			WithHint("a job may take a quarter of the queue's MaxBytes")
	}
	if _, ok := q.sent.get(id); ok {
		return nil
	}
	s, err := b.pub.session()
	if err != nil {
		return err
	}
	end := time.Now().Add(b.cfg.ConfirmWithin)
	var wait context.Context // made when it is needed: for most jobs it is not
	for again := false; ; again = true {
		if err := s.refusal(); err != nil {
			return err
		}
		if again {
			b.log.Warn("job is published again", "queue", name, "id", id)
		}
		err := b.store(ctx, s, end, jobQueue(name), id, data)
		if err == nil {
			q.sent.put(id, "")
			return nil
		}
		if !errors.Is(err, errLost) {
			return b.undeclared(ctx, q, err)
		}
		if wait == nil {
			var cancel context.CancelFunc
			wait, cancel = context.WithDeadline(ctx, end)
			defer cancel()
		}
		if s, err = b.pub.await(wait, s); err != nil {
			return unconfirmed(err)
		}
	}
}

// undeclared looks into a queue that the broker did not know: one of ours that it
// lost is made again, so that the next try finds it.
func (b *Bus) undeclared(ctx context.Context, q *queue, err error) error {
	if errors.Is(err, errReturned) {
		if derr := b.Declare(ctx, q.Queue); derr != nil {
			return derr
		}
		return edge.Errorf(edge.CodeBusDown, "rabbitbus: the broker had lost queue %s", q.Name).WithHint("try again: it is declared anew")
	}
	return err
}

var (
	errLost     = errors.New("connection lost before the broker confirmed")
	errReturned = errors.New("no such queue on the broker")
)

func unconfirmed(err error) error {
	return edge.Errorf(edge.CodeBusDown, "rabbitbus: not confirmed: %w", err).
		WithHint("it may or may not be stored; sending it again under the same id is safe")
}

// newCopy names a copy of a job among all on the broker.
func (b *Bus) newCopy() string { return b.id + "-" + strconv.FormatUint(b.work.copies.Add(1), 36) }

// store publishes one copy and waits for the broker's confirm.
func (b *Bus) store(ctx context.Context, s *session, end time.Time, queue, id string, data []byte) error {
	head := amqp.Table{headCopy: b.newCopy(), headAt: time.Now().UnixMilli()}
	return s.publishConfirmed(ctx, end, "", queue, amqp.Publishing{
		MessageId: id, Headers: head, DeliveryMode: amqp.Persistent, Body: bytes.Clone(data),
	})
}

// publishConfirmed returns nil once the broker has msg safe. errLost: nobody knows.
func (s *session) publishConfirmed(ctx context.Context, end time.Time, exchange, key string, msg amqp.Publishing) error {
	p := &parcel{exchange: exchange, key: key, mandatory: true, written: make(chan struct{}), msg: msg}
	most := time.NewTimer(time.Until(end))
	defer most.Stop()
	gone := func(err error) error {
		if p.recall() {
			return edge.Errorf(edge.CodeBusDown, "rabbitbus: not sent: %w", err)
		}
		return unconfirmed(err)
	}
	select {
	case s.job.out <- p:
	case <-s.dead:
		return errLost
	case <-ctx.Done():
		return gone(ctx.Err())
	case <-most.C:
		return gone(context.DeadlineExceeded)
	}
	select {
	case <-p.written:
	case <-s.dead:
		return errLost
	case <-ctx.Done():
		return gone(ctx.Err())
	case <-most.C:
		return gone(context.DeadlineExceeded)
	}
	if p.err != nil {
		return errLost
	}
	select {
	case <-p.dc.Done():
	case <-s.dead:
		return errLost
	case <-ctx.Done():
		return unconfirmed(ctx.Err())
	case <-most.C:
		return unconfirmed(context.DeadlineExceeded)
	}
	copy, _ := msg.Headers[headCopy].(string)
	returned := s.returns.take(copy)
	switch {
	case p.dc.Acked() && returned:
		return errReturned
	case p.dc.Acked():
		return nil
	case s.job.ch.IsClosed(): // the library ends every wait with a "no" then
		return errLost
	}
	return edge.Errorf(edge.CodeStoreFull, "rabbitbus: queue %s is full", key).WithHint("work off or remove what waits in it")
}

// returns collects what the broker could not route. A return comes before its
// confirm; ask makes the reader of both catch up, so that none is overlooked.
type returns struct {
	ask  chan struct{}
	dead chan struct{}

	mu     sync.Mutex
	copies map[string]bool
}

func newReturns(s *session, in <-chan amqp.Return) *returns {
	r := &returns{ask: make(chan struct{}), dead: s.dead, copies: map[string]bool{}}
	s.wg.Go(func() {
		for {
			select {
			case m, ok := <-in:
				if !ok {
					return
				}
				copy, _ := m.Headers[headCopy].(string)
				r.mu.Lock()
				r.copies[copy] = true
				r.mu.Unlock()
			case <-r.ask:
			case <-s.dead:
				for range in { // until the library closes it
				}
				return
			}
		}
	})
	return r
}

// take reports whether a copy that is confirmed by now was returned.
func (r *returns) take(copy string) bool {
	select {
	case r.ask <- struct{}{}:
	case <-r.dead:
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	had := r.copies[copy]
	delete(r.copies, copy)
	return had
}
