package metrics

import (
	"maps"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"labbox/edge"
	"labbox/edge/frame"
)

type sinkMetrics struct {
	events  *prometheus.CounterVec
	known   map[string]bool // event codes
	mu      sync.Mutex      // of who adds a device
	devices atomic.Pointer[map[string]*deviceCounts]
}

// deviceCounts are plain atomics, told at a scrape: frames are the hottest path.
type deviceCounts struct {
	samples, bytes, gaps, lost, broken atomic.Uint64
	newest                             atomic.Int64 // box time of the last sample, ns
}

// never is a newest sample that was not there yet.
const never = math.MinInt64

func newSinkMetrics(m *Metrics) *sinkMetrics {
	k := &sinkMetrics{events: m.counter("device_events_total", "Events of a device, by their code.", "device", "code"), known: eventSet()}
	k.devices.Store(&map[string]*deviceCounts{})
	m.reg.MustRegister(&sinkCollector{m: m,
		samples: desc("device_samples_total", "Samples that devices gave.", "device"),
		bytes:   desc("device_frame_bytes_total", "Encoded size of all sample frames.", "device"),
		gaps:    desc("device_gaps_total", "Gaps in the samples, those of unknown length too.", "device"),
		lost:    desc("device_lost_samples_total", "Samples known to be missing.", "device"),
		broken:  desc("device_broken_frames_total", "Frames that could not be read; a fault of labbox.", "device"),
		age:     desc("device_sample_age_seconds", "Time since the newest sample was taken.", "device")})
	return k
}

// Sink returns the sink that counts what devices say. It never blocks.
func (m *Metrics) Sink() edge.Sink { return sink{m} }

type sink struct{ m *Metrics }

// of returns the device's counts. Only the owner's own devices come here.
func (s sink) of(device string) *deviceCounts {
	k := s.m.sink
	if c := (*k.devices.Load())[device]; c != nil {
		return c
	}
	label := s.m.devices.add(device)
	k.mu.Lock()
	defer k.mu.Unlock()
	old := *k.devices.Load()
	c := old[label]
	if c == nil {
		c = &deviceCounts{}
		c.newest.Store(never)
		more := maps.Clone(old)
		more[label] = c
		k.devices.Store(&more)
	}
	return c
}

// Stream implements edge.Sink.
func (s sink) Stream(device string, _ uint32, _ *edge.Contract) { s.of(device) }

// Frame implements edge.Sink.
func (s sink) Frame(device string, b []byte) {
	c := s.of(device)
	c.bytes.Add(uint64(len(b)))
	v, _, err := frame.Parse(b)
	if err != nil {
		c.broken.Add(1)
		return
	}
	h := v.Header()
	c.samples.Add(uint64(h.Samples))
	if h.Lost > 0 {
		c.gaps.Add(1)
		if h.Lost != frame.LostUnknown {
			c.lost.Add(uint64(h.Lost))
		}
	}
	if h.Samples > 0 {
		c.newest.Store(int64(v.BoxTime(h.Samples - 1)))
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

// sinkCollector tells the counts at a scrape, and how old the newest samples are.
type sinkCollector struct {
	m                                       *Metrics
	samples, bytes, gaps, lost, broken, age *prometheus.Desc
}

func (c *sinkCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.samples, c.bytes, c.gaps, c.lost, c.broken, c.age} {
		ch <- d
	}
}

func (c *sinkCollector) Collect(ch chan<- prometheus.Metric) {
	now := c.m.clock.Mono()
	for device, d := range *c.m.sink.devices.Load() {
		count := func(desc *prometheus.Desc, n *atomic.Uint64) {
			ch <- prometheus.MustNewConstMetric(desc, prometheus.CounterValue, float64(n.Load()), device)
		}
		count(c.samples, &d.samples)
		count(c.bytes, &d.bytes)
		count(c.gaps, &d.gaps)
		count(c.lost, &d.lost)
		count(c.broken, &d.broken)
		if at := d.newest.Load(); at != never {
			age := max(0, now-time.Duration(at))
			ch <- prometheus.MustNewConstMetric(c.age, prometheus.GaugeValue, age.Seconds(), device)
		}
	}
}
