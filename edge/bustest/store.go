package bustest

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"labbox/edge"
)

func jobDeclare(t *testing.T, h Harness) {
	q := declare(t, h.Bus, nil)
	enqueue(t, h.Bus, q.Name, "1", "kept")
	buses := []edge.Bus{h.Bus}
	if h.Second != nil {
		buses = append(buses, h.Second(t))
	}
	for _, b := range buses {
		must(t, b.Declare(within(t, patience), q))
		for _, change := range []func(*edge.Queue){
			func(q *edge.Queue) { q.MaxTries++ }, func(q *edge.Queue) { q.RetryDelay *= 2 }, func(q *edge.Queue) { q.AckWait *= 2 },
			func(q *edge.Queue) { q.Dedup *= 2 }, func(q *edge.Queue) { q.MaxBytes *= 2 },
		} {
			other := q
			change(&other)
			wantCode(t, b.Declare(within(t, patience), other), edge.CodeContract)
		}
	}
	got := make(chan delivery, 1)
	consume(t, h.Bus, q.Name, func(_ context.Context, j edge.Job) error { got <- delivered(j); return nil })
	if d := receive(t, got, "the job from before"); d.data != "kept" {
		t.Fatalf("got %+v", d)
	}
	bad := q
	bad.Name, bad.MaxTries = unique(), 0
	if err := h.Bus.Declare(within(t, patience), bad); err == nil {
		t.Fatal("declared a queue without tries")
	}
}

// Enqueue beyond MaxBytes is refused, and nothing that was accepted is lost.
func jobMaxBytes(t *testing.T, h Harness) {
	q := declare(t, h.Bus, func(q *edge.Queue) { q.MaxBytes = 1 << 20 })
	data := string(make([]byte, 32<<10))
	accepted := 0
	var err error
	for ; accepted < 200; accepted++ {
		if err = h.Bus.Enqueue(within(t, patience), q.Name, fmt.Sprint(accepted), []byte(data)); err != nil {
			break
		}
	}
	wantCode(t, err, edge.CodeStoreFull)
	if size := int64(accepted * len(data)); size > q.MaxBytes || size < q.MaxBytes/4 {
		t.Fatalf("%d bytes were accepted, MaxBytes is %d", size, q.MaxBytes)
	}
	got := make(chan delivery, 300)
	consume(t, h.Bus, q.Name, func(_ context.Context, j edge.Job) error { got <- delivered(j); return nil })
	for range accepted {
		receive(t, got, "an accepted job")
	}
	eventually(t, "room again", func() bool {
		return h.Bus.Enqueue(within(t, patience), q.Name, "after", []byte(data)) == nil
	})
	if d := receive(t, got, "the job after"); d.id != "after" {
		t.Fatalf("got %q", d.id)
	}
}

func jobLarge(t *testing.T, h Harness) {
	q := declare(t, h.Bus, nil)
	data := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	must(t, h.Bus.Enqueue(within(t, patience), q.Name, "1", data))
	got := make(chan []byte, 1)
	consume(t, h.Bus, q.Name, func(_ context.Context, j edge.Job) error { got <- bytes.Clone(j.Data); return nil })
	if g := receive(t, got, "the job"); !bytes.Equal(g, data) {
		t.Fatalf("1 MiB came as %d bytes", len(g))
	}
}

// another process finds the queue without declaring it.
func jobSecond(t *testing.T, h Harness) {
	if h.Second == nil {
		t.Skip("the harness has no second connection")
	}
	q := declare(t, h.Bus, nil)
	other := h.Second(t)
	enqueue(t, other, q.Name, "1", "x")
	enqueue(t, h.Bus, q.Name, "1", "x")
	got := make(chan delivery, 2)
	consume(t, other, q.Name, func(_ context.Context, j edge.Job) error { got <- delivered(j); return nil })
	receive(t, got, "the job")
	quiet(t, got, 100*time.Millisecond, "a duplicate")
}

// everything durable survives the broker's end.
func jobReopen(t *testing.T, h Harness) {
	if h.Reopen == nil {
		t.Skip("the harness cannot reopen")
	}
	q := declare(t, h.Bus, func(q *edge.Queue) { q.MaxTries = 1 })
	s := consume(t, h.Bus, q.Name, func(_ context.Context, j edge.Job) error {
		if j.ID == "dead" {
			return edge.Errorf(edge.CodeBadValue, "never")
		}
		return nil
	})
	enqueue(t, h.Bus, q.Name, "dead", "D")
	enqueue(t, h.Bus, q.Name, "done", "x")
	eventually(t, "the dead job", func() bool {
		jobs, err := h.Bus.Dead(within(t, patience), q.Name, 1)
		return err == nil && len(jobs) == 1
	})
	marker := make(chan struct{})
	must(t, s.Close()) // the job before it is acknowledged by now or comes again, so wait for one more
	s = consume(t, h.Bus, q.Name, func(_ context.Context, j edge.Job) error {
		if j.ID == "marker" {
			close(marker)
		}
		return nil
	})
	enqueue(t, h.Bus, q.Name, "marker", "")
	receive(t, marker, "the marker")
	must(t, s.Close())
	for i := range 50 {
		enqueue(t, h.Bus, q.Name, fmt.Sprint("kept", i), fmt.Sprint(i))
	}

	b := h.Reopen(t)
	must(t, b.Declare(within(t, patience), q))
	for i := range 50 { // ids are remembered
		enqueue(t, b, q.Name, fmt.Sprint("kept", i), "duplicate")
	}
	enqueue(t, b, q.Name, "done", "duplicate")
	jobs, err := b.Dead(within(t, patience), q.Name, 10)
	must(t, err)
	if len(jobs) != 1 || jobs[0].ID != "dead" || string(jobs[0].Data) != "D" {
		t.Fatalf("dead jobs after reopening: %+v", jobs)
	}
	got := make(chan delivery, 200)
	consume(t, b, q.Name, func(_ context.Context, j edge.Job) error { got <- delivered(j); return nil })
	seen := map[string]bool{}
	for range 50 {
		d := receive(t, got, "a job from before")
		if seen[d.id] || d.data == "duplicate" {
			t.Fatalf("got %+v", d)
		}
		seen[d.id] = true
	}
	quiet(t, got, 200*time.Millisecond, "a job that was done or a duplicate")
	other := q
	other.MaxTries++
	wantCode(t, b.Declare(within(t, patience), other), edge.CodeContract)
}

// a job that was not acknowledged when its consumer closed goes to another.
func jobCloseBusy(t *testing.T, h Harness) {
	q := declare(t, h.Bus, nil)
	here := make(chan struct{})
	s := consume(t, h.Bus, q.Name, func(ctx context.Context, _ edge.Job) error {
		close(here)
		<-ctx.Done() // Close ends it
		return ctx.Err()
	})
	enqueue(t, h.Bus, q.Name, "1", "x")
	receive(t, here, "the job")
	returns(t, "Close", s.Close)
	got := make(chan delivery, 1)
	consume(t, h.Bus, q.Name, func(_ context.Context, j edge.Job) error { got <- delivered(j); return nil })
	if d := receive(t, got, "the job again"); d.id != "1" || d.try != 2 {
		t.Fatalf("got %+v", d)
	}
}

func jobConcurrent(t *testing.T, h Harness) {
	const writers, each = 16, 20
	q := declare(t, h.Bus, nil)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				ctx, cancel := context.WithTimeout(context.Background(), patience)
				id := fmt.Sprintf("%d-%d", w/2, i) // two writers for each id
				if err := h.Bus.Enqueue(ctx, q.Name, id, []byte(id)); err != nil {
					t.Error(err)
				}
				cancel()
			}
		})
	}
	wg.Wait()
	got := make(chan delivery, 2*writers*each)
	consume(t, h.Bus, q.Name, func(_ context.Context, j edge.Job) error { got <- delivered(j); return nil })
	seen := map[string]bool{}
	for range writers / 2 * each {
		d := receive(t, got, "a job")
		if seen[d.id] || d.data != d.id {
			t.Fatalf("got %+v", d)
		}
		seen[d.id] = true
	}
	quiet(t, got, 100*time.Millisecond, "a duplicate")
}
