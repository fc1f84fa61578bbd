//go:build linux

package rabbitbus

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"labbox/edge"
	"labbox/edge/natsbus"
)

const (
	window = 512
	round  = 20000
)

func natsBus(b *testing.B) *natsbus.Bus {
	b.Helper()
	srv, err := natsbus.Start(b.Context(), natsbus.Config{Dir: b.TempDir()})
	must(b, err)
	b.Cleanup(srv.Close)
	bus, err := natsbus.New(srv, natsbus.Options{})
	must(b, err)
	b.Cleanup(func() { _ = bus.Close() })
	return bus
}

// enqueueRound stores a round of jobs with window of them on the way.
func enqueueRound(b *testing.B, bus edge.Bus, queue string, next *atomic.Int64, data []byte) time.Duration {
	start := time.Now()
	end := next.Load() + round
	var wg sync.WaitGroup
	for range window {
		wg.Go(func() {
			for i := next.Add(1); i <= end; i = next.Add(1) {
				if err := bus.Enqueue(context.Background(), queue, fmt.Sprint(i), data); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	next.Store(end)
	return time.Since(start)
}

// bare is the peer: one goroutine of the plain client, a quorum queue, confirms.
type bare struct {
	ch    *amqp.Channel
	queue string
}

func newBare(b *testing.B, url string) *bare {
	b.Helper()
	c, err := amqp.Dial(url)
	must(b, err)
	b.Cleanup(func() { _ = c.Close() })
	ch, err := c.Channel()
	must(b, err)
	must(b, ch.Confirm(false))
	p := &bare{ch, fmt.Sprint("bare", time.Now().UnixNano())}
	_, err = ch.QueueDeclare(p.queue, true, false, false, false, amqp.Table{"x-queue-type": "quorum"})
	must(b, err)
	return p
}

func (p *bare) round(b *testing.B, data []byte) time.Duration {
	start := time.Now()
	var wait []*amqp.DeferredConfirmation
	for range round {
		if len(wait) == window {
			if !wait[0].Wait() {
				b.Fatal("refused")
			}
			wait = wait[1:]
		}
		c, err := p.ch.PublishWithDeferredConfirm("", p.queue, false, false,
			amqp.Publishing{DeliveryMode: amqp.Persistent, Body: data})
		must(b, err)
		wait = append(wait, c)
	}
	for _, c := range wait {
		if !c.Wait() {
			b.Fatal("refused")
		}
	}
	return time.Since(start)
}

func median(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[len(all)/2]
}

func rate(d time.Duration) float64 { return round / d.Seconds() }

// BenchmarkEnqueue stores rounds of 256 B jobs with 512 on the way, on this Bus,
// by the plain client, and on natsbus, in turn.
func BenchmarkEnqueue(b *testing.B) {
	srv := sharedServer(b)
	bus, plain, local := newBus(b, Config{URL: srv.URL(), Memory: memory(b)}), newBare(b, srv.URL()), natsBus(b)
	q := edge.Queue{Name: fmt.Sprint("bench", time.Now().UnixNano()), MaxTries: 3, AckWait: time.Minute, Dedup: 2 * time.Minute, MaxBytes: 1 << 30}
	must(b, bus.Declare(b.Context(), q))
	must(b, local.Declare(b.Context(), q))
	data := make([]byte, 256)
	var ours, theirs, nats []time.Duration
	var next, natsNext atomic.Int64
	turn := func() {
		theirs = append(theirs, plain.round(b, data))
		ours = append(ours, enqueueRound(b, bus, q.Name, &next, data))
		nats = append(nats, enqueueRound(b, local, q.Name, &natsNext, data))
	}
	turn() // all warm
	ours, theirs, nats = nil, nil, nil
	for b.Loop() {
		turn()
	}
	r, p, n := rate(median(ours)), rate(median(theirs)), rate(median(nats))
	b.ReportMetric(r, "rabbitbus-jobs/s")
	b.ReportMetric(p, "bare-jobs/s")
	b.ReportMetric(n, "natsbus-jobs/s")
	b.ReportMetric(r/p, "rabbitbus/bare")
	b.ReportMetric(n/r, "natsbus/rabbitbus")
}

// age publishes n messages of 256 B at 1 kHz on pub and returns the median age at
// a subscriber of sub.
func age(b *testing.B, pub, sub edge.Bus, n int) time.Duration {
	b.Helper()
	var sent atomic.Int64
	start := time.Now()
	ages := make(chan time.Duration, 1)
	s, err := sub.Subscribe("lab.bench.d.live", func(edge.Msg) { ages <- time.Since(start) - time.Duration(sent.Load()) })
	must(b, err)
	defer func() { _ = s.Close() }()
	data := make([]byte, 256)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	all := make([]time.Duration, 0, n)
	for range n {
		<-tick.C
		sent.Store(int64(time.Since(start)))
		must(b, pub.Publish(context.Background(), "lab.bench.d.live", data))
		all = append(all, <-ages)
	}
	return median(all)
}

// BenchmarkLatency is the median age of a message at its subscriber at 1 kHz: in
// process on natsbus, by the broker on this Bus, in process on this Bus.
func BenchmarkLatency(b *testing.B) {
	srv := sharedServer(b)
	local, bus, other := natsBus(b), newBus(b, Config{URL: srv.URL()}), newBus(b, Config{URL: srv.URL()})
	var in, by, same []time.Duration
	for b.Loop() {
		in = append(in, age(b, local, local, 1000))
		by = append(by, age(b, other, bus, 1000))
		same = append(same, age(b, bus, bus, 1000))
	}
	i, r := median(in), median(by)
	b.ReportMetric(float64(i.Nanoseconds())/1e3, "natsbus-p50-us")
	b.ReportMetric(float64(r.Nanoseconds())/1e3, "rabbitbus-p50-us")
	b.ReportMetric(float64(median(same).Nanoseconds())/1e3, "rabbitbus-same-process-p50-us")
	b.ReportMetric(float64(r)/float64(i), "rabbitbus/natsbus")
}
