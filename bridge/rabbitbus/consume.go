package rabbitbus

import (
	"context"
	"errors"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"labbox/edge"
	"labbox/edge/fanout"
)

const (
	headDeliveries = "x-delivery-count" // deliveries before this one, by the broker
	maxHeld        = 64                 // failed jobs one consumer holds for RetryDelay
	retryBroker    = 100 * time.Millisecond
	retryMost      = time.Second
)

var errSilent = errors.New("the broker does not answer")

// Consume implements edge.Bus. The handler's context ends with AckWait, when the
// job goes to somebody else, and with Close.
func (b *Bus) Consume(name string, fn func(ctx context.Context, j edge.Job) error) (edge.Subscription, error) {
	ctx, cancel := context.WithTimeout(context.Background(), callMost)
	defer cancel()
	q, err := b.queue(ctx, name)
	if err != nil {
		return nil, err
	}
	c := &consumer{bus: b, q: q, fn: fn, held: make(chan struct{}, maxHeld)}
	l := b.subs.Go(c.run)
	if l == nil {
		return nil, errClosed()
	}
	return l, nil
}

// consumer is one Consume.
type consumer struct {
	bus *Bus
	q   *queue
	fn  func(context.Context, edge.Job) error
	*fanout.Loop
	held chan struct{} // a slot for each job held back
	wg   sync.WaitGroup
}

// tap is one AMQP channel that gets one job at a time. Closing it hands back
// whatever it holds: a job that is held back for RetryDelay, or was taken from a
// handler after AckWait, keeps its tap, and the consumer opens another.
type tap struct {
	s    *session
	ch   *amqp.Channel
	jobs <-chan amqp.Delivery
}

func (c *consumer) run(l *fanout.Loop) {
	c.Loop = l
	defer c.wg.Wait()
	id := fanout.GoroutineID()
	var t *tap
	defer func() { t.close() }()
	said, wait := "", retryBroker
	for c.Context().Err() == nil {
		if t == nil {
			var err error
			if t, err = c.open(); err != nil {
				if text := err.Error(); text != said && c.Context().Err() == nil {
					said = text
					c.bus.log.Warn("jobs cannot be taken", "queue", c.q.Name, "err", err)
				}
				c.Pause(wait)
				wait = min(2*wait, retryMost)
				continue
			}
			said, wait = "", retryBroker
		}
		select {
		case <-c.Context().Done():
		case d, ok := <-t.jobs:
			if !ok { // the connection, the queue or the consumer is gone
				t.close()
				t = nil
				c.Pause(retryBroker)
				continue
			}
			t = c.take(id, t, d)
		}
	}
}

// open waits for a connection and starts to consume on it.
func (c *consumer) open() (*tap, error) {
	s, err := c.bus.con.await(c.Context(), nil)
	if err != nil {
		return nil, err
	}
	select {
	case <-s.dead:
		return nil, amqp.ErrClosed
	default:
	}
	if err := c.q.state(); err != nil {
		return nil, err
	}
	opened := make(chan struct{})
	defer close(opened)
	defer context.AfterFunc(c.Context(), func() { // Close does not wait for a broker that hangs
		select {
		case <-opened:
		case <-time.After(goodbyeMost):
			s.fail(errSilent)
		}
	})()
	t := &tap{s: s}
	if t.ch, err = s.conn.Channel(); err != nil {
		return nil, err
	}
	if err = t.ch.Qos(1, 0, false); err == nil {
		t.jobs, err = t.ch.Consume(jobQueue(c.q.Name), "", false, false, false, false, nil)
	}
	if err != nil {
		t.close()
		var a *amqp.Error
		if errors.As(err, &a) && a.Code == amqp.NotFound {
			// The broker lost it: the publishing connection or this makes it anew.
			if derr := s.call(c.Context(), func(ch *amqp.Channel) error { return declareQueue(ch, c.q.Queue) }); derr != nil {
				return nil, declareError(c.q.Name, derr)
			}
		}
		return nil, callError("consume "+c.q.Name, err)
	}
	return t, nil
}

// close ends the tap; the broker hands what it held to others. It does not wait
// long for a broker that hangs: the connection is given up then.
func (t *tap) close() {
	if t == nil || t.ch == nil {
		return
	}
	late := time.AfterFunc(goodbyeMost, func() { t.s.fail(errSilent) })
	defer late.Stop()
	_ = t.ch.Close()
}

// take gives one delivery to the handler and settles it. It returns the tap to
// go on with, nil for a new one.
func (c *consumer) take(id uint64, t *tap, d amqp.Delivery) *tap {
	before, _ := d.Headers[headDeliveries].(int64)
	job := edge.Job{ID: d.MessageId, Data: d.Body, Try: int(before) + 1}
	if job.Try > c.q.MaxTries {
		return c.settle(t, "job not set aside", job, d.Nack(false, false))
	}
	mine, err := c.mine(d)
	switch {
	case err != nil: // closing
		return t
	case !mine:
		c.bus.log.Info("duplicate job dropped", "queue", c.q.Name, "id", job.ID)
		return c.settle(t, "duplicate not removed", job, d.Ack(false))
	}
	if !c.Gate().Enter(id) {
		return t
	}
	defer c.Gate().Leave(id)
	ctx, cancel := context.WithTimeout(c.Context(), c.q.AckWait)
	defer cancel()
	// The broker knows no AckWait: when it is over the tap is closed, and the job
	// goes to somebody else while the handler may still be at it.
	lost := make(chan struct{})
	alarm := time.AfterFunc(c.q.AckWait, func() {
		c.bus.log.Warn("job taken from a silent handler", "queue", c.q.Name, "id", job.ID, "after", c.q.AckWait)
		t.close()
		close(lost)
	})
	err = c.fn(ctx, job)
	if !alarm.Stop() {
		<-lost
		return nil
	}
	switch {
	case err == nil:
		return c.settle(t, "job not acknowledged", job, d.Ack(false))
	case c.Context().Err() != nil && job.Try < c.q.MaxTries:
		return t // closing it hands the job back
	case job.Try >= c.q.MaxTries:
		c.bus.log.Warn("job set aside", "queue", c.q.Name, "id", job.ID, "tries", job.Try, "cause", edge.CodeOf(err))
		return c.settle(t, "job not set aside", job, d.Nack(false, false))
	case c.q.RetryDelay > 0:
		c.hold(t)
		return nil
	}
	return c.settle(t, "job not handed back", job, d.Nack(false, true))
}

// settle gives up a tap that could not tell the broker.
func (c *consumer) settle(t *tap, what string, job edge.Job, err error) *tap {
	if err == nil {
		return t
	}
	c.bus.log.Warn(what, "queue", c.q.Name, "id", job.ID, "err", err)
	t.close()
	return nil
}

// hold keeps a failed job from everybody for RetryDelay. The consumer goes on
// with a tap of its own; with too many jobs held it waits.
func (c *consumer) hold(t *tap) {
	select {
	case c.held <- struct{}{}:
	case <-c.Context().Done():
		t.close()
		return
	}
	c.wg.Go(func() {
		wait := time.NewTimer(c.q.RetryDelay)
		defer wait.Stop()
		select {
		case <-wait.C:
		case <-c.Context().Done(): // it comes again at once, at another consumer
		case <-t.s.dead:
		}
		t.close()
		<-c.held
	})
}
