package metrics_test

import (
	"testing"
	"time"

	"labbox/edge"
)

// noSink is what a frame costs without metrics: the call.
type noSink struct{}

func (noSink) Stream(string, uint32, *edge.Contract) {}
func (noSink) Frame(string, []byte)                  {}
func (noSink) Event(string, *edge.Event)             {}

// Each pair is what a wrapper adds. Promised: less than 200 ns.
//
//	go test ./edge/metrics -run xxx -bench .
func BenchmarkFrame(b *testing.B) {
	m, _ := newMetrics(b)
	f := frameOf(time.Second, 50, 0)
	for name, s := range map[string]edge.Sink{"bare": noSink{}, "counted": m.Sink()} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s.Frame("pendulum", f)
			}
		})
	}
}

func BenchmarkPublish(b *testing.B) {
	m, _ := newMetrics(b)
	data, subject, ctx := make([]byte, 256), edge.Subject("bench", "pendulum", edge.KindLive), b.Context()
	for name, bus := range map[string]edge.Bus{"bare": &fakeBus{}, "counted": m.Bus(&fakeBus{})} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_ = bus.Publish(ctx, subject, data)
			}
		})
	}
}

func BenchmarkEnqueue(b *testing.B) {
	m, _ := newMetrics(b)
	ctx := b.Context()
	for name, bus := range map[string]edge.Bus{"bare": &fakeBus{}, "counted": m.Bus(&fakeBus{})} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_ = bus.Enqueue(ctx, "work", "id", nil)
			}
		})
	}
}

func BenchmarkGet(b *testing.B) {
	m, _ := newMetrics(b)
	ctx := b.Context()
	for name, kv := range map[string]edge.KV{"bare": &fakeKV{}, "counted": m.KV(&fakeKV{})} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _, _ = kv.Get(ctx, "key")
			}
		})
	}
}

// BenchmarkScrape is what Prometheus costs every 15 s.
func BenchmarkScrape(b *testing.B) {
	m, _ := full(b)
	for b.Loop() {
		if _, err := m.Gatherer().Gather(); err != nil {
			b.Fatal(err)
		}
	}
}

// What runs for every frame and message makes no garbage.
func TestHotPathsDoNotAllocate(t *testing.T) {
	m, _ := newMetrics(t)
	s, bus, f := m.Sink(), m.Bus(&fakeBus{}), frameOf(time.Second, 50, 1)
	subject, ctx := edge.Subject("bench", "pendulum", edge.KindLive), t.Context()
	for name, fn := range map[string]func(){
		"Frame":   func() { s.Frame("pendulum", f) },
		"Publish": func() { _ = bus.Publish(ctx, subject, f) },
	} {
		if n := testing.AllocsPerRun(100, fn); n != 0 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
}
