package record

import (
	"context"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"

	"labbox/edge"
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

// BenchmarkPictures keeps 10 runs of an hour with 2 pictures of 40 kB a second, 2.9 GB,
// opens them again and looks at random moments of all.
func BenchmarkPictures(b *testing.B) {
	const runs, pictures, size = 10, 7200, 40_000
	for b.Loop() {
		clock, ctx := &handClock{mono: time.Second}, context.Background()
		cfg := Config{Dir: b.TempDir(), Clock: clock}
		s := open(b, cfg)
		var ids []string
		begun := time.Now()
		for range runs {
			run := must[Run](b)(s.StartRun(ctx, RunMeta{Device: "pendulum"}))
			jpeg := jpegOf(1, size)
			for n := range uint64(pictures) {
				binary.LittleEndian.PutUint64(jpeg[2:], n)
				check(b, s.AddPicture(ctx, run.ID, door, clock.Mono(), jpeg, 1e9))
				clock.set(clock.Mono() + time.Second/2)
			}
			must[Run](b)(s.StopRun(ctx, run.ID, ana))
			ids = append(ids, run.ID)
		}
		b.ReportMetric(float64(time.Since(begun).Microseconds())/runs/pictures, "us/add")
		check(b, s.Close())

		begun = time.Now()
		s = open(b, cfg)
		b.ReportMetric(float64(time.Since(begun).Microseconds())/1e3, "ms/open")
		begun = time.Now()
		for _, id := range ids {
			must[[]edge.RunPictures](b)(s.Pictures(ctx, id))
		}
		b.ReportMetric(float64(time.Since(begun).Microseconds())/1e3/runs, "ms/index")
		var took []time.Duration
		for range 20_000 {
			n := rand.IntN(pictures)
			begun := time.Now()
			p, err := s.PictureAt(ctx, ids[rand.IntN(runs)], "door", time.Duration(n)*time.Second/2)
			took = append(took, time.Since(begun))
			if err != nil || binary.LittleEndian.Uint64(p.JPEG[2:]) != uint64(n) {
				b.Fatal(n, err)
			}
		}
		slices.Sort(took)
		b.ReportMetric(float64(took[len(took)/2].Nanoseconds())/1e3, "us/p50")
		b.ReportMetric(float64(took[len(took)*99/100].Nanoseconds())/1e3, "us/p99")
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		b.ReportMetric(float64(m.HeapAlloc)/1e6, "MB/heap")
		check(b, s.Close())
	}
}
