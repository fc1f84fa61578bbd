package experimenttest

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"labbox/edge"
	"labbox/edge/experiment"
)

func testRedelivery(t *testing.T, l *lab) {
	l.twice.Store(true)
	letGo := l.own.keep("d0")
	defer letGo()
	a, b := l.submit("d0", plain), l.submit("d0", plain)
	l.reaches("d0", a)
	time.Sleep(500 * time.Millisecond) // a job's second delivery comes after 200 ms
	letGo()
	l.ends(a, experiment.Done)
	l.ends(b, experiment.Done)
	l.ends(l.submit("d0", plain), experiment.Done)
	l.ran(a, 1)
	l.ran(b, 1)
}

func testKilled(t *testing.T, l *lab) {
	letGo := l.own.keep("d0")
	a := l.submit("d0", `[{"record":{}},{"set":{"command":"first"}},{"set":{"command":"move"}}]`)
	b := l.submit("d0", plain)
	l.reaches("d0", a)
	l.until("the recording noted", func() bool { return l.get(a).Run != "" })
	l.work.kill()
	letGo()
	if x := l.get(a); x.State != experiment.Running {
		t.Fatalf("while the worker is away: %s", x.State)
	}
	l.work = l.start()
	x := l.ends(a, experiment.Interrupted)
	if x.Reason == nil || x.Reason.Hint == "" || x.Run != "run-"+a || x.StartedMS == 0 || x.EndedMS == 0 {
		t.Errorf("%+v", x)
	}
	l.ends(b, experiment.Done)
	l.work.kill()
	l.work = l.start()
	l.ends(l.submit("d0", plain), experiment.Done)
	l.ends(a, experiment.Interrupted)
	l.ran(a, 1)
	l.ran(b, 1)
}

// Killed in the middle, and the shared store has lost everything: the worker's own
// note that it was started is enough.
func testKilledAndFlushed(t *testing.T, l *lab) {
	l.twoStores()
	letGo := l.own.keep("d0")
	a := l.submit("d0", plain)
	b := l.submit("d0", plain)
	l.reaches("d0", a)
	l.until("running is told", func() bool { return l.get(a).State == experiment.Running })
	l.work.kill()
	letGo()
	l.flush()
	l.work = l.start()
	l.ends(a, experiment.Interrupted)
	l.ends(b, experiment.Done)
	l.ran(a, 1)
	l.ran(b, 1)
}

func testStopped(t *testing.T, l *lab) {
	a := l.submit("d0", `[{"set":{"command":"first"}},{"wait":{"ms":60000}}]`)
	b := l.submit("d0", plain)
	l.until("running", func() bool { return l.get(a).Step == 1 })
	l.work.end()
	if x := l.ends(a, experiment.Interrupted); x.Reason == nil || x.Step != 1 {
		t.Errorf("%+v", x)
	}
	l.own.change("d0", func(d *Device) {
		if d.lease != nil {
			t.Error("the lease was kept")
		}
	})
	if x := l.get(b); x.State != experiment.Pending || x.Place != 1 {
		t.Errorf("%+v", x)
	}
	l.work = l.start()
	l.ends(b, experiment.Done)
	l.ran(a, 1)
}

func testStoreAway(t *testing.T, l *lab) {
	l.twoStores()
	letGo := l.own.keep("d0")
	defer letGo()
	a, b := l.submit("d0", plain), l.submit("d0", plain)
	l.reaches("d0", a)
	l.store.cut.Store(true)
	if _, err := l.desk.Submit(l.ctx(), seat("Ana"), contract(), l.request("d0", plain, "")); edge.CodeOf(err) != edge.CodeStoreDown {
		t.Fatal(err)
	}
	letGo()
	l.reaches("d0", b) // the store is not needed
	l.store.cut.Store(false)
	c := l.submit("d1", `[{"set":{"command":"first"}},{"wait":{"ms":300}}]`)
	l.reaches("d1", c)
	l.store.cut.Store(true)
	time.Sleep(800 * time.Millisecond)
	l.store.cut.Store(false)
	l.ends(c, experiment.Done) // without a new start
	letGo = l.own.keep("d0")
	a, b = l.submit("d0", plain), l.submit("d0", plain)
	l.reaches("d0", a)
	l.store.cut.Store(true)
	letGo()
	l.reaches("d0", b)
	l.until("both released", func() (free bool) {
		l.own.change("d0", func(d *Device) { free = d.lease == nil })
		return free
	})
	time.Sleep(50 * time.Millisecond)
	l.work.kill() // and the results survive this
	l.work = l.start()
	l.store.cut.Store(false)
	if l.h.RestartStore != nil {
		l.h.RestartStore(t)
	}
	for _, id := range []string{a, b} {
		x := l.ends(id, experiment.Done)
		if len(x.Outcomes) != 1 || x.Outcomes[0].Reply != "ok first" {
			t.Errorf("%+v", x)
		}
		l.ran(id, 1)
	}
}

func testFlushed(t *testing.T, l *lab) {
	l.twoStores()
	letGo := l.own.keep("d0")
	defer letGo()
	a, b, c := l.submit("d0", plain), l.submit("d0", plain), l.submit("d0", plain)
	l.reaches("d0", a)
	l.until("c in place", func() bool { return l.get(c).Place == 2 })
	l.flush()
	for id, place := range map[string]int{b: 1, c: 2} {
		l.until("the record is back", func() bool {
			x, err := l.desk.Get(l.ctx(), id)
			return err == nil && x.State == experiment.Pending && x.Place == place && len(x.Steps) == 1 && x.By.Name == "Ana"
		})
	}
	l.until("the running one is back", func() bool {
		x, err := l.desk.Get(l.ctx(), a)
		return err == nil && x.State == experiment.Running
	})
	letGo()
	for _, id := range []string{a, b, c} {
		l.ends(id, experiment.Done)
		l.ran(id, 1)
	}
	// A job that was never seen, and its record gone: the job is enough.
	l.work.kill()
	d := l.submit("d0", plain)
	l.flush()
	l.work = l.start()
	l.ends(d, experiment.Done)
	l.ran(d, 1)
}

func testFlushedResults(t *testing.T, l *lab) {
	l.twoStores()
	a := l.submit("d0", plain)
	l.ends(a, experiment.Done)
	l.ends(l.submit("d0", plain), experiment.Done)
	l.flush()
	x := l.ends(a, experiment.Done)
	if len(x.Outcomes) != 1 {
		t.Errorf("%+v", x)
	}
	l.ran(a, 1)
	// Submitted again under the flushed id: the worker remembers.
	if err := l.bus.Enqueue(l.ctx(), "EXP-d0-AT-"+l.box, a+"x", job(t, x)); err != nil {
		t.Fatal(err)
	}
	l.ends(l.submit("d0", plain), experiment.Done)
	l.ran(a, 1)
	// The same while nobody is there, and the shared store knows nothing.
	l.work.kill()
	l.flush()
	if err := l.bus.Enqueue(l.ctx(), "EXP-d0-AT-"+l.box, a+"y", job(t, x)); err != nil {
		t.Fatal(err)
	}
	next := l.submit("d0", plain)
	l.work = l.start()
	l.ends(next, experiment.Done)
	l.ends(a, experiment.Done)
	l.ran(a, 1)
}

// job is the message a desk would queue for x.
func job(t *testing.T, x experiment.Experiment) []byte {
	t.Helper()
	x.State, x.Outcomes = experiment.Pending, nil
	b, err := json.Marshal(map[string]any{"v": 1, "submit": map[string]any{"v": 1, "actor": seat("Ana"), "content": "x", "experiment": x}})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func testPoisoned(t *testing.T, l *lab) {
	queue := "EXP-d0-AT-" + l.box
	l.until("the queue", func() bool { return l.bus.Enqueue(l.ctx(), queue, "poison-1", []byte("no json")) == nil })
	if err := l.bus.Enqueue(l.ctx(), queue, "poison-2", []byte(`{"v":1,"submit":{"v":1,"experiment":{"id":"x","steps":[{"explode":{}}]}}}`)); err != nil {
		t.Fatal(err)
	}
	id := l.submit("d0", plain)
	l.ends(id, experiment.Done)
	l.until("the poisoned ones set aside", func() bool {
		dead, err := l.bus.Dead(l.ctx(), queue, 10)
		return err == nil && len(dead) == 2
	})
}

// What a desk could not confirm may run, but never twice, and its key finds it.
func testUnconfirmed(t *testing.T, l *lab) {
	lossy := &lossyBus{Bus: l.bus}
	desk := experiment.NewDesk(l.box, lossy, l.kv, l.clock, experiment.Limits{})
	lossy.lose = true
	r := l.request("d0", plain, "once")
	if _, err := desk.Submit(l.ctx(), seat("Ana"), contract(), r); edge.CodeOf(err) != edge.CodeBusDown {
		t.Fatal(err)
	}
	lossy.lose = false
	x, err := desk.Submit(l.ctx(), seat("Ana"), contract(), r)
	if err != nil {
		t.Fatal(err)
	}
	l.ends(x.ID, experiment.Done)
	l.ends(l.submit("d0", plain), experiment.Done)
	l.ran(x.ID, 1)
}

// An unconfirmed submission whose job was done before the desk gave it up, and the
// same submission once more: it finds the result.
func testUnconfirmedAndDone(t *testing.T, l *lab) {
	lossy := &lossyBus{Bus: l.bus, lose: true}
	lossy.meanwhile = func() {
		l.until("run", func() bool { return l.own.reachedAll() == 1 })
		time.Sleep(300 * time.Millisecond)
	}
	desk := experiment.NewDesk(l.box, lossy, l.kv, l.clock, experiment.Limits{})
	r := l.request("d0", plain, "once")
	if _, err := desk.Submit(l.ctx(), seat("Ana"), contract(), r); edge.CodeOf(err) != edge.CodeBusDown {
		t.Fatal(err)
	}
	x, err := l.desk.Submit(l.ctx(), seat("Ana"), contract(), r)
	if err != nil {
		t.Fatal(err)
	}
	if x = l.ends(x.ID, experiment.Done); len(x.Outcomes) != 1 {
		t.Errorf("%+v", x)
	}
	if l.h.Local != nil { // the same after the store has lost it, before the worker sees that
		if _, err := l.kv.Delete(l.ctx(), edge.Key(l.box, "experiment", x.ID)); err != nil {
			t.Fatal(err)
		}
		y, err := l.desk.Submit(l.ctx(), seat("Ana"), contract(), r)
		if err != nil || y.ID != x.ID {
			t.Fatal(y, err)
		}
		if x = l.ends(x.ID, experiment.Done); len(x.Outcomes) != 1 {
			t.Errorf("%+v", x)
		}
	}
	l.ran(x.ID, 1)
	l.until("nobody's place is left", func() bool {
		list, err := l.desk.List(l.ctx(), "d0")
		return err == nil && len(list) == 1
	})
}

// lossyBus stores a job and loses the confirmation.
type lossyBus struct {
	edge.Bus
	lose      bool
	meanwhile func()
}

func (b *lossyBus) Enqueue(ctx context.Context, queue, id string, data []byte) error {
	if err := b.Bus.Enqueue(ctx, queue, id, data); err != nil || !b.lose {
		return err
	}
	if b.meanwhile != nil {
		b.meanwhile()
	}
	return edge.Errorf(edge.CodeBusDown, "no confirmation")
}

// A record whose job never came, and a place whose record was never made.
func testAdopted(t *testing.T, l *lab) {
	mute := &muteBus{Bus: l.bus}
	desk := experiment.NewDesk(l.box, mute, l.kv, l.clock, experiment.Limits{})
	x, err := desk.Submit(l.ctx(), seat("Ana"), contract(), l.request("d0", plain, ""))
	if err != nil {
		t.Fatal(err)
	}
	y, err := desk.Submit(l.ctx(), seat("Ana"), contract(), l.request("d0", plain, ""))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.kv.Delete(l.ctx(), edge.Key(l.box, "experiment", y.ID)); err != nil {
		t.Fatal(err)
	}
	l.ends(x.ID, experiment.Done)
	l.ran(x.ID, 1)
	l.own.change("d0", func(d *Device) { d.state = edge.StateAbsent })
	z := l.submit("d0", plain)
	l.until("the stray place is gone", func() bool { return l.get(z).Place == 1 })
}

type muteBus struct{ edge.Bus }

func (muteBus) Enqueue(context.Context, string, string, []byte) error { return nil }

// The worker's own store is lost, the shared one is not: what ran does not run
// again when its job comes again.
func testOwnStoreLost(t *testing.T, l *lab) {
	l.twoStores()
	a := l.submit("d0", plain)
	x := l.ends(a, experiment.Done)
	letGo := l.own.keep("d0")
	b := l.submit("d0", plain)
	l.reaches("d0", b)
	y := x
	// In its record: the line tells it a moment earlier, and is made anew by the
	// next worker.
	l.until("running is told", func() bool {
		y = l.get(b)
		raw, _, err := l.kv.Get(l.ctx(), edge.Key(l.box, "experiment", b))
		return err == nil && strings.Contains(string(raw), `"state":"running"`)
	})
	l.work.kill()
	letGo()
	own := l.h.Local(t)
	keys, err := own.Keys(l.ctx(), edge.Key(l.box, "experiment-own"))
	if err != nil || len(keys) == 0 {
		t.Fatal(keys, err)
	}
	if _, err := own.Delete(l.ctx(), keys...); err != nil {
		t.Fatal(err)
	}
	for _, e := range []experiment.Experiment{x, y} {
		if err := l.bus.Enqueue(l.ctx(), "EXP-d0-AT-"+l.box, e.ID+"x", job(t, e)); err != nil {
			t.Fatal(err)
		}
	}
	l.work = l.start()
	l.ends(b, experiment.Interrupted)
	l.ends(l.submit("d0", plain), experiment.Done)
	l.ends(a, experiment.Done)
	l.ran(a, 1)
	l.ran(b, 1)
}

// Everything restarts at once: what is pending runs, what ran was interrupted.
func testReopened(t *testing.T, l *lab) {
	if l.h.Reopen == nil {
		t.Skip("this harness restarts its peers one by one")
	}
	letGo := l.own.keep("d0")
	a, b := l.submit("d0", plain), l.submit("d0", plain)
	done := l.submit("d1", plain)
	l.ends(done, experiment.Done)
	l.reaches("d0", a)
	l.work.kill()
	letGo()
	c := l.submit("d0", plain)
	l.h.Reopen(t)
	l.connect()
	l.work = l.start()
	l.ends(a, experiment.Interrupted)
	l.ends(b, experiment.Done)
	l.ends(c, experiment.Done)
	l.ends(done, experiment.Done)
	for _, id := range []string{a, b, c, done} {
		l.ran(id, 1)
	}
}
