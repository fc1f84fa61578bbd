package metrics

import (
	"context"
	"net/http"
	"runtime"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"labbox/edge"
)

// Metrics are the counts of one process. All methods are safe for concurrent use.
type Metrics struct {
	clock edge.Clock
	all   *prometheus.Registry
	reg   prometheus.Registerer // puts the box's name on what it registers

	devices *names // ids seen in contracts and statuses
	queues  *names
	codes   map[edge.Code]bool
	verbs   map[edge.Verb]bool

	sink     *sinkMetrics
	status   statusMetrics
	asks     askMetrics
	bus      busMetrics
	kv       kvMetrics
	statuses func() []edge.Status
	mu       sync.Mutex
}

// Bounds of label sets. A box has some dozen devices and a queue for each.
const (
	maxDevices = 256
	maxQueues  = 64
)

// scrapeWithin bounds what a scrape asks of the store.
const scrapeWithin = time.Second

// latencies are the buckets of everything that is answered, from what a
// channel in the process takes to what a person gives up on.
func latencies() []float64 {
	return []float64{0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10}
}

// New returns the metrics of a process of this box. clock is the one whose Mono
// stamps samples.
func New(box, version string, clock edge.Clock) *Metrics {
	all := prometheus.NewRegistry()
	m := &Metrics{clock: clock, all: all, reg: prometheus.WrapRegistererWith(prometheus.Labels{"box": box}, all),
		devices: newNames(maxDevices), queues: newNames(maxQueues), codes: codeSet(), verbs: verbSet()}
	all.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.sink = newSinkMetrics(m)
	m.status = newStatusMetrics(m)
	m.asks = newAskMetrics(m)
	m.bus = newBusMetrics(m)
	m.kv = newKVMetrics(m)
	m.value("build_info", "Version of labbox; always 1.", prometheus.Labels{"version": version, "go": runtime.Version()},
		func() float64 { return 1 })
	return m
}

// Handler serves the metrics, for GET /metrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.all, promhttp.HandlerOpts{EnableOpenMetrics: true, MaxRequestsInFlight: 4, Timeout: 5 * time.Second})
}

// Gatherer gives what Handler serves to other forms of output and to tests.
func (m *Metrics) Gatherer() prometheus.Gatherer { return m.all }

// Panels tells how many websockets are connected. Call it once at most, as all
// that follow.
func (m *Metrics) Panels(fn func() int) {
	m.value("panels", "Websockets of panels that are connected.", nil, func() float64 { return float64(fn()) })
}

// Ready tells what keeps this process from being fully fit, as /readyz does.
func (m *Metrics) Ready(fn func(context.Context) []edge.Error) {
	m.reg.MustRegister(&readyCollector{m: m, fn: fn,
		ready:  desc("ready", "1 while /readyz says that this process is fully fit, else 0."),
		reason: desc("not_ready_reasons", "Reasons of /readyz, by error code.", "code")})
}

// Experiments tells how many experiments wait, by device.
func (m *Metrics) Experiments(waiting func() map[string]int) {
	m.reg.MustRegister(&depthCollector{m: m, fn: waiting,
		depth: desc("experiments_waiting", "Experiments that wait for their device.", "device")})
}

// DataDir tells how much room the data directory's file system has.
func (m *Metrics) DataDir(dir string) {
	m.value("data_free_bytes", "Free space for this process on the file system of the data directory; -1 where it cannot be known.", nil,
		func() float64 {
			n, err := FreeBytes(dir)
			if err != nil {
				return -1
			}
			return float64(n)
		})
}

func (m *Metrics) value(name, help string, labels prometheus.Labels, fn func() float64) {
	m.reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help, ConstLabels: labels}, fn))
}

const namespace = "labbox"

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(prometheus.BuildFQName(namespace, "", name), help, labels, nil)
}

func (m *Metrics) counter(name, help string, labels ...string) *prometheus.CounterVec {
	v := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
	m.reg.MustRegister(v)
	return v
}

func (m *Metrics) histogram(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	v := prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help, Buckets: buckets}, labels)
	m.reg.MustRegister(v)
	return v
}
