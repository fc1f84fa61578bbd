package devices

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"labbox/devices/transport/mem"
	"labbox/edge"
)

func (k *memKV) Create(ctx context.Context, key string, v []byte, _ time.Duration) (bool, error) {
	if err := k.before(ctx, "create", key); err != nil {
		return false, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, ok := k.m[key]; ok {
		return false, nil
	}
	k.m[key] = string(v)
	return true, nil
}

func (k *memKV) Swap(ctx context.Context, key string, old, v []byte, _ time.Duration) (bool, error) {
	if err := k.before(ctx, "swap", key); err != nil {
		return false, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if have, ok := k.m[key]; !ok || have != string(old) {
		return false, nil
	}
	k.m[key] = string(v)
	return true, nil
}

func (k *memKV) clear() {
	k.mu.Lock()
	defer k.mu.Unlock()
	clear(k.m)
}

func (k *memKV) at(key string) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.m[key]
}

// owning runs an owner of a plate that tells of itself.
func owning(t *testing.T, shared edge.KV, instance string) (o *Owner, pl *plate, end func() error) {
	t.Helper()
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	clock := edge.NewSystemClock()
	ledger, err := NewLedger(t.Context(), "b", &memKV{m: map[string]string{}}, shared, log)
	if err != nil {
		t.Fatal(err)
	}
	bus := deadBus{end: make(chan struct{})}
	close(bus.end)
	o = NewOwner(OwnerConfig{Box: "b", Bus: bus, Shared: shared, Clock: clock, Logger: log,
		Presence: edge.Presence{Instance: instance, URL: "http://10.0.0.1:8080", Token: "secret", Host: "pc-" + instance}})
	pl = &plate{interval: 5 * time.Millisecond, duty: 80}
	sup, err := New(Config{Box: "b", ID: "p", Type: catalogType(t, "plate"), Clock: clock, Ledger: ledger, Sinks: []edge.Sink{o}, Logger: log,
		Opener: mem.NewOpener(mem.Options{}, func(d *mem.Port) { go pl.run(d) })})
	if err != nil {
		t.Fatal(err)
	}
	o.Add(sup)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- o.Run(ctx) }()
	return o, pl, func() error { cancel(); return <-ended }
}

func presenceIn(kv *memKV) (p edge.Presence) {
	_ = json.Unmarshal([]byte(kv.at(edge.PresenceKey("b"))), &p)
	return p
}

func TestOwnerTellsWhereItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kv := &memKV{m: map[string]string{}}
		o, _, end := owning(t, kv, "one")
		time.Sleep(time.Second)
		p := presenceIn(kv)
		if p.Instance != "one" || p.Box != "b" || p.Owner != o.Tick().Owner || p.Owner == 0 || p.URL == "" || p.Token != "secret" {
			t.Fatalf("presence %+v, tick %+v", p, o.Tick())
		}
		// Somebody empties the store: all copies are there again soon.
		status, contract := edge.StatusKey("b", "p"), edge.ContractKey("b", o.Contract("p").Hash)
		kv.clear()
		time.Sleep(presenceEvery + time.Second)
		if kv.at(edge.PresenceKey("b")) == "" || kv.at(status) == "" || kv.at(contract) == "" {
			t.Error("the copies did not come back after the store was emptied")
		}
		if err := end(); err != nil {
			t.Errorf("run: %v", err)
		}
		if kv.at(edge.PresenceKey("b")) != "" {
			t.Error("an owner that has ended is still told of")
		}
		time.Sleep(2 * storeTimeout)
	})
}

func TestTwoBoxesOfOneName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kv := &memKV{m: map[string]string{}}
		_, _, end := owning(t, kv, "one")
		time.Sleep(time.Second)
		other := NewOwner(OwnerConfig{Box: "b", Shared: kv, Logger: slog.New(slog.DiscardHandler), Presence: edge.Presence{Instance: "two"}})
		err := other.Claim(t.Context())
		if edge.CodeOf(err) != edge.CodeNameTaken || !strings.Contains(err.Error(), "pc-one") || edge.AsError(err).Hint == "" {
			t.Errorf("a second box of the name: %v", err)
		}
		if p := presenceIn(kv); p.Instance != "one" {
			t.Errorf("the name went to %q", p.Instance)
		}
		// The first one again, after a crash: its data directory says who it is.
		again := NewOwner(OwnerConfig{Box: "b", Shared: kv, Logger: slog.New(slog.DiscardHandler), Presence: edge.Presence{Instance: "one"}})
		if err := again.Claim(t.Context()); err != nil {
			t.Errorf("the same box again: %v", err)
		}
		_ = end()
		time.Sleep(2 * storeTimeout)
	})
}

// The name turns out to be another's when the store comes back: the devices are
// made safe, and the process ends.
func TestNameLostWhileTheStoreWasAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kv := &memKV{m: map[string]string{}}
		kv.on(func(context.Context, string, string) error { return edge.Errorf(edge.CodeStoreDown, "away") })
		o, pl, end := owning(t, kv, "two")
		if err := o.Claim(t.Context()); err != nil {
			t.Errorf("a store that is away must not keep devices from being served: %v", err)
		}
		time.Sleep(3 * time.Second)
		kv.mu.Lock()
		kv.hook = nil
		kv.m[edge.PresenceKey("b")] = `{"instance":"one","host":"pc-one"}`
		kv.mu.Unlock()
		time.Sleep(presenceEvery + 3*time.Second)
		if err := end(); edge.CodeOf(err) != edge.CodeNameTaken {
			t.Errorf("run ended with %v", err)
		}
		if !pl.duty0() {
			t.Error("not safe at the end")
		}
		if p := presenceIn(kv); p.Instance != "one" {
			t.Error("the other box's presence was taken away")
		}
		time.Sleep(2 * storeTimeout)
	})
}

// A store that hangs holds up a turn by half a second at most, and the owner's own
// fencing numbers rule.
func TestTurnWithoutTheSharedStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared, local := &memKV{m: map[string]string{}}, &memKV{m: map[string]string{}}
		var log bytes.Buffer
		l, err := NewLedger(t.Context(), "b", local, shared, slog.New(slog.NewTextHandler(&log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		take := func(want uint64) {
			t.Helper()
			begun := time.Now()
			n, err := l.nextFence(t.Context(), "p")
			if err != nil || n != want || time.Since(begun) > sharedTimeout {
				t.Errorf("fence %d after %v, %v; want %d", n, time.Since(begun), err, want)
			}
			synctest.Wait()
		}
		take(1)
		shared.m[fenceKey("b", "p")] = "41" // an owner before, whose disk is lost
		take(42)
		shared.on(func(ctx context.Context, _, _ string) error { <-ctx.Done(); return ctx.Err() })
		take(43)
		time.Sleep(2 * storeTimeout)
		shared.on(nil)
		shared.clear() // FLUSHALL: never back
		take(44)
		if got := shared.at(fenceKey("b", "p")); got != "44" {
			t.Errorf("the copy is %q, want 44", got)
		}
	})
}

// What a broker held back is not carried out later: a resume, a take, a heartbeat or
// a clearing from before follows a tick that is too old.
func TestLateRequestsAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kv := &memKV{m: map[string]string{}}
		o, _, end := owning(t, kv, "one")
		time.Sleep(2 * time.Second)
		ann := edge.Actor{Seat: "a", Name: "Ann", Role: edge.RoleTeacher}
		do := func(v edge.Verb, tick edge.Tick) edge.Code {
			_, err := o.Do(t.Context(), &edge.Ask{Verb: v, Device: "p", Actor: ann, Tick: tick})
			return edge.CodeOf(err)
		}
		before := o.Tick()
		if c := do(edge.VerbStop, edge.Tick{}); c != "" {
			t.Fatalf("a stop needs no tick: %s", c)
		}
		time.Sleep(time.Minute)
		for _, v := range []edge.Verb{edge.VerbResume, edge.VerbTake, edge.VerbBeat, edge.VerbClear} {
			for _, tick := range []edge.Tick{before, {}, {Owner: o.Tick().Owner + 1, N: o.Tick().N}} {
				if c := do(v, tick); c != edge.CodeStaleTick {
					t.Errorf("%s with tick %+v: %q, want %s", v, tick, c, edge.CodeStaleTick)
				}
			}
		}
		if st, _ := o.Status("p"); st.Stopped == nil {
			t.Fatal("a resume a minute old took off the newer stop")
		}
		if c := do(edge.VerbResume, o.Tick()); c != "" {
			t.Errorf("resume: %s", c)
		}
		if c := do(edge.VerbTake, o.Tick()); c != "" {
			t.Errorf("take: %s", c)
		}
		if err := end(); err != nil {
			t.Error(err)
		}
		time.Sleep(2 * storeTimeout)
	})
}

// A resume whose answer from the store was lost failed: the stop stays, over a
// restart too.
func TestFailedResumeKeepsTheLatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kv := &memKV{m: map[string]string{}}
		o, _, end := owning(t, kv, "one")
		local := o.sups["p"].cfg.Ledger.Local.(*memKV)
		time.Sleep(2 * time.Second)
		ann := edge.Actor{Seat: "a", Name: "Ann", Role: edge.RoleTeacher}
		if _, err := o.Do(t.Context(), &edge.Ask{Verb: edge.VerbStop, Device: "p", Actor: ann}); err != nil {
			t.Fatal(err)
		}
		local.on(func(_ context.Context, op, key string) error {
			if op != "delete" {
				return nil
			}
			local.mu.Lock() // done, and the answer is lost
			delete(local.m, key)
			local.mu.Unlock()
			return edge.Errorf(edge.CodeUnknownOutcome, "lost")
		})
		if _, err := o.Do(t.Context(), &edge.Ask{Verb: edge.VerbResume, Device: "p", Actor: ann, Tick: o.Tick()}); err == nil {
			t.Fatal("a resume that is not durable was called done")
		}
		local.on(nil)
		time.Sleep(5 * time.Second)
		again, err := NewLedger(t.Context(), "b", local, nil, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		if again.stop("p") == nil {
			t.Error("shown as stopped, but a restart forgets the stop")
		}
		if err := end(); err != nil {
			t.Error(err)
		}
		time.Sleep(2 * storeTimeout)
	})
}

// Who presses again because it still moves gets the safe sequence again.
func TestStopPressedAgainIsSentAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, pl, end := owning(t, &memKV{m: map[string]string{}}, "one")
		time.Sleep(2 * time.Second)
		press := func() {
			t.Helper()
			ans, err := o.Do(t.Context(), &edge.Ask{Verb: edge.VerbStop, Device: "p", Actor: edge.Actor{Seat: "a", Role: edge.RoleStudent}})
			if err != nil || !ans.Stop.Confirmed || !ans.Stop.Latched {
				t.Fatalf("%+v, %v", ans, err)
			}
		}
		press()
		pl.mu.Lock()
		pl.duty = 60 // somebody's hand, or a fault of the firmware
		pl.mu.Unlock()
		press()
		if !pl.duty0() {
			t.Error("the second press sent nothing")
		}
		if err := end(); err != nil {
			t.Error(err)
		}
		time.Sleep(2 * storeTimeout)
	})
}
