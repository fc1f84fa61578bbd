package metrics

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"labbox/edge"
	"labbox/edge/frame"
)

type sinkMetrics struct {
	samples, bytes, gaps, lost, broken, events *prometheus.CounterVec

	known   map[string]bool // event codes
	mu      sync.RWMutex
	devices map[string]*deviceCounts
}

// deviceCounts are a device's counters, looked up once.
type deviceCounts struct {
	samples, bytes, gaps, lost, broken prometheus.Counter
	newest                             atomic.Int64 // box time of the last sample, ns
	seen                               atomic.Bool  // there was one
}

func newSinkMetrics(m *Metrics) sinkMetrics {
	m.reg.MustRegister(&ageCollector{m: m,
		age: desc("device_sample_age_seconds", "Time since the newest sample was taken.", "device")})
	return sinkMetrics{
		samples: m.counter("device_samples_total", "Samples that devices gave.", "device"),
		bytes:   m.counter("device_frame_bytes_total", "Encoded size of all sample frames.", "device"),
		gaps:    m.counter("device_gaps_total", "Gaps in the samples, those of unknown length too.", "device"),
		lost:    m.counter("device_lost_samples_total", "Samples known to be missing.", "device"),
		broken:  m.counter("device_broken_frames_total", "Frames that could not be read; a fault of labbox.", "device"),
		events:  m.counter("device_events_total", "Events of a device, by their code.", "device", "code"),
		known:   eventSet(),
		devices: map[string]*deviceCounts{},
	}
}

// Sink returns the sink that counts what devices say. It never blocks.
func (m *Metrics) Sink() edge.Sink { return sink{m} }

type sink struct{ m *Metrics }

// of returns the device's counters. Only the owner's own devices come here.
func (s sink) of(device string) *deviceCounts {
	k := &s.m.sink
	k.mu.RLock()
	c := k.devices[device]
	k.mu.RUnlock()
	if c != nil {
		return c
	}
	label := s.m.devices.add(device)
	k.mu.Lock()
	defer k.mu.Unlock()
	if c = k.devices[label]; c == nil {
		c = &deviceCounts{samples: k.samples.WithLabelValues(label), bytes: k.bytes.WithLabelValues(label),
			gaps: k.gaps.WithLabelValues(label), lost: k.lost.WithLabelValues(label), broken: k.broken.WithLabelValues(label)}
		k.devices[label] = c
	}
	return c
}

// Stream implements edge.Sink.
func (s sink) Stream(device string, _ uint32, _ *edge.Contract) { s.of(device) }

// Frame implements edge.Sink.
func (s sink) Frame(device string, b []byte) {
	c := s.of(device)
	c.bytes.Add(float64(len(b)))
	v, _, err := frame.Parse(b)
	if err != nil {
		c.broken.Inc()
		return
	}
	h := v.Header()
	c.samples.Add(float64(h.Samples))
	if h.Lost > 0 {
		c.gaps.Inc()
		if h.Lost != frame.LostUnknown {
			c.lost.Add(float64(h.Lost))
		}
	}
	if h.Samples > 0 {
		c.newest.Store(int64(v.BoxTime(h.Samples - 1)))
		c.seen.Store(true)
	}
}

// Event implements edge.Sink.
func (s sink) Event(device string, e *edge.Event) {
	s.of(device)
	code := e.Code
	if !s.m.sink.known[code] {
		code = other
	}
	s.m.sink.events.WithLabelValues(s.m.devices.of(device), code).Inc()
}

// ageCollector tells at a scrape how old the newest samples are.
type ageCollector struct {
	m   *Metrics
	age *prometheus.Desc
}

func (c *ageCollector) Describe(ch chan<- *prometheus.Desc) { ch <- c.age }

func (c *ageCollector) Collect(ch chan<- prometheus.Metric) {
	k := &c.m.sink
	k.mu.RLock()
	defer k.mu.RUnlock()
	now := c.m.clock.Mono()
	for device, d := range k.devices {
		if d.seen.Load() {
			age := max(0, now-time.Duration(d.newest.Load()))
			ch <- prometheus.MustNewConstMetric(c.age, prometheus.GaugeValue, age.Seconds(), device)
		}
	}
}
