//go:build linux

package rabbitbus

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"labbox/edge"
)

// a broker that is killed and comes back: what was acknowledged is consumed, and
// publishing and consuming go on within 2 s of the first connection it takes.
func TestKill(t *testing.T) {
	srv := sharedServer(t)
	kv := memory(t)
	pub := newBus(t, Config{URL: srv.URL(), Memory: kv})
	con := newBus(t, Config{URL: srv.URL(), Memory: kv})
	q := newQueue(t, pub, nil)
	got := consume(t, con, q.Name)
	var heard atomic.Int64 // when live news came last
	_, err := con.Subscribe("kill.*", func(edge.Msg) { heard.Store(time.Now().UnixNano()) })
	must(t, err)

	ctx, stop := context.WithCancel(t.Context())
	var mu sync.Mutex
	acknowledged := map[string]time.Time{}
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				id := fmt.Sprintf("%d-%d", w, i)
				for ctx.Err() == nil && pub.Enqueue(ctx, q.Name, id, []byte(id)) != nil {
					time.Sleep(2 * time.Millisecond)
				}
				if ctx.Err() == nil {
					mu.Lock()
					acknowledged[id] = time.Now()
					mu.Unlock()
				}
				time.Sleep(time.Millisecond)
			}
		})
	}
	wg.Go(func() {
		for ctx.Err() == nil {
			_ = pub.Publish(ctx, "kill.x", nil)
			time.Sleep(5 * time.Millisecond)
		}
	})
	until(t, "some jobs", func() bool { return got.count() > 50 })
	srv.Kill()
	until(t, "the loss to be seen", func() bool { return pub.Health() != nil && con.Health() != nil })
	must(t, srv.Boot())
	var back time.Time
	untilWithin(t, 90*time.Second, "the broker to take connections", func() bool { // a busy machine boots it slowly
		c, err := net.Dial("tcp", srv.Addr())
		if err != nil {
			return false
		}
		back = time.Now()
		_ = c.Close()
		return true
	})
	first := func() (at time.Time) { // job acknowledged since
		mu.Lock()
		defer mu.Unlock()
		for _, x := range acknowledged {
			if x.After(back) && (at.IsZero() || x.Before(at)) {
				at = x
			}
		}
		return at
	}
	had := got.count()
	until(t, "live news again", func() bool { return heard.Load() > back.UnixNano() })
	live := time.Since(back)
	until(t, "jobs again", func() bool { return !first().IsZero() && got.count() > had+20 })
	consumed := time.Since(back)
	stop()
	wg.Wait()
	until(t, "every acknowledged job", func() bool {
		mu.Lock()
		defer mu.Unlock()
		for id := range acknowledged {
			if got.times(id) == 0 {
				return false
			}
		}
		return true
	})
	t.Logf("%d jobs acknowledged; after the first connection: live news %v, publishing %v, consuming %v",
		len(acknowledged), live, first().Sub(back), consumed)
	if most := 2 * time.Second; live > most || first().Sub(back) > most || consumed > most {
		t.Errorf("it took longer than %v", most)
	}
}

// jobs whose confirms are lost with the connection are published again, and
// done once.
func TestConfirmsInFlight(t *testing.T) {
	srv := sharedServer(t)
	kv := memory(t)
	p, url := behind(t, srv)
	var log logs
	pub := newBus(t, Config{URL: url, Memory: kv, Logger: log.logger()})
	con := newBus(t, Config{URL: srv.URL(), Memory: kv, Logger: log.logger()})
	q := newQueue(t, pub, nil)
	const n = 50
	p.Delay(300 * time.Millisecond) // the broker has the jobs long before we know
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			if err := pub.Enqueue(soon(t, 20*time.Second), q.Name, fmt.Sprint(i), nil); err != nil {
				t.Error(err)
			}
		})
	}
	s, err := pub.pub.session()
	must(t, err)
	until(t, "the jobs to be on the way", func() bool { return len(s.job.out) == 0 })
	time.Sleep(450 * time.Millisecond) // through the proxy in one direction, not yet back: the fault itself
	p.Delay(0)
	p.Break()
	wg.Wait()
	got := consume(t, con, q.Name)
	until(t, "all jobs", func() bool { return got.count() == n })
	if again := log.count("job is published again"); again == 0 {
		t.Error("no confirm was in flight: the test shows nothing")
	} else {
		until(t, "the copies to be dropped", func() bool { return log.count("duplicate job dropped") > 0 })
	}
	for i := range n {
		if c := got.times(fmt.Sprint(i)); c != 1 {
			t.Errorf("job %d was done %d times", i, c)
		}
	}
}

// a request that may have reached its server is never sent again.
func TestUnknownOutcome(t *testing.T) {
	srv := sharedServer(t)
	p, url := behind(t, srv)
	web := newBus(t, Config{URL: url})
	owner := newBus(t, Config{URL: srv.URL()})
	var served atomic.Int64
	here, release := make(chan struct{}, 1), make(chan struct{})
	_, err := owner.Serve("unknown.do", func(context.Context, edge.Msg) ([]byte, error) {
		served.Add(1)
		here <- struct{}{}
		<-release
		return nil, nil
	})
	must(t, err)
	failed := make(chan error, 1)
	go func() {
		_, err := web.Request(soon(t, time.Minute), "unknown.do", nil)
		failed <- err
	}()
	<-here
	p.Cut()
	start := time.Now()
	wantCode(t, <-failed, edge.CodeUnknownOutcome)
	if d := time.Since(start); d > 2*time.Second {
		t.Errorf("that took %v", d)
	}
	_, err = web.Request(soon(t, time.Minute), "unknown.do", nil)
	wantCode(t, err, edge.CodeBusDown) // certainly not sent
	close(release)
	must(t, p.Restore())
	until(t, "the connection", func() bool { return web.Health() == nil })
	_, err = web.Request(soon(t, 10*time.Second), "unknown.do", nil)
	must(t, err)
	if n := web.Reconnects(); n != 1 {
		t.Errorf("%d reconnects counted", n)
	}
	if n := served.Load(); n != 2 {
		t.Errorf("served %d times", n)
	}
}

// a broker that hangs holds nobody up and is found by its silence.
func TestFrozen(t *testing.T) {
	srv := sharedServer(t)
	b := newBus(t, Config{URL: srv.URL(), Heartbeat: 2 * time.Second})
	q := newQueue(t, b, nil)
	must(t, b.Enqueue(soon(t, 10*time.Second), q.Name, "before", nil))
	_, err := b.Consume(q.Name, func(context.Context, edge.Job) error { return nil })
	must(t, err)
	victim := open(t, Config{URL: srv.URL()}) // with everything that Close has to end
	until(t, "the broker", func() bool { return victim.Health() == nil })
	_, err = victim.Subscribe("frozen.*", func(edge.Msg) {})
	must(t, err)
	_, err = victim.Serve("frozen.do", func(context.Context, edge.Msg) ([]byte, error) { return nil, nil })
	must(t, err)
	_, err = victim.Consume(q.Name, func(context.Context, edge.Job) error { return nil })
	must(t, err)
	must(t, srv.Pause())
	frozen := time.Now()
	defer func() { _ = srv.Resume() }()
	start := time.Now()
	wantCode(t, b.Enqueue(soon(t, 300*time.Millisecond), q.Name, "1", nil), edge.CodeBusDown)
	if d := time.Since(start); d > time.Second {
		t.Errorf("Enqueue within 300 ms took %v", d)
	}
	data := make([]byte, 4<<10)
	for range 2 * liveLane { // far more than the socket takes
		start := time.Now()
		_ = b.Publish(t.Context(), "frozen.x", data)
		if d := time.Since(start); d > 500*time.Millisecond {
			t.Fatalf("Publish waited %v", d)
		}
	}
	until(t, "health that says so", func() bool { return b.Health() != nil })
	if d := time.Since(frozen); d > 8*time.Second {
		t.Errorf("found after %v", d)
	}
	wantCode(t, b.Publish(t.Context(), "frozen.x", nil), edge.CodeBusDown)
	for name, closing := range map[string]*Bus{"new": open(t, Config{URL: srv.URL()}), "connected": victim} {
		start = time.Now()
		must(t, closing.Close())
		if d := time.Since(start); d > 5*time.Second {
			t.Errorf("Close of a %s bus under a frozen broker took %v", name, d)
		}
	}
	ill(t, b, "")
	must(t, srv.Resume())
	until(t, "the connection", func() bool { return b.Health() == nil })
	must(t, b.Enqueue(soon(t, 10*time.Second), q.Name, "after", nil))
}

// a memory alarm: nothing is accepted, everything says so, and jobs that are
// stored are still handed out.
func TestMemoryAlarm(t *testing.T) {
	srv := sharedServer(t)
	var log logs
	b := newBus(t, Config{URL: srv.URL(), Logger: log.logger()})
	q := newQueue(t, b, nil)
	must(t, b.Enqueue(soon(t, 10*time.Second), q.Name, "stored", nil))
	calm := func() {
		if _, err := srv.Ctl("set_vm_memory_high_watermark", "absolute", "1GB"); err != nil {
			t.Error(err)
		}
	}
	defer calm()
	if _, err := srv.Ctl("set_vm_memory_high_watermark", "0.00001"); err != nil {
		t.Fatal(err)
	}
	until(t, "the alarm", func() bool {
		_ = b.Publish(t.Context(), "alarm.x", nil)
		return b.Health() != nil
	})
	ill(t, b, "memory")
	start := time.Now()
	wantCode(t, b.Publish(t.Context(), "alarm.x", nil), edge.CodeBusDown)
	wantCode(t, b.Enqueue(soon(t, 10*time.Second), q.Name, "refused", nil), edge.CodeBusDown)
	_, err := b.Request(soon(t, 10*time.Second), "alarm.do", nil)
	wantCode(t, err, edge.CodeBusDown)
	if d := time.Since(start); d > time.Second {
		t.Errorf("refusing took %v", d)
	}
	got := consume(t, b, q.Name)
	until(t, "the stored job", func() bool { return got.times("stored") == 1 })
	calm()
	until(t, "the end of the alarm", func() bool { return b.Health() == nil })
	must(t, b.Enqueue(soon(t, 10*time.Second), q.Name, "after", nil))
	until(t, "the job after", func() bool { return got.times("after") == 1 })
	if n := log.count("broker takes no messages"); n != 1 {
		t.Errorf("logged %d times", n)
	}
}
