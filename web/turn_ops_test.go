package web_test

import (
	"slices"
	"testing"
	"time"

	"labbox/edge"
)

// change sets what a device's owner says of it.
func (l *lab) change(fn func(*edge.Status)) {
	l.owner.mu.Lock()
	fn(&l.owner.devices["pendulum"].status)
	l.owner.mu.Unlock()
	l.owner.publish("pendulum")
}

// asked are the asks with a verb that the owner got so far.
func (l *lab) asked(v edge.Verb) (list []edge.Ask) {
	l.owner.mu.Lock()
	defer l.owner.mu.Unlock()
	for _, a := range l.owner.asks {
		if a.Verb == v {
			list = append(list, a)
		}
	}
	return list
}

// Every op of turns reaches the owner with what it carries.
func TestTurnOps(t *testing.T) {
	l := newLab(t)
	ana, bo := l.join("Ana"), l.join("Bo")
	p, _ := l.open(ana)
	one := 1.0
	for _, c := range []struct {
		op    map[string]any
		right func(edge.Ask) bool
	}{
		{map[string]any{"op": "take", "wait": true}, func(a edge.Ask) bool { return a.Wait && !a.Over }},
		{map[string]any{"op": "take", "over": true}, func(a edge.Ask) bool { return a.Over && !a.Wait }},
		{map[string]any{"op": "leave"}, func(a edge.Ask) bool { return a.Actor.Seat == ana.ID }},
		{map[string]any{"op": "grant", "to": bo.ID, "fence": 1}, func(a edge.Ask) bool { return a.To != nil && a.To.Name == "Bo" && a.Fence == 1 }},
		{map[string]any{"op": "pair", "to": bo.ID}, func(a edge.Ask) bool { return a.To != nil && a.To.Seat == bo.ID }},
		{map[string]any{"op": "pair"}, func(a edge.Ask) bool { return a.To == nil }},
		{map[string]any{"op": "revoke"}, func(a edge.Ask) bool { return a.Tick.N > 0 }},
		{map[string]any{"op": "hold"}, func(edge.Ask) bool { return true }},
		{map[string]any{"op": "unhold"}, func(edge.Ask) bool { return true }},
		{map[string]any{"op": "narrow", "limits": map[string]any{"drive.power": map[string]any{"max": 1}}},
			func(a edge.Ask) bool { return *a.Limits["drive.power"].Max == one }},
		{map[string]any{"op": "rules", "rules": map[string]any{"turn_ms": 5}}, func(a edge.Ask) bool { return a.Rules.TurnMS == 5 }},
		{map[string]any{"op": "rules"}, func(a edge.Ask) bool { return a.Rules == nil }},
		{map[string]any{"op": "rehearse"}, func(edge.Ask) bool { return true }},
	} {
		c.op["device"] = "pendulum"
		verb := edge.Verb(c.op["op"].(string))
		before := len(l.asked(verb))
		r := p.ask(c.op)
		got := l.asked(verb)
		if len(got) != before+1 || !c.right(got[before]) {
			t.Errorf("%v became %+v; %v", c.op, got[before:], r)
		}
	}
	for _, op := range []string{"grant", "pair"} {
		before := len(l.asked(edge.Verb(op)))
		if r := p.ask(map[string]any{"op": op, "device": "pendulum", "to": "nobody"}); r["code"] != string(edge.CodeUnknownSeat) || len(l.asked(edge.Verb(op))) != before {
			t.Errorf("%s: %v", op, r)
		}
	}
	watcher, _ := l.open(nil)
	if r := watcher.ask(map[string]any{"op": "pair", "device": "pendulum", "to": "nobody"}); r["code"] != string(edge.CodeNoSeat) {
		t.Errorf("without a seat: %v", r)
	}
	if r := p.ask(map[string]any{"op": "present", "device": "pendulum"}); r["code"] != string(edge.CodeUnknownOp) {
		t.Errorf("a client speaks for this process: %v", r)
	}
}

// The owner hears which of those who wait are connected, at once for who is new,
// and no longer when they are gone.
func TestOwnerHearsWhoWaits(t *testing.T) {
	l := newLab(t)
	ana, bo := l.join("Ana"), l.join("Bo")
	p, _ := l.open(ana)
	reading := p.keepReading()
	waits := func(seats ...*seat) {
		l.change(func(st *edge.Status) {
			st.Queue = nil
			for _, s := range seats {
				st.Queue = append(st.Queue, edge.Waiting{Seat: edge.SeatRef{ID: s.ID, Name: s.Name}})
			}
		})
	}
	waits(ana, bo)
	told := func(want ...string) func() bool {
		return func() bool {
			list := l.asked(edge.VerbPresent)
			return len(list) > 0 && slices.Equal(list[len(list)-1].Seats, want)
		}
	}
	l.eventually("Ana is there", told(ana.ID))
	at := time.Now()
	q, _ := l.open(bo)
	both := q.keepReading()
	l.eventually("both are there", told(ana.ID, bo.ID))
	if d := time.Since(at); d > 1500*time.Millisecond {
		t.Errorf("told after %v", d)
	}
	n := len(l.asked(edge.VerbPresent))
	l.eventually("again", func() bool { return len(l.asked(edge.VerbPresent)) > n })
	_ = p.ws.Close()
	<-reading
	l.eventually("Bo alone", told(bo.ID))
	for _, a := range l.asked(edge.VerbPresent) {
		if a.Tick.N == 0 || a.Actor.Role.AtLeast(edge.RoleTeacher) {
			t.Fatalf("%+v", a)
		}
	}
	_ = q.ws.Close()
	<-both
}

func TestPartnerHasAHeartbeat(t *testing.T) {
	l := newLab(t)
	ana, bo := l.join("Ana"), l.join("Bo")
	q, _ := l.open(bo)
	reading := q.keepReading()
	ana.send("POST", "/api/v1/devices/pendulum/lease", "")
	if l.owner.beatCount("pendulum") > 0 {
		t.Fatal("Ana has no connection")
	}
	l.change(func(st *edge.Status) {
		lease := *st.Lease
		lease.Partner = &edge.SeatRef{ID: bo.ID, Name: "Bo"}
		st.Lease = &lease
	})
	l.eventually("the partner's heartbeats", func() bool { return l.owner.beatCount("pendulum") >= 3 })
	_ = q.ws.Close()
	<-reading
}
