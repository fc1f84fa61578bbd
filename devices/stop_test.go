package devices

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"labbox/devices/transport/mem"
	"labbox/edge"
)

// stuck is a store that answers nothing until the asker gives up.
func stuck(ctx context.Context, _, _ string) error { <-ctx.Done(); return ctx.Err() }

var errFull = edge.Errorf(edge.CodeStoreFull, "disk full")

// inBubble runs a test on the plate in fake time.
func inBubble(t *testing.T, o mem.Options, change func(*Type), test func(t *testing.T, r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		t.Cleanup(func() { time.Sleep(2 * storeTimeout) }) // whoever waits for a store gives up
		test(t, newRig(t, o, change))
	})
}

func (r *rig) driven(x float64) (fence uint64) {
	r.t.Helper()
	r.until("live", live)
	fence = r.take(ann)
	if err := r.duty(ann, fence, x); err != nil {
		r.t.Fatal(err)
	}
	return fence
}

func (r *rig) count(code, key string, value any) (n int) {
	r.sink.mu.Lock()
	defer r.sink.mu.Unlock()
	for _, e := range r.sink.events {
		if e.Code == code && e.Args[key] == value {
			n++
		}
	}
	return n
}

func TestStopDoesNotWaitForTheStore(t *testing.T) {
	inBubble(t, mem.Options{}, nil, func(t *testing.T, r *rig) {
		f := r.driven(50)
		defer r.beats(ann, f)()
		r.kv.on(stuck)
		began := time.Now()
		got := make(chan *edge.StopResult, 1)
		go func() {
			res, _ := r.Stop(context.Background(), bob)
			got <- res
		}()
		r.until("off", func(edge.Status) bool { return r.plate.duty0() })
		if d := time.Since(began); d > 20*time.Millisecond {
			t.Errorf("off %v after the stop", d)
		}
		res := <-got
		if !res.Confirmed || res.Latched {
			t.Errorf("%+v, want confirmed and not latched durably", res)
		}
		code(t, r.duty(ann, f, 10), edge.CodeStopped)
	})
}

func TestTakeAndBootDoNotHoldUpAStopWhileTheStoreIsStuck(t *testing.T) {
	inBubble(t, mem.Options{}, nil, func(t *testing.T, r *rig) {
		r.until("live", live)
		r.plate.set(func(p *plate) { p.duty = 40 })
		r.kv.on(stuck)
		for range 5 {
			go func() { _, _ = r.Take(context.Background(), ann) }()
		}
		synctest.Wait()
		began := time.Now()
		go func() { _, _ = r.Stop(context.Background(), bob) }()
		r.until("off", func(edge.Status) bool { return r.plate.duty0() })
		if d := time.Since(began); d > 20*time.Millisecond {
			t.Errorf("off %v after the stop", d)
		}
		_, err := r.Take(context.Background(), ann)
		code(t, err, edge.CodeStopped)

		r.cancel()
		<-r.done
		r.plate.set(func(p *plate) { p.duty = 80 })
		r.kv.on(func(ctx context.Context, op, key string) error {
			if op == "get" {
				return nil // the latched stops were read; then it sticks
			}
			return stuck(ctx, op, key)
		})
		began = time.Now()
		r.start(r.t2(), 0)
		r.until("off at boot", func(edge.Status) bool { return r.plate.duty0() })
		if d := time.Since(began); d > 700*time.Millisecond { // the board's reset is part of it
			t.Errorf("off %v after the start", d)
		}
	})
}

func TestStopIsMadeDurableLater(t *testing.T) {
	inBubble(t, mem.Options{}, nil, func(t *testing.T, r *rig) {
		r.until("live", live)
		r.kv.on(func(context.Context, string, string) error { return errFull })
		res, err := r.Stop(t.Context(), bob)
		if err != nil || res.Latched || !res.Confirmed {
			t.Fatalf("%+v, %v", res, err)
		}
		r.kv.on(nil)
		r.until("latched", func(edge.Status) bool {
			_, ok, _ := r.kv.Get(t.Context(), stopKey("b", "p"))
			return ok
		})
		if err := r.Resume(tea); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		if _, ok, _ := r.kv.Get(t.Context(), stopKey("b", "p")); ok {
			t.Error("the latch came back")
		}
	})
}

func TestStopDuringResumeStays(t *testing.T) {
	inBubble(t, mem.Options{}, nil, func(t *testing.T, r *rig) {
		r.until("live", live)
		if _, err := r.Stop(t.Context(), bob); err != nil {
			t.Fatal(err)
		}
		asked, go_ := make(chan struct{}), make(chan struct{})
		r.kv.on(func(_ context.Context, op, _ string) error {
			if op == "delete" {
				close(asked)
				<-go_
			}
			return nil
		})
		resumed := make(chan error, 1)
		go func() { resumed <- r.Resume(tea) }()
		<-asked
		stopped := make(chan *edge.StopResult, 1)
		go func() {
			res, _ := r.Stop(context.Background(), bob)
			stopped <- res
		}()
		synctest.Wait()
		close(go_)
		code(t, <-resumed, edge.CodeStopped)
		if res := <-stopped; !res.Latched {
			t.Errorf("%+v", res)
		}
		if r.Status().Stopped == nil {
			t.Fatal("the stop is lost")
		}
		if _, ok, _ := r.kv.Get(t.Context(), stopKey("b", "p")); !ok {
			t.Error("the stop is not durable")
		}
	})
}

func TestFailedResumeLeavesItStopped(t *testing.T) {
	inBubble(t, mem.Options{}, nil, func(t *testing.T, r *rig) {
		r.until("live", live)
		if _, err := r.Stop(t.Context(), bob); err != nil {
			t.Fatal(err)
		}
		r.kv.on(func(context.Context, string, string) error { return errFull })
		if err := r.Resume(tea); !errors.Is(err, errFull) {
			t.Fatal(err)
		}
		_, err := r.Take(t.Context(), ann)
		code(t, err, edge.CodeStopped)
		if r.cfg.Ledger.stop("p") == nil {
			t.Error("the ledger forgot")
		}
	})
}

// Where there is nobody to understand the safe sequence the stop latches and
// says NOT CONFIRMED, without keeping the one who pressed it waiting.
func TestStopWithoutADevice(t *testing.T) {
	inBubble(t, mem.Options{}, func(typ *Type) { typ.Connect.IdentifyIn = 300 * time.Millisecond }, func(t *testing.T, r *rig) {
		r.until("live", live)
		r.opener.Unplug()
		r.until("absent", func(st edge.Status) bool { return st.State == edge.StateAbsent })
		stop := func(what string, most time.Duration) {
			t.Helper()
			began := time.Now()
			res, err := r.Stop(t.Context(), bob)
			if err != nil || res.Confirmed || !res.Latched || res.Reason == nil {
				t.Errorf("%s: %+v, %v", what, res, err)
			}
			if d := time.Since(began); d > most {
				t.Errorf("%s: answered after %v", what, d)
			}
		}
		stop("absent", 10*time.Millisecond)
		r.plate.set(func(p *plate) { p.frozen = true }) // says nothing but its banner
		r.opener.Plug()
		r.until("fault", func(st edge.Status) bool { return st.State == edge.StateFault })
		stop("fault", 10*time.Millisecond)
		n := len(r.plate.lines())
		time.Sleep(time.Second)
		if got := r.plate.lines()[n:]; len(got) > 0 {
			t.Errorf("an unknown device was sent %q", got)
		}
		r.plate.set(func(p *plate) { p.frozen = false })
		st := r.until("live", live)
		if st.Stopped == nil || st.Safe != edge.SafeConfirmed {
			t.Errorf("%+v", st)
		}
	})
}

// A stop pressed while the device boots or is being identified is confirmed by
// the safe sequence that comes anyway.
func TestStopWhileBootingIsConfirmed(t *testing.T) {
	inBubble(t, mem.Options{}, nil, func(t *testing.T, r *rig) {
		r.until("live", live)
		for _, at := range []edge.State{edge.StateBooting, edge.StateIdentifying} {
			r.plate.set(func(p *plate) { p.frozen, p.duty, p.boot = true, 70, 100*time.Millisecond })
			r.opener.Unplug()
			r.until("absent", func(st edge.Status) bool { return st.State == edge.StateAbsent })
			r.opener.Plug()
			r.until(string(at), func(st edge.Status) bool { return st.State == at })
			time.AfterFunc(250*time.Millisecond, func() { r.plate.set(func(p *plate) { p.frozen = false }) })
			res, err := r.Stop(t.Context(), bob)
			if err != nil || !res.Confirmed || !r.plate.duty0() {
				t.Errorf("%s: %+v, %v, heater off %v", at, res, err, r.plate.duty0())
			}
			r.until("live", live)
		}
	})
}

// A second reason for a safe sequence does not drop the bytes of the first.
func TestSecondDemandLeavesTheFirstAlone(t *testing.T) {
	inBubble(t, mem.Options{Baud: 2400}, nil, func(t *testing.T, r *rig) {
		r.plate.set(func(p *plate) { p.interval = 300 * time.Millisecond })
		r.until("live", live)
		f := r.take(ann)
		r.until("safing", func(st edge.Status) bool { return st.State == edge.StateSafing })
		time.Sleep(20 * time.Millisecond) // its bytes are on the line: 17 of them take 71 ms
		if err := r.Release(ann, f); err != nil {
			t.Fatal(err)
		}
		r.until("live", live)
		if n := r.count("safe", "outcome", "unconfirmed"); n > 0 {
			t.Errorf("%d safe sequences failed", n)
		}
		for _, l := range r.plate.lines() {
			if strings.HasPrefix(l, "{") && !strings.HasSuffix(l, "}") {
				t.Errorf("half a line: %q", l)
			}
		}
	})
}
