package rabbitbus

import (
	"context"
	"errors"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"labbox/edge"
)

const (
	liveLane   = 4096 // live messages that wait for the socket before they are dropped
	otherLane  = 512
	replyQueue = "amq.rabbitmq.reply-to"
	callMost   = 5 * time.Second // for the broker's own answers
)

// pub is what a publishing session has.
type pub struct {
	live, ask, answer, job *lane
	returns                *returns
}

// con is what a consuming session has. Exclusive queues belong to a connection,
// so their names are new for each.
type con struct {
	ch        *amqp.Channel
	liveQueue string
	askQueue  string
}

// setupPub prepares the connection that publishes.
func (b *Bus) setupPub(s *session) (err error) {
	s.live, err = s.lane(liveLane, false, b.declareExchanges)
	if err != nil {
		return err
	}
	if s.answer, err = s.lane(otherLane, false, nil); err != nil {
		return err
	}
	s.ask, err = s.lane(otherLane, false, func(ch *amqp.Channel) error {
		replies, err := ch.Consume(replyQueue, "", true, false, false, false, nil)
		if err != nil {
			return err
		}
		returned := ch.NotifyReturn(make(chan amqp.Return, 16))
		s.wg.Go(func() { b.asks.replies(s, replies) })
		s.wg.Go(func() { b.asks.returned(returned) })
		return nil
	})
	if err != nil {
		return err
	}
	s.job, err = s.lane(otherLane, true, func(ch *amqp.Channel) error {
		s.returns = newReturns(ch)
		return nil
	})
	if err != nil {
		return err
	}
	return b.work.redeclare(s)
}

func (b *Bus) declareExchanges(ch *amqp.Channel) error {
	for name, kind := range map[string]string{liveExchange: "topic", askExchange: "topic", deadExchange: "direct"} {
		if err := ch.ExchangeDeclare(name, kind, true, false, false, false, nil); err != nil {
			return err
		}
	}
	return nil
}

// setupCon prepares the connection that consumes.
func (b *Bus) setupCon(s *session) (err error) {
	if s.ch, err = s.conn.Channel(); err != nil {
		return err
	}
	s.guard(s.ch)
	if err := b.declareExchanges(s.ch); err != nil {
		return err
	}
	n := s.link.bus.bind.count()
	s.liveQueue = prefix + "live." + b.id + n
	s.askQueue = prefix + "ask." + b.id + n
	// A process that does not read must not fill the broker's memory.
	bound := amqp.Table{"x-max-length-bytes": b.cfg.QueueBytes, "x-overflow": "drop-head"}
	for queue, take := range map[string]func(amqp.Delivery){s.liveQueue: b.heard, s.askQueue: b.asked} {
		if _, err := s.ch.QueueDeclare(queue, false, true, true, false, bound); err != nil {
			return err
		}
		deliveries, err := s.ch.Consume(queue, "", true, true, false, false, nil)
		if err != nil {
			return err
		}
		s.wg.Go(func() {
			for d := range deliveries {
				take(d)
			}
			s.fail(errors.New("the broker ended a consumer")) // its queue is gone
		})
	}
	if err := b.bind.all(b, s); err != nil {
		return err
	}
	s.wg.Go(func() { b.recheck(s) })
	return nil
}

// recheck binds anew from time to time: the broker does not tell a queue's owner
// that an exchange, and every binding to it, was deleted.
func (b *Bus) recheck(s *session) {
	tick := time.NewTicker(b.cfg.recheck)
	defer tick.Stop()
	for {
		select {
		case <-s.dead:
			return
		case <-tick.C:
			if err := b.bind.all(b, s); err != nil {
				s.fail(err)
			}
		}
	}
}

// call runs fn on a channel of its own, within ctx. fn goes on in the background
// when ctx ends first.
func (s *session) call(ctx context.Context, fn func(ch *amqp.Channel) error) error {
	done := make(chan error, 1)
	select {
	case <-s.dead:
		return amqp.ErrClosed
	default:
	}
	go func() {
		ch, err := s.conn.Channel()
		if err == nil {
			err = fn(ch)
			_ = ch.Close()
		}
		done <- err
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// callError turns an error of call into the seam's.
func callError(what string, err error) error {
	var own *edge.Error
	if errors.As(err, &own) {
		return err
	}
	return edge.Errorf(edge.CodeBusDown, "rabbitbus: %s: %w", what, err)
}

// bindings keeps what the process's two queues are bound to in step with what the
// process listens to and serves.
type bindings struct {
	mu    sync.Mutex
	n     int
	s     *session // bound to
	bound map[binding]bool
}

type binding struct{ exchange, pattern string }

func (bs *bindings) count() string {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	bs.n++
	return "." + itoa(bs.n)
}

// all binds a session's queues to everything; to bind twice does no harm.
func (bs *bindings) all(b *Bus, s *session) error {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	had := bs.bound
	if bs.s != s {
		had = nil
	}
	bs.s, bs.bound = s, map[binding]bool{}
	for _, p := range b.live.Patterns() {
		if err := bs.step(b, binding{liveExchange, p}); err != nil {
			return err
		}
	}
	for _, p := range b.serve.patterns() {
		if err := bs.step(b, binding{askExchange, p}); err != nil {
			return err
		}
	}
	for x := range had { // what nobody wants any more is unbound
		bs.bound[x] = true
		if err := bs.step(b, x); err != nil {
			return err
		}
	}
	return nil
}

// update binds or unbinds one pattern, and waits for the broker a while: what
// others publish after that is heard. Without a connection there is nothing to
// do; the next one starts with all.
func (bs *bindings) update(b *Bus, exchange, pattern string) {
	if b.subs.Closed() {
		return // the queues end with the connection
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		bs.mu.Lock()
		defer bs.mu.Unlock()
		if bs.s == nil {
			return
		}
		if err := bs.step(b, binding{exchange, pattern}); err != nil {
			bs.s.fail(err)
		}
	}()
	select {
	case <-done:
	case <-time.After(callMost):
	}
}

func (bs *bindings) step(b *Bus, x binding) error {
	select {
	case <-bs.s.dead:
		return nil
	default:
	}
	want, queue := b.live.Has(x.pattern), bs.s.liveQueue
	if x.exchange == askExchange {
		want, queue = b.serve.has(x.pattern), bs.s.askQueue
	}
	key := routingKey(x.pattern)
	switch {
	case want && !bs.bound[x]:
		if err := bs.s.ch.QueueBind(queue, key, x.exchange, false, nil); err != nil {
			return err
		}
		bs.bound[x] = true
	case !want && bs.bound[x]:
		if err := bs.s.ch.QueueUnbind(queue, key, x.exchange, nil); err != nil {
			return err
		}
		delete(bs.bound, x)
	}
	return nil
}
