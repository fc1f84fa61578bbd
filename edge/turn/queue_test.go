package turn

import (
	"fmt"
	"testing"
	"time"

	"labbox/edge"
)

var (
	cat     = edge.Actor{Seat: "c", Name: "Cat", Role: edge.RoleStudent}
	teacher = edge.Actor{Seat: "t", Name: "Tea", Role: edge.RoleTeacher}
)

func ruled(turn, warn, idle time.Duration) *Keeper {
	return NewKeeper(Config{Device: "d", Grace: 2 * time.Second, Keep: 30 * time.Second,
		Rules: edge.TurnRules{TurnMS: turn.Milliseconds(), WarnMS: warn.Milliseconds(), IdleMS: idle.Milliseconds()}})
}

// room moves a keeper's time second by second, with who is there.
type room struct {
	t     *testing.T
	k     *Keeper
	now   time.Duration
	here  map[string]bool
	fence uint64
}

func newRoom(t *testing.T, k *Keeper, here ...edge.Actor) *room {
	r := &room{t: t, k: k, here: map[string]bool{}}
	for _, a := range here {
		r.here[a.Seat] = true
	}
	return r
}

// pass lets seconds pass, and returns what was found and when first.
func (r *room) pass(d time.Duration) (found []Change, at map[Change]time.Duration) {
	at = map[Change]time.Duration{}
	for end := r.now + d; r.now < end; {
		r.now += time.Second
		if c := r.k.Advance(r.now); c != None {
			found = append(found, c)
			if _, ok := at[c]; !ok {
				at[c] = r.now
			}
		}
		var ids []string
		for id := range r.here {
			ids = append(ids, id)
			if r.k.Drives(id) {
				if _, err := r.k.Beat(r.now, edge.Actor{Seat: id, Name: id}, r.k.Fence()); err != nil {
					r.t.Fatal(err)
				}
			}
		}
		r.k.Present(r.now, ids)
	}
	return found, at
}

func (r *room) take(a edge.Actor) {
	r.t.Helper()
	r.fence++
	if _, err := r.k.Grant(r.now, a, r.fence); err != nil {
		r.t.Fatal(err)
	}
}

func (r *room) call() edge.LeaseInfo {
	r.t.Helper()
	r.fence++
	l, err := r.k.Call(r.now, r.fence)
	if err != nil {
		r.t.Fatal(err)
	}
	return l
}

func (r *room) wait(a edge.Actor, want int) {
	r.t.Helper()
	if n, err := r.k.Wait(r.now, a); err != nil || n != want {
		r.t.Fatalf("%s stands at %d, %v; want %d", a.Name, n, err, want)
	}
}

func (r *room) holder(want string) {
	r.t.Helper()
	got := ""
	if l := r.k.Info(r.now); l != nil {
		got = l.Holder.ID
	}
	if got != want {
		r.t.Fatalf("%q drives, want %q", got, want)
	}
}

// A turn goes on while nobody waits; it ends by the clock once somebody does, with
// a warning.
func TestTurnEndsOnlyWhileSomebodyWaits(t *testing.T) {
	r := newRoom(t, ruled(5*time.Minute, 30*time.Second, 0), ann, bob)
	r.take(ann)
	r.pass(20 * time.Minute)
	r.holder("a")
	if l := r.k.Info(r.now); l.LeftMS != 0 || l.Why != "" {
		t.Fatalf("%+v has an end", l)
	}
	r.wait(bob, 1)
	began := r.now
	if l := r.k.Info(r.now); l.LeftMS != 30_000 || l.Why != edge.LeftTurn {
		t.Fatalf("%+v; the warning time is left", l)
	}
	found, at := r.pass(31 * time.Second)
	if len(found) != 2 || at[Shown]-began != time.Second || at[Ended]-began != 31*time.Second {
		t.Fatalf("%v at %v", found, at)
	}
	if by, why := r.k.Last(); by.Seat != "a" || why != edge.LeftTurn {
		t.Fatalf("%v's turn ended because of %q", by, why)
	}
	if l := r.call(); l.Holder.ID != "b" || l.Fence != 2 {
		t.Fatalf("%+v", l)
	}
	if r.k.Place("b") != 0 {
		t.Error("still waits")
	}
}

func TestWholeTurnFromItsBeginning(t *testing.T) {
	r := newRoom(t, ruled(5*time.Minute, 30*time.Second, 0), ann, bob)
	r.take(ann)
	r.pass(time.Minute)
	r.wait(bob, 1)
	found, at := r.pass(5 * time.Minute)
	if len(found) != 2 || at[Shown] != 4*time.Minute+30*time.Second || at[Ended] != 5*time.Minute+time.Second {
		t.Fatalf("%v at %v", found, at)
	}
}

func TestIdleTurnEnds(t *testing.T) {
	r := newRoom(t, ruled(time.Hour, 10*time.Second, time.Minute), ann, bob)
	r.take(ann)
	r.wait(bob, 1)
	r.pass(40 * time.Second)
	r.k.Drove()
	r.pass(55 * time.Second)
	if l := r.k.Info(r.now); l == nil || l.Why != edge.LeftIdle || !l.Warn || l.LeftMS != 5000 {
		t.Fatalf("%+v", l)
	}
	r.k.Drove()
	if r.k.Advance(r.now) != Shown {
		t.Error("the warning's end does not show")
	}
	r.pass(61 * time.Second)
	r.holder("")
	if _, why := r.k.Last(); why != edge.LeftIdle {
		t.Error(why)
	}
}

// Clocks stand while the device obeys nobody.
func TestClocksStand(t *testing.T) {
	r := newRoom(t, ruled(time.Minute, time.Second, 30*time.Second), ann, bob)
	r.take(ann)
	r.wait(bob, 1)
	r.k.Stand(true)
	r.pass(time.Hour)
	r.holder("a")
	if w := r.k.Waiting(r.now); w[0].ExpectMS != -1 {
		t.Errorf("%+v: nobody knows", w)
	}
	r.k.Stand(false)
	r.pass(29 * time.Second)
	r.holder("a")
	r.pass(2 * time.Second)
	r.holder("")
}

func TestQueueIsFairAndSaysHowLong(t *testing.T) {
	r := newRoom(t, ruled(time.Minute, 10*time.Second, 0), ann, bob, cat)
	r.take(ann)
	r.wait(bob, 1)
	r.wait(cat, 2)
	r.wait(bob, 1) // a seat once
	r.pass(20 * time.Second)
	w := r.k.Waiting(r.now)
	if len(w) != 2 || w[0].Seat.ID != "b" || w[0].ExpectMS != 40_000 || w[1].ExpectMS != 100_000 {
		t.Fatalf("%+v", w)
	}
	wantCode(t, r.k.May(r.now, cat), edge.CodeLeaseTaken)
	if _, err := r.k.Release(r.now, ann, r.fence); err != nil {
		t.Fatal(err)
	}
	for _, a := range []edge.Actor{ann, cat} {
		wantCode(t, r.k.May(r.now, a), edge.CodeLeaseTaken)
		if _, err := r.k.Grant(r.now, a, r.fence+1); edge.CodeOf(err) != edge.CodeLeaseTaken {
			t.Fatalf("%s gets in front of Bob: %v", a.Name, err)
		}
	}
	if w := r.k.Waiting(r.now); w[0].ExpectMS != 0 || w[1].ExpectMS != 60_000 {
		t.Fatalf("%+v", w)
	}
	r.call()
	r.holder("b")
	if !r.k.Leave(r.now, "c") || r.k.Leave(r.now, "c") {
		t.Error("leaves once")
	}
}

func TestAwayIsPassedOverAndDropped(t *testing.T) {
	r := newRoom(t, ruled(time.Hour, time.Second, 0), ann, cat)
	r.take(ann)
	r.wait(bob, 1)
	r.wait(cat, 2)
	found, at := r.pass(11 * time.Second)
	if len(found) != 1 || at[Shown] != 11*time.Second || !r.k.Waiting(r.now)[0].Away {
		t.Fatalf("%v at %v, %+v", found, at, r.k.Waiting(r.now))
	}
	if a, ok := r.k.Next(); ok {
		t.Fatalf("%s is next while Ann drives", a.Name)
	}
	r.k.Revoke()
	if a, _ := r.k.Next(); a.Seat != "c" {
		t.Fatalf("%s is next", a.Name)
	}
	if !r.k.Present(r.now, []string{"b", "x"}) {
		t.Error("back does not show")
	}
	if a, _ := r.k.Next(); a.Seat != "b" {
		t.Fatalf("%s is next, Bob kept the place", a.Name)
	}
	r.pass(131 * time.Second)
	if r.k.Place("b") != 0 || r.k.Place("c") != 1 {
		t.Errorf("%+v", r.k.Waiting(r.now))
	}
}

// Who is called and never comes costs the others ten seconds.
func TestCalledAndNotThere(t *testing.T) {
	r := newRoom(t, ruled(time.Hour, time.Second, 0), cat)
	r.wait(bob, 1)
	r.wait(cat, 2)
	r.call()
	_, at := r.pass(12 * time.Second)
	if at[Ended] != 11*time.Second {
		t.Fatal(at)
	}
	r.call()
	r.holder("c")
}

func TestQueueIsBounded(t *testing.T) {
	r := newRoom(t, keeper())
	for i := range 400 {
		r.wait(edge.Actor{Seat: fmt.Sprint(i)}, i+1)
	}
	_, err := r.k.Wait(0, ann)
	wantCode(t, err, edge.CodeTooMany)
	r.wait(edge.Actor{Seat: "7"}, 8)
}
