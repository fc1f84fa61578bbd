package metrics

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"labbox/edge"
)

type busMetrics struct {
	out, outBytes, in [len(kinds)]prometheus.Counter // by kind, looked up once
	publishErrors     *prometheus.CounterVec
	confirm           *prometheus.HistogramVec
	confirmErrors     *prometheus.CounterVec
	request           *prometheus.HistogramVec
	jobs, redelivered *prometheus.CounterVec
}

func newBusMetrics(m *Metrics) busMetrics {
	b := busMetrics{
		publishErrors: m.counter("bus_publish_errors_total", "Live messages that the broker did not take.", "kind", "code"),
		confirm:       m.histogram("bus_confirm_seconds", "Time until durable work was confirmed.", latencies(), "queue"),
		confirmErrors: m.counter("bus_confirm_errors_total", "Durable work that was not confirmed.", "queue", "code"),
		request:       m.histogram("bus_request_seconds", "Time until a request was answered, by error code or ok.", latencies(), "kind", "code"),
		jobs:          m.counter("bus_jobs_total", "Jobs handed to a consumer, by result: done, or again.", "queue", "result"),
		redelivered:   m.counter("bus_redeliveries_total", "Jobs that came to a consumer again.", "queue"),
	}
	out := m.counter("bus_published_total", "Live messages published.", "kind")
	bytes := m.counter("bus_published_bytes_total", "Size of the live messages published.", "kind")
	in := m.counter("bus_received_total", "Live messages received.", "kind")
	for i, k := range kinds {
		b.out[i], b.outBytes[i], b.in[i] = out.WithLabelValues(k), bytes.WithLabelValues(k), in.WithLabelValues(k)
	}
	return b
}

// Reconnecter is a Bus or KV that counts its own reconnects.
type Reconnecter interface{ Reconnects() uint64 }

// Bus measures what goes through b, and answers to b's owner for it: closing it
// closes b. Call it once.
func (m *Metrics) Bus(b edge.Bus) edge.Bus {
	w := &bus{Bus: b, m: m, link: newLink(b)}
	m.reg.MustRegister(&linkCollector{link: w.link, health: func(context.Context) error { return b.Health() },
		up:         desc("bus_up", "1 while the broker is reachable, else 0."),
		reconnects: desc("bus_reconnects_total", "Times the broker was found reachable again.")})
	m.reg.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Namespace: namespace, Name: "bus_dropped_total",
		Help: "Live messages lost because a subscriber of this process was too slow."}, w.dropped))
	return w
}

type bus struct {
	edge.Bus
	m    *Metrics
	link *link

	mu   sync.Mutex
	subs map[*subscription]struct{}
	gone uint64 // dropped by subscriptions that are closed
}

func (b *bus) Health() error {
	err := b.Bus.Health()
	b.link.saw(err)
	return err
}

func (b *bus) Publish(ctx context.Context, subject string, data []byte) error {
	err := b.Bus.Publish(ctx, subject, data)
	kind := kindOf(subject)
	if err != nil {
		b.link.saw(err)
		b.m.bus.publishErrors.WithLabelValues(kinds[kind], b.m.code(err)).Inc()
		return err
	}
	b.link.worked()
	b.m.bus.out[kind].Inc()
	b.m.bus.outBytes[kind].Add(float64(len(data)))
	return nil
}

func (b *bus) Subscribe(pattern string, fn func(edge.Msg)) (edge.Subscription, error) {
	s, err := b.Bus.Subscribe(pattern, func(msg edge.Msg) {
		b.m.bus.in[kindOf(msg.Subject)].Inc()
		fn(msg)
	})
	if err != nil {
		b.link.saw(err)
		return nil, err
	}
	w := &subscription{Subscription: s, b: b}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.subs == nil {
		b.subs = map[*subscription]struct{}{}
	}
	b.subs[w] = struct{}{}
	return w, nil
}

// subscription keeps the count of what was dropped.
type subscription struct {
	edge.Subscription
	b *bus
}

func (s *subscription) Close() error {
	err := s.Subscription.Close()
	s.b.mu.Lock()
	defer s.b.mu.Unlock()
	if _, open := s.b.subs[s]; open {
		delete(s.b.subs, s)
		s.b.gone += s.Dropped()
	}
	return err
}

func (b *bus) dropped() float64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := b.gone
	for s := range b.subs {
		n += s.Dropped()
	}
	return float64(n)
}

func (b *bus) Request(ctx context.Context, subject string, data []byte) ([]byte, error) {
	start := time.Now()
	reply, err := b.Bus.Request(ctx, subject, data)
	b.link.saw(err)
	b.m.bus.request.WithLabelValues(kinds[kindOf(subject)], b.m.code(err)).Observe(time.Since(start).Seconds())
	return reply, err
}

// Serve counts what is asked of the owner of devices (Metrics.Do).
func (b *bus) Serve(pattern string, fn func(context.Context, edge.Msg) ([]byte, error)) (edge.Subscription, error) {
	return b.Bus.Serve(pattern, func(ctx context.Context, msg edge.Msg) ([]byte, error) {
		if k := kinds[kindOf(msg.Subject)]; k != edge.KindDo && k != edge.KindStop {
			return fn(ctx, msg)
		}
		start := b.m.clock.Mono()
		reply, err := fn(ctx, msg)
		var ask edge.Ask
		if json.Unmarshal(msg.Data, &ask) != nil {
			return reply, err
		}
		var ans *edge.Answer
		if err == nil && (ask.Verb == edge.VerbCommand || ask.Verb == edge.VerbTake) {
			ans = &edge.Answer{}
			_ = json.Unmarshal(reply, ans) // what it does not say counts as other
		}
		b.m.asked(&ask, ans, err, start)
		return reply, err
	})
}

func (b *bus) Declare(ctx context.Context, q edge.Queue) error {
	err := b.Bus.Declare(ctx, q)
	b.link.saw(err)
	if err == nil {
		b.m.queues.add(q.Name)
	}
	return err
}

func (b *bus) Enqueue(ctx context.Context, queue, id string, data []byte) error {
	start := time.Now()
	err := b.Bus.Enqueue(ctx, queue, id, data)
	b.link.saw(err)
	if err != nil {
		b.m.bus.confirmErrors.WithLabelValues(b.m.queues.of(queue), b.m.code(err)).Inc()
		return err
	}
	b.m.bus.confirm.WithLabelValues(b.m.queues.add(queue)).Observe(time.Since(start).Seconds())
	return nil
}

func (b *bus) Consume(queue string, fn func(context.Context, edge.Job) error) (edge.Subscription, error) {
	return b.Bus.Consume(queue, func(ctx context.Context, j edge.Job) error {
		label := b.m.queues.add(queue)
		if j.Try > 1 {
			b.m.bus.redelivered.WithLabelValues(label).Inc()
		}
		err := fn(ctx, j)
		result := "done"
		if err != nil {
			result = "again"
		}
		b.m.bus.jobs.WithLabelValues(label, result).Inc()
		return err
	})
}

// down says that err means that the other side is away.
func down(err error) bool {
	var e *edge.Error
	return errors.As(err, &e) && (e.Code == edge.CodeBusDown || e.Code == edge.CodeStoreDown)
}
