package metrics

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"labbox/edge"
)

// DoFunc carries out one request to the owner of the devices.
type DoFunc = func(context.Context, *edge.Ask) (*edge.Answer, error)

type askMetrics struct {
	asks      *prometheus.CounterVec
	commands  *prometheus.HistogramVec
	leaseWait *prometheus.HistogramVec

	mu      sync.Mutex
	waiting map[waiter]time.Duration // since when a seat asks for a device in vain
	fences  map[string]uint64        // of a device's last lease, to tell a renewal
}

type waiter struct{ device, seat string }

// Bounds of who waits: more seats are not followed, and a seat that has not asked
// again for so long has gone elsewhere.
const (
	maxWaiters = 4096
	waitAtMost = time.Hour
)

func newAskMetrics(m *Metrics) askMetrics {
	return askMetrics{
		asks: m.counter("asks_total", "Requests to the owner of the devices, by verb and by error code or ok.", "device", "verb", "code"),
		commands: m.histogram("command_duration_seconds",
			"Time from a command's arrival at the owner to the device's answer or the refusal, by outcome (confirmed, sent) or error code.",
			latencies(), "device", "outcome"),
		leaseWait: m.histogram("lease_wait_seconds", "Time from a seat's first request for a device to its turn.",
			[]float64{0.1, 1, 5, 15, 30, 60, 120, 300, 600, 1800, 3600}, "device"),
		waiting: map[waiter]time.Duration{}, fences: map[string]uint64{},
	}
}

// Do counts the requests that go through fn. Requests that come by a wrapped Bus
// are counted there.
func (m *Metrics) Do(fn DoFunc) DoFunc {
	return func(ctx context.Context, ask *edge.Ask) (*edge.Answer, error) {
		start := m.clock.Mono()
		ans, err := fn(ctx, ask)
		m.asked(ask, ans, err, start)
		return ans, err
	}
}

// asked counts one request that came at start.
func (m *Metrics) asked(ask *edge.Ask, ans *edge.Answer, err error, start time.Duration) {
	now := m.clock.Mono()
	device, code := m.devices.of(ask.Device), m.code(err)
	m.asks.asks.WithLabelValues(device, m.verb(ask.Verb), code).Inc()
	switch ask.Verb {
	case edge.VerbCommand:
		m.asks.commands.WithLabelValues(device, outcomeOf(ans, err, code)).Observe((now - start).Seconds())
	case edge.VerbTake:
		m.took(device, ask.Actor.Seat, ans, err, start, now)
	}
}

func outcomeOf(ans *edge.Answer, err error, code string) string {
	switch {
	case err != nil:
		return code
	case ans == nil || ans.Result == nil:
		return other
	case ans.Result.Outcome == edge.OutcomeConfirmed, ans.Result.Outcome == edge.OutcomeSent:
		return ans.Result.Outcome
	}
	return other
}

// took follows a seat from its first request to its turn.
func (m *Metrics) took(device, seat string, ans *edge.Answer, err error, start, now time.Duration) {
	a, w := &m.asks, waiter{device, seat}
	a.mu.Lock()
	defer a.mu.Unlock()
	since, waits := a.waiting[w]
	switch {
	case err == nil:
		delete(a.waiting, w)
		if ans != nil && ans.Lease != nil {
			if ans.Lease.Fence == a.fences[device] {
				return // the holder asked again
			}
			a.fences[device] = ans.Lease.Fence
		}
		if !waits || now-since > waitAtMost {
			since = start
		}
		a.leaseWait.WithLabelValues(device).Observe((now - since).Seconds())
	case edge.CodeOf(err) == edge.CodeLeaseTaken && !waits:
		if len(a.waiting) >= maxWaiters {
			a.forget(now)
		}
		if len(a.waiting) < maxWaiters {
			a.waiting[w] = start
		}
	}
}

// forget drops those who have waited for too long.
func (a *askMetrics) forget(now time.Duration) {
	for w, since := range a.waiting {
		if now-since > waitAtMost {
			delete(a.waiting, w)
		}
	}
}
