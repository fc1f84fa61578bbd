package rabbitbus

import (
	"bytes"
	"context"
	"encoding/json"
	"strconv"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"labbox/edge"
	"labbox/edge/fanout"
)

// servers are the responders of this process.
type servers struct {
	mu  sync.Mutex
	all []*responder
	n   int // takes turns among those that match
}

func (s *servers) patterns() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []string
	for _, r := range s.all {
		all = append(all, r.pattern)
	}
	return all
}

func (s *servers) has(pattern string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.all {
		if r.pattern == pattern {
			return true
		}
	}
	return false
}

// find returns one that serves subject, nil for none.
func (s *servers) find(subject string) *responder {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.all {
		if r := s.all[(s.n+i)%len(s.all)]; fanout.Matches(r.pattern, subject) {
			s.n++
			return r
		}
	}
	return nil
}

func (s *servers) add(r *responder) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, r)
}

func (s *servers) remove(r *responder) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, x := range s.all {
		if x == r {
			s.all = append(s.all[:i:i], s.all[i+1:]...)
			return
		}
	}
}

// responder is one Serve.
type responder struct {
	bus     *Bus
	pattern string
	fn      func(context.Context, edge.Msg) ([]byte, error)
	gate    *fanout.Gate
	slots   chan struct{}
	once    sync.Once
}

// Serve implements edge.Bus.
func (b *Bus) Serve(pattern string, fn func(ctx context.Context, m edge.Msg) ([]byte, error)) (edge.Subscription, error) {
	if err := fanout.CheckPattern(pattern); err != nil {
		return nil, err
	}
	r := &responder{bus: b, pattern: pattern, fn: fn, gate: fanout.NewGate(), slots: make(chan struct{}, b.cfg.MaxServing)}
	if !b.subs.Add(r) {
		return nil, errClosed()
	}
	b.serve.add(r)
	b.bind.update(b, askExchange, pattern)
	return r, nil
}

// asked takes a message about requests from the broker. It never blocks.
func (b *Bus) asked(d amqp.Delivery) {
	subject, _ := d.Headers[headSubject].(string)
	r := b.serve.find(subject)
	switch {
	case d.Type == typeWho && r != nil:
		if s, err := b.con.session(); err == nil {
			b.answer(d, typeHere, []byte(s.askQueue))
		}
	case d.Type == typeAsk && r == nil:
		b.answer(d, typeMoved, nil)
	case d.Type == typeAsk:
		left, _ := d.Headers[headTimeout].(int64)
		deadline := time.Now().Add(time.Duration(left))
		r.take(deadline, edge.Msg{Subject: subject, Data: d.Body}, func(kind string, body []byte) { b.answer(d, kind, body) })
	}
}

// answer sends a reply by whatever connection publishes now.
func (b *Bus) answer(d amqp.Delivery, kind string, body []byte) {
	s, err := b.pub.session()
	if err == nil && !s.answer.offer(&parcel{key: d.ReplyTo,
		msg: amqp.Publishing{Type: kind, CorrelationId: d.CorrelationId, Body: bytes.Clone(body)}}) {
		err = edge.Errorf(edge.CodeBusDown, "rabbitbus: too many answers wait")
	}
	if err != nil {
		b.log.Warn("answer not sent", "kind", kind, "err", err)
	}
}

// local answers a request of this process.
func (r *responder) local(ctx context.Context, subject string, data []byte) ([]byte, error) {
	deadline, _ := ctx.Deadline()
	if ctx.Err() != nil {
		return nil, late(ctx, subject)
	}
	done := make(chan reply, 1)
	r.take(deadline, edge.Msg{Subject: subject, Data: bytes.Clone(data)}, func(kind string, body []byte) { done <- reply{kind, body} })
	select {
	case a := <-done:
		switch a.kind {
		case typeOK:
			return bytes.Clone(a.body), nil
		case typeMoved: // closed a moment ago
			return nil, nobody(subject)
		}
		var e edge.Error
		if err := json.Unmarshal(a.body, &e); err != nil {
			return nil, err
		}
		return nil, &e
	case <-ctx.Done():
		return nil, late(ctx, subject)
	}
}

// take starts the handler for one request, or refuses at once.
func (r *responder) take(deadline time.Time, m edge.Msg, answer func(kind string, body []byte)) {
	select {
	case r.slots <- struct{}{}:
	default:
		answer(r.encode(m.Subject, nil, edge.Errorf(edge.CodeTooMany, "rabbitbus: too many requests at a time")))
		return
	}
	go func() {
		defer func() { <-r.slots }()
		id := fanout.GoroutineID()
		if !r.gate.Enter(id) {
			answer(typeMoved, nil)
			return
		}
		defer r.gate.Leave(id)
		ctx, cancel := context.WithDeadline(context.Background(), deadline)
		defer cancel()
		if ctx.Err() != nil {
			return
		}
		data, err := r.fn(ctx, m)
		if ctx.Err() != nil {
			return // nobody waits any more
		}
		answer(r.encode(m.Subject, data, err))
	}()
}

func (r *responder) encode(subject string, data []byte, err error) (kind string, body []byte) {
	if err == nil {
		return typeOK, data
	}
	e := edge.AsError(err)
	if e.Code == edge.CodeInternal {
		r.bus.log.Error("request handler failed", "subject", subject, "err", err)
	}
	body, jerr := json.Marshal(e)
	if jerr != nil {
		body = []byte(`{"code":` + strconv.Quote(string(edge.CodeInternal)) + `,"message":"internal error"}`)
	}
	return typeError, body
}

// Gate implements fanout.Ender.
func (r *responder) Gate() *fanout.Gate { return r.gate }

// Dropped implements edge.Subscription.
func (r *responder) Dropped() uint64 { return 0 }

// Close implements edge.Subscription.
func (r *responder) Close() error {
	r.once.Do(func() {
		r.bus.subs.Remove(r)
		r.bus.serve.remove(r)
		r.bus.bind.update(r.bus, askExchange, r.pattern)
	})
	r.gate.Close()
	return nil
}
