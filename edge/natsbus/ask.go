package natsbus

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"labbox/edge"
	"labbox/edge/fanout"
)

const (
	headTimeout = "Lab-Timeout" // nanoseconds the requester still waits: no clock is compared
	headError   = "Lab-Error"   // the body is an edge.Error as JSON
	serveGroup  = "serve"       // one server of all that match answers
)

// Request implements edge.Bus.
func (b *Bus) Request(ctx context.Context, subject string, data []byte) ([]byte, error) {
	if err := fanout.CheckSubject(subject); err != nil {
		return nil, err
	}
	deadline, ok := ctx.Deadline()
	if !ok {
		return nil, edge.Errorf(edge.CodeBadRequest, "natsbus: request to %s without a deadline", subject)
	}
	if b.subs.Closed() {
		return nil, errClosed()
	}
	m := nats.NewMsg(askPrefix + subject)
	m.Data = data
	m.Header.Set(headTimeout, strconv.FormatInt(int64(time.Until(deadline)), 10))
	a, err := b.ask.RequestMsgWithContext(ctx, m)
	switch {
	case err == nil:
	case errors.Is(err, nats.ErrNoResponders):
		return nil, edge.Errorf(edge.CodeNoAnswer, "natsbus: nobody answers %s", subject)
	case ctx.Err() != nil:
		return nil, edge.Errorf(edge.CodeNoAnswer, "natsbus: no answer from %s in time: %w", subject, ctx.Err())
	default:
		return nil, down(err)
	}
	if a.Header.Get(headError) == "" {
		return a.Data, nil
	}
	var e edge.Error
	if err := json.Unmarshal(a.Data, &e); err != nil || e.Code == "" {
		return nil, edge.Errorf(edge.CodeInternal, "natsbus: unreadable error from %s", subject)
	}
	return nil, &e
}

// Serve implements edge.Bus.
func (b *Bus) Serve(pattern string, fn func(ctx context.Context, m edge.Msg) ([]byte, error)) (edge.Subscription, error) {
	if err := fanout.CheckPattern(pattern); err != nil {
		return nil, err
	}
	s := &responder{bus: b, fn: fn, gate: fanout.NewGate(), slots: make(chan struct{}, b.opt.MaxServing)}
	if !b.subs.Add(s) {
		return nil, errClosed()
	}
	sub, err := b.ask.QueueSubscribe(askPrefix+pattern, serveGroup, s.take)
	if err == nil {
		s.sub = sub
		err = b.ask.Flush()
	}
	if err != nil {
		_ = s.Close()
		return nil, down(err)
	}
	return s, nil
}

// responder is one Serve.
type responder struct {
	bus   *Bus
	fn    func(context.Context, edge.Msg) ([]byte, error)
	sub   *nats.Subscription
	gate  *fanout.Gate
	slots chan struct{}
	once  sync.Once
}

// take starts the handler for one request, or refuses at once.
func (s *responder) take(m *nats.Msg) {
	select {
	case s.slots <- struct{}{}:
	default:
		s.answer(m, nil, edge.Errorf(edge.CodeTooMany, "natsbus: too many requests at a time"))
		return
	}
	arrived := time.Now()
	go func() {
		defer func() { <-s.slots }()
		s.serve(m, arrived)
	}()
}

func (s *responder) serve(m *nats.Msg, arrived time.Time) {
	left, err := strconv.ParseInt(m.Header.Get(headTimeout), 10, 64)
	if err != nil || left <= 0 {
		return // not one of our requests, or its time is over
	}
	id := fanout.GoroutineID()
	if !s.gate.Enter(id) {
		return
	}
	defer s.gate.Leave(id)
	ctx, cancel := context.WithDeadline(context.Background(), arrived.Add(time.Duration(left)))
	defer cancel()
	if ctx.Err() != nil {
		return
	}
	data, err := s.fn(ctx, edge.Msg{Subject: m.Subject[len(askPrefix):], Data: m.Data})
	if ctx.Err() != nil {
		return // nobody waits any more
	}
	s.answer(m, data, err)
}

func (s *responder) answer(m *nats.Msg, data []byte, err error) {
	a := nats.NewMsg(m.Reply)
	a.Data = data
	if int64(len(data)) > s.bus.ask.MaxPayload()-1024 {
		err = edge.Errorf(edge.CodeTooLarge, "natsbus: answer of %d bytes is too large", len(data))
	}
	if err != nil {
		e := edge.AsError(err)
		if e.Code == edge.CodeInternal {
			s.bus.opt.Logger.Error("request handler failed", "subject", m.Subject, "err", err)
		}
		body, jerr := json.Marshal(e)
		if jerr != nil {
			body = []byte(`{"code":"` + edge.CodeInternal + `","message":"internal error"}`)
		}
		a.Data = body
		a.Header.Set(headError, "1")
	}
	if err := s.bus.ask.PublishMsg(a); err != nil {
		s.bus.opt.Logger.Warn("answer not sent", "subject", m.Subject, "err", err)
	}
}

// Gate implements fanout.Ender.
func (s *responder) Gate() *fanout.Gate { return s.gate }

// Dropped implements edge.Subscription.
func (s *responder) Dropped() uint64 { return 0 }

// Close implements edge.Subscription.
func (s *responder) Close() (err error) {
	s.once.Do(func() {
		s.bus.subs.Remove(s)
		if s.sub != nil {
			err = unsubscribe(s.sub)
		}
	})
	s.gate.Close()
	return err
}
