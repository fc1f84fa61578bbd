package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"labbox/edge"
)

// TestLeases holds the rules of turns, unchanged, on embedded parts and on RabbitMQ
// and Redis with the owner and the panels in processes of their own.
func TestLeases(t *testing.T) {
	file := "schema: 1\nbox: bench\ndevices:\n  - {id: plate, type: " + quickPlate(t) + ", port: {sim: true}}\n"
	t.Run("Embedded", func(t *testing.T) {
		data := t.TempDir()
		lab := startBox(t, data, file)
		leaseRules(t, lab, func(t *testing.T) *box {
			lab.kill()
			return startBoxAt(t, strings.TrimPrefix(lab.url, "http://"), data, file)
		})
	})
	t.Run("Campus", func(t *testing.T) {
		c := newCampus(t, file)
		c.start()
		leaseRules(t, c.lab, func(t *testing.T) *box {
			c.owner.kill()
			c.startOwner()
			return c.lab
		})
	})
}

func leaseRules(t *testing.T, lab *box, restart func(*testing.T) *box) {
	free := func(st edge.Status) bool { return isLive(st) && st.Lease == nil && st.Safe == edge.SafeConfirmed }
	lab.until("plate", "free", free)
	lab.waitReason(10*time.Second, "")
	ann, bob := lab.panel("Ann"), lab.panel("Bob")
	want := func(r reply, codes ...edge.Code) {
		t.Helper()
		for _, c := range codes {
			if r.Op == "error" && r.Code == c {
				return
			}
		}
		t.Errorf("%s %s %s, want %v", r.Op, r.Code, r.Msg, codes)
	}
	duty := func(p *panel, fence uint64, v float64) reply {
		return p.command("plate", "duty", fence, map[string]any{"duty": v})
	}

	first := ann.take("plate")
	want(bob.ask(map[string]any{"op": "take", "device": "plate"}), edge.CodeLeaseTaken)
	if again := ann.take("plate"); again != first {
		t.Errorf("the holder took again: fence %d, want %d", again, first)
	}
	if r := duty(ann, first, 20); r.Op != "ok" {
		t.Errorf("the holder: %s %s", r.Code, r.Msg)
	}
	want(duty(bob, first, 20), edge.CodeNotHolder)
	want(duty(ann, first-1, 20), edge.CodeStaleFence)
	want(duty(ann, first+1, 20), edge.CodeStaleFence)
	want(bob.ask(map[string]any{"op": "release", "device": "plate", "fence": first}), edge.CodeNotHolder)

	ann.ok(map[string]any{"op": "release", "device": "plate", "fence": first})
	want(duty(ann, first, 30), edge.CodeNotHolder)
	lab.until("plate", "free and safe", free)
	second := bob.take("plate")
	if second <= first {
		t.Errorf("fence %d after %d", second, first)
	}
	want(duty(ann, first, 30), edge.CodeNotHolder, edge.CodeStaleFence)
	if r := duty(bob, second, 25); r.Op != "ok" {
		t.Errorf("the next holder: %s %s", r.Code, r.Msg)
	}

	// The holder vanishes: safe after the grace, the turn is kept, then it ends.
	bob.vanish()
	st := lab.until("plate", "away and safe", func(st edge.Status) bool {
		return st.Lease != nil && st.Lease.Away && isLive(st) && st.Safe == edge.SafeConfirmed
	})
	if st.Lease.Fence != second || st.Lease.LeftMS <= 0 || st.Lease.LeftMS > keepTurn.Milliseconds() {
		t.Errorf("lease of who is away: %+v", st.Lease)
	}
	want(ann.ask(map[string]any{"op": "take", "device": "plate"}), edge.CodeLeaseTaken)
	bob = bob.again()
	eventually(t, 3*time.Second, "who comes back drives on", func() bool { return duty(bob, second, 26).Op == "ok" })
	bob.vanish()
	lab.until("plate", "free when the turn is over", free)
	third := ann.take("plate")
	if third <= second {
		t.Errorf("fence %d after %d", third, second)
	}

	// The owner is killed: whatever was granted before is void.
	lab = restart(t)
	lab.until("plate", "free", free)
	lab.waitReason(10*time.Second, "")
	ann = dialPanel(t, lab.url, ann.http)
	want(duty(ann, third, 30), edge.CodeNotHolder, edge.CodeStaleFence)
	fourth := ann.take("plate")
	if fourth <= third {
		t.Errorf("fence %d after %d over kill -9", fourth, third)
	}
	ann.ok(map[string]any{"op": "release", "device": "plate", "fence": fourth})
	lab.until("plate", "free", free)

	// A program without a websocket: taking again is its heartbeat.
	var lease struct{ Lease edge.LeaseInfo }
	take := func() int {
		status, body := ann.post("/api/v1/devices/plate/lease", "")
		if err := json.Unmarshal([]byte(body), &lease); err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		return status
	}
	ann.vanish()
	eventually(t, 5*time.Second, "taken by HTTP", func() bool { return take() == http.StatusOK })
	if lease.Lease.Fence <= fourth {
		t.Errorf("fence %d after %d", lease.Lease.Fence, fourth)
	}
	for begun := time.Now(); time.Since(begun) < 4*time.Second; time.Sleep(500 * time.Millisecond) {
		take()
	}
	if status, body := ann.post("/api/v1/devices/plate/commands/duty", `{"duty":12}`); status != http.StatusOK {
		t.Errorf("by HTTP: %d %s", status, body)
	}
	req, _ := http.NewRequest(http.MethodDelete, fmt.Sprintf("%s/api/v1/devices/plate/lease?fence=%d", lab.url, lease.Lease.Fence), nil)
	if res, err := ann.http.Do(req); err != nil || res.StatusCode != http.StatusOK {
		t.Errorf("release by HTTP: %v %v", res, err)
	} else {
		_ = res.Body.Close()
	}
}
