package record

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"labbox/edge"
	"labbox/edge/frame"
)

// disk stands before the files: it can be full, or slow.
type disk struct {
	mu   sync.Mutex
	left int // bytes it takes yet, -1: any number
	gate chan struct{}
}

type badFile struct {
	segmentFile
	d *disk
}

func (d *disk) create(path string) (segmentFile, error) {
	f, err := createFile(path)
	return badFile{f, d}, err
}

func (d *disk) set(left int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.left = left
}

func (f badFile) WriteAt(b []byte, off int64) (int, error) {
	if f.d.gate != nil {
		<-f.d.gate
	}
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	if f.d.left >= 0 && len(b) > f.d.left {
		n, _ := f.segmentFile.WriteAt(b[:f.d.left], off) // half a record
		f.d.left = 0
		return n, &errPath{syscall.ENOSPC}
	}
	if f.d.left >= 0 {
		f.d.left -= len(b)
	}
	return f.segmentFile.WriteAt(b, off)
}

type errPath struct{ error }

func (e *errPath) Unwrap() error { return e.error }

// feed sends frames of 10 samples.
type feed struct {
	t  *testing.T
	s  *Store
	fb *frame.Builder
	n  int
}

func newFeed(t *testing.T, s *Store) *feed {
	return &feed{t: t, s: s, fb: frame.NewBuilder(1, 1, 0, two, false)}
}

func (f *feed) frame(at time.Duration) {
	f.t.Helper()
	for range 10 {
		f.fb.Add(at, nan, []float64{float64(f.n), 0})
		f.n++
	}
	check(f.t, f.s.Frame("pendulum", f.fb.AppendFrame(nil)))
}

// gapsIn adds up an export.
func gapsIn(t *testing.T, s *Store, id string) (samples int, gaps []string) {
	for _, row := range rows(t, exportCSV(t, s, id))[1:] {
		if row[0] != "" {
			samples++
		} else {
			gaps = append(gaps, row[len(row)-1])
		}
	}
	return samples, gaps
}

// TestDiskFull: recording stops loudly and once, the process goes on, and when
// there is space again it resumes with a declared gap.
func TestDiskFull(t *testing.T) {
	var log bytes.Buffer
	d := &disk{left: -1}
	clock := &handClock{}
	ctx := context.Background()
	s := open(t, Config{Clock: clock, BufferBytes: 4000, create: d.create,
		Logger: slog.New(slog.NewTextHandler(&log, nil))})
	check(t, s.Contract("pendulum", info))
	run := must[Run](t)(s.StartRun(ctx, RunMeta{Device: "pendulum"}))
	f := newFeed(t, s)
	f.frame(0)
	check(t, s.Sync(ctx))
	d.set(100)
	for range 50 {
		f.frame(0)
		if err := s.Sync(ctx); edge.CodeOf(err) != edge.CodeStoreFull || !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("sync on a full disk: %v", err)
		}
	}
	if edge.CodeOf(s.Health()) != edge.CodeStoreFull {
		t.Errorf("health: %v", s.Health())
	}
	if _, err := s.StartRun(ctx, RunMeta{Device: "pendulum"}); edge.CodeOf(err) != edge.CodeStoreFull {
		t.Errorf("start on a full disk: %v", err)
	}
	d.set(-1)
	check(t, s.Sync(ctx))
	check(t, s.Health())
	f.frame(0)
	samples, gaps := gapsIn(t, s, run.ID)
	if len(gaps) != 1 || !strings.HasSuffix(gaps[0], " disk") || samples <= 20 || samples >= f.n {
		t.Fatalf("%d of %d samples, gaps %q", samples, f.n, gaps)
	}
	r := must[Run](t)(s.StopRun(ctx, run.ID, ana))
	if r.Samples+r.Lost != uint64(f.n) || r.Gaps != 1 {
		t.Errorf("%+v", r)
	}
	check(t, s.Close())
	if n := strings.Count(log.String(), "recording stopped"); n != 1 || strings.Count(log.String(), "recording resumed") != 1 {
		t.Errorf("log:\n%s", log.String())
	}
}

// TestOverflow: a disk that stands still does not hold up the caller.
func TestOverflow(t *testing.T) {
	d := &disk{left: -1, gate: make(chan struct{})}
	s := open(t, Config{Clock: &handClock{}, BufferBytes: 3000, create: d.create})
	ctx := context.Background()
	check(t, s.Contract("pendulum", info))
	run := must[Run](t)(s.StartRun(ctx, RunMeta{Device: "pendulum"}))
	f := newFeed(t, s)
	for range 50 {
		f.frame(0)
	}
	f.fb.Lose(frame.LostUnknown) // also dropped, so the number is not known any more
	f.frame(0)
	close(d.gate)
	check(t, s.Sync(ctx))
	_, gaps := gapsIn(t, s, run.ID)
	if len(gaps) != 0 {
		t.Errorf("too early: %q", gaps)
	}
	f.frame(0)
	samples, gaps := gapsIn(t, s, run.ID)
	if len(gaps) != 1 || gaps[0] != "unknown overflow" || samples >= f.n || samples <= 10 {
		t.Errorf("%d of %d samples, gaps %q", samples, f.n, gaps)
	}
	// The frames themselves say so too.
	unknown := 0
	check(t, s.Frames(ctx, run.ID, func(b []byte) error {
		v, _, err := frame.Parse(b)
		if v.Header().Lost == frame.LostUnknown {
			unknown++
		}
		return err
	}))
	if unknown != 1 {
		t.Errorf("%d frames with an unknown loss", unknown)
	}
}

// TestDropAtTheEnd: what was dropped last is said although no frame follows.
func TestDropAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &disk{left: -1}
		s := open(t, Config{BufferBytes: 3000, create: d.create})
		defer s.Close()
		ctx := context.Background()
		run := must[Run](t)(s.StartRun(ctx, RunMeta{Device: "pendulum"}))
		f := newFeed(t, s)
		f.frame(0)
		check(t, s.Sync(ctx))
		d.set(0)
		for range 30 {
			f.frame(0)
		}
		time.Sleep(2 * time.Second)
		d.set(-1)
		time.Sleep(4 * time.Second)
		samples, gaps := gapsIn(t, s, run.ID)
		if len(gaps) != 1 || !strings.HasSuffix(gaps[0], " disk") && !strings.HasSuffix(gaps[0], " overflow") || strings.HasPrefix(gaps[0], "unknown") {
			t.Errorf("%d samples, gaps %q", samples, gaps)
		}
		check(t, s.Health())
	})
}

// TestCapHonoursPins: old segments go, those of a run stay until it is deleted.
func TestCapHonoursPins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, Config{KeepFor: time.Minute, SegmentAge: 10 * time.Second})
		defer s.Close()
		ctx := context.Background()
		check(t, s.Contract("pendulum", info))
		f := newFeed(t, s)
		second := func(n int) {
			for range n {
				f.frame(s.cfg.Clock.Mono())
				time.Sleep(time.Second)
			}
		}
		count := func() int {
			s.mu.Lock()
			defer s.mu.Unlock()
			return len(s.tracks["pendulum"].segments)
		}
		second(200)
		if n := count(); n < 6 || n > 9 {
			t.Errorf("%d segments of 10 s for the last minute", n)
		}
		run := must[Run](t)(s.StartRun(ctx, RunMeta{Device: "pendulum", PreTrigger: 30 * time.Second}))
		second(20)
		run = must[Run](t)(s.StopRun(ctx, run.ID, ana))
		second(300)
		if n := count(); n < 12 || n > 17 {
			t.Errorf("%d segments: the last minute and 50 s of a run", n)
		}
		samples, gaps := gapsIn(t, s, run.ID)
		if samples < 490 || samples > 520 || len(gaps) != 0 {
			t.Errorf("run of 50 s: %d samples, gaps %q", samples, gaps)
		}
		check(t, s.DeleteRun(ctx, run.ID))
		second(5)
		if n := count(); n > 9 {
			t.Errorf("%d segments after the run was deleted", n)
		}
		if _, err := s.Run(ctx, run.ID); edge.CodeOf(err) != edge.CodeUnknownRun {
			t.Error(err)
		}
	})
}

func TestCapByBytesAndFreeSpace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		free := uint64(1 << 30)
		var mu sync.Mutex
		s := open(t, Config{MaxBytes: 30_000, SegmentBytes: 4000, MinFree: 1 << 20, free: func(string) (uint64, error) {
			mu.Lock()
			defer mu.Unlock()
			return free, nil
		}})
		defer s.Close()
		ctx := context.Background()
		f := newFeed(t, s)
		more := func(n int) {
			for range n {
				f.frame(s.cfg.Clock.Mono())
				time.Sleep(100 * time.Millisecond)
			}
		}
		more(1000)
		s.mu.Lock()
		if s.total > 36_000 || s.total < 20_000 {
			t.Errorf("%d bytes kept", s.total)
		}
		s.mu.Unlock()
		run := must[Run](t)(s.StartRun(ctx, RunMeta{Device: "pendulum"}))
		more(300)
		if _, err := s.StartRun(ctx, RunMeta{Device: "pendulum"}); edge.CodeOf(err) != edge.CodeStoreFull {
			t.Errorf("runs fill the space: %v", err)
		}
		mu.Lock()
		free = 0
		mu.Unlock()
		more(20)
		if edge.CodeOf(s.Health()) != edge.CodeStoreFull {
			t.Errorf("health: %v", s.Health())
		}
		mu.Lock()
		free = 1 << 30
		mu.Unlock()
		more(20)
		check(t, s.Health())
		samples, gaps := gapsIn(t, s, run.ID)
		if samples < 3390 || len(gaps) != 0 {
			t.Errorf("%d samples, gaps %q: the buffer holds 2 s", samples, gaps)
		}
	})
}
