package web_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"labbox/edge"
	"labbox/edge/class"
	"labbox/edge/experiment"
	"labbox/web"
)

// A connection that waits with its hello does not outlive its seat.
func TestRemovedBeforeHello(t *testing.T) {
	l := newLab(t)
	ms, code := l.teach(`{}`)
	ana := l.student(code, "Ana")
	p, _, err := l.dial("Cookie", ana.cookie)
	if err != nil {
		t.Fatal(err)
	}
	defer p.ws.Close()
	if a := ms.send("DELETE", "/api/v1/class/seats/"+ana.ID, ""); a.status != 204 {
		t.Fatal(a)
	}
	_ = p.ws.WriteJSON(map[string]any{"op": "hello", "v": 1}) // it may be cut already
	if code := p.closed(); code != 4401 {
		t.Fatalf("close code %d", code)
	}
}

// Names that owners, queues and events hold from before a teacher hid them are hidden
// from then on.
func TestNamesHiddenInTheMiddle(t *testing.T) {
	l := newLab(t)
	ms, code := l.teach(`{}`)
	ana := l.student(code, `Ana "Real"`)
	p, _ := l.open(ana)
	p.ok(map[string]any{"op": "take", "device": "pendulum"})
	l.owner.event("pendulum", edge.Event{Box: "bench", Device: "pendulum", Code: "lease",
		Actor: &edge.Actor{Seat: ana.ID, Name: ana.Name, Role: edge.RoleStudent}, Args: map[string]any{"to": ana.Name, "holder": ana.Name}})
	l.eventually("the name is shown", func() bool {
		return strings.Contains(l.get("/api/v1/devices/pendulum").body, "Real") && strings.Contains(l.get("/api/v1/devices/pendulum/events").body, "Real")
	})
	if a := ms.send("PATCH", "/api/v1/class", `{"hide_names":true}`); a.status != 200 {
		t.Fatal(a)
	}
	p.ws.Close() // no heartbeat tells the owner another name
	bo := l.student(code, "Bo")
	if a := bo.send("POST", "/api/v1/devices/pendulum/lease", ""); a.code() != edge.CodeLeaseTaken || strings.Contains(a.body, "Real") {
		t.Error(a)
	}
	if a := l.get("/api/v1/devices/pendulum/events"); strings.Contains(a.body, "Real") || !strings.Contains(a.body, `"to":"Student 1"`) || !strings.Contains(a.body, `"name":"Student 1","role"`) {
		t.Error(a)
	}
	l.owner.publish("pendulum")
	l.eventually("the status hides it", func() bool { return !strings.Contains(l.get("/api/v1/devices/pendulum").body, "Real") })
}

// What is hidden is a name, wherever it stands; what only looks like one stays.
func TestVeil(t *testing.T) {
	members := []class.Member{{Seat: "sbbbbbbb", Name: `A"n\a`, Alias: `Student "1"`}, {Seat: "sccccccc", Name: "Bo", Alias: "Student 2"}}
	v := func(s string) string { return string(web.Hide(members, []byte(s))) }
	for in, want := range map[string]string{
		`{"holder":{"id":"sbbbbbbb","name":"A\"n\\a"},"queue":[{"seat":{"id":"sccccccc","name":"old"}}]}`: `{"holder":{"id":"sbbbbbbb","name":"Student \"1\""},"queue":[{"seat":{"id":"sccccccc","name":"Student 2"}}]}`,
		`{"args":{"to":"Bo","holder":"A\"n\\a","what":"Bo"}}`:                                             `{"args":{"to":"Student 2","holder":"Student \"1\"","what":"Bo"}}`,
		`{"device":"pendulum","name":"Bo"}`:                                                               `{"device":"pendulum","name":"Bo"}`,
		`{"text":"sbbbbbbb\",\"name\":\"x"}`:                                                              `{"text":"sbbbbbbb\",\"name\":\"x"}`,
		`{"id":"sbbbbbbb","name":`:                                                                        `{"id":"sbbbbbbb","name":`,
		`{"id":"sbbbbbbb","name":"x\`:                                                                     `{"id":"sbbbbbbb","name":"x\`,
	} {
		if got := v(in); got != want {
			t.Errorf("%s\n%s\n%s", in, got, want)
		}
	}
}

func FuzzVeil(f *testing.F) {
	f.Add([]byte(`{"id":"sbbbbbbb","name":"x","to":"Bo"}`))
	members := []class.Member{{Seat: "sbbbbbbb", Name: "Bo", Alias: "Student 1"}}
	f.Fuzz(func(t *testing.T, b []byte) {
		if out := web.Hide(members, b); json.Valid(b) && !json.Valid(out) {
			t.Fatalf("%s\n%s", b, out)
		}
	})
}

// A rehearsal is there for its own seat, by HTTP too, and for nobody else.
func TestRehearsalByHTTP(t *testing.T) {
	l := newLab(t)
	_, code := l.teach(`{}`)
	ana, bo := l.student(code, "Ana"), l.student(code, "Bo")
	l.owner.plug("twin", contractOf("hash-b", "angle"))
	l.owner.mu.Lock()
	l.owner.devices["twin"].status.Rehearsal = &edge.Rehearsal{Of: "pendulum", Seat: ana.ID}
	l.owner.mu.Unlock()
	l.owner.publish("twin")
	l.eventually("it is Ana's", func() bool {
		return ana.send("GET", "/api/v1/devices/twin", "").status == 200 && bo.send("GET", "/api/v1/devices/twin", "").status == 404
	})
	for path, want := range map[string]string{"/api/v1/devices": `"twin"`, "/api/v1/devices/twin/events": `"events"`} {
		if a := ana.send("GET", path, ""); !strings.Contains(a.body, want) {
			t.Error(path, a)
		}
		if a, b := bo.send("GET", path, ""), l.get(path); strings.Contains(a.body+b.body, want) {
			t.Error(path, a, b)
		}
	}
}

// Another password ends a teacher's other sessions also where the store is away, when
// seats that the process knows count on.
func TestOldSessionWhileTheStoreIsAway(t *testing.T) {
	l := newLab(t)
	ann := l.account("Ann", edge.RoleTeacher)
	a := l.send("POST", "/api/v1/teacher", fmt.Sprintf(`{"name":"Ann","password":%q}`, password))
	if a.status != 201 {
		t.Fatal(a)
	}
	stolen := l.seatOf(a)
	if a := stolen.send("GET", "/api/v1/teachers", ""); a.status != 200 {
		t.Fatal(a)
	}
	if a := ann.send("POST", "/api/v1/teacher/password", fmt.Sprintf(`{"old":%q,"new":"battery staple"}`, password)); a.status != 200 {
		t.Fatal(a)
	}
	l.kv.down.Store(true)
	for _, path := range []string{"/api/v1/class/stop", "/api/v1/devices/pendulum/resume"} {
		if a := stolen.send("POST", path, ""); a.status != 503 {
			t.Error(path, a)
		}
	}
}

// Who says another nickname again and again is slowed down, as who joins is.
func TestRenamesAreBounded(t *testing.T) {
	l := newLab(t)
	_, code := l.teach(`{}`)
	ana := l.student(code, "Ana")
	l.cfg.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	srv, err := web.New(l.cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close(context.Background())
	slowed := false
	for i := range 330 {
		r := httptest.NewRequest("POST", "http://"+l.addr+"/api/v1/seats", strings.NewReader(fmt.Sprintf(`{"nickname":"Ana %d"}`, i)))
		r.RemoteAddr = "127.0.0.1:9"
		r.Header.Set("X-Forwarded-For", "10.0.0.9")
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Cookie", ana.cookie)
		w := httptest.NewRecorder()
		srv.ServeHTTP(w, r)
		slowed = slowed || w.Code == 429
	}
	if !slowed {
		t.Fatal("330 names at once")
	}
}

// What a removed seat has submitted is not carried out.
func TestExperimentsOfWhoIsRemoved(t *testing.T) {
	for name, end := range map[string]func(ms, ana *seat) answer{
		"removed": func(ms, ana *seat) answer { return ms.send("DELETE", "/api/v1/class/seats/"+ana.ID, "") },
		"closed":  func(ms, _ *seat) answer { return ms.send("DELETE", "/api/v1/class", "") },
	} {
		l := withDesk(t, experiment.Limits{})
		ms, code := l.teach(`{}`)
		ana := l.student(code, "Ana")
		x := ana.send("POST", "/api/v1/experiments", drive).one(t, 202)
		mine := ms.send("POST", "/api/v1/experiments", drive).one(t, 202)
		if a := end(ms, ana); a.status != 204 {
			t.Fatal(name, a)
		}
		l.eventually(name+": it is cancelled", func() bool {
			return ms.send("GET", "/api/v1/experiments/"+x.ID, "").one(t, 200).State == experiment.Cancelled
		})
		if got := ms.send("GET", "/api/v1/experiments/"+mine.ID, "").one(t, 200); got.State != experiment.Pending {
			t.Error(name, got)
		}
	}
}
