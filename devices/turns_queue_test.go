package devices

import (
	"context"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"labbox/devices/transport/mem"
	"labbox/edge"
)

var (
	cat   = edge.Actor{Seat: "c", Name: "Cat", Role: edge.RoleStudent, Via: "panel"}
	panel = edge.Actor{Seat: "web", Name: "web", Role: edge.RoleStudent, Via: "web"}
)

func (r *rig) waits(a edge.Actor, want int) {
	r.t.Helper()
	if l, n, err := r.Wait(r.t.Context(), a); err != nil || l != nil || n != want {
		r.t.Fatalf("%s: lease %v, place %d, %v; want place %d", a.Name, l, n, err, want)
	}
}

func (r *rig) sees(seats ...string) {
	r.t.Helper()
	if err := r.Present(panel, seats); err != nil {
		r.t.Fatal(err)
	}
}

func holds(seat string) func(edge.Status) bool {
	return func(st edge.Status) bool { return st.Lease != nil && st.Lease.Holder.ID == seat }
}

// again kills the box's process as far as its memory goes, and starts it anew on
// what the store has.
func (r *rig) again() {
	typ := r.t2()
	r.cancel()
	<-r.done
	r.start(typ, 0)
}

// The next one gets the turn without asking, once the device is safe, and the
// number before is refused.
func TestNextIsCalledOnceTheDeviceIsSafe(t *testing.T) {
	inBubble(t, mem.Options{}, nil, func(t *testing.T, r *rig) {
		f := r.driven(60)
		stop := r.beats(ann, f)
		defer stop()
		if _, err := r.Take(t.Context(), bob); edge.CodeOf(err) != edge.CodeLeaseTaken {
			t.Fatal(err)
		}
		r.waits(bob, 1)
		r.waits(cat, 2)
		r.plate.set(func(p *plate) { p.slow = 200 * time.Millisecond })
		if err := r.Release(ann, f); err != nil {
			t.Fatal(err)
		}
		for {
			st := r.Status()
			if holds("b")(st) {
				if !r.plate.duty0() || st.Safe != edge.SafeConfirmed {
					t.Fatalf("called while the device is not safe: %s", st.Safe)
				}
				if st.Lease.Fence <= f || len(st.Queue) != 1 || st.Queue[0].Seat.ID != "c" {
					t.Fatalf("%+v, %+v", st.Lease, st.Queue)
				}
				break
			}
			if _, err := r.Take(t.Context(), cat); edge.CodeOf(err) != edge.CodeLeaseTaken {
				t.Fatalf("Cat gets past Bob: %v", err)
			}
			time.Sleep(time.Millisecond)
		}
		code(t, r.duty(ann, f, 50), edge.CodeStaleFence)
		if err := r.duty(bob, r.Status().Lease.Fence, 50); err != nil {
			t.Fatal(err)
		}
	})
}

func TestTurnIsHandedOn(t *testing.T) {
	inBubble(t, mem.Options{}, nil, func(t *testing.T, r *rig) {
		f := r.driven(60)
		r.waits(cat, 1)
		code(t, r.Grant(bob, 0, &bob), edge.CodeNotHolder)
		code(t, r.Grant(ann, f, nil), edge.CodeBadRequest)
		looker := edge.Actor{Seat: "o", Role: edge.RoleObserver}
		code(t, r.Grant(ann, f, &looker), edge.CodeForbidden)
		if err := r.Grant(ann, f, &bob); err != nil {
			t.Fatal(err)
		}
		time.Sleep(100 * time.Millisecond)
		if !r.plate.duty0() {
			t.Error("not made safe")
		}
		if st := r.Status(); st.Lease != nil || st.Queue[0].Seat.ID != "b" {
			t.Fatalf("%+v, %+v", st.Lease, st.Queue)
		}
		r.sees("b", "c")
		st := r.until("Bob", holds("b"))
		if st.Lease.Fence <= f || st.Queue[0].Seat.ID != "c" {
			t.Fatalf("%+v, %+v", st.Lease, st.Queue)
		}
		// A hand-over to nobody goes on to the queue.
		gone := edge.Actor{Seat: "g", Name: "Gone", Role: edge.RoleStudent}
		if err := r.Grant(tea, 0, &gone); err != nil {
			t.Fatal(err)
		}
		r.sees("c")
		st = r.until("Cat", holds("c"))
		if since := time.Duration(st.Lease.SinceMS) * time.Millisecond; since < r.t2().Keep {
			t.Errorf("at %v already", since)
		}
	})
}

func TestPairDrives(t *testing.T) {
	inBubble(t, mem.Options{}, nil, func(t *testing.T, r *rig) {
		f := r.driven(60)
		if err := r.Pair(ann, 0, &bob); err != nil {
			t.Fatal(err)
		}
		stop := r.beats(bob, f)
		time.Sleep(time.Second)
		if err := r.duty(bob, f, 40); err != nil {
			t.Fatal(err)
		}
		code(t, r.Grant(bob, f, &cat), edge.CodeNotHolder)
		stop()
		if err := r.Release(bob, f); err != nil {
			t.Fatal(err)
		}
		time.Sleep(50 * time.Millisecond)
		if !r.plate.duty0() {
			t.Error("Bob left, Ann is away for long, and the heater is on")
		}
		code(t, r.duty(bob, f, 40), edge.CodeNotHolder)
	})
}

// A teacher takes over, ends turns and changes the rules; nobody else does.
func TestTeacherRules(t *testing.T) {
	inBubble(t, mem.Options{}, nil, func(t *testing.T, r *rig) {
		f := r.driven(60)
		stop := r.beats(ann, f)
		r.waits(bob, 1)
		rules := edge.TurnRules{TurnMS: 3000, WarnMS: 1000}
		_, over := r.TakeOver(bob)
		_, hold := r.Hold(t.Context(), bob)
		for _, err := range []error{over, hold, r.Revoke(bob), r.Unhold(bob), r.SetRules(bob, &rules), r.Present(edge.Actor{Seat: "o", Role: edge.RoleObserver}, nil)} {
			code(t, err, edge.CodeForbidden)
		}
		if n, err := r.TakeOver(tea); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		time.Sleep(100 * time.Millisecond)
		if st := r.Status(); !holds("t")(st) || !r.plate.duty0() {
			t.Fatalf("%+v", st.Lease)
		}
		stop()
		code(t, r.SetRules(tea, &edge.TurnRules{TurnMS: -1}), edge.CodeOutOfRange)
		if err := r.SetRules(tea, &rules); err != nil || r.Status().Rules != rules {
			t.Fatal(err)
		}
		if err := r.Revoke(tea); err != nil {
			t.Fatal(err)
		}
		st := r.until("Bob", holds("b"))
		stop = r.beats(bob, st.Lease.Fence)
		defer stop()
		r.waits(cat, 1)
		r.until("a warning", func(st edge.Status) bool { return st.Lease != nil && st.Lease.Warn })
		r.until("Cat", holds("c"))
		if n := r.count("lease", "why", edge.LeftTurn); n != 1 {
			t.Errorf("%d turns ended by the clock", n)
		}
	})
}

// Status is told at once when a warning begins.
func TestWarningIsTold(t *testing.T) {
	inBubble(t, mem.Options{}, nil, func(t *testing.T, r *rig) {
		f := r.driven(60)
		defer r.beats(ann, f)()
		if err := r.SetRules(tea, &edge.TurnRules{TurnMS: 2310, WarnMS: 1000}); err != nil {
			t.Fatal(err)
		}
		r.waits(bob, 1)
		for {
			r.mu.Lock()
			news := r.news
			st := r.statusLocked()
			r.mu.Unlock()
			if st.Lease == nil {
				t.Fatal("never warned")
			}
			if st.Lease.Warn {
				if st.Lease.LeftMS < 970 || st.Lease.LeftMS > 1000 {
					t.Errorf("warned %d ms before the end", st.Lease.LeftMS)
				}
				return
			}
			<-news
		}
	})
}

// Frozen: safe, confirmed, obeying nobody, over a restart too. The turn stays.
func TestHold(t *testing.T) {
	inBubble(t, mem.Options{}, nil, func(t *testing.T, r *rig) {
		f := r.driven(60)
		stop := r.beats(ann, f)
		r.waits(bob, 1)
		res, err := r.Hold(t.Context(), tea)
		if err != nil || !res.Latched || !res.Confirmed || !r.plate.duty0() {
			t.Fatalf("%+v, %v", res, err)
		}
		code(t, r.duty(ann, f, 10), edge.CodeHeld)
		if _, err := r.Take(t.Context(), ann); err != nil { // renews
			t.Fatal(err)
		}
		time.Sleep(10 * time.Minute)
		if st := r.Status(); !holds("a")(st) || st.Hold == nil || st.Hold.By.Name != "Tea" {
			t.Fatalf("%+v, %+v", st.Lease, st.Hold)
		}
		r.waits(bob, 1) // ten minutes without a word have cost the place
		time.Sleep(2 * saveEvery)
		stop()
		r.again()
		r.until("live", live)
		r.sees("a", "b")
		time.Sleep(5 * time.Second)
		r.sees("a", "b")
		if st := r.Status(); st.Hold == nil || st.Lease != nil || len(st.Queue) != 2 {
			t.Fatalf("after a restart: %+v, %+v, %+v", st.Hold, st.Lease, st.Queue)
		}
		if err := r.Unhold(tea); err != nil {
			t.Fatal(err)
		}
		r.until("Ann", holds("a"))
	})
}

func TestHoldOfWhatDoesNotConfirm(t *testing.T) {
	inBubble(t, mem.Options{}, nil, func(t *testing.T, r *rig) {
		r.driven(60)
		r.plate.set(func(p *plate) { p.deaf = true })
		res, err := r.Hold(t.Context(), tea)
		if err != nil || res.Confirmed || res.Reason == nil {
			t.Fatalf("%+v, %v", res, err)
		}
	})
}

// Who drove when the box died is first, and the numbers go on.
func TestQueueOutlivesTheBox(t *testing.T) {
	inBubble(t, mem.Options{}, nil, func(t *testing.T, r *rig) {
		f := r.driven(60)
		stop := r.beats(ann, f)
		r.waits(bob, 1)
		r.waits(cat, 2)
		time.Sleep(2 * saveEvery)
		stop()
		r.again()
		st := r.until("live", live)
		if len(st.Queue) != 3 || st.Queue[0].Seat.ID != "a" || st.Queue[2].Seat.ID != "c" {
			t.Fatalf("%+v", st.Queue)
		}
		r.sees("a", "b", "c")
		if st = r.until("Ann", holds("a")); st.Lease.Fence <= f {
			t.Fatalf("number %d after %d", st.Lease.Fence, f)
		}
	})
}

// The queue waits for a store that fails, and for nothing else.
func TestTurnsWhileTheStoreFails(t *testing.T) {
	inBubble(t, mem.Options{}, nil, func(t *testing.T, r *rig) {
		f := r.driven(60)
		defer r.beats(ann, f)()
		r.kv.on(stuck)
		begun := time.Now()
		r.waits(bob, 1)
		if err := r.Release(ann, f); err != nil {
			t.Fatal(err)
		}
		if d := time.Since(begun); d > 10*time.Millisecond {
			t.Errorf("took %v", d)
		}
		time.Sleep(50 * time.Millisecond)
		if !r.plate.duty0() {
			t.Error("the safe sequence waits for the store")
		}
		time.Sleep(3 * time.Second)
		r.sees("b")
		if st := r.Status(); st.Lease != nil {
			t.Fatalf("granted without a durable number: %+v", st.Lease)
		}
		res, err := r.Hold(t.Context(), tea)
		if err != nil || res.Latched || !res.Confirmed {
			t.Fatalf("%+v, %v", res, err)
		}
		if err := r.Unhold(tea); err != nil {
			t.Fatal(err)
		}
		r.kv.on(nil)
		r.sees("b")
		r.until("Bob", holds("b"))
		time.Sleep(callAgain + saveEvery)
		r.kv.mu.Lock()
		saved := r.kv.m[turnsKey("b", "p")]
		r.kv.mu.Unlock()
		if !strings.Contains(saved, `"driver":{"seat":"b"`) || strings.Contains(saved, "hold") {
			t.Errorf("saved %s", saved)
		}
	})
}

// What cannot be read may have been a freeze.
func TestUnreadableTurnsFreeze(t *testing.T) {
	kv := &memKV{m: map[string]string{turnsKey("b", "p"): "{"}}
	ledger, err := NewLedger(context.Background(), "b", kv, nil, slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err != nil {
		t.Fatal(err)
	}
	if ledger.turns("p").Hold == nil {
		t.Error("not frozen")
	}
	if ledger.turns("q").Hold != nil {
		t.Error("another one is frozen")
	}
}

// What a broker held back is not carried out; a freeze is never too late.
func TestLateTurnAsksAreRefused(t *testing.T) {
	inBubble(t, mem.Options{}, nil, func(t *testing.T, r *rig) {
		r.until("live", live)
		o := &Owner{sups: map[string]*Supervisor{"p": r.Supervisor}}
		for _, v := range []edge.Verb{edge.VerbTake, edge.VerbLeave, edge.VerbGrant, edge.VerbPair, edge.VerbRevoke, edge.VerbUnhold,
			edge.VerbRules, edge.VerbPresent} {
			_, err := o.Do(t.Context(), &edge.Ask{Verb: v, Device: "p", Actor: tea, To: &bob, Tick: edge.Tick{Owner: 1, N: 1 << 40}})
			code(t, err, edge.CodeStaleTick)
		}
		ans, err := o.Do(t.Context(), &edge.Ask{Verb: edge.VerbHold, Device: "p", Actor: tea})
		if err != nil || !ans.Stop.Confirmed {
			t.Fatal(ans, err)
		}
		ask := edge.Ask{Verb: edge.VerbTake, Device: "p", Actor: bob, Wait: true, Tick: r.Status().Tick}
		if ans, err = o.Do(t.Context(), &ask); err != nil || ans.Place != 1 || ans.Lease != nil {
			t.Fatal(ans, err)
		}
		ask = edge.Ask{Verb: edge.VerbTake, Device: "p", Actor: tea, Over: true, Tick: r.Status().Tick}
		if ans, err = o.Do(t.Context(), &ask); err != nil || ans.Place != 1 {
			t.Fatal(ans, err)
		}
	})
}
