package web_test

import (
	"context"
	"fmt"
	"testing"

	"labbox/edge"
	"labbox/edge/frame"
	"labbox/web"
)

// wantRun fails unless seqs are from, from+1, ...
func wantRun(t *testing.T, seqs []uint64, from int) {
	t.Helper()
	for i, s := range seqs {
		if s != uint64(from+i) {
			t.Fatalf("sample %d is number %d, want %d", i, s, from+i)
		}
	}
}

func TestResumeWithoutLoss(t *testing.T) {
	l := newLab(t)
	p, _ := l.open(nil)
	p.ok(map[string]any{"op": "subscribe", "device": "pendulum"})
	for i := range 30 {
		l.owner.sample("pendulum", i*10, 10)
	}
	seqs, _, _ := p.samples(120)
	last := seqs[len(seqs)-1]
	_ = p.ws.Close()
	for i := 30; i < 300; i++ {
		l.owner.sample("pendulum", i*10, 10)
	}
	q, _ := l.open(nil)
	args := q.ok(map[string]any{"op": "subscribe", "device": "pendulum", "since": map[string]any{"epoch": 1, "seq": last}})
	if args["seq"] != float64(last+1) {
		t.Fatalf("subscribe %v, want seq %d", args["seq"], last+1)
	}
	seqs, _, gaps := q.samples(3000 - int(last) - 1)
	wantRun(t, seqs, int(last)+1)
	if gaps != nil {
		t.Fatal(gaps)
	}
}

func TestResumeBeyondTheRing(t *testing.T) {
	l := newLab(t, func(c *web.Config) { c.RingBytes = 8 << 10 })
	for i := range 100 {
		l.owner.sample("pendulum", i*10, 10)
	}
	p, _ := l.open(nil)
	args := p.ok(map[string]any{"op": "subscribe", "device": "pendulum", "since": map[string]any{"epoch": 1, "seq": 4}})
	first := int(args["seq"].(float64))
	if first < 500 || first > 990 {
		t.Fatalf("first %d", first)
	}
	seqs, _, gaps := p.samples(1000 - first)
	wantRun(t, seqs, first)
	if len(gaps) != 1 || gaps[0]["why"] != "resume" || gaps[0]["from"] != 5.0 || gaps[0]["to"] != float64(first-1) {
		t.Fatalf("gaps %v", gaps)
	}
}

func TestResumeAfterRestart(t *testing.T) {
	l := newLab(t)
	l.owner.restart("pendulum", 9, contractOf("hash-a", "angle", "speed", "power", "temp"))
	l.owner.publish("pendulum")
	l.owner.sample("pendulum", 0, 10)
	p, _ := l.open(nil)
	p.ok(map[string]any{"op": "subscribe", "device": "pendulum", "since": map[string]any{"epoch": 3, "seq": 70}})
	seqs, _, gaps := p.samples(10)
	wantRun(t, seqs, 0)
	if len(gaps) != 1 || gaps[0]["why"] != "restart" || gaps[0]["epoch"] != 3.0 || gaps[0]["from"] != 71.0 || gaps[0]["to"] != nil {
		t.Fatalf("gaps %v", gaps)
	}
}

func TestHistory(t *testing.T) {
	l := newLab(t)
	for i := range 50 {
		l.owner.sample("pendulum", i*10, 10)
	}
	p, _ := l.open(nil)
	p.ok(map[string]any{"op": "subscribe", "device": "pendulum", "back_ms": 60000})
	seqs, _, _ := p.samples(500)
	wantRun(t, seqs, 0)
	p.ok(map[string]any{"op": "subscribe", "device": "pendulum"}) // replaces the first
	l.owner.sample("pendulum", 500, 10)
	seqs, _, _ = p.samples(10)
	wantRun(t, seqs, 500)
	p.ok(map[string]any{"op": "unsubscribe", "device": "pendulum"})
	l.owner.sample("pendulum", 510, 10)
	p.ok(map[string]any{"op": "ping"})
	p.ok(map[string]any{"op": "subscribe", "device": "pendulum", "since": map[string]any{"epoch": 1, "seq": 509}})
	seqs, _, _ = p.samples(10)
	wantRun(t, seqs, 510)
}

func TestLossOnTheBusIsDeclared(t *testing.T) {
	l := newLab(t)
	p, _ := l.open(nil)
	p.ok(map[string]any{"op": "subscribe", "device": "pendulum"})
	l.owner.sample("pendulum", 0, 10)
	_ = l.owner.encode("pendulum", 10, 5, 0) // never published
	l.owner.sample("pendulum", 15, 5)
	// 3 lost by the device and 5 by the Bus.
	_ = l.owner.encode("pendulum", 20, 5, 0)
	b := l.owner.encode("pendulum", 28, 5, 3)
	_ = l.bus.Publish(context.Background(), edge.Subject(boxName, "pendulum", edge.KindLive), b)
	_ = l.bus.Publish(context.Background(), edge.Subject(boxName, "pendulum", edge.KindLive), b) // twice
	var lost []uint32
	for n := 0; n < 20; {
		_, b := p.next()
		for len(b) > 0 {
			v, rest, err := frame.Parse(b)
			if err != nil {
				t.Fatal(err)
			}
			lost = append(lost, v.Header().Lost)
			n += v.Header().Samples
			b = rest
		}
	}
	if fmt.Sprint(lost) != "[0 5 8]" {
		t.Fatalf("lost %v", lost)
	}
}

func TestChannelSubsetAndMinMax(t *testing.T) {
	l := newLab(t)
	p, _ := l.open(nil)
	q, _ := l.open(nil)
	p.ok(map[string]any{"op": "subscribe", "device": "pendulum", "channels": []string{"temp", "speed"}})
	q.ok(map[string]any{"op": "subscribe", "device": "pendulum", "mode": "minmax", "max_hz": 10})
	var all []byte // at once, so that no bucket is ended by a pause
	for i := range 100 {
		all = append(all, l.owner.encode("pendulum", i*10, 10, 0)...)
	}
	_ = l.bus.Publish(context.Background(), edge.Subject(boxName, "pendulum", edge.KindLive), all)
	seqs, values, _ := p.samples(1000)
	wantRun(t, seqs, 0)
	if values[7] != 7+3.0/8 {
		t.Fatalf("temp is %g", values[7])
	}
	_, values, _ = q.samples(18) // nine whole buckets of 100 ms
	for i := range 9 {
		if values[2*i] != float64(i*100) || values[2*i+1] != float64(i*100+99) {
			t.Fatalf("bucket %d: %g %g", i, values[2*i], values[2*i+1])
		}
	}
	// One who comes later gets the same history.
	r, _ := l.open(nil)
	r.ok(map[string]any{"op": "subscribe", "device": "pendulum", "mode": "minmax", "max_hz": 20, "channels": []string{"speed"}, "back_ms": 60000})
	if _, values, _ = r.samples(38); values[2] != 50+1.0/8 || values[3] != 99+1.0/8 {
		t.Fatalf("history %v", values)
	}
	for _, bad := range []map[string]any{
		{"mode": "minmax"}, {"mode": "raw", "max_hz": 5}, {"mode": "x"}, {"mode": "minmax", "max_hz": 1e9}, {"back_ms": -1}, {"back_ms": 70000},
	} {
		bad["op"], bad["device"] = "subscribe", "pendulum"
		if r := p.ask(bad); r["code"] != string(edge.CodeBadRequest) {
			t.Fatalf("%v: %v", bad, r)
		}
	}
	if r := p.ask(map[string]any{"op": "subscribe", "device": "pendulum", "channels": []string{"nope"}}); r["code"] != string(edge.CodeUnknownChannel) {
		t.Fatal(r)
	}
	if r := p.ask(map[string]any{"op": "subscribe", "device": "nope"}); r["code"] != string(edge.CodeUnknownDevice) {
		t.Fatal(r)
	}
}

func TestContractComesBeforeItsFrames(t *testing.T) {
	l := newLab(t)
	p, _ := l.open(nil)
	l.owner.plug("other", contractOf("hash-o", "x"))
	l.eventually("other device", func() bool { return l.get("/api/v1/devices/other").status == 200 })
	p.ok(map[string]any{"op": "subscribe", "device": "pendulum", "channels": []string{"temp"}})
	other := uint64(p.ok(map[string]any{"op": "subscribe", "device": "other"})["stream"].(float64))
	l.owner.sample("pendulum", 0, 10)
	p.samples(10)
	l.owner.restart("pendulum", 2, contractOf("hash-b", "temp", "angle"))
	l.owner.sample("pendulum", 50, 10) // overtakes the status
	l.owner.sample("other", 0, 10)     // what comes with it is not held
	told := false
	for {
		m, b := p.next()
		if m["op"] == "contract" {
			told = m["contract"].(map[string]any)["hash"] == "hash-b"
		}
		if b == nil {
			continue
		}
		v, _, err := frame.Parse(b)
		if err != nil {
			t.Fatal(err)
		}
		if v.Header().Stream == other {
			l.owner.publish("pendulum")
			continue
		}
		if !told || v.Header().Epoch != 2 || v.Value(0, 0) != 50 {
			t.Fatalf("told %v, epoch %d, value %g", told, v.Header().Epoch, v.Value(0, 0))
		}
		return
	}
}

func TestNewEpochIsNotHeldForever(t *testing.T) {
	l := newLab(t)
	p, _ := l.open(nil)
	p.ok(map[string]any{"op": "subscribe", "device": "pendulum"})
	l.owner.restart("pendulum", 2, contractOf("hash-a", "angle", "speed", "power", "temp"))
	l.owner.sample("pendulum", 0, 10) // and no status, ever
	seqs, _, _ := p.samples(10)
	wantRun(t, seqs, 0)
}

func TestEventsReachEverybodyAndStay(t *testing.T) {
	l := newLab(t)
	p, _ := l.open(nil)
	for i := range 250 {
		l.owner.event("pendulum", edge.Event{Box: boxName, Device: "pendulum", Seq: uint64(i), Code: "note"})
	}
	for i := range 250 {
		if e := p.until("event")["event"].(map[string]any); e["seq"] != float64(i) {
			t.Fatalf("event %v, want %d", e["seq"], i)
		}
	}
	var got struct{ Events []edge.Event }
	l.get("/api/v1/devices/pendulum/events").json(t, &got)
	if len(got.Events) != 200 || got.Events[199].Seq != 249 {
		t.Fatalf("%d events", len(got.Events))
	}
	l.get("/api/v1/devices/pendulum/events?last=2").json(t, &got)
	if len(got.Events) != 2 || got.Events[0].Seq != 248 {
		t.Fatalf("%+v", got.Events)
	}
	if a := l.get("/api/v1/devices/pendulum/events?last=x"); a.status != 400 {
		t.Fatal(a)
	}
}

func TestDevicesFromTheStoreAtStart(t *testing.T) {
	l := newLab(t)
	other := newLab(t, func(c *web.Config) { c.KV, c.Bus = l.kv, &fakeBus{} })
	var got struct {
		Status   edge.Status
		Contract edge.Contract
	}
	other.get("/api/v1/devices/pendulum").json(t, &got)
	if got.Status.Device != "pendulum" || got.Contract.Hash != "hash-a" {
		t.Fatalf("%+v", got)
	}
}

func TestOwnerSilent(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for real seconds")
	}
	l := newLab(t)
	p, _ := l.open(nil)
	if m := p.until("notice"); m["code"] != "degraded" {
		t.Fatal(m)
	}
	if a := l.get("/readyz"); a.status != 503 {
		t.Fatal(a)
	}
	l.owner.beatTick()
	for m := p.until("notice"); m["code"] != ""; m = p.until("notice") {
	}
}

// A client that does not read is skipped ahead and told, and nobody else waits.
func TestSlowClientDoesNotBlockOthers(t *testing.T) {
	l := newLab(t, func(c *web.Config) { c.RingBytes = 256 << 10 })
	l.readBuffer = 32 << 10
	slow, _ := l.open(nil)
	slow.ok(map[string]any{"op": "subscribe", "device": "pendulum"})
	fast, _ := l.open(nil)
	fast.ok(map[string]any{"op": "subscribe", "device": "pendulum"})
	const batches, batch = 14, 5000 // 1.4 MB a client
	for i := range batches {
		l.owner.sample("pendulum", i*batch, batch)
		seqs, _, _ := fast.samples(batch) // would fail after 10 s
		wantRun(t, seqs, i*batch)
		slow.send(map[string]any{"op": "ping"}) // it reads nothing, but it lives
	}
	// Now the slow one reads: what it missed is declared, the rest is in order.
	next, gaps := uint64(0), 0
	for next < batches*batch {
		m, b := slow.next()
		if m["op"] == "gap" {
			if m["why"] != "slow" || uint64(m["from"].(float64)) != next {
				t.Fatalf("gap %v, next %d", m, next)
			}
			next = uint64(m["to"].(float64)) + 1
			gaps++
		}
		for len(b) > 0 {
			v, rest, err := frame.Parse(b)
			if err != nil {
				t.Fatal(err)
			}
			if v.Header().Seq != next {
				t.Fatalf("%d came, %d was due: an undeclared gap", v.Header().Seq, next)
			}
			next, b = v.Header().Next, rest
		}
	}
	if gaps == 0 {
		t.Fatal("nothing was skipped: the test does not test")
	}
}
