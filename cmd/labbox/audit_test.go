package main

import (
	"strings"
	"testing"
	"time"

	"labbox/edge"
)

// A box that is killed while a seat drives and asks for what it may not have: the
// log holds, what was answered is in it, and the next start goes on with it.
func TestAuditOutlivesTheBox(t *testing.T) {
	data := t.TempDir()
	for i := range 3 {
		b := startBox(t, data, "")
		b.until("pendulum", "live", isLive)
		ann := b.panel("Ann")
		for end := time.Now().Add(20 * time.Second); ; { // somebody's place may be kept from before
			if r := ann.ask(map[string]any{"op": "take", "device": "pendulum", "over": true}); r.Op == "ok" {
				break
			} else if time.Now().After(end) {
				t.Fatalf("take: %s %s", r.Code, r.Msg)
			}
			time.Sleep(20 * time.Millisecond)
		}
		st := b.until("pendulum", "a lease", func(st edge.Status) bool { return st.Lease != nil })
		fence := st.Lease.Fence
		if r := ann.command("pendulum", "drive", fence, map[string]any{"power": 20}); r.Op != "ok" {
			t.Fatalf("drive: %s %s", r.Code, r.Msg)
		}
		for range 100 { // more than are written one by one
			ann.command("pendulum", "drive", fence, map[string]any{"power": 1e6})
		}
		b.kill()
		if out := mustRun(t, "audit", "verify", "--data", data); !strings.HasPrefix(out, "ok: ") {
			t.Fatal(out)
		}
		log := mustRun(t, "audit", "show", "--data", data, "--device", "pendulum", "--json")
		if n := strings.Count(log, `"verdict":"admitted"`); n != i+1 {
			t.Errorf("%d commands in the log, want %d", n, i+1)
		}
		if n := strings.Count(log, `"verdict":"out_of_range"`); n < 50*(i+1) || n >= 100*(i+1) {
			t.Errorf("%d refusals in the log of %d", n, 100*(i+1))
		}
	}
}
