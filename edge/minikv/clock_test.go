package minikv

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"labbox/edge"
	"labbox/edge/natsbus"
)

type fakeClock struct {
	mu   sync.Mutex
	mono time.Duration
	wall time.Time
}

func (c *fakeClock) Mono() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mono
}

func (c *fakeClock) Wall() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.wall
}

// pass lets time pass on both clocks; set moves the calendar only.
func (c *fakeClock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mono += d
	c.wall = c.wall.Add(d)
}

func (c *fakeClock) set(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wall = c.wall.Add(d)
}

type clockBox struct {
	t     *testing.T
	clock *fakeClock
	srv   *natsbus.Server
	s     *Store
	kv    edge.KV
}

func newClockBox(t *testing.T) *clockBox {
	srv, err := natsbus.Start(t.Context(), natsbus.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	b := &clockBox{t: t, srv: srv, clock: &fakeClock{wall: time.Date(2026, 11, 1, 8, 0, 0, 0, time.UTC)}}
	t.Cleanup(func() {
		b.close()
		srv.Close()
	})
	b.open()
	return b
}

func (b *clockBox) open() {
	b.t.Helper()
	var err error
	// The calendar is compared when the test says so.
	if b.s, err = Open(context.Background(), Config{Server: b.srv, Clock: b.clock, ClockEvery: time.Hour}); err != nil {
		b.t.Fatal(err)
	}
	b.kv = b.s.KV()
}

func (b *clockBox) close() {
	_ = b.kv.Close()
	_ = b.s.Close()
}

// want checks the ttl of a key; negative: it does not exist.
func (b *clockBox) want(key string, left time.Duration) {
	b.t.Helper()
	got, ok, err := b.kv.TTL(context.Background(), key)
	if err != nil {
		b.t.Fatal(err)
	}
	if ok != (left >= 0) || ok && got.Round(10*time.Millisecond) != left {
		b.t.Fatalf("%s has %v left (there: %v), want %v", key, got, ok, left)
	}
	if _, there, err := b.kv.Get(context.Background(), key); err != nil || there != ok {
		b.t.Fatalf("%s: get says %v %v, ttl says %v", key, there, err, ok)
	}
}

func (b *clockBox) put(key string, ttl time.Duration) {
	b.t.Helper()
	if err := b.kv.Set(context.Background(), key, []byte("v"), ttl); err != nil {
		b.t.Fatal(err)
	}
}

func TestTTLRunsOnTheMonotonicClock(t *testing.T) {
	b := newClockBox(t)
	b.put("hour", time.Hour)
	b.put("minute", time.Minute)
	b.put("stays", 0)
	b.clock.pass(59 * time.Second)
	b.want("minute", time.Second)
	b.clock.set(10 * 365 * 24 * time.Hour) // somebody sets the calendar
	b.want("minute", time.Second)
	b.want("hour", time.Hour-59*time.Second)
	b.clock.pass(time.Second) // exactly due
	b.want("minute", -1)
	b.want("stays", 0)
	b.clock.set(-20 * 365 * 24 * time.Hour)
	b.want("hour", 59*time.Minute)
	b.clock.pass(59 * time.Minute)
	b.want("hour", -1)
	b.want("stays", 0)
}

func TestTTLOverRestarts(t *testing.T) {
	b := newClockBox(t)
	b.put("hour", time.Hour)
	b.put("minute", time.Minute)
	b.put("stays", 0)
	b.close()
	b.clock.pass(30 * time.Minute) // time passes while the box is off
	b.open()
	b.want("hour", 30*time.Minute)
	b.want("minute", -1)
	b.want("stays", 0)
	b.close()
	b.clock.set(-24 * time.Hour) // the calendar's battery is empty
	b.open()
	b.want("hour", time.Hour) // never more than it was given
	b.want("minute", -1)      // what has expired stays away
	b.clock.pass(20 * time.Minute)
	b.close()
	b.open()
	b.want("hour", time.Hour) // still by the record of the first boot
}

// Set while the box runs, the calendar moves no deadline, then or after a restart.
func TestCalendarSetWhileRunning(t *testing.T) {
	for _, step := range []time.Duration{2 * time.Second, 20 * 365 * 24 * time.Hour, -20 * 365 * 24 * time.Hour} {
		t.Run(fmt.Sprint(step), func(t *testing.T) {
			b := newClockBox(t)
			b.put("hour", time.Hour)
			b.clock.pass(10 * time.Minute)
			b.clock.set(step)
			b.s.noteCalendar()
			b.put("after", time.Hour)
			b.close()
			b.clock.pass(10 * time.Minute)
			b.open()
			b.want("hour", 40*time.Minute)
			b.want("after", 50*time.Minute)
			b.s.mu.Lock()
			b.s.log.dest.bytes = 1 << 40 // as if the log had grown
			b.s.mu.Unlock()
			b.put("kick", 0)
			b.put("kick", 0)
			b.close()
			b.clock.pass(10 * time.Minute)
			b.open()
			b.want("hour", 30*time.Minute)
			b.want("after", 40*time.Minute)
			if b.s.log.dest.number == 1 {
				t.Error("the log was not written anew")
			}
		})
	}
}

func TestExpiryHeapStaysSmall(t *testing.T) {
	e := expiry{keys: map[string]time.Duration{}}
	for i := range 100_000 {
		e.set("session", time.Duration(i+1))
	}
	if len(e.due) > 2000 {
		t.Errorf("one key that is touched again and again holds %d places", len(e.due))
	}
	if e.next() != 100_000 {
		t.Errorf("next is %v", e.next())
	}
	e.drop("session")
	if _, ok := e.pop(never - 1); ok || e.next() != never {
		t.Error("a dropped key is due")
	}
}
