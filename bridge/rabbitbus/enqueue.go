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
	maxJob     = 16 << 20
	refuseMost = time.Second // a refusal counts only after that long
	refuseWait = 100 * time.Millisecond
	settleLost = 500 * time.Millisecond
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
	var refused time.Time    // when the broker first did
	for again, declared := false, false; ; again = true {
		if err := s.refusal(); err != nil {
			return err
		}
		if again && refused.IsZero() {
			b.log.Warn("job is published again", "queue", name, "id", id)
		}
		err := b.store(ctx, s, end, jobQueue(name), id, data)
		if err == nil {
			q.sent.put(id, "")
			return nil
		}
		if errors.Is(err, errReturned) && !declared { // the broker lost a queue of ours
			// A consumer that has not heard of the loss before the queue is back
			// never does, and gets nothing any more (RabbitMQ 3.10).
			select {
			case <-time.After(settleLost):
			case <-ctx.Done():
				return err
			}
			if err := b.Declare(ctx, q.Queue); err != nil {
				return err
			}
			declared = true
			continue
		}
		// A queue that is full refuses, and so does one that has no leader yet: only
		// the first goes on doing it.
		if edge.CodeOf(err) == edge.CodeStoreFull && (refused.IsZero() || time.Since(refused) < refuseMost) {
			if refused.IsZero() {
				refused = time.Now()
			}
			select {
			case <-time.After(refuseWait):
				continue
			case <-ctx.Done():
			}
		}
		if !errors.Is(err, errLost) {
			return err
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

var (
	errLost     = errors.New("connection lost before the broker confirmed")
	errReturned = edge.Errorf(edge.CodeBusDown, "rabbitbus: the broker lost the queue")
)

func unconfirmed(err error) error {
	return edge.Errorf(edge.CodeBusDown, "rabbitbus: not confirmed: %w", err).
		WithHint("it may or may not be stored; sending it again under the same id is safe")
}

// newOwner names a copy of a job among all on the broker.
func (b *Bus) newOwner() owner {
	return owner{b.id + "-" + strconv.FormatUint(b.work.copies.Add(1), 36), time.Now().UnixMilli()}
}

// store publishes one copy and waits for the broker's confirm.
func (b *Bus) store(ctx context.Context, s *session, end time.Time, queue, id string, data []byte) error {
	return s.publishConfirmed(ctx, end, queue, amqp.Publishing{
		MessageId: id, AppId: b.newOwner().encode(), DeliveryMode: amqp.Persistent, Body: bytes.Clone(data),
	})
}

// publishConfirmed returns nil once the broker has msg safe. errLost: nobody knows.
func (s *session) publishConfirmed(ctx context.Context, end time.Time, key string, msg amqp.Publishing) error {
	p := &parcel{key: key, mandatory: true, written: make(chan struct{}), msg: msg}
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
	returned := s.returns.take(msg.AppId)
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
// confirm, so whoever saw a confirm finds the return in the channel.
type returns struct {
	in <-chan amqp.Return

	mu     sync.Mutex
	copies map[string]bool
}

// maxReturns is how many may wait until somebody takes one.
const maxReturns = 4096

func newReturns(ch *amqp.Channel) *returns {
	return &returns{in: ch.NotifyReturn(make(chan amqp.Return, maxReturns)), copies: map[string]bool{}}
}

// take reports whether a copy that is confirmed by now was returned.
func (r *returns) take(copy string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.in) > 0 {
		if m, ok := <-r.in; ok {
			r.copies[m.AppId] = true
		}
	}
	had := r.copies[copy]
	delete(r.copies, copy)
	return had
}
