package bustest

import (
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
