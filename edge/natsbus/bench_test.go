package natsbus

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"labbox/edge"
)

func benchBus(b *testing.B) (*Server, *Bus) {
	b.Helper()
	srv, err := Start(b.Context(), Config{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(srv.Close)
	bus, err := New(srv, Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = bus.Close() })
	return srv, bus
}

// BenchmarkLatency is the age of a 256 B message at its subscriber, published
// at 1 kHz: by the same Bus, and by another connection through the broker.
func BenchmarkLatency(b *testing.B) {
	for _, by := range []string{"same", "broker"} {
		b.Run(by, func(b *testing.B) {
			srv, bus := benchBus(b)
			pub := bus
			if by == "broker" {
				other, err := New(srv, Options{})
				if err != nil {
					b.Fatal(err)
				}
				defer func() { _ = other.Close() }()
				pub = other
			}
			var sent atomic.Int64
			start := time.Now()
			ages := make(chan time.Duration, 1)
			if _, err := bus.Subscribe("lab.bench.d.live", func(edge.Msg) { ages <- time.Since(start) - time.Duration(sent.Load()) }); err != nil {
				b.Fatal(err)
			}
			data := make([]byte, 256)
			tick := time.NewTicker(time.Millisecond)
			defer tick.Stop()
			all := make([]time.Duration, 0, b.N)
			for b.Loop() {
				<-tick.C
				sent.Store(int64(time.Since(start)))
				if err := pub.Publish(context.Background(), "lab.bench.d.live", data); err != nil {
					b.Fatal(err)
				}
				all = append(all, <-ages)
			}
			slices.Sort(all)
			b.ReportMetric(float64(all[len(all)/2].Nanoseconds())/1e3, "p50-us")
			b.ReportMetric(float64(all[len(all)*99/100].Nanoseconds())/1e3, "p99-us")
		})
	}
}

// BenchmarkPublish is the cost of one message to n subscribers of one pattern.
func BenchmarkPublish(b *testing.B) {
	for _, n := range []int{0, 1, 100} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			_, bus := benchBus(b)
			var got atomic.Int64
			for range n {
				if _, err := bus.Subscribe("lab.*.*.live", func(edge.Msg) { got.Add(1) }); err != nil {
					b.Fatal(err)
				}
			}
			data := make([]byte, 256)
			sent := int64(0)
			b.ReportAllocs()
			for b.Loop() {
				if err := bus.Publish(context.Background(), "lab.bench.d.live", data); err != nil {
					b.Fatal(err)
				}
				if sent++; sent%500 == 0 {
					for got.Load() < sent*int64(n) {
						time.Sleep(10 * time.Microsecond)
					}
				}
			}
		})
	}
}

// BenchmarkRequest is one question and its answer.
func BenchmarkRequest(b *testing.B) {
	_, bus := benchBus(b)
	if _, err := bus.Serve("lab.bench.d.do", func(_ context.Context, m edge.Msg) ([]byte, error) { return m.Data, nil }); err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	for b.Loop() {
		if _, err := bus.Request(ctx, "lab.bench.d.do", []byte("question")); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkEnqueue is one durable job of 256 B with so many on the way at a time.
func BenchmarkEnqueue(b *testing.B) {
	for _, window := range []int{1, 32, 512} {
		b.Run(fmt.Sprint(window), func(b *testing.B) {
			srv, bus := benchBus(b)
			q := edge.Queue{Name: "q", MaxTries: 3, AckWait: time.Minute, Dedup: 2 * time.Minute, MaxBytes: 2 << 30}
			if err := bus.Declare(b.Context(), q); err != nil {
				b.Fatal(err)
			}
			data := make([]byte, 256)
			var next atomic.Int64
			b.ResetTimer()
			var wg sync.WaitGroup
			for range window {
				wg.Go(func() {
					for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
						if err := bus.Enqueue(context.Background(), "q", fmt.Sprint(i), data); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "jobs/s")
			b.ReportMetric(float64(b.N)/float64(srv.rounds("JOB_q")), "jobs/sync")
		})
	}
}

// BenchmarkStart is a server and a Bus ready for work, with one queue of before.
func BenchmarkStart(b *testing.B) {
	dir := b.TempDir()
	q := edge.Queue{Name: "q", MaxTries: 3, AckWait: time.Minute, Dedup: 2 * time.Minute, MaxBytes: 64 << 20}
	for b.Loop() {
		srv, err := Start(b.Context(), Config{Dir: dir})
		if err != nil {
			b.Fatal(err)
		}
		bus, err := New(srv, Options{})
		if err != nil {
			b.Fatal(err)
		}
		if err := bus.Declare(b.Context(), q); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		_ = bus.Close()
		srv.Close()
		b.StartTimer()
	}
}
