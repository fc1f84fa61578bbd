package metrics

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"labbox/edge"
)

type kvMetrics struct {
	seconds *prometheus.HistogramVec
	errors  *prometheus.CounterVec
}

func newKVMetrics(m *Metrics) kvMetrics {
	return kvMetrics{
		seconds: m.histogram("kv_operation_seconds", "Time that the store took, by method; failed ones too.", latencies(), "method"),
		errors:  m.counter("kv_errors_total", "Operations that the store refused or did not answer.", "method", "code"),
	}
}

// KV measures what goes through kv; closing it closes kv. Call it once.
func (m *Metrics) KV(kv edge.KV) edge.KV {
	w := &store{KV: kv, m: m, link: newLink(kv)}
	m.reg.MustRegister(&linkCollector{link: w.link, health: kv.Health,
		up:         desc("kv_up", "1 while the store is reachable and fit to hold state, else 0."),
		reconnects: desc("kv_reconnects_total", "Times the store was found reachable again.")})
	return w
}

type store struct {
	edge.KV
	m    *Metrics
	link *link
}

// done counts one operation that began at start.
func (k *store) done(method string, start time.Time, err error) {
	k.link.saw(err)
	k.m.kv.seconds.WithLabelValues(method).Observe(time.Since(start).Seconds())
	if err != nil {
		k.m.kv.errors.WithLabelValues(method, k.m.code(err)).Inc()
	}
}

func (k *store) Get(ctx context.Context, key string) (v []byte, ok bool, err error) {
	defer func(t time.Time) { k.done("get", t, err) }(time.Now())
	return k.KV.Get(ctx, key)
}

func (k *store) GetMany(ctx context.Context, keys ...string) (vs [][]byte, err error) {
	defer func(t time.Time) { k.done("get_many", t, err) }(time.Now())
	return k.KV.GetMany(ctx, keys...)
}

func (k *store) Set(ctx context.Context, key string, value []byte, ttl time.Duration) (err error) {
	defer func(t time.Time) { k.done("set", t, err) }(time.Now())
	return k.KV.Set(ctx, key, value, ttl)
}

func (k *store) Create(ctx context.Context, key string, value []byte, ttl time.Duration) (ok bool, err error) {
	defer func(t time.Time) { k.done("create", t, err) }(time.Now())
	return k.KV.Create(ctx, key, value, ttl)
}

func (k *store) Swap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (ok bool, err error) {
	defer func(t time.Time) { k.done("swap", t, err) }(time.Now())
	return k.KV.Swap(ctx, key, old, new, ttl)
}

func (k *store) Raise(ctx context.Context, key string, n uint64) (held uint64, err error) {
	defer func(t time.Time) { k.done("raise", t, err) }(time.Now())
	return k.KV.Raise(ctx, key, n)
}

func (k *store) Delete(ctx context.Context, keys ...string) (n int, err error) {
	defer func(t time.Time) { k.done("delete", t, err) }(time.Now())
	return k.KV.Delete(ctx, keys...)
}

func (k *store) Touch(ctx context.Context, key string, ttl time.Duration) (ok bool, err error) {
	defer func(t time.Time) { k.done("touch", t, err) }(time.Now())
	return k.KV.Touch(ctx, key, ttl)
}

func (k *store) TTL(ctx context.Context, key string) (left time.Duration, ok bool, err error) {
	defer func(t time.Time) { k.done("ttl", t, err) }(time.Now())
	return k.KV.TTL(ctx, key)
}

func (k *store) Keys(ctx context.Context, prefix string) (keys []string, err error) {
	defer func(t time.Time) { k.done("keys", t, err) }(time.Now())
	return k.KV.Keys(ctx, prefix)
}

func (k *store) Health(ctx context.Context) (err error) {
	defer func(t time.Time) { k.done("health", t, err) }(time.Now())
	return k.KV.Health(ctx)
}
