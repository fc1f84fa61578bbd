//go:build linux

package rabbitbus

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"labbox/edge"
)

// a queue that somebody else declared otherwise is an error, not a loop.
func TestForeignQueue(t *testing.T) {
	srv := sharedServer(t)
	p, url := behind(t, srv)
	var log logs
	b := newBus(t, Config{URL: url, Logger: log.logger()})
	q := edge.Queue{Name: fmt.Sprint("foreign", time.Now().UnixNano()), MaxTries: 3, AckWait: time.Minute, Dedup: time.Minute, MaxBytes: 1 << 20}
	raw(t, srv.URL(), func(ch *amqp.Channel) error {
		_, err := ch.QueueDeclare(jobQueue(q.Name), true, false, false, false, nil)
		return err
	})
	err := b.Declare(soon(t, 10*time.Second), q)
	wantCode(t, err, edge.CodeContract)
	if e := edge.AsError(err); !strings.Contains(e.Message, q.Name) || e.Hint == "" {
		t.Errorf("%s (%s)", e.Message, e.Hint)
	}
	wantCode(t, b.Enqueue(soon(t, 10*time.Second), q.Name, "1", nil), edge.CodeContract)
	_, err = b.Consume(q.Name, func(context.Context, edge.Job) error { return nil })
	wantCode(t, err, edge.CodeContract)
	must(t, b.Health())

	mine := newQueue(t, b, nil) // taken over while the link is down
	p.Cut()
	until(t, "the loss to be seen", func() bool { return b.Health() != nil })
	raw(t, srv.URL(), func(ch *amqp.Channel) error {
		if _, err := ch.QueueDelete(jobQueue(mine.Name), false, false, false); err != nil {
			return err
		}
		_, err := ch.QueueDeclare(jobQueue(mine.Name), true, false, false, false, nil)
		return err
	})
	must(t, p.Restore())
	until(t, "the connection", func() bool { return b.Health() == nil })
	conns := p.Accepted()
	for range 3 {
		wantCode(t, b.Enqueue(soon(t, 10*time.Second), mine.Name, "1", nil), edge.CodeContract)
	}
	if _, err := b.Consume(mine.Name, func(context.Context, edge.Job) error { return nil }); edge.CodeOf(err) != edge.CodeContract {
		t.Errorf("Consume: %v", err)
	}
	newQueue(t, b, nil) // others go on
	if n := p.Accepted(); n != conns || b.Health() != nil {
		t.Errorf("%d connections more, health %v", n-conns, b.Health())
	}
	if n := log.count("queue exists with other settings"); n != 1 {
		t.Errorf("logged %d times", n)
	}
}

// what the broker lost is declared again.
func TestTopologyLost(t *testing.T) {
	srv := sharedServer(t)
	b := newBus(t, Config{URL: srv.URL(), recheck: 200 * time.Millisecond})
	other := newBus(t, Config{URL: srv.URL()})
	q := newQueue(t, b, nil)
	got := consume(t, b, q.Name)
	heard := make(chan struct{}, 100)
	_, err := b.Subscribe("lost.*", func(edge.Msg) { heard <- struct{}{} })
	must(t, err)
	must(t, b.Enqueue(soon(t, 10*time.Second), q.Name, "before", nil))
	until(t, "a job", func() bool { return got.times("before") == 1 })
	raw(t, srv.URL(), func(ch *amqp.Channel) error {
		for _, name := range []string{jobQueue(q.Name), deadQueue(q.Name)} {
			if _, err := ch.QueueDelete(name, false, false, false); err != nil {
				return err
			}
		}
		return ch.ExchangeDelete(liveExchange, false, false)
	})
	until(t, "a job again", func() bool {
		err := b.Enqueue(soon(t, 5*time.Second), q.Name, "after", nil)
		return err == nil && got.times("after") == 1
	})
	// The bindings are gone with the exchange, and nothing tells the subscriber's
	// process: it has to look.
	until(t, "live news again", func() bool {
		_ = other.Publish(t.Context(), "lost.x", nil)
		select {
		case <-heard:
			return true
		case <-time.After(20 * time.Millisecond):
			return false
		}
	})
}

// a poisoned job is set aside, seen, and comes again when it is put back.
func TestPoisoned(t *testing.T) {
	srv := sharedServer(t)
	b := newBus(t, Config{URL: srv.URL(), Memory: memory(t)})
	q := newQueue(t, b, func(q *edge.Queue) { q.MaxTries = 2 })
	var fixed atomic.Bool
	tries := make(chan int, 10)
	_, err := b.Consume(q.Name, func(_ context.Context, j edge.Job) error {
		tries <- j.Try
		if fixed.Load() {
			return nil
		}
		return errors.New("poison")
	})
	must(t, err)
	must(t, b.Enqueue(soon(t, 10*time.Second), q.Name, "bad", []byte("data")))
	must(t, b.Enqueue(soon(t, 10*time.Second), q.Name, "worse", []byte("data")))
	dead := func() []edge.Job {
		jobs, err := b.Dead(soon(t, 10*time.Second), q.Name, 10)
		must(t, err)
		return jobs
	}
	until(t, "both to be set aside", func() bool { return len(dead()) == 2 })
	for range 30 { // looking at them takes none away
		if n := len(dead()); n != 2 {
			t.Fatalf("%d jobs are left", n)
		}
	}
	wantCode(t, b.Requeue(soon(t, 10*time.Second), q.Name, "unknown"), edge.CodeNotFound)
	fixed.Store(true)
	for len(tries) > 0 {
		<-tries
	}
	must(t, b.Requeue(soon(t, 10*time.Second), q.Name, "bad"))
	if try := <-tries; try != 1 {
		t.Errorf("try %d after it was put back", try)
	}
	if jobs := dead(); len(jobs) != 1 || jobs[0].ID != "worse" || string(jobs[0].Data) != "data" || jobs[0].Try != 2 {
		t.Errorf("left are %+v", jobs)
	}
}

// a job that kills every consumer is set aside too.
func TestKillsConsumers(t *testing.T) {
	srv := sharedServer(t)
	b := newBus(t, Config{URL: srv.URL()})
	q := newQueue(t, b, func(q *edge.Queue) { q.MaxTries = 2 })
	must(t, b.Enqueue(soon(t, 10*time.Second), q.Name, "killer", nil))
	for range q.MaxTries + 1 {
		raw(t, srv.URL(), func(ch *amqp.Channel) error {
			_, _, err := ch.Get(jobQueue(q.Name), false) // and the connection ends
			return err
		})
	}
	until(t, "it to be set aside", func() bool {
		_, _ = b.Consume(q.Name, func(_ context.Context, j edge.Job) error { t.Errorf("try %d", j.Try); return nil })
		jobs, err := b.Dead(soon(t, 10*time.Second), q.Name, 10)
		return err == nil && len(jobs) == 1
	})
}

// an id whose time is over is a new job, and copies of other processes are not.
func TestDedup(t *testing.T) {
	srv := sharedServer(t)
	kv := memory(t)
	b := newBus(t, Config{URL: srv.URL(), Memory: kv})
	other := newBus(t, Config{URL: srv.URL(), Memory: kv})
	q := newQueue(t, b, func(q *edge.Queue) { q.Dedup = 300 * time.Millisecond })
	must(t, b.Enqueue(soon(t, 10*time.Second), q.Name, "1", nil))
	must(t, other.Enqueue(soon(t, 10*time.Second), q.Name, "1", nil)) // waits behind it
	time.Sleep(q.Dedup)                                               // the time itself is under test
	got := consume(t, other, q.Name)
	until(t, "the job", func() bool { return got.times("1") == 1 })
	must(t, b.Enqueue(soon(t, 10*time.Second), q.Name, "1", nil))
	until(t, "the new job", func() bool { return got.times("1") == 2 })
	must(t, b.Enqueue(soon(t, 10*time.Second), q.Name, "marker", nil))
	until(t, "the marker", func() bool { return got.times("marker") == 1 })
	if n := got.times("1"); n != 2 {
		t.Errorf("done %d times", n)
	}
}

// broken is a store that can be away.
type broken struct {
	edge.KV
	away atomic.Bool
}

func (k *broken) Create(ctx context.Context, key string, value []byte, ttl time.Duration) (bool, error) {
	if k.away.Load() {
		return false, edge.Errorf(edge.CodeStoreDown, "away")
	}
	return k.KV.Create(ctx, key, value, ttl)
}

// without the memory of ids no job is handed out: it might be done twice.
func TestMemoryAway(t *testing.T) {
	srv := sharedServer(t)
	kv := &broken{KV: memory(t)}
	kv.away.Store(true)
	var log logs
	b := newBus(t, Config{URL: srv.URL(), Memory: kv, Logger: log.logger()})
	q := newQueue(t, b, nil)
	tries := make(chan int, 10)
	_, err := b.Consume(q.Name, func(_ context.Context, j edge.Job) error { tries <- j.Try; return nil })
	must(t, err)
	must(t, b.Enqueue(soon(t, 10*time.Second), q.Name, "1", nil))
	until(t, "the consumer to wait", func() bool { return log.count("job waits for the store") == 1 })
	select {
	case <-tries:
		t.Fatal("handed out without the memory")
	case <-time.After(300 * time.Millisecond):
	}
	kv.away.Store(false)
	if try := <-tries; try != 1 {
		t.Errorf("try %d", try)
	}
	if n := log.count("job waits for the store"); n != 1 {
		t.Errorf("logged %d times", n)
	}
}
