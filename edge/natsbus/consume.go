package natsbus

import (
	"bytes"
	"context"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"labbox/edge"
	"labbox/edge/fanout"
)

const (
	askTimeout  = 5 * time.Second // for the broker's own answers
	retryBroker = 100 * time.Millisecond
	pullExpires = 2 * time.Second // how long the broker keeps a request for a job
	pullGrace   = time.Second     // and how much later it is given up for lost
)

// Consume implements edge.Bus. The handler's context ends with AckWait, when the
// job goes to somebody else, and with Close.
func (b *Bus) Consume(name string, fn func(ctx context.Context, j edge.Job) error) (edge.Subscription, error) {
	ctx, cancel := context.WithTimeout(context.Background(), askTimeout)
	defer cancel()
	q, err := b.queue(ctx, name)
	if err != nil {
		return nil, err
	}
	c := &consumer{bus: b, q: q, fn: fn, jobs: make(chan *nats.Msg, 16)}
	if c.sub, err = b.ask.ChanSubscribe(b.ask.NewInbox(), c.jobs); err != nil {
		return nil, down(err)
	}
	l := b.subs.Go(c.run)
	if l == nil {
		_ = unsubscribe(c.sub)
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

	sub  *nats.Subscription // to an inbox that jobs are asked for with
	jobs chan *nats.Msg
}

// run asks for one job at a time: a job waiting in a buffer here would lose its
// AckWait to the one before it. (The client's own iterator does the same with
// PullMaxMessages(1), but now and then forgets to ask: nats.go 1.55.)
func (c *consumer) run(l *fanout.Loop) {
	c.Loop = l
	defer c.drain()
	id := fanout.GoroutineID()
	ask := []byte(`{"batch":1,"expires":` + strconv.FormatInt(int64(pullExpires), 10) + `}`)
	subject := "$JS.API.CONSUMER.MSG.NEXT." + c.q.jobs() + "." + consumerName
	lost := time.NewTimer(0)
	defer lost.Stop()
	for c.Context().Err() == nil {
		if err := c.bus.ask.PublishRequest(subject, c.sub.Subject, ask); err != nil {
			c.Pause(retryBroker)
			continue
		}
		lost.Reset(pullExpires + pullGrace)
		select {
		case <-c.Context().Done():
		case <-lost.C: // the broker has restarted meanwhile
		case m := <-c.jobs:
			switch m.Header.Get("Status") {
			case "":
				c.take(id, m)
			case "408", "404": // no job in all that time
			default: // no broker, no stream, no consumer
				c.Pause(retryBroker)
			}
		}
	}
}

// drain hands back a job that arrived while Close went on.
func (c *consumer) drain() {
	if c.sub.Unsubscribe() != nil || c.bus.ask.FlushTimeout(askTimeout) != nil {
		return // the connection is gone, so is its inbox
	}
	for {
		select {
		case m := <-c.jobs:
			if m.Header.Get("Status") == "" {
				_ = m.Nak()
			}
		default:
			return
		}
	}
}

// take gives one delivery to the handler and settles it.
func (c *consumer) take(id uint64, m *nats.Msg) {
	meta, err := m.Metadata()
	if err != nil {
		c.warn("job without metadata", err, "")
		return
	}
	job := edge.Job{ID: m.Header.Get(jetstream.MsgIDHeader), Data: m.Data, Try: int(meta.NumDelivered)} //nolint:gosec // small
	if job.Try > c.q.MaxTries {
		c.setAside(m, meta, job, c.q.MaxTries, edge.CodeNoAnswer)
		return
	}
	if !c.Gate().Enter(id) {
		_ = m.Nak()
		return
	}
	defer c.Gate().Leave(id)
	ctx, cancel := context.WithTimeout(c.Context(), c.q.AckWait)
	defer cancel()
	taken := time.Now()
	switch err := c.fn(ctx, job); {
	case err == nil:
		c.acknowledge(m, job)
	case time.Since(taken) >= c.q.AckWait: // it is somebody else's by now
	case job.Try >= c.q.MaxTries:
		c.setAside(m, meta, job, job.Try, edge.CodeOf(err))
	case c.q.RetryDelay > 0:
		c.settle("job not handed back", job, m.NakWithDelay(c.q.RetryDelay))
	default:
		c.settle("job not handed back", job, m.Nak())
	}
}

// acknowledge remembers the id, then takes the job off the queue. A failure of
// either is no loss: the job comes again.
func (c *consumer) acknowledge(m *nats.Msg, job edge.Job) {
	ctx, cancel := context.WithTimeout(context.Background(), askTimeout)
	defer cancel()
	if err := c.bus.store(ctx, donePrefix+c.q.Name, job.ID, nil, nil); err != nil {
		c.warn("id of a job done not remembered", err, job.ID)
	}
	c.settle("job not acknowledged", job, m.AckSync(nats.Context(ctx)))
}

// setAside stores the job durably in the dead-letter stream, then takes it off
// the queue. If there is no room the job stays, unserved, and is tried again
// after a while.
func (c *consumer) setAside(m *nats.Msg, meta *nats.MsgMetadata, job edge.Job, tries int, cause edge.Code) {
	ctx, cancel := context.WithTimeout(context.Background(), askTimeout)
	defer cancel()
	head := nats.Header{headID: {job.ID}, headTry: {strconv.Itoa(tries)}, headCause: {string(cause)}}
	key := job.ID + " " + strconv.FormatUint(meta.Sequence.Stream, 10)
	err := c.bus.store(ctx, deadPrefix+c.q.Name, key, head, job.Data)
	if err == nil {
		err = c.bus.srv.Commit(ctx, c.q.dead())
	}
	if err != nil {
		c.warn("job not set aside", err, job.ID)
		_ = m.NakWithDelay(max(c.q.RetryDelay, time.Second))
		return
	}
	c.bus.opt.Logger.Warn("job set aside", "queue", c.q.Name, "id", job.ID, "tries", tries, "cause", cause)
	c.settle("job set aside but not removed", job, m.AckSync(nats.Context(ctx)))
}

func (c *consumer) settle(what string, job edge.Job, err error) {
	if err != nil {
		c.warn(what, err, job.ID)
	}
}

func (c *consumer) warn(what string, err error, id string) {
	c.bus.opt.Logger.Warn(what, "queue", c.q.Name, "id", id, "err", err)
}

// Dead implements edge.Bus.
func (b *Bus) Dead(ctx context.Context, name string, limit int) ([]edge.Job, error) {
	q, err := b.queue(ctx, name)
	if err != nil || limit <= 0 {
		return nil, err
	}
	var jobs []edge.Job
	err = b.walk(ctx, q.dead(), limit, func(m jetstream.Msg, _ time.Time) {
		try, _ := strconv.Atoi(m.Headers().Get(headTry))
		jobs = append(jobs, edge.Job{ID: m.Headers().Get(headID), Data: bytes.Clone(m.Data()), Try: try})
	})
	if err != nil {
		return nil, down(err)
	}
	return jobs, nil
}
