package rabbitbus

import (
	"bytes"
	"context"
	"strconv"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"labbox/edge"
	"labbox/edge/fanout"
)

func itoa(n int) string { return strconv.Itoa(n) }

// routingKey is the topic exchange's word for a pattern: a trailing ">" is one or
// more words, and "#" alone would also match none.
func routingKey(pattern string) string {
	if rest, ok := strings.CutSuffix(pattern, ">"); ok {
		return rest + "*.#"
	}
	return pattern
}

// Publish implements edge.Bus. Subscribers in this process get the message
// directly, one copy for all of them, whether the broker is there or not; the
// broker carries it to others.
func (b *Bus) Publish(ctx context.Context, subject string, data []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	to, err := b.live.Find(subject)
	if err != nil {
		return err
	}
	if b.subs.Closed() {
		return errClosed()
	}
	data = bytes.Clone(data) // for the writer and for local subscribers
	to.Send(edge.Msg{Subject: subject, Data: data})
	s, err := b.pub.session()
	if err != nil {
		return err
	}
	if err := s.refusal(); err != nil {
		return err
	}
	// AppId lets the process drop what comes back to itself.
	p := &parcel{exchange: liveExchange, key: subject, msg: amqp.Publishing{AppId: b.id, Body: data}}
	if !s.live.offer(p) {
		return edge.Errorf(edge.CodeBusDown, "rabbitbus: broker takes live messages too slowly: %d wait", liveLane)
	}
	return nil
}

// heard takes a live message from the broker. It never blocks.
func (b *Bus) heard(d amqp.Delivery) {
	if d.AppId != b.id {
		b.live.Deliver(edge.Msg{Subject: d.RoutingKey, Data: d.Body})
	}
}

// Subscribe implements edge.Bus.
func (b *Bus) Subscribe(pattern string, fn func(edge.Msg)) (edge.Subscription, error) {
	if err := fanout.CheckPattern(pattern); err != nil {
		return nil, err
	}
	s := &subscription{bus: b, pattern: pattern}
	if b.subs.Closed() {
		return nil, errClosed()
	}
	s.Subscriber = b.live.Subscribe(pattern, fn)
	if !b.subs.Add(s) {
		_ = s.Subscriber.Close()
		return nil, errClosed()
	}
	b.bind.update(b, liveExchange, pattern)
	return s, nil
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
	err := s.Subscriber.Close()
	s.bus.bind.update(s.bus, liveExchange, s.pattern)
	return err
}

// flush gives what was published last a moment to reach the socket.
func (b *Bus) flush() {
	s, err := b.pub.session()
	if err != nil {
		return
	}
	for end := time.Now().Add(goodbyeMost); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if len(s.live.out)+len(s.answer.out)+len(s.job.out) == 0 {
			return
		}
	}
}
