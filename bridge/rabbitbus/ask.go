package rabbitbus

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"labbox/edge"
	"labbox/edge/fanout"
)

const (
	headTimeout = "lab-timeout" // nanoseconds the requester still waits: no clock is compared
	headSubject = "lab-subject"
)

// Types of messages about requests. "who" goes to everybody who serves a subject;
// the request itself goes to one of those who said "here", so that exactly one
// serves it, however many processes and patterns match.
const (
	typeWho   = "who"
	typeHere  = "here" // body: the queue to ask
	typeAsk   = "ask"
	typeOK    = "ok"
	typeError = "error" // body: an edge.Error as JSON
	typeMoved = "moved" // nobody serves it here any more; it was not served
	// typeReturned is ours: the broker found no queue for the message.
	typeReturned = "returned"
)

// Request implements edge.Bus. It sends the request at most once: when the
// connection is lost while an answer is awaited, the error is CodeUnknownOutcome
// where a server may have got it, CodeBusDown where certainly none did.
func (b *Bus) Request(ctx context.Context, subject string, data []byte) ([]byte, error) {
	if err := fanout.CheckSubject(subject); err != nil {
		return nil, err
	}
	if _, ok := ctx.Deadline(); !ok {
		return nil, edge.Errorf(edge.CodeBadRequest, "rabbitbus: request to %s without a deadline", subject)
	}
	if b.subs.Closed() {
		return nil, errClosed()
	}
	if r := b.serve.find(subject); r != nil { // in this process: no broker needed
		return r.local(ctx, subject, data)
	}
	for range 3 { // a server that was known may have gone
		queue, err := b.whoServes(ctx, subject)
		if err != nil {
			return nil, err
		}
		a, err := b.exchange(ctx, &parcel{key: queue, msg: amqp.Publishing{Type: typeAsk, Body: data}}, subject)
		if err != nil {
			b.asks.forget(subject)
			return nil, err
		}
		switch a.kind {
		case typeOK:
			return a.body, nil
		case typeError:
			var e edge.Error
			if err := json.Unmarshal(a.body, &e); err != nil || e.Code == "" {
				return nil, edge.Errorf(edge.CodeInternal, "rabbitbus: unreadable error from %s", subject)
			}
			return nil, &e
		}
		b.asks.forget(subject) // returned or moved: it was not served
	}
	return nil, nobody(subject)
}

func nobody(subject string) error {
	return edge.Errorf(edge.CodeNoAnswer, "rabbitbus: nobody answers %s", subject)
}

// whoServes returns the queue of a process that serves subject.
func (b *Bus) whoServes(ctx context.Context, subject string) (string, error) {
	if q := b.asks.route(subject); q != "" {
		return q, nil
	}
	a, err := b.exchange(ctx, &parcel{exchange: askExchange, key: subject, msg: amqp.Publishing{Type: typeWho}}, subject)
	if err != nil {
		if edge.CodeOf(err) == edge.CodeUnknownOutcome { // of the question, not of the request
			err = downBecause("connection lost")
		}
		return "", err
	}
	if a.kind != typeHere || len(a.body) == 0 {
		return "", nobody(subject)
	}
	b.asks.learn(subject, string(a.body))
	return string(a.body), nil
}

// exchange sends one message and waits for the answer to it.
func (b *Bus) exchange(ctx context.Context, p *parcel, subject string) (reply, error) {
	s, err := b.pub.session()
	if err != nil {
		return reply{}, err
	}
	if err := s.refusal(); err != nil {
		return reply{}, err
	}
	deadline, _ := ctx.Deadline()
	left := time.Until(deadline)
	if left <= 0 || ctx.Err() != nil {
		return reply{}, late(ctx, subject)
	}
	id, answer := b.asks.begin()
	defer b.asks.end(id)
	p.mandatory = true
	p.msg.CorrelationId, p.msg.ReplyTo = id, replyQueue
	p.msg.Headers = amqp.Table{headTimeout: int64(left), headSubject: subject}
	p.msg.Expiration = strconv.FormatInt(max(1, left.Milliseconds()), 10)
	p.msg.Body = append([]byte(nil), p.msg.Body...) // the writer may have it after we left
	select {
	case s.ask.out <- p:
	case <-ctx.Done():
		return reply{}, late(ctx, subject)
	case <-s.dead:
		return reply{}, downBecause("connection lost").WithHint("the request was not sent")
	}
	select {
	case a := <-answer:
		return a, nil
	case <-ctx.Done():
		p.recall()
		return reply{}, late(ctx, subject)
	case <-s.dead:
		if p.recall() {
			return reply{}, downBecause("connection lost").WithHint("the request was not sent")
		}
		return reply{}, edge.Errorf(edge.CodeUnknownOutcome, "rabbitbus: connection lost while %s was asked", subject).
			WithHint("look at the device before you try again")
	}
}

func late(ctx context.Context, subject string) error {
	err := ctx.Err()
	if err == nil {
		err = context.DeadlineExceeded
	}
	return edge.Errorf(edge.CodeNoAnswer, "rabbitbus: no answer from %s in time: %w", subject, err)
}

type reply struct {
	kind string
	body []byte
}

// pending are the requests under way and where subjects were found to be served.
type pending struct {
	next atomic.Uint64

	mu     sync.Mutex
	wait   map[string]chan reply
	routes map[string]string
}

// maxRoutes bounds the memory for subjects.
const maxRoutes = 4096

func (a *pending) init() {
	a.wait, a.routes = map[string]chan reply{}, map[string]string{}
}

func (a *pending) begin() (string, chan reply) {
	id, ch := strconv.FormatUint(a.next.Add(1), 36), make(chan reply, 1)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.wait[id] = ch
	return id, ch
}

func (a *pending) end(id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.wait, id)
}

// answer hands r to whoever waits for it; a second or late one is nobody's.
func (a *pending) answer(id string, r reply) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if ch := a.wait[id]; ch != nil {
		select {
		case ch <- r:
		default:
		}
	}
}

func (a *pending) replies(s *session, in <-chan amqp.Delivery) {
	for d := range in {
		a.answer(d.CorrelationId, reply{d.Type, d.Body})
	}
	s.fail(errors.New("the broker ended the consumer of answers"))
}

func (a *pending) returned(in <-chan amqp.Return) {
	for r := range in {
		a.answer(r.CorrelationId, reply{kind: typeReturned})
	}
}

func (a *pending) route(subject string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.routes[subject]
}

func (a *pending) learn(subject, queue string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.routes) >= maxRoutes {
		clear(a.routes)
	}
	a.routes[subject] = queue
}

func (a *pending) forget(subject string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.routes, subject)
}
