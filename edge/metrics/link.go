package metrics

import (
	"context"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// link follows whether the other side of a Bus or KV is there.
type link struct {
	away    atomic.Bool
	returns atomic.Uint64
	own     Reconnecter // counts better than we can see; may be nil
}

func newLink(of any) *link {
	own, _ := of.(Reconnecter)
	return &link{own: own}
}

// saw takes the outcome of a call.
func (l *link) saw(err error) {
	switch {
	case err == nil:
		l.worked()
	case down(err):
		l.away.Store(true)
	}
}

// worked is on hot paths: it writes only when something changed.
func (l *link) worked() {
	if l.away.Load() && l.away.CompareAndSwap(true, false) {
		l.returns.Add(1)
	}
}

func (l *link) reconnects() uint64 {
	if l.own != nil {
		return l.own.Reconnects()
	}
	return l.returns.Load()
}

// linkCollector asks at a scrape.
type linkCollector struct {
	link           *link
	health         func(context.Context) error
	up, reconnects *prometheus.Desc
}

func (c *linkCollector) Describe(ch chan<- *prometheus.Desc) { ch <- c.up; ch <- c.reconnects }

func (c *linkCollector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeWithin)
	defer cancel()
	err := c.health(ctx)
	c.link.saw(err)
	ch <- prometheus.MustNewConstMetric(c.up, prometheus.GaugeValue, flag(err == nil))
	ch <- prometheus.MustNewConstMetric(c.reconnects, prometheus.CounterValue, float64(c.link.reconnects()))
}
