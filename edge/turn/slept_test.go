package turn

import (
	"testing"
	"time"

	"labbox/edge"
)

// A laptop that was suspended for hours ends the turn, and nobody loses a place:
// who is not there afterwards is passed over as ever.
func TestSuspendedLaptop(t *testing.T) {
	k := ruled(5*time.Minute, 30*time.Second, time.Minute)
	now := time.Second
	if _, err := k.Grant(now, ann, 7); err != nil {
		t.Fatal(err)
	}
	for _, a := range []edge.Actor{cat, bob} {
		if _, err := k.Wait(now, a); err != nil {
			t.Fatal(err)
		}
	}
	now += 3 * time.Hour
	if found := k.Advance(now); found != Ended {
		t.Errorf("found %v", found)
	}
	if k.Place(cat.Seat) != 1 || k.Place(bob.Seat) != 2 {
		t.Fatalf("queue %+v", k.Waiting(now))
	}
	for range 140 {
		now += time.Second
		k.Present(now, []string{bob.Seat})
		k.Advance(now)
	}
	if a, ok := k.Next(); !ok || a.Seat != bob.Seat || k.Place(cat.Seat) != 0 {
		t.Errorf("next %+v, queue %+v", a, k.Waiting(now))
	}
}
