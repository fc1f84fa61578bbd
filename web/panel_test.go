package web_test

import (
	"testing"

	"labbox/edge"
)

func TestWatchTakeCommandStop(t *testing.T) {
	l := newLab(t)
	ana, bo := l.join("Ana"), l.join("Bo")
	p, w := l.open(ana)
	if you := w["you"].(map[string]any); you["seat"] != ana.ID || you["name"] != "Ana" {
		t.Fatalf("welcome %v", w)
	}
	if list := w["devices"].([]any); len(list) != 1 {
		t.Fatalf("devices %v", list)
	}
	args := p.ok(map[string]any{"op": "subscribe", "device": "pendulum"})
	if c := args["contract"].(map[string]any); c["hash"] != "hash-a" || args["stream"] != 100.0 || args["seq"] != 0.0 {
		t.Fatalf("subscribe %v", args)
	}
	l.owner.sample("pendulum", 0, 10)
	l.owner.sample("pendulum", 10, 10)
	seqs, values, gaps := p.samples(20)
	for i := range seqs {
		if seqs[i] != uint64(i) || values[i] != float64(i) {
			t.Fatalf("sample %d: %d = %g", i, seqs[i], values[i])
		}
	}
	if gaps != nil {
		t.Fatal(gaps)
	}

	lease := p.ok(map[string]any{"op": "take", "device": "pendulum"})["lease"].(map[string]any)
	if lease["fence"] != 1.0 {
		t.Fatalf("lease %v", lease)
	}
	tick := map[string]any{"owner": 7, "n": 1}
	cmd := func(power any, fence any) map[string]any {
		return p.ask(map[string]any{"op": "cmd", "device": "pendulum", "name": "drive", "args": map[string]any{"power": power},
			"key": "k1", "fence": fence, "tick": tick})
	}
	if r := cmd(40, 1); r["op"] != "ok" || r["args"].(map[string]any)["result"].(map[string]any)["outcome"] != "confirmed" {
		t.Fatalf("cmd %v", r)
	}
	if r := cmd(400, 1); r["code"] != string(edge.CodeOutOfRange) || r["args"].(map[string]any)["max"] != 100.0 {
		t.Fatalf("out of range: %v", r)
	}
	if r := cmd(40, 9); r["code"] != string(edge.CodeStaleFence) {
		t.Fatalf("stale fence: %v", r)
	}
	if r := cmd(nil, 1); r["code"] != string(edge.CodeBadValue) {
		t.Fatalf("null: %v", r)
	}
	q, _ := l.open(bo)
	if r := q.ask(map[string]any{"op": "take", "device": "pendulum"}); r["code"] != string(edge.CodeLeaseTaken) {
		t.Fatalf("second take: %v", r)
	}
	if stop := q.ok(map[string]any{"op": "estop", "device": "pendulum"})["stop"].(map[string]any); stop["latched"] != true {
		t.Fatalf("stop %v", stop)
	}
	for m := p.until("state"); ; m = p.until("state") {
		if s, ok := m["status"].(map[string]any)["stopped"].(map[string]any); ok {
			if by := s["by"].(map[string]any); by["seat"] != bo.ID || by["via"] != "panel" {
				t.Fatalf("stopped %v", s)
			}
			break
		}
	}
	q.ok(map[string]any{"op": "resume", "device": "pendulum"})
	p.ok(map[string]any{"op": "release", "device": "pendulum", "fence": 1})
	l.owner.mu.Lock()
	defer l.owner.mu.Unlock()
	for _, a := range l.owner.asks {
		if a.Verb == edge.VerbCommand && (a.Actor.Seat != ana.ID || a.Actor.Via != "panel" || a.Command.Key != "k1") {
			t.Fatalf("ask %+v", a)
		}
	}
}
