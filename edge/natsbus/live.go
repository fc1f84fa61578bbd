package natsbus

import (
	"bytes"
	"context"
	"errors"

	"github.com/nats-io/nats.go"

	"labbox/edge"
	"labbox/edge/fanout"
)

// Publish implements edge.Bus. Subscribers in this process get the message
// directly, one copy for all of them; the broker carries it to others.
func (b *Bus) Publish(ctx context.Context, subject string, data []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	to, err := b.table.Find(subject)
	if err != nil {
		return err
	}
	if err := b.live.Publish(livePrefix+subject, data); err != nil {
		return down(err)
	}
	if len(to) > 0 {
		to.Send(edge.Msg{Subject: subject, Data: bytes.Clone(data)})
	}
	return nil
}

// Subscribe implements edge.Bus.
func (b *Bus) Subscribe(pattern string, fn func(edge.Msg)) (edge.Subscription, error) {
	if err := fanout.CheckPattern(pattern); err != nil {
		return nil, err
	}
	s := &subscription{bus: b, pattern: pattern, Subscriber: b.table.Subscribe(pattern, fn)}
	if !b.subs.Add(s) {
		_ = s.Subscriber.Close()
		return nil, errClosed()
	}
	err := b.wire(pattern)
	if err == nil { // the broker must know of the pattern before others publish
		err = b.live.Flush()
	}
	if err != nil && !errors.Is(err, nats.ErrConnectionReconnecting) {
		_ = s.Close()
		return nil, down(err)
	}
	return s, nil
}

// wire keeps one subscription at the broker for a pattern that somebody here
// listens to, and none for any other.
func (b *Bus) wire(pattern string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch want, sub := b.table.Has(pattern), b.wires[pattern]; {
	case want && sub == nil:
		sub, err := b.live.Subscribe(livePrefix+pattern, func(m *nats.Msg) {
			b.table.DeliverTo(pattern, edge.Msg{Subject: m.Subject[len(livePrefix):], Data: m.Data})
		})
		if err != nil {
			return err
		}
		b.wires[pattern] = sub
		return sub.SetPendingLimits(-1, -1) // DeliverTo never blocks
	case !want && sub != nil:
		delete(b.wires, pattern)
		return unsubscribe(sub)
	}
	return nil
}

// unsubscribe ends sub; that its connection is closed already is no error.
func unsubscribe(sub *nats.Subscription) error {
	err := sub.Unsubscribe()
	if errors.Is(err, nats.ErrConnectionClosed) || errors.Is(err, nats.ErrBadSubscription) {
		return nil
	}
	return err
}

// subscription is one Subscribe.
type subscription struct {
	*fanout.Subscriber
	bus     *Bus
	pattern string
}

// Close implements edge.Subscription.
func (s *subscription) Close() error {
	s.bus.subs.Remove(s)
	return errors.Join(s.Subscriber.Close(), down(s.bus.wire(s.pattern)))
}
