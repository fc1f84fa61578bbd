package experimenttest

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"labbox/edge"
	"labbox/edge/experiment"
)

func testResult(t *testing.T, l *lab) {
	var mu sync.Mutex
	var news []experiment.Experiment
	sub, err := l.bus.Subscribe(edge.Subject(l.box, "*", edge.KindExperiment), func(m edge.Msg) {
		var x experiment.Experiment
		if json.Unmarshal(m.Data, &x) == nil {
			mu.Lock()
			news = append(news, x)
			mu.Unlock()
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sub.Close() })
	id := l.submit("d0", `[{"record":{"name":"rec"}},{"set":{"command":"first"}},{"wait":{"ms":600}},
		{"ramp":{"command":"move","param":"to","from":0,"to":4,"over_ms":400}},{"set":{"command":"count","args":{"n":7}}},{"record":"stop"}]`)
	l.until("running with progress", func() bool {
		x := l.get(id)
		return x.State == experiment.Running && x.Step == 2 && x.Progress > 0 && x.Progress < 1
	})
	x := l.ends(id, experiment.Done)
	if x.Run != "run-"+id || x.Progress != 1 || x.Safe != edge.SafeConfirmed || x.Name != "test" || x.By != seat("Ana").Ref() || x.Reason != nil {
		t.Errorf("%+v", x)
	}
	if x.StartedMS < x.SubmittedMS || x.EndedMS-x.StartedMS < 1000 || len(x.Outcomes) != 6 {
		t.Fatalf("%+v", x)
	}
	o := x.Outcomes
	if o[1].Outcome != edge.OutcomeConfirmed || o[1].Reply != "ok first" || o[3].Commands < 3 || o[3].Reply != "ok move" || o[4].Step != 4 {
		t.Errorf("%+v", o)
	}
	l.own.change("d0", func(d *Device) {
		n := len(d.values)
		if n < 4 || d.values[0] != 0 || d.values[n-2] != 4 || d.values[n-1] != 7 || !slices.IsSorted(d.values[:n-1]) || d.lease != nil || d.beats < 2 {
			t.Errorf("values %v, lease %v, %d beats", d.values, d.lease, d.beats)
		}
	})
	l.until("news of the end", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(news) > 0 && news[len(news)-1].State == experiment.Done
	})
	mu.Lock()
	defer mu.Unlock()
	if last := news[len(news)-1]; last.ID != id || last.Run != x.Run || last.Steps != nil {
		t.Errorf("%+v", last)
	}
}

func testOrder(t *testing.T, l *lab) {
	letGo := l.own.keep("d0")
	defer letGo()
	var ids []string
	for range 6 {
		ids = append(ids, l.submit("d0", plain))
	}
	l.reaches("d0", ids[0])
	for i, id := range ids[1:] {
		l.until("its place", func() bool { return l.get(id).Place == i+1 })
	}
	list, err := l.desk.List(l.ctx(), "d0") // the line may be ahead of the record
	if err != nil || len(list) != 6 || list[0].ID != ids[0] || list[0].State != experiment.Running || list[5].Place != 5 {
		t.Fatalf("%+v, %v", list, err)
	}
	letGo()
	for _, id := range ids {
		l.ends(id, experiment.Done)
		l.ran(id, 1)
	}
	l.own.change("d0", func(d *Device) {
		if !slices.Equal(d.order, ids) {
			t.Errorf("order %v, want %v", d.order, ids)
		}
	})
	l.until("the list of what ended", func() bool {
		list, err := l.desk.List(l.ctx(), "")
		return err == nil && len(list) == 6 && list[0].ID == ids[5] && list[5].ID == ids[0]
	})
}

func testDuplicate(t *testing.T, l *lab) {
	letGo := l.own.keep("d0")
	defer letGo()
	first := l.submit("d0", plain)
	l.reaches("d0", first)
	var ids []string
	for range 3 {
		x, err := l.desk.Submit(l.ctx(), seat("Ana"), contract(), l.request("d0", plain, "k1"))
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, x.ID)
	}
	other, err := l.desk.Submit(l.ctx(), seat("Ben"), contract(), l.request("d0", plain, "k1"))
	if err != nil || ids[0] != ids[1] || ids[0] != ids[2] || other.ID == ids[0] {
		t.Fatalf("%v %v %v", ids, other.ID, err)
	}
	_, err = l.desk.Submit(l.ctx(), seat("Ana"), contract(), l.request("d0", `[{"wait":{"ms":1}}]`, "k1"))
	if edge.CodeOf(err) != edge.CodeDuplicate {
		t.Fatal(err)
	}
	letGo()
	l.ends(ids[0], experiment.Done)
	l.ends(other.ID, experiment.Done)
	x, err := l.desk.Submit(l.ctx(), seat("Ana"), contract(), l.request("d0", plain, "k1"))
	if err != nil || x.ID != ids[0] || x.State != experiment.Done {
		t.Fatalf("%+v %v", x, err)
	}
	l.ends(l.submit("d0", plain), experiment.Done)
	l.ran(ids[0], 1)
	l.ran(other.ID, 1)
}

func testCancelPending(t *testing.T, l *lab) {
	letGo := l.own.keep("d0")
	defer letGo()
	a, b, c := l.submit("d0", plain), l.submit("d0", plain), l.submit("d0", plain)
	l.reaches("d0", a)
	x, err := l.desk.Cancel(l.ctx(), seat("Ana"), b)
	if err != nil || x.State != experiment.Cancelled || x.CancelledBy == nil || x.CancelledBy.Name != "Ana" || x.EndedMS == 0 {
		t.Fatalf("%+v, %v", x, err)
	}
	l.until("place of the next", func() bool { return l.get(c).Place == 1 })
	letGo()
	l.ends(c, experiment.Done)
	l.ends(b, experiment.Cancelled)
	l.ran(b, 0)
	if x, err := l.desk.Cancel(l.ctx(), seat("Ana"), c); err != nil || x.State != experiment.Done {
		t.Fatalf("%+v, %v", x, err)
	}
	if _, err := l.desk.Cancel(l.ctx(), seat("Ana"), "nope"); edge.CodeOf(err) != edge.CodeUnknownExperiment {
		t.Fatal(err)
	}
}

func testCancelRunning(t *testing.T, l *lab) {
	id := l.submit("d0", `[{"set":{"command":"first"}},{"record":{}},{"wait":{"ms":60000}},{"set":{"command":"first"}}]`)
	l.until("running", func() bool { return l.get(id).Step == 2 })
	if _, err := l.desk.Cancel(l.ctx(), seat("Ana"), id); err != nil {
		t.Fatal(err)
	}
	x := l.ends(id, experiment.Cancelled)
	if x.Step != 2 || x.Run == "" || x.Safe != edge.SafeConfirmed || x.CancelledBy == nil {
		t.Errorf("%+v", x)
	}
	l.ran(id, 1)
	// A command under way does not keep the device from being made safe.
	letGo := l.own.keep("d0")
	defer letGo()
	id = l.submit("d0", plain)
	l.reaches("d0", id)
	if _, err := l.desk.Cancel(l.ctx(), seat("Ana"), id); err != nil {
		t.Fatal(err)
	}
	l.ends(id, experiment.Cancelled)
	// Where the record was still pending for everybody, they see the end a moment
	// before the device is safe.
	l.until("free and safe", func() (ok bool) {
		l.own.change("d0", func(d *Device) { ok = d.lease == nil && d.safe == edge.SafeConfirmed })
		return ok
	})
	l.ends(id, experiment.Cancelled)
}

func testCancelWhileAway(t *testing.T, l *lab) {
	l.work.kill()
	a, b := l.submit("d0", plain), l.submit("d0", plain)
	if l.get(a).Place != 1 || l.get(b).Place != 2 {
		t.Errorf("places %d, %d", l.get(a).Place, l.get(b).Place)
	}
	x, err := l.desk.Cancel(l.ctx(), seat("Ana"), a)
	if err != nil || x.State != experiment.Cancelled {
		t.Fatalf("%+v, %v", x, err)
	}
	l.work = l.start()
	l.ends(b, experiment.Done)
	l.ends(a, experiment.Cancelled)
	l.ran(a, 0)
	l.ran(b, 1)
}

func testCancelOfOthers(t *testing.T, l *lab) {
	letGo := l.own.keep("d0")
	defer letGo()
	a, b := l.submit("d0", plain), l.submit("d0", plain)
	l.reaches("d0", a)
	for _, id := range []string{a, b} {
		if _, err := l.desk.Cancel(l.ctx(), seat("Ben"), id); edge.CodeOf(err) != edge.CodeForbidden {
			t.Fatal(err)
		}
	}
	teacher := seat("Mx T")
	teacher.Role = edge.RoleTeacher
	if x, err := l.desk.Cancel(l.ctx(), teacher, b); err != nil || x.State != experiment.Cancelled || x.CancelledBy.Name != "Mx T" {
		t.Fatalf("%+v, %v", x, err)
	}
	letGo()
	l.ends(a, experiment.Done)
}

func testTurns(t *testing.T, l *lab) {
	person := seat("Ben")
	ans, err := l.own.Do(l.ctx(), &edge.Ask{Verb: edge.VerbTake, Device: "d0", Actor: person})
	if err != nil {
		t.Fatal(err)
	}
	a, b := l.submit("d0", plain), l.submit("d0", plain)
	l.until("a reason", func() bool {
		x := l.get(a)
		return x.State == experiment.Pending && x.Reason != nil && x.Reason.Code == edge.CodeLeaseTaken && strings.Contains(x.Reason.Message, "Ben")
	})
	other := l.submit("d1", plain)
	l.ends(other, experiment.Done)
	l.ran(a, 0)
	if _, err := l.own.Do(l.ctx(), &edge.Ask{Verb: edge.VerbRelease, Device: "d0", Actor: person, Fence: ans.Lease.Fence}); err != nil {
		t.Fatal(err)
	}
	l.ends(a, experiment.Done)
	l.ends(b, experiment.Done)
	l.ran(a, 1)
	// A device that is not there is waited for.
	l.own.change("d0", func(d *Device) { d.state = edge.StateAbsent })
	c := l.submit("d0", plain)
	l.until("a reason", func() bool { x := l.get(c); return x.Reason != nil && x.Reason.Code == edge.CodeNotReady })
	l.own.change("d0", func(d *Device) { d.state = edge.StateLive })
	l.ends(c, experiment.Done)
}

// Between two experiments a person gets the device.
func testGap(t *testing.T, l *lab) {
	l.work.end()
	l.gap = 700 * time.Millisecond
	l.work = l.start()
	a, b := l.submit("d0", plain), l.submit("d0", plain)
	l.ends(a, experiment.Done)
	time.Sleep(300 * time.Millisecond)
	ans, err := l.own.Do(l.ctx(), &edge.Ask{Verb: edge.VerbTake, Device: "d0", Actor: seat("Ben")})
	if err != nil {
		t.Fatalf("a person between two experiments: %v", err)
	}
	l.until("the next one waits", func() bool { x := l.get(b); return x.Reason != nil && x.Reason.Code == edge.CodeLeaseTaken })
	l.ran(b, 0)
	if _, err := l.own.Do(l.ctx(), &edge.Ask{Verb: edge.VerbRelease, Device: "d0", Actor: seat("Ben"), Fence: ans.Lease.Fence}); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	l.ends(b, experiment.Done)
	if d := time.Since(begin); d > time.Second {
		t.Errorf("after a person it took %v", d)
	}
}

func testFailures(t *testing.T, l *lab) {
	const long = `[{"set":{"command":"first"}},{"wait":{"ms":60000}},{"set":{"command":"move"}}]`
	for _, c := range []struct {
		name string
		code edge.Code
		do   func(d *Device)
		undo func(d *Device)
	}{
		{"emergency stop", edge.CodeStopped, func(d *Device) { d.stopped, d.lease, d.safe = &edge.Stop{By: seat("Ben")}, nil, edge.SafeConfirmed }, func(d *Device) { d.stopped = nil }},
		{"quarantine", edge.CodeQuarantined, func(d *Device) { d.state = edge.StateQuarantined }, func(d *Device) { d.state, d.safe = edge.StateLive, edge.SafeConfirmed }},
		{"unplugged", edge.CodeNotReady, func(d *Device) { d.state = edge.StateAbsent }, func(d *Device) { d.state = edge.StateLive }},
		{"lease lost", edge.CodeNotHolder, func(d *Device) { d.lease, d.safe = nil, edge.SafeConfirmed }, func(*Device) {}},
	} {
		id := l.submit("d0", long)
		l.until("running", func() bool { return l.get(id).Step == 1 })
		l.own.change("d0", c.do)
		x := l.ends(id, experiment.Failed)
		if x.Reason == nil || x.Reason.Code != c.code || x.Step != 1 {
			t.Errorf("%s: %+v, step %d", c.name, x.Reason, x.Step)
		}
		l.own.change("d0", c.undo)
	}
	l.own.change("d0", func(d *Device) { d.fail["move"] = edge.Errorf(edge.CodeDeviceRefused, "the device says no") })
	x := l.ends(l.submit("d0", `[{"set":{"command":"first"}},{"set":{"command":"move"}},{"set":{"command":"count"}}]`), experiment.Failed)
	if x.Reason == nil || x.Reason.Code != edge.CodeDeviceRefused || x.Step != 1 || len(x.Outcomes) != 2 || x.Outcomes[1].Reason == nil || x.Safe != edge.SafeConfirmed {
		t.Errorf("%+v", x)
	}
	l.own.change("d0", func(d *Device) {
		delete(d.fail, "move")
		if d.lease != nil {
			t.Errorf("lease %+v", d.lease)
		}
	})
	l.ends(l.submit("d0", plain), experiment.Done)
}

func testLimits(t *testing.T, l *lab) {
	letGo := l.own.keep("d0")
	defer letGo()
	lim := experiment.Limits{PerSeat: 3, PerDevice: 5}
	desk := experiment.NewDesk(l.box, l.bus, l.kv, l.clock, lim)
	submit := func(who string) error {
		_, err := desk.Submit(l.ctx(), seat(who), contract(), l.request("d0", plain, ""))
		return err
	}
	for i, c := range []struct {
		who string
		ok  bool
	}{{"Ana", true}, {"Ana", true}, {"Ana", true}, {"Ana", false}, {"Ben", true}, {"Ben", true}, {"Ben", false}, {"Cem", false}} {
		if err := submit(c.who); (err == nil) != c.ok || err != nil && (edge.CodeOf(err) != edge.CodeTooMany || edge.AsError(err).Hint == "") {
			t.Errorf("submission %d of %s: %v", i, c.who, err)
		}
	}
	letGo()
	l.until("room again", func() bool {
		list, err := desk.List(l.ctx(), "d0")
		return err == nil && len(list) == 5 && !slices.ContainsFunc(list, func(x experiment.Experiment) bool { return !x.State.Final() })
	})
	l.until("admitted again", func() bool { return submit("Ana") == nil })
	observer := seat("Obs")
	observer.Role = edge.RoleObserver
	if _, err := desk.Submit(l.ctx(), observer, contract(), l.request("d0", plain, "")); edge.CodeOf(err) != edge.CodeForbidden {
		t.Error(err)
	}
}
