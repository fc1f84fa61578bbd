package record

import (
	"context"
	"io"
	"testing"
	"time"

	"labbox/edge/frame"
)

// fill records n frames of 50 samples of 4 channels and returns the bytes.
func fill(b *testing.B, s *Store, n int) int64 {
	cols := []frame.Column{{Index: 0, Format: frame.F32}, {Index: 1, Format: frame.F32}, {Index: 2, Format: frame.F32}, {Index: 3, Format: frame.F32}}
	fb := frame.NewBuilder(1, 1, 0, cols, true)
	var buf []byte
	total, at := int64(0), s.cfg.Clock.Mono()
	for i := range n {
		for j := range 50 {
			at += time.Microsecond
			x := float64(i*50+j) / 1000
			fb.Add(at, float64(at)/1e3, []float64{x, x * 1.1, x * 1.7, -x})
		}
		buf = fb.AppendFrame(buf[:0])
		total += int64(len(buf))
		if err := s.Frame("pendulum", buf); err != nil {
			b.Fatal(err)
		}
		if i%200 == 199 {
			check(b, s.Sync(context.Background()))
		}
	}
	check(b, s.Sync(context.Background()))
	return total
}

// BenchmarkFrame records 1000 frames of 50 samples of 4 channels, synced every 200.
func BenchmarkFrame(b *testing.B) {
	s := open(b, Config{BufferBytes: 64 << 20})
	b.ReportAllocs()
	var n int64
	for b.Loop() {
		n = fill(b, s, 1000)
	}
	b.SetBytes(n)
}

// BenchmarkCSV exports 100,000 samples of 4 channels.
func BenchmarkCSV(b *testing.B) {
	s := open(b, Config{BufferBytes: 64 << 20})
	ctx := context.Background()
	run := must[Run](b)(s.StartRun(ctx, RunMeta{Device: "pendulum"}))
	fill(b, s, 2000)
	s.mu.Lock()
	s.runs[run.ID].window.Open, s.runs[run.ID].window.End = false, key{s.boot, time.Hour}
	s.mu.Unlock()
	b.ReportAllocs()
	for b.Loop() {
		if err := s.ExportCSV(ctx, run.ID, io.Discard, CSVOptions{}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(100_000*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
