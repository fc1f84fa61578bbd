// Package experimenttest is the suite that package experiment must pass on every
// pair of a Bus and a KV: what its documentation promises of experiments, on real
// brokers and stores, with a fake device that counts what reaches it.
//
//	func TestExperiments(t *testing.T) {
//		experimenttest.Run(t, func(t *testing.T) experimenttest.Harness {
//			peers := startPeers(t)
//			return experimenttest.Harness{
//				Bus:    func(t *testing.T) edge.Bus { return peers.bus(t) },
//				Shared: func(t *testing.T) edge.KV { return peers.shared(t) },
//				Local:  func(t *testing.T) edge.KV { return peers.local(t) },
//			}
//		})
//	}
//
// A worker is killed by cutting it off from everything it uses: nothing it still
// does has an effect. Outages of the store are made by the suite, on every
// backend; real restarts are used where the harness offers them. Box names are new
// for every part, so stores and brokers may outlive the tests.
package experimenttest

import (
	"context"
	"crypto/rand"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"labbox/edge"
	"labbox/edge/experiment"
)

// Harness is what the suite runs on.
type Harness struct {
	// Bus, Shared and Local connect one process to the broker, the lab's store and
	// the worker's own store. The harness closes them. Local of one harness is
	// always the same store; nil: the lab's store is the worker's own too, as in an
	// edge box, and the parts where the two fail apart are skipped.
	Bus           func(t *testing.T) edge.Bus
	Shared, Local func(t *testing.T) edge.KV
	// RestartBroker and RestartStore restart a peer on its data; connections made
	// before go on by themselves. nil: not possible.
	RestartBroker, RestartStore func(t *testing.T)
	// Reopen restarts everything at once, where broker and stores live in one
	// process: connections made before are dead. nil: not possible.
	Reopen func(t *testing.T)
}

// Run runs the suite; open is called once for each part.
func Run(t *testing.T, open func(t *testing.T) Harness) {
	for _, p := range []struct {
		name string
		test func(t *testing.T, l *lab)
	}{
		{"Result", testResult}, {"Order", testOrder}, {"Duplicate", testDuplicate}, {"CancelPending", testCancelPending},
		{"CancelRunning", testCancelRunning}, {"CancelWhileAway", testCancelWhileAway}, {"CancelOfOthers", testCancelOfOthers},
		{"Turns", testTurns}, {"Gap", testGap}, {"Failures", testFailures}, {"Redelivery", testRedelivery}, {"Killed", testKilled}, {"KilledAndFlushed", testKilledAndFlushed}, {"Stopped", testStopped},
		{"StoreAwayAtEnd", testStoreAway}, {"Flushed", testFlushed}, {"FlushedResults", testFlushedResults}, {"Poisoned", testPoisoned},
		{"Unconfirmed", testUnconfirmed}, {"UnconfirmedAndDone", testUnconfirmedAndDone}, {"Adopted", testAdopted}, {"OwnStoreLost", testOwnStoreLost}, {"Limits", testLimits},
		{"Reopened", testReopened}, {"Many", testMany},
	} {
		t.Run(p.name, func(t *testing.T) { p.test(t, newLab(t, open(t))) })
	}
}

// patience is how long the suite waits for what must come.
const patience = 20 * time.Second

// lab is one box on the harness: an owner with devices, a desk, a worker.
type lab struct {
	t     *testing.T
	h     Harness
	box   string
	own   *Owner
	store *gate // the shared store, for everybody
	twice atomic.Bool
	gap   time.Duration // that people have between two experiments
	desk  *experiment.Desk
	kv    edge.KV // shared, past every gate
	bus   edge.Bus
	clock edge.Clock
	work  *worker
}

func newLab(t *testing.T, h Harness) *lab {
	l := &lab{t: t, h: h, box: "b" + strings.ToLower(rand.Text()[:10]), own: newOwner("d0", "d1", "d2", "d3"), store: &gate{},
		clock: edge.NewSystemClock(), gap: 10 * time.Millisecond}
	l.connect()
	l.work = l.start()
	t.Cleanup(func() { l.work.end() })
	return l
}

// connect makes the web process.
func (l *lab) connect() {
	l.kv, l.bus = l.h.Shared(l.t), l.h.Bus(l.t)
	l.until("a broker", func() bool { return l.bus.Health() == nil })
	l.desk = experiment.NewDesk(l.box, l.bus, &kv{KV: l.kv, gates: []*gate{l.store}}, l.clock, experiment.Limits{})
}

// worker is one life of a devices process.
type worker struct {
	l      *lab
	gate   *gate
	cancel context.CancelFunc
	over   chan struct{}
}

// start starts a worker.
func (l *lab) start() *worker {
	l.t.Helper()
	w := &worker{l: l, gate: &gate{}, over: make(chan struct{})}
	shared := edge.KV(&kv{KV: l.h.Shared(l.t), gates: []*gate{w.gate, l.store}})
	local := shared
	if l.h.Local != nil {
		local = &kv{KV: l.h.Local(l.t), gates: []*gate{w.gate}}
	}
	exp, err := experiment.NewWorker(experiment.Config{Box: l.box, Devices: []string{"d0", "d1", "d2", "d3"},
		Bus:    &bus{Bus: l.h.Bus(l.t), gates: []*gate{w.gate}, twice: &l.twice},
		Shared: shared, Local: local,
		Driver: driver{l.own, w.gate}, Clock: l.clock, Logger: slog.New(slog.NewTextHandler(testWriter{l.t}, nil)),
		MinGap: l.gap, MaxGap: l.gap, Settle: 300 * time.Millisecond})
	if err != nil {
		l.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	w.cancel = cancel
	go func() {
		defer close(w.over)
		if err := exp.Run(ctx); err != nil && ctx.Err() == nil && !w.gate.cut.Load() { // killed while it read its store
			l.t.Errorf("worker: %v", err)
		}
	}()
	return w
}

// end stops a worker as SIGTERM does.
func (w *worker) end() {
	w.l.t.Helper()
	w.cancel()
	select {
	case <-w.over:
	case <-time.After(patience):
		w.l.t.Error("the worker does not end")
	}
}

// kill stops a worker as SIGKILL does: nothing it does from now on has an effect.
// The owner, in the same process, starts anew too.
func (w *worker) kill() {
	w.gate.cut.Store(true)
	w.end()
	w.l.own.reboot()
}

type testWriter struct{ t *testing.T }

func (w testWriter) Write(b []byte) (int, error) {
	w.t.Log(strings.TrimSpace(string(b)))
	return len(b), nil
}

func seat(name string) edge.Actor {
	return edge.Actor{Seat: "seat-" + name, Name: name, Role: edge.RoleStudent, Via: "api"}
}

func (l *lab) ctx() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	l.t.Cleanup(cancel)
	return ctx
}

const plain = `[{"set":{"command":"first"}}]`

func (l *lab) request(device, steps, key string) *experiment.Request {
	l.t.Helper()
	r, err := experiment.ParseRequest([]byte(`{"device":"`+device+`","name":"test","key":"`+key+`","steps":`+steps+`}`), l.desk.Limits())
	if err != nil {
		l.t.Fatal(err)
	}
	return r
}

// submit hands in an experiment for Ana and returns its id.
func (l *lab) submit(device, steps string) string {
	l.t.Helper()
	x, err := l.desk.Submit(l.ctx(), seat("Ana"), contract(), l.request(device, steps, ""))
	if err != nil {
		l.t.Fatal(err)
	}
	if x.State.Final() || x.ID == "" || x.Device != device {
		l.t.Fatalf("submitted: %+v", x)
	}
	return x.ID
}

func (l *lab) get(id string) experiment.Experiment {
	l.t.Helper()
	x, err := l.desk.Get(l.ctx(), id)
	if err != nil {
		l.t.Fatal(err)
	}
	return x
}

// until polls until ok holds.
func (l *lab) until(what string, ok func() bool) {
	l.t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			l.t.Fatalf("waited %v in vain: %s", patience, what)
		}
	}
}

// ends waits for an end and checks which.
func (l *lab) ends(id string, want experiment.State) (x experiment.Experiment) {
	l.t.Helper()
	l.until("end of "+id, func() bool {
		var err error
		x, err = l.desk.Get(l.ctx(), id)
		return err == nil && x.State.Final()
	})
	if x.State != want {
		l.t.Fatalf("%s ended %s (%+v), want %s", id, x.State, x.Reason, want)
	}
	return x
}

// reaches waits until an experiment's first command is held by its device.
func (l *lab) reaches(device, id string) {
	l.t.Helper()
	l.until(id+" at its device", func() bool { return l.own.reachedBy(id) > 0 })
}

// ran checks how often an experiment reached a device.
func (l *lab) ran(id string, want int) {
	l.t.Helper()
	if n := l.own.reachedBy(id); n != want {
		l.t.Errorf("%s ran %d times, want %d", id, n, want)
	}
}

// twoStores skips a part that needs the worker to have a store of its own.
func (l *lab) twoStores() {
	l.t.Helper()
	if l.h.Local == nil {
		l.t.Skip("the worker and the lab share one store here")
	}
}

// flush empties this box's part of the shared store.
func (l *lab) flush() {
	l.t.Helper()
	keys, err := l.kv.Keys(l.ctx(), edge.Key(l.box, ""))
	if err != nil {
		l.t.Fatal(err)
	}
	if len(keys) > 0 {
		if _, err := l.kv.Delete(l.ctx(), keys...); err != nil {
			l.t.Fatal(err)
		}
	}
}
