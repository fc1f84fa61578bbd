package bustest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"labbox/edge"
)

func durableParts() []part {
	return []part{
		{"Delivered", jobDelivered}, {"Dedup", jobDedup}, {"Retry", jobRetry}, {"AckWait", jobAckWait}, {"Dead", jobDead},
		{"Share", jobShare}, {"OneAfterAnother", jobSerial}, {"Declare", jobDeclare}, {"MaxBytes", jobMaxBytes}, {"Large", jobLarge},
		{"SecondProcess", jobSecond}, {"Reopen", jobReopen}, {"CloseWhileBusy", jobCloseBusy}, {"ConcurrentEnqueue", jobConcurrent},
	}
}

// testQueue has times short enough for a test.
func testQueue(name string) edge.Queue {
	return edge.Queue{Name: name, MaxTries: 3, RetryDelay: 100 * time.Millisecond, AckWait: 20 * time.Second,
		Dedup: time.Minute, MaxBytes: 16 << 20}
}

func declare(t *testing.T, b edge.Bus, change func(q *edge.Queue)) edge.Queue {
	t.Helper()
	q := testQueue(unique())
	if change != nil {
		change(&q)
	}
	must(t, b.Declare(within(t, patience), q))
	return q
}

func enqueue(t *testing.T, b edge.Bus, queue, id, data string) {
	t.Helper()
	must(t, b.Enqueue(within(t, patience), queue, id, []byte(data)))
}

// delivery is a copy of a Job and when it came.
type delivery struct {
	id, data string
	try      int
	at       time.Time
}

func delivered(j edge.Job) delivery { return delivery{j.ID, string(j.Data), j.Try, time.Now()} }

func jobDelivered(t *testing.T, h Harness) {
	q := declare(t, h.Bus, nil)
	const n = 30
	for i := range n / 2 { // before anybody listens
		enqueue(t, h.Bus, q.Name, fmt.Sprint(i), fmt.Sprint("data ", i))
	}
	got := make(chan delivery, 2*n)
	consume(t, h.Bus, q.Name, func(_ context.Context, j edge.Job) error { got <- delivered(j); return nil })
	for i := n / 2; i < n; i++ {
		enqueue(t, h.Bus, q.Name, fmt.Sprint(i), fmt.Sprint("data ", i))
	}
	seen := map[string]bool{}
	for range n {
		d := receive(t, got, "a job")
		if seen[d.id] || d.try != 1 || d.data != "data "+d.id {
			t.Fatalf("got %+v", d)
		}
		seen[d.id] = true
	}
	quiet(t, got, 50*time.Millisecond, "more jobs than were enqueued")
	err := h.Bus.Enqueue(within(t, patience), unique(), "1", nil)
	if err == nil {
		t.Fatal("enqueued in a queue that nobody declared")
	}
}

func jobDedup(t *testing.T, h Harness) {
	q := declare(t, h.Bus, nil)
	for range 5 {
		enqueue(t, h.Bus, q.Name, "same", "first")
	}
	got := make(chan delivery, 10)
	consume(t, h.Bus, q.Name, func(_ context.Context, j edge.Job) error { got <- delivered(j); return nil })
	if d := receive(t, got, "the job"); d.data != "first" {
		t.Fatalf("got %+v", d)
	}
	enqueue(t, h.Bus, q.Name, "same", "second") // remembered after it is done, too
	enqueue(t, h.Bus, q.Name, "other", "third")
	if d := receive(t, got, "the other job"); d.id != "other" {
		t.Fatalf("got %+v", d)
	}
	quiet(t, got, 200*time.Millisecond, "a duplicate")
}

func jobRetry(t *testing.T, h Harness) {
	q := declare(t, h.Bus, func(q *edge.Queue) { q.RetryDelay = 200 * time.Millisecond; q.MaxTries = 5 })
	got := make(chan delivery, 10)
	consume(t, h.Bus, q.Name, func(_ context.Context, j edge.Job) error {
		got <- delivered(j)
		if j.Try < 3 {
			return errors.New("not yet")
		}
		return nil
	})
	enqueue(t, h.Bus, q.Name, "1", "x")
	var last time.Time
	for try := 1; try <= 3; try++ {
		d := receive(t, got, fmt.Sprintf("try %d", try))
		if d.try != try || d.data != "x" || d.id != "1" {
			t.Fatalf("try %d came as %+v", try, d)
		}
		if try > 1 && d.at.Sub(last) < q.RetryDelay*9/10 {
			t.Fatalf("try %d came %v after the one before, want at least %v", try, d.at.Sub(last), q.RetryDelay)
		}
		last = d.at
	}
	quiet(t, got, 2*q.RetryDelay, "a job that was acknowledged")
}

// a consumer silent for AckWait has lost the job to another.
func jobAckWait(t *testing.T, h Harness) {
	q := declare(t, h.Bus, func(q *edge.Queue) { q.AckWait = 400 * time.Millisecond })
	release := make(chan struct{})
	first, second := make(chan delivery, 10), make(chan delivery, 10)
	consume(t, h.Bus, q.Name, func(_ context.Context, j edge.Job) error {
		first <- delivered(j)
		<-release
		return errors.New("too late anyway")
	})
	defer close(release)
	enqueue(t, h.Bus, q.Name, "1", "x")
	a := receive(t, first, "the job")
	other := h.Bus
	if h.Second != nil {
		other = h.Second(t)
	}
	consume(t, other, q.Name, func(_ context.Context, j edge.Job) error { second <- delivered(j); return nil })
	b := receive(t, second, "the job at the other consumer")
	if b.id != "1" || b.try != 2 || b.data != "x" {
		t.Fatalf("the other consumer got %+v", b)
	}
	if d := b.at.Sub(a.at); d < q.AckWait*8/10 {
		t.Fatalf("taken away after %v, AckWait is %v", d, q.AckWait)
	}
	quiet(t, second, 2*q.AckWait, "a job that was acknowledged")
}

// after MaxTries deliveries a job is set aside.
func jobDead(t *testing.T, h Harness) {
	q := declare(t, h.Bus, func(q *edge.Queue) { q.MaxTries = 2; q.RetryDelay = 20 * time.Millisecond })
	var tries sync.Map
	done := make(chan string, 10)
	consume(t, h.Bus, q.Name, func(_ context.Context, j edge.Job) error {
		n, _ := tries.LoadOrStore(j.ID, new(atomic.Int64))
		n.(*atomic.Int64).Add(1)
		if j.ID == "good" {
			done <- j.ID
			return nil
		}
		return errors.New("never")
	})
	dead := func(limit int) []edge.Job {
		jobs, err := h.Bus.Dead(within(t, patience), q.Name, limit)
		must(t, err)
		return jobs
	}
	if jobs := dead(10); len(jobs) != 0 {
		t.Fatalf("dead jobs in a new queue: %v", jobs)
	}
	for i := range 3 { // one after another, so that they die in order
		id := fmt.Sprint("bad", i)
		enqueue(t, h.Bus, q.Name, id, "data of "+id)
		eventually(t, id+" to be set aside", func() bool { return len(dead(10)) == i+1 })
	}
	enqueue(t, h.Bus, q.Name, "good", "x")
	receive(t, done, "the good job behind the dead ones")
	jobs := dead(10)
	if len(jobs) != 3 {
		t.Fatalf("%d dead jobs, want 3", len(jobs))
	}
	for i, j := range jobs {
		id := fmt.Sprint("bad", i)
		if j.ID != id || string(j.Data) != "data of "+id || j.Try != q.MaxTries {
			t.Fatalf("dead job %d is %+v", i, j)
		}
		if n, _ := tries.Load(id); n.(*atomic.Int64).Load() != int64(q.MaxTries) {
			t.Fatalf("%s was delivered %d times, MaxTries is %d", id, n.(*atomic.Int64).Load(), q.MaxTries)
		}
	}
	if jobs := dead(2); len(jobs) != 2 || jobs[0].ID != "bad0" || jobs[1].ID != "bad1" {
		t.Fatalf("the oldest two are %v", jobs)
	}
}

// several consumers share a queue.
func jobShare(t *testing.T, h Harness) {
	const n, workers = 40, 4
	q := declare(t, h.Bus, nil)
	var mu sync.Mutex
	count := map[string]int{}
	var inside atomic.Int64
	together := make(chan struct{})
	buses := []edge.Bus{h.Bus}
	if h.Second != nil {
		buses = append(buses, h.Second(t))
	}
	for i := range workers {
		consume(t, buses[i%len(buses)], q.Name, func(ctx context.Context, j edge.Job) error {
			if inside.Add(1) == workers {
				close(together)
			}
			select { // nobody goes on before all have one
			case <-together:
			case <-ctx.Done():
				return ctx.Err()
			}
			mu.Lock()
			defer mu.Unlock()
			count[j.ID]++
			return nil
		})
	}
	for i := range n {
		enqueue(t, h.Bus, q.Name, fmt.Sprint(i), "")
	}
	eventually(t, "all jobs", func() bool { mu.Lock(); defer mu.Unlock(); return len(count) == n })
	mu.Lock()
	defer mu.Unlock()
	for id, c := range count {
		if c != 1 {
			t.Errorf("job %s was done %d times", id, c)
		}
	}
}

// one consumer gets one job after another.
func jobSerial(t *testing.T, h Harness) {
	q := declare(t, h.Bus, nil)
	var inside, wrong, seen atomic.Int64
	consume(t, h.Bus, q.Name, func(context.Context, edge.Job) error {
		if inside.Add(1) != 1 {
			wrong.Add(1)
		}
		time.Sleep(time.Millisecond) // a job takes time
		inside.Add(-1)
		seen.Add(1)
		return nil
	})
	for i := range 20 {
		enqueue(t, h.Bus, q.Name, fmt.Sprint(i), "")
	}
	eventually(t, "all jobs", func() bool { return seen.Load() == 20 })
	if wrong.Load() != 0 {
		t.Fatal("two jobs at a time in one consumer")
	}
}

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
