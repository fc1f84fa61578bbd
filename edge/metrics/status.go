package metrics

import (
	"context"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"labbox/edge"
)

// statusMetrics are the newest statuses, told at a scrape.
type statusMetrics struct {
	mu   sync.Mutex
	last map[string]edge.Status
}

// states are all values of the label, so that the ones a device is not in read 0.
var states = [...]edge.State{edge.StateAbsent, edge.StateOpening, edge.StateBooting, edge.StateIdentifying, edge.StateSafing,
	edge.StateLive, edge.StateStale, edge.StateFault, edge.StateQuarantined}

func newStatusMetrics(m *Metrics) statusMetrics {
	m.reg.MustRegister(&statusCollector{m: m,
		state:      desc("device_state", "1 for the state a device is in, 0 for the others.", "device", "state"),
		stopped:    desc("device_stopped", "1 while the emergency stop of a device is latched.", "device"),
		driven:     desc("device_driven", "1 while somebody holds the lease of a device.", "device"),
		away:       desc("device_driver_away", "1 while the holder of the lease does not answer.", "device"),
		unsafe:     desc("device_safe_unconfirmed", "1 where the last safe sequence could not be confirmed.", "device"),
		recording:  desc("device_recording", "1 while a run records a device.", "device"),
		garbage:    desc("device_garbage_total", "Lines or frames of a device that were not understood.", "device"),
		reconnects: desc("device_reconnects_total", "Times a device's port was opened again.", "device"),
		commands:   desc("device_commands_total", "Commands that were sent to a device.", "device"),
		refused:    desc("device_refused_total", "Commands that a device's owner refused.", "device"),
	})
	return statusMetrics{last: map[string]edge.Status{}}
}

// Status takes a device's newest status. With Devices nobody needs to call it.
func (m *Metrics) Status(st edge.Status) {
	if m.devices.add(st.Device) == other {
		return
	}
	m.status.mu.Lock()
	m.status.last[st.Device] = st
	m.status.mu.Unlock()
}

// Devices names where a scrape finds the newest statuses of this process's
// devices.
func (m *Metrics) Devices(fn func() []edge.Status) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.statuses = fn
}

type statusCollector struct {
	m                                      *Metrics
	state, stopped, driven, away, unsafe   *prometheus.Desc
	recording                              *prometheus.Desc
	garbage, reconnects, commands, refused *prometheus.Desc
}

func (c *statusCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.state, c.stopped, c.driven, c.away, c.unsafe, c.recording, c.garbage, c.reconnects, c.commands, c.refused} {
		ch <- d
	}
}

func (c *statusCollector) Collect(ch chan<- prometheus.Metric) {
	c.m.mu.Lock()
	fn := c.m.statuses
	c.m.mu.Unlock()
	if fn != nil {
		for _, st := range fn() {
			c.m.Status(st)
		}
	}
	c.m.status.mu.Lock()
	defer c.m.status.mu.Unlock()
	for device, st := range c.m.status.last {
		gauge := func(d *prometheus.Desc, on bool, labels ...string) {
			ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, flag(on), append([]string{device}, labels...)...)
		}
		count := func(d *prometheus.Desc, n uint64) {
			ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), device)
		}
		for _, s := range states {
			gauge(c.state, st.State == s, string(s))
		}
		gauge(c.stopped, st.Stopped != nil)
		gauge(c.driven, st.Lease != nil)
		gauge(c.away, st.Lease != nil && st.Lease.Away)
		gauge(c.unsafe, st.Safe == edge.SafeUnconfirmed)
		gauge(c.recording, st.Run != "")
		count(c.garbage, st.Counts.Garbage)
		count(c.reconnects, st.Counts.Reconnects)
		count(c.commands, st.Counts.Commands)
		count(c.refused, st.Counts.Refused)
	}
}

func flag(on bool) float64 {
	if on {
		return 1
	}
	return 0
}

// readyCollector tells at a scrape what /readyz says.
type readyCollector struct {
	m             *Metrics
	fn            func(context.Context) []edge.Error
	ready, reason *prometheus.Desc
}

func (c *readyCollector) Describe(ch chan<- *prometheus.Desc) { ch <- c.ready; ch <- c.reason }

func (c *readyCollector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeWithin)
	defer cancel()
	reasons := map[string]int{}
	for _, e := range c.fn(ctx) {
		reasons[c.m.code(&e)]++
	}
	ch <- prometheus.MustNewConstMetric(c.ready, prometheus.GaugeValue, flag(len(reasons) == 0))
	for code, n := range reasons {
		ch <- prometheus.MustNewConstMetric(c.reason, prometheus.GaugeValue, float64(n), code)
	}
}

// depthCollector tells at a scrape how many experiments wait.
type depthCollector struct {
	m     *Metrics
	fn    func() map[string]int
	depth *prometheus.Desc
}

func (c *depthCollector) Describe(ch chan<- *prometheus.Desc) { ch <- c.depth }

func (c *depthCollector) Collect(ch chan<- prometheus.Metric) {
	waiting := map[string]int{}
	for device, n := range c.fn() {
		waiting[c.m.devices.add(device)] += n
	}
	for device, n := range waiting {
		ch <- prometheus.MustNewConstMetric(c.depth, prometheus.GaugeValue, float64(n), device)
	}
}
