package turn

import (
	"testing"
	"time"

	"labbox/edge"
)

func TestPair(t *testing.T) {
	r := newRoom(t, ruled(time.Minute, time.Second, 0), bob)
	wantCode(t, r.k.Pair(0, ann, 0, &bob), edge.CodeNotHolder)
	r.take(ann)
	wantCode(t, r.k.Pair(0, bob, 0, &bob), edge.CodeNotHolder)
	wantCode(t, r.k.Pair(0, ann, 0, &ann), edge.CodeBadValue)
	if err := r.k.Pair(0, ann, 1, &bob); err != nil {
		t.Fatal(err)
	}
	if l := r.k.Info(0); l.Partner == nil || l.Partner.ID != "b" {
		t.Fatalf("%+v", l)
	}
	r.pass(30 * time.Second) // Bob's heartbeat alone keeps it
	if err := r.k.Check(r.now, bob, 1); err != nil {
		t.Fatal(err)
	}
	_, err := r.k.Hand(r.now, bob, 0, cat)
	wantCode(t, err, edge.CodeNotHolder)
	wantCode(t, r.k.Pair(r.now, bob, 0, nil), edge.CodeNotHolder)
	if ended, err := r.k.Release(r.now, bob, 1); ended || err != nil {
		t.Fatalf("the partner ends the turn: %v, %v", ended, err)
	}
	wantCode(t, r.k.Check(r.now, bob, 1), edge.CodeNotHolder)
	if c := r.k.Advance(r.now + 1); c != WentAway && c != Ended {
		t.Fatalf("%v: its holder is gone for long", c)
	}
}

func TestHandOver(t *testing.T) {
	r := newRoom(t, ruled(time.Minute, 5*time.Second, 0), ann, bob, cat)
	r.take(ann)
	r.wait(cat, 1)
	r.pass(20 * time.Second)
	_, err := r.k.Hand(r.now, bob, 0, cat)
	wantCode(t, err, edge.CodeNotHolder)
	if ended, err := r.k.Hand(r.now, ann, 1, bob); !ended || err != nil {
		t.Fatal(ended, err)
	}
	wantCode(t, r.k.Check(r.now, ann, 1), edge.CodeNotHolder)
	if _, ok := r.k.Next(); ok {
		t.Fatal("called before anybody has seen him")
	}
	wantCode(t, r.k.May(r.now, cat), edge.CodeLeaseTaken)
	r.pass(time.Second)
	if l := r.call(); l.Holder.ID != "b" || l.Fence != 2 {
		t.Fatalf("%+v", l)
	}
	// It is the rest of Ann's turn.
	if l := r.k.Info(r.now); l.LeftMS != 39_000 {
		t.Fatalf("%+v", l)
	}
	if _, err := r.k.Hand(r.now, bob, 0, ann); err != nil {
		t.Fatal(err)
	}
	r.pass(time.Second)
	r.call()
	r.pass(40 * time.Second)
	r.holder("")
	r.call()
	r.holder("c")
}

// A hand-over to somebody who is not there goes on to the queue.
func TestHandOverToNobody(t *testing.T) {
	r := newRoom(t, ruled(time.Minute, 5*time.Second, 0), ann, cat)
	r.take(ann)
	r.wait(cat, 1)
	r.wait(bob, 2)
	r.pass(12 * time.Second) // Bob is away by now
	if _, err := r.k.Hand(r.now, ann, 0, bob); err != nil {
		t.Fatal(err)
	}
	if r.k.Place("b") != 1 || r.k.Place("c") != 2 {
		t.Fatalf("%+v", r.k.Waiting(r.now))
	}
	r.pass(30 * time.Second)
	if a, ok := r.k.Next(); ok {
		t.Fatalf("%s is next too early", a.Name)
	}
	r.pass(time.Second)
	if a, _ := r.k.Next(); a.Seat != "c" {
		t.Fatalf("%q is next", a.Seat)
	}
	if r.k.Place("b") != 2 {
		t.Error("the place of his own is lost")
	}
}

func TestTeacher(t *testing.T) {
	r := newRoom(t, ruled(time.Minute, 5*time.Second, 10*time.Second), ann, bob, teacher)
	r.take(ann)
	r.wait(bob, 1)
	if !r.k.Over(r.now, teacher) {
		t.Fatal("nobody was put off")
	}
	r.call()
	r.holder("t")
	r.pass(time.Hour) // while Bob waits
	r.holder("t")
	if w := r.k.Waiting(r.now); w[0].ExpectMS != -1 {
		t.Errorf("%+v", w)
	}
	if _, err := r.k.Hand(r.now, teacher, 0, ann); err != nil {
		t.Fatal(err)
	}
	r.pass(time.Second)
	r.call()
	r.holder("a")
	if l := r.k.Info(r.now); l.LeftMS != 10_000 || l.Why != edge.LeftIdle {
		t.Errorf("not a whole turn: %+v", l)
	}
}

func TestExperimentsAreNotCutShort(t *testing.T) {
	r := newRoom(t, ruled(time.Minute, 5*time.Second, 10*time.Second), bob)
	exp := edge.Actor{Seat: "experiment:1", Name: "experiment of Ann", Via: "experiment"}
	r.take(exp)
	r.here[exp.Seat] = true
	r.wait(bob, 1)
	r.pass(time.Hour)
	r.holder(exp.Seat)
	if s := r.k.Snapshot(); s.Driver != nil {
		t.Error("would be called again after a restart")
	}
}

func TestRestore(t *testing.T) {
	r := newRoom(t, keeper(), ann, bob, cat)
	r.take(ann)
	r.wait(bob, 1)
	r.wait(cat, 2)
	rules := edge.TurnRules{TurnMS: 1000}
	r.k.SetRules(r.now, &rules)
	saved := r.k.Snapshot()

	k := keeper()
	k.Restore(0, saved)
	if k.Rules() != rules {
		t.Errorf("rules %+v", k.Rules())
	}
	if w := k.Waiting(0); len(w) != 3 || w[0].Seat.ID != "a" || w[1].Seat.ID != "b" {
		t.Fatalf("%+v", w)
	}
	if _, ok := k.Next(); ok {
		t.Fatal("called before anybody was seen")
	}
	wantCode(t, k.May(0, bob), edge.CodeLeaseTaken)
	k.Present(time.Second, []string{"b"})
	if a, ok := k.Next(); ok {
		t.Fatalf("%s is next before Ann had time to come back", a.Name)
	}
	k.Present(2*time.Second, []string{"a"})
	if a, _ := k.Next(); a.Seat != "a" {
		t.Fatalf("%q is next", a.Seat)
	}
	again := keeper()
	again.Restore(0, saved)
	again.Present(9*time.Second, []string{"b"})
	again.Advance(11 * time.Second)
	if a, _ := again.Next(); a.Seat != "b" {
		t.Fatalf("%q is next, Ann did not come back", a.Seat)
	}
}

// Whoever comes upon the end of a turn first, nobody drives before it is reported.
func TestNoEndIsMissed(t *testing.T) {
	k := keeper()
	if _, err := k.Grant(0, ann, 1); err != nil {
		t.Fatal(err)
	}
	if _, err := k.Grant(31*time.Second, bob, 2); edge.CodeOf(err) != edge.CodeLeaseTaken {
		t.Fatalf("granted over an end nobody has seen: %v", err)
	}
	if c := k.Advance(31 * time.Second); c != Ended {
		t.Fatal(c)
	}
	if _, err := k.Grant(31*time.Second, bob, 2); err != nil {
		t.Fatal(err)
	}
	if _, err := k.Beat(34*time.Second, bob, 2); err != nil {
		t.Fatal(err)
	}
	if c := k.Advance(34 * time.Second); c != WentAway {
		t.Fatalf("%v: the grace was over", c)
	}
}
