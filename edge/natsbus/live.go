package natsbus

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/nats-io/nats.go"

	"labbox/edge"
)

// Publish implements edge.Bus. Subscribers in this process get the message
// directly, one copy for all of them; the broker carries it to others.
func (b *Bus) Publish(ctx context.Context, subject string, data []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r := b.routes.Load()
	to, ok := r.lookup(subject)
	if !ok {
		if err := checkSubject(subject); err != nil {
			return err
		}
		to = r.learn(subject)
	}
	if err := b.live.Publish(to.wire, data); err != nil {
		return down(err)
	}
	if len(to.fans) > 0 {
		m := edge.Msg{Subject: subject, Data: bytes.Clone(data)}
		for _, f := range to.fans {
			f.deliver(m)
		}
	}
	return nil
}

// Subscribe implements edge.Bus.
func (b *Bus) Subscribe(pattern string, fn func(edge.Msg)) (edge.Subscription, error) {
	if err := checkPattern(pattern); err != nil {
		return nil, err
	}
	s := &subscriber{bus: b, pattern: pattern, fn: fn, gate: newGate(),
		wait: make(chan edge.Msg, b.opt.QueueLen), stop: make(chan struct{}), maxBytes: b.opt.QueueBytes}
	if err := b.join(s); err != nil {
		return nil, err
	}
	go s.run()
	// The broker must know of the pattern before others publish.
	if err := b.live.Flush(); err != nil && !errors.Is(err, nats.ErrConnectionReconnecting) {
		_ = s.Close()
		return nil, down(err)
	}
	return s, nil
}

// fan is one pattern: one broker subscription, any number of subscribers.
type fan struct {
	pattern string
	sub     *nats.Subscription
	members atomic.Pointer[[]*subscriber]
}

func (f *fan) deliver(m edge.Msg) {
	for _, s := range *f.members.Load() {
		s.push(m)
	}
}

// join adds s to its pattern's fan.
func (b *Bus) join(s *subscriber) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return errClosed()
	}
	f := b.fans[s.pattern]
	if f == nil {
		f = &fan{pattern: s.pattern}
		f.members.Store(&[]*subscriber{})
		sub, err := b.live.Subscribe(livePrefix+s.pattern, func(m *nats.Msg) {
			f.deliver(edge.Msg{Subject: m.Subject[len(livePrefix):], Data: m.Data})
		})
		if err != nil {
			return down(err)
		}
		if err := sub.SetPendingLimits(-1, -1); err != nil { // deliver never blocks
			return down(err)
		}
		f.sub = sub
		b.fans[s.pattern] = f
		b.routes.Store(newRoutes(b.fans))
	}
	members := append([]*subscriber{s}, *f.members.Load()...)
	f.members.Store(&members)
	b.subs[s] = struct{}{}
	return nil
}

// leave takes s out of its fan; the last one ends the broker's subscription.
func (b *Bus) leave(s *subscriber) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.subs, s)
	f := b.fans[s.pattern]
	if f == nil {
		return nil
	}
	var members []*subscriber
	for _, m := range *f.members.Load() {
		if m != s {
			members = append(members, m)
		}
	}
	f.members.Store(&members)
	if len(members) > 0 {
		return nil
	}
	delete(b.fans, s.pattern)
	b.routes.Store(newRoutes(b.fans))
	if err := f.sub.Unsubscribe(); err != nil && !errors.Is(err, nats.ErrConnectionClosed) && !errors.Is(err, nats.ErrBadSubscription) {
		return down(err)
	}
	return nil
}

// subscriber is one Subscribe: a bounded queue and the goroutine behind it.
type subscriber struct {
	bus      *Bus
	pattern  string
	fn       func(edge.Msg)
	gate     *gate
	wait     chan edge.Msg
	bytes    atomic.Int64
	maxBytes int64
	dropped  atomic.Uint64
	once     sync.Once
	stop     chan struct{}
}

// push never blocks: what does not fit is dropped and counted.
func (s *subscriber) push(m edge.Msg) {
	n := int64(len(m.Data))
	if total := s.bytes.Add(n); total > s.maxBytes && total > n {
		s.bytes.Add(-n)
		s.dropped.Add(1)
		return
	}
	select {
	case s.wait <- m:
	default:
		s.bytes.Add(-n)
		s.dropped.Add(1)
	}
}

func (s *subscriber) run() {
	id := goroutineID()
	for {
		select {
		case <-s.stop:
			return
		case m := <-s.wait:
			s.bytes.Add(-int64(len(m.Data)))
			if !s.gate.enter(id) {
				return
			}
			s.fn(m)
			s.gate.leave(id)
		}
	}
}

func (s *subscriber) gates() *gate { return s.gate }

// Dropped implements edge.Subscription.
func (s *subscriber) Dropped() uint64 { return s.dropped.Load() }

// Close implements edge.Subscription.
func (s *subscriber) Close() (err error) {
	s.once.Do(func() {
		err = s.bus.leave(s)
		close(s.stop)
	})
	s.gate.close()
	return err
}

// routes remembers which fans a subject goes to. A new one is made when the
// patterns change; readers of the old one finish with it.
type routes struct {
	fans []*fan

	mu    sync.RWMutex
	known map[string]route
}

type route struct {
	wire string
	fans []*fan
}

// maxRoutes bounds the memory for subjects; beyond it they are matched each time.
const maxRoutes = 4096

func newRoutes(fans map[string]*fan) *routes {
	r := &routes{known: map[string]route{}}
	for _, f := range fans {
		r.fans = append(r.fans, f)
	}
	return r
}

func (r *routes) lookup(subject string) (route, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	to, ok := r.known[subject]
	return to, ok
}

func (r *routes) learn(subject string) route {
	to := route{wire: livePrefix + subject}
	for _, f := range r.fans {
		if matches(f.pattern, subject) {
			to.fans = append(to.fans, f)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.known) < maxRoutes {
		r.known[subject] = to
	}
	return to
}
