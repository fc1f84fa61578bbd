package turn

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"labbox/edge"
)

var (
	ann = edge.Actor{Seat: "a", Name: "Ann", Role: edge.RoleStudent}
	bob = edge.Actor{Seat: "b", Name: "Bob", Role: edge.RoleStudent}
)

func keeper() *Keeper {
	return NewKeeper(Config{Device: "d", Grace: 2 * time.Second, Keep: 30 * time.Second})
}

func wantCode(t *testing.T, err error, code edge.Code) {
	t.Helper()
	if !errors.Is(err, &edge.Error{Code: code}) {
		t.Fatalf("err = %v (%s), want %s", err, edge.CodeOf(err), code)
	}
}

func TestOneDriver(t *testing.T) {
	k := keeper()
	if _, err := k.Grant(0, ann, 7); err != nil {
		t.Fatal(err)
	}
	_, err := k.Grant(1, bob, 8)
	wantCode(t, err, edge.CodeLeaseTaken)
	wantCode(t, k.Check(1, bob, 7), edge.CodeNotHolder)
	if err := k.Check(1, ann, 7); err != nil {
		t.Fatal(err)
	}
	l, err := k.Grant(2, ann, 9)
	if err != nil || l.Fence != 7 {
		t.Fatalf("re-take by the holder: %+v, %v", l, err)
	}
}

func TestTwoGraces(t *testing.T) {
	k := keeper()
	if _, err := k.Grant(0, ann, 1); err != nil {
		t.Fatal(err)
	}
	if c := k.Advance(2 * time.Second); c != None {
		t.Fatalf("at the grace itself: %v", c)
	}
	if c := k.Advance(2*time.Second + 1); c != WentAway {
		t.Fatalf("after the grace: %v", c)
	}
	if c := k.Advance(3 * time.Second); c != None {
		t.Fatalf("told twice: %v", c)
	}
	wantCode(t, k.Check(3*time.Second, ann, 1), edge.CodeLate)
	back, err := k.Beat(4*time.Second, ann, 1)
	if err != nil || !back {
		t.Fatalf("back = %v, %v", back, err)
	}
	if err := k.Check(4*time.Second, ann, 1); err != nil {
		t.Fatal(err)
	}
	if c := k.Advance(34*time.Second + 1); c != Ended {
		t.Fatalf("after the turn: %v", c)
	}
	wantCode(t, k.Check(35*time.Second, ann, 1), edge.CodeNotHolder)
}

func TestOldNumberIsRefused(t *testing.T) {
	k := keeper()
	if _, err := k.Grant(0, ann, 1); err != nil {
		t.Fatal(err)
	}
	if _, err := k.Release(1, ann, 1); err != nil {
		t.Fatal(err)
	}
	_, err := k.Grant(2, ann, 1)
	wantCode(t, err, edge.CodeStaleFence)
	if _, err := k.Grant(2, ann, 2); err != nil {
		t.Fatal(err)
	}
	wantCode(t, k.Check(3, ann, 1), edge.CodeStaleFence)
	wantCode(t, k.Check(3, ann, 3), edge.CodeStaleFence)
}

// Never two drivers, numbers only grow, no command passes without a heartbeat
// within the grace: under any interleaving and any jump forward of time.
func TestKeeperProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k, now, next := keeper(), time.Duration(0), uint64(1)
		var last uint64
		beats := map[string]time.Duration{}
		seats := []edge.Actor{ann, bob, {Seat: "c", Name: "Cat", Role: edge.RoleStudent}}
		fences := map[string]uint64{}
		for range rapid.IntRange(1, 80).Draw(t, "steps") {
			now += time.Duration(rapid.Int64Range(0, int64(20*time.Second)).Draw(t, "dt"))
			a := seats[rapid.IntRange(0, 2).Draw(t, "who")]
			switch rapid.IntRange(0, 4).Draw(t, "what") {
			case 0:
				had := k.Info(now)
				l, err := k.Grant(now, a, next)
				if err == nil {
					if had == nil && l.Fence <= last {
						t.Fatalf("number went from %d to %d", last, l.Fence)
					}
					last, fences[a.Seat], beats[a.Seat] = l.Fence, l.Fence, now
				}
				next++
			case 1:
				if _, err := k.Beat(now, a, fences[a.Seat]); err == nil {
					beats[a.Seat] = now
				}
			case 2:
				_, _ = k.Release(now, a, fences[a.Seat])
			case 3:
				k.Advance(now)
			case 4:
				allowed := 0
				for _, s := range seats {
					for f := range next {
						if k.Check(now, s, f) == nil {
							allowed++
							if now-beats[s.Seat] > 2*time.Second {
								t.Fatalf("%s drives %v after the last heartbeat", s.Name, now-beats[s.Seat])
							}
							if f != last {
								t.Fatalf("old number %d passes, newest is %d", f, last)
							}
						}
					}
				}
				if allowed > 1 {
					t.Fatalf("%d drivers", allowed)
				}
			}
		}
	})
}
