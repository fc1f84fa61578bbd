package record

import (
	"context"
	"io"
	"sync"
	"testing"
	"time"

	"labbox/edge"
	"labbox/edge/frame"
)

// TestConcurrent uses everything at once; it is the race detector's.
func TestConcurrent(t *testing.T) {
	s := open(t, Config{SegmentBytes: 5000, KeepFor: time.Minute})
	ctx := context.Background()
	var wg sync.WaitGroup
	for _, device := range []string{"a", "b"} {
		check(t, s.Contract(device, info))
		wg.Go(func() {
			fb := frame.NewBuilder(1, 1, 0, two, false)
			for i := range 500 {
				fb.Add(s.cfg.Clock.Mono(), nan, []float64{float64(i), 0})
				if err := s.Frame(device, fb.AppendFrame(nil)); err != nil {
					t.Error(err)
				}
				if err := s.Event(device, []byte(`{}`), s.cfg.Clock.Mono()); err != nil {
					t.Error(err)
				}
			}
		})
		wg.Go(func() {
			for range 10 {
				r, err := s.StartRun(ctx, RunMeta{Device: device, PreTrigger: time.Second})
				if err != nil {
					t.Error(err)
					return
				}
				if err := s.Annotate(ctx, r.ID, 0, "x", ana); err != nil {
					t.Error(err)
				}
				if err := s.ExportCSV(ctx, r.ID, io.Discard, CSVOptions{}); err != nil {
					t.Error(err)
				}
				if _, err := s.StopRun(ctx, r.ID, ana); err != nil {
					t.Error(err)
				}
				if err := s.DeleteRun(ctx, r.ID); err != nil {
					t.Error(err)
				}
			}
		})
		wg.Go(func() {
			for range 20 {
				if _, err := s.Runs(ctx, ""); err != nil && edge.CodeOf(err) != edge.CodeUnknownRun {
					t.Error(err)
				}
				_ = s.Health()
			}
		})
	}
	wg.Wait()
}
