package web_test

import (
	"testing"
	"time"

	"labbox/edge"
)

// keepReading answers pings until the connection ends.
func (p *panel) keepReading() (ended chan struct{}) {
	ended = make(chan struct{})
	go func() {
		defer close(ended)
		for {
			_ = p.ws.SetReadDeadline(time.Now().Add(30 * time.Second))
			if _, _, err := p.ws.ReadMessage(); err != nil {
				return
			}
		}
	}()
	return ended
}

func TestHeartbeatLivesWithTheConnection(t *testing.T) {
	l := newLab(t)
	ana := l.join("Ana")
	p, _ := l.open(ana)
	watcher, _ := l.open(l.join("Bo"))
	watching := watcher.keepReading()
	p.ok(map[string]any{"op": "take", "device": "pendulum"})
	reading := p.keepReading()
	l.eventually("three heartbeats", func() bool { return l.owner.beatCount("pendulum") >= 3 })
	_ = p.ws.Close()
	<-reading
	l.eventually("heartbeats end", func() bool {
		n := l.owner.beatCount("pendulum")
		time.Sleep(1200 * time.Millisecond) // two heartbeats would come
		return l.owner.beatCount("pendulum") == n
	})
	// The holder comes back, in another tab.
	n := l.owner.beatCount("pendulum")
	q, _ := l.open(ana)
	reading = q.keepReading()
	l.eventually("heartbeats again", func() bool { return l.owner.beatCount("pendulum") > n })
	l.owner.mu.Lock()
	beats := l.owner.beats["pendulum"]
	l.owner.mu.Unlock()
	if gap := beats[2] - beats[1]; gap < 300*time.Millisecond || gap > 900*time.Millisecond {
		t.Errorf("heartbeats %v apart", gap)
	}
	_ = q.ws.Close()
	_ = watcher.ws.Close()
	<-reading
	<-watching
}

// A browser whose link died without a word: the socket stays open, nothing
// answers. The turn's heartbeat must end within the owner's grace.
func TestHalfOpenHolder(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for real seconds")
	}
	l := newLab(t)
	ana := l.join("Ana")
	p, _ := l.open(ana)
	p.ok(map[string]any{"op": "take", "device": "pendulum"})
	silentSince := time.Now() // nobody reads from here on, so no pong goes out
	l.eventually("first heartbeat", func() bool { return l.owner.beatCount("pendulum") > 0 })
	n, last := 0, time.Now()
	for time.Since(last) < 1500*time.Millisecond {
		if now := l.owner.beatCount("pendulum"); now != n {
			n, last = now, time.Now()
		}
		time.Sleep(time.Millisecond)
	}
	if d := last.Sub(silentSince); d > 2200*time.Millisecond {
		t.Fatalf("the last heartbeat came %v after the last sign of life", d)
	}
	l.eventually("connection closed", func() bool {
		return l.get("/healthz").status == 200 && l.srv.Panels() == 0
	})
	if d := time.Since(silentSince); d > 8*time.Second {
		t.Fatalf("closed after %v", d)
	}
}

func TestLeaseByAPI(t *testing.T) {
	l := newLab(t)
	ana, bo := l.join("Ana"), l.join("Bo")
	var got struct{ Lease edge.LeaseInfo }
	ana.send("POST", "/api/v1/devices/pendulum/lease", "").json(t, &got)
	if got.Lease.Holder.Name != "Ana" || got.Lease.Fence != 1 {
		t.Fatalf("%+v", got)
	}
	ana.send("POST", "/api/v1/devices/pendulum/lease", "").json(t, &got)
	if got.Lease.Fence != 1 {
		t.Fatalf("not renewed: %+v", got)
	}
	if a := bo.send("POST", "/api/v1/devices/pendulum/lease", ""); a.status != 409 || a.code() != edge.CodeLeaseTaken {
		t.Fatal(a)
	}
	a := ana.send("POST", "/api/v1/devices/pendulum/commands/drive", `{"power":40}`, "Idempotency-Key", "k9")
	var res struct{ Result edge.CommandResult }
	a.json(t, &res)
	if a.status != 200 || res.Result.Outcome != "confirmed" || res.Result.Key != "k9" {
		t.Fatal(a)
	}
	if a := ana.send("POST", "/api/v1/devices/pendulum/commands/drive", `{"power":400}`); a.status != 422 || a.code() != edge.CodeOutOfRange {
		t.Fatal(a)
	}
	if a := ana.send("POST", "/api/v1/devices/pendulum/commands/drive", `{"power":40}`, "Lab-Fence", "99"); a.code() != edge.CodeStaleFence {
		t.Fatal(a)
	}
	if a := bo.send("POST", "/api/v1/devices/pendulum/commands/drive", `{"power":40}`); a.status != 409 || a.code() != edge.CodeNotHolder {
		t.Fatal(a)
	}
	if a := bo.send("POST", "/api/v1/devices/pendulum/estop", ""); a.status != 200 {
		t.Fatal(a)
	}
	if a := bo.send("POST", "/api/v1/devices/pendulum/resume", ""); a.status != 200 {
		t.Fatal(a)
	}
	if a := ana.send("DELETE", "/api/v1/devices/pendulum/lease", ""); a.status != 200 {
		t.Fatal(a)
	}
	l.owner.mu.Lock()
	defer l.owner.mu.Unlock()
	for _, a := range l.owner.asks {
		if a.Actor.Via != "api" {
			t.Errorf("%s came via %q", a.Verb, a.Actor.Via)
		}
	}
}

func TestStopOvertakesACommandThatHangs(t *testing.T) {
	l := newLab(t)
	l.owner.block = make(chan struct{})
	p, _ := l.open(l.join("Ana"))
	p.ok(map[string]any{"op": "take", "device": "pendulum"})
	cmd := map[string]any{"op": "cmd", "device": "pendulum", "name": "drive", "args": map[string]any{"power": 1}, "fence": 1, "tick": map[string]any{"owner": 7, "n": 1}}
	for i := range 3 {
		cmd["id"], cmd["key"] = 100+i, string(rune('a'+i))
		p.send(cmd)
	}
	p.ok(map[string]any{"op": "estop", "device": "pendulum"})
	close(l.owner.block)
	for i := range 3 { // in the order they were given
		for {
			if m, _ := p.next(); m["re"] != nil {
				if m["re"] != float64(100+i) || m["op"] != "ok" {
					t.Fatalf("reply %v, want %d", m, 100+i)
				}
				break
			}
		}
	}
}

func TestUnansweredCommandHasAnUnknownOutcome(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for real seconds")
	}
	l := newLab(t)
	l.owner.block = make(chan struct{})
	p, _ := l.open(l.join("Ana"))
	p.ok(map[string]any{"op": "take", "device": "pendulum"})
	r := p.ask(map[string]any{"op": "cmd", "device": "pendulum", "name": "drive", "key": "k", "fence": 1})
	if r["code"] != string(edge.CodeUnknownOutcome) {
		t.Fatal(r)
	}
}

func TestBrokerAway(t *testing.T) {
	l := newLab(t)
	p, _ := l.open(l.join("Ana"))
	l.bus.down.Store(true)
	for _, op := range []string{"take", "estop"} {
		if r := p.ask(map[string]any{"op": op, "device": "pendulum"}); r["code"] != string(edge.CodeBusDown) {
			t.Fatal(r)
		}
	}
	if a := l.get("/readyz"); a.status != 503 || l.get("/healthz").status != 200 {
		t.Fatal(a)
	}
}
