package web_test

import (
	"encoding/xml"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"labbox/edge"
	"labbox/web"
)

func TestJoinByCode(t *testing.T) {
	l := newLab(t)
	ms, code := l.teach(`{"title":"Pendulums","message":"Welcome"}`)
	if c := l.class(nil); !c.Open || c.Title != "Pendulums" || c.Code != "" || c.Message != "" || c.May != nil || c.Seats != nil {
		t.Fatalf("anybody sees %+v", c)
	}
	ana := l.student(strings.ToLower(code[:3])+" - "+code[3:], "Ana")
	if ana.Role != "student" {
		t.Fatal(ana)
	}
	if c := l.class(ana); c.Code != "" || c.Message != "Welcome" || c.May == nil || !c.May.Drive || c.Seats != nil || c.Joined != 1 {
		t.Fatalf("a student sees %+v", c)
	}
	if c := l.class(ms); c.Code != code || len(c.Seats) != 1 || c.Seats[0].Name != "Ana" || c.Seats[0].Connected || !strings.HasSuffix(c.URL, "/join/"+code) {
		t.Fatalf("the teacher sees %+v", c)
	}
	// The same browser is back: it is renamed, not doubled.
	if a := ana.send("POST", "/api/v1/seats", `{"nickname":"Anna","code":"`+code+`"}`); a.status != 200 || !strings.Contains(a.body, ana.ID) {
		t.Fatal(a)
	}
	if c := l.class(ms); len(c.Seats) != 1 || c.Seats[0].Name != "Anna" {
		t.Fatalf("%+v", c)
	}
	for _, wrong := range []string{"BBBBBB", "x", code + "B", "\u202e"} {
		if a := l.enter(wrong, "Eve"); a.status != 404 || a.code() != edge.CodeNoClass {
			t.Errorf("%q: %d %s", wrong, a.status, a.body)
		}
	}
	if a := ms.send("PATCH", "/api/v1/class", `{"locked":true,"new_code":true}`); a.status != 200 {
		t.Fatal(a)
	}
	if a := l.enter(code, "Eve"); a.code() != edge.CodeNoClass {
		t.Fatal("an expired code:", a)
	}
	if a := l.enter(l.class(ms).Code, "Eve"); a.status != 403 || a.code() != edge.CodeClassLocked {
		t.Fatal(a)
	}
	if a := ana.send("GET", "/api/v1/seats", ""); a.status != 200 {
		t.Fatal("who is in stays:", a)
	}
}

func TestClassPushes(t *testing.T) {
	l := newLab(t)
	ms, code := l.teach(`{}`)
	ana := l.student(code, "Ana")
	p, welcome := l.open(ana)
	if c := welcome["class"].(map[string]any); c["open"] != true || c["code"] != nil {
		t.Fatal(c)
	}
	tp, welcome := l.open(ms)
	if c := welcome["class"].(map[string]any); c["code"] != code {
		t.Fatal(c)
	}
	ms.send("PATCH", "/api/v1/class", `{"message":"Stop and listen","may":{"drive":false}}`)
	if m := p.until("you")["you"].(map[string]any); m["role"] != "observer" || m["name"] != "Ana" {
		t.Fatal(m)
	}
	if m := p.until("class")["class"].(map[string]any); m["message"] != "Stop and listen" {
		t.Fatal(m)
	}
	ms.send("PATCH", "/api/v1/class/seats/"+ana.ID, `{"name":"Anouk"}`)
	if m := p.until("you")["you"].(map[string]any); m["name"] != "Anouk" {
		t.Fatal(m)
	}
	// The teacher's page hears who came and who is connected.
	bo := l.student(code, "Bo")
	l.open(bo)
	l.eventually("the teacher sees Bo connected", func() bool {
		for _, s := range l.class(ms).Seats {
			if s.Name == "Bo" && s.Connected {
				return true
			}
		}
		return false
	})
	for {
		c := tp.until("class")["class"].(map[string]any)
		seats := c["seats"].([]any)
		if len(seats) == 2 && seats[1].(map[string]any)["connected"] == true {
			break
		}
	}
}

// Who is removed, leaves, or is in a class that closes, is out at once: cookie,
// connections, turns.
func TestSeatsEnd(t *testing.T) {
	for name, end := range map[string]func(l *lab, ms, ana *seat) answer{
		"removed": func(_ *lab, ms, ana *seat) answer {
			return ms.send("DELETE", "/api/v1/class/seats/"+ana.ID, "")
		},
		"closed": func(_ *lab, ms, _ *seat) answer { return ms.send("DELETE", "/api/v1/class", "") },
		"left":   func(_ *lab, _, ana *seat) answer { return ana.send("DELETE", "/api/v1/seats", "") },
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			ms, code := l.teach(`{}`)
			ana := l.student(code, "Ana")
			p, _ := l.open(ana)
			p.ok(map[string]any{"op": "take", "device": "pendulum"})
			l.eventually("the lease is known", func() bool { return strings.Contains(l.get("/api/v1/devices/pendulum").body, `"lease"`) })
			if a := end(l, ms, ana); a.status != 204 {
				t.Fatal(a)
			}
			if code := p.closed(); code != 4401 {
				t.Fatalf("close code %d", code)
			}
			for _, path := range []string{"/api/v1/seats", "/api/v1/runs"} { // the cookie is replayed
				if a := ana.send("GET", path, ""); a.status != 401 {
					t.Fatal(a)
				}
			}
			if a := ana.send("POST", "/api/v1/devices/pendulum/estop", ""); a.status != 401 {
				t.Fatal(a)
			}
			l.eventually("the turn is given back", func() bool { return !strings.Contains(l.get("/api/v1/devices/pendulum").body, `"lease"`) })
		})
	}
}

// Another web process of the box hears of it by the Bus.
func TestClassInTwoProcesses(t *testing.T) {
	l := newLab(t)
	srv, err := web.New(l.cfg)
	if err != nil {
		t.Fatal(err)
	}
	other := l.serve(srv)
	other.eventually("device known", func() bool { return other.get("/api/v1/devices/pendulum").status == 200 })
	ms, code := l.teach(`{}`)
	ana := other.student(code, "Ana")
	p, _ := other.open(ana)
	l.eventually("counted", func() bool { return l.class(ms).Joined == 1 })
	ms.send("PATCH", "/api/v1/class/seats/"+ana.ID, `{"name":"Anouk"}`)
	if m := p.until("you")["you"].(map[string]any); m["name"] != "Anouk" {
		t.Fatal(m)
	}
	ms.send("DELETE", "/api/v1/class", "")
	if code := p.closed(); code != 4401 {
		t.Fatalf("close code %d", code)
	}
	if a := ana.send("GET", "/api/v1/seats", ""); a.status != 401 {
		t.Fatal(a)
	}
}

func TestHiddenNames(t *testing.T) {
	l := newLab(t)
	ms, code := l.teach(`{"hide_names":true,"alias":"Élève"}`)
	ana := l.student(code, "Ana")
	p, _ := l.open(ana)
	lease := p.ok(map[string]any{"op": "take", "device": "pendulum"})["lease"].(map[string]any)
	if n := lease["holder"].(map[string]any)["name"]; n != "Élève 1" {
		t.Fatal(n)
	}
	if a := ana.send("POST", "/api/v1/devices/pendulum/estop", ""); a.status != 200 {
		t.Fatal(a)
	}
	if b := l.get("/api/v1/devices/pendulum").body; strings.Contains(b, "Ana") {
		t.Fatal(b)
	}
	if m := ana.send("GET", "/api/v1/seats", ""); !strings.Contains(m.body, `"Ana"`) {
		t.Fatal("she does not know herself:", m)
	}
	if c := l.class(ms); c.Seats[0].Name != "Ana" || c.Seats[0].Alias != "Élève 1" {
		t.Fatalf("%+v", c.Seats)
	}
}

// What the class does not allow does not reach the owner; a stop always does.
func TestClassMay(t *testing.T) {
	l := newLab(t)
	ms, code := l.teach(`{}`)
	ana := l.student(code, "Ana")
	d := "/api/v1/devices/pendulum"
	try := func(what, method, path, body string, want bool) {
		t.Helper()
		a := ana.send(method, path, body)
		if a.status == 403 == want {
			t.Errorf("%s: allowed %v: %d %s", what, want, a.status, a.body)
		}
	}
	for _, may := range []bool{true, false} {
		ms.send("PATCH", "/api/v1/class", fmt.Sprintf(`{"may":{"drive":%v,"record":%v,"rehearse":%v,"experiment":%v}}`, may, may, may, may))
		try("take", "POST", d+"/lease", "", may)
		try("record", "POST", "/api/v1/runs", `{"device":"pendulum"}`, may)
		try("rehearse", "POST", d+"/rehearsal", "", may)
		try("queue", "POST", d+"/queue", "", may)
		try("stop", "POST", d+"/estop", "", true)
		try("leave", "DELETE", d+"/queue", "", true)
	}
	ms.send("PATCH", "/api/v1/class", `{"may":{"record":true}}`)
	try("record alone", "POST", "/api/v1/runs", `{"device":"pendulum"}`, true)
	try("take", "POST", d+"/lease", "", false)
}

func TestAllDevices(t *testing.T) {
	l := newLab(t)
	l.owner.plug("second", contractOf("hash-b", "angle"))
	l.owner.plug("twin", contractOf("hash-b", "angle"))
	l.owner.mu.Lock()
	l.owner.devices["twin"].status.Rehearsal = &edge.Rehearsal{Of: "second", Seat: "somebody"}
	l.owner.mu.Unlock()
	l.owner.publish("twin")
	ms, _ := l.teach(`{}`)
	l.eventually("devices known", func() bool { return strings.Contains(l.get("/api/v1/devices").body, "second") })
	type rows struct {
		Devices []struct {
			Device    string
			OK        bool
			Confirmed *bool
			Error     *edge.Error
			Run       *edge.Run
		}
	}
	ask := func(path, body string) (r rows) {
		t.Helper()
		a := ms.send("POST", "/api/v1/class/"+path, body)
		if a.status != 200 {
			t.Fatal(a)
		}
		a.json(t, &r)
		if len(r.Devices) != 2 || r.Devices[0].Device != "pendulum" || r.Devices[1].Device != "second" {
			t.Fatalf("%s: %+v", path, r)
		}
		return r
	}
	for _, d := range ask("stop", "").Devices {
		if !d.OK || d.Confirmed == nil || !*d.Confirmed {
			t.Fatalf("%+v", d)
		}
	}
	if r := ask("runs", `{"on":true,"name":"all"}`); r.Devices[0].Run == nil {
		t.Fatalf("%+v", r)
	}
	ask("runs", `{"on":false}`)
	if a := ms.send("POST", "/api/v1/class/freeze", `{}`); a.status != 422 || a.code() != edge.CodeMissingValue {
		t.Fatal(a)
	}
	l.bus.down.Store(true) // nobody answers
	defer l.bus.down.Store(false)
	for _, path := range []string{"stop", "freeze"} {
		for _, d := range ask(path, `{"on":true}`).Devices {
			if d.OK || d.Confirmed == nil || *d.Confirmed || d.Error == nil {
				t.Fatalf("%s without an answer: %+v", path, d)
			}
		}
	}
}

func TestQRCode(t *testing.T) {
	l := newLab(t, func(c *web.Config) {
		c.Info = func() web.BoxInfo { return web.BoxInfo{Addresses: []string{"http://192.168.1.5:8080"}} }
	})
	ms, code := l.teach(`{}`)
	if u := l.class(ms).URL; u != "http://192.168.1.5:8080/join/"+code {
		t.Fatal(u)
	}
	a := ms.send("GET", "/api/v1/class/qr.svg", "")
	if a.status != 200 || a.header.Get("Content-Type") != "image/svg+xml" || xml.Unmarshal([]byte(a.body), new(struct{})) != nil || len(a.body) < 1000 {
		t.Fatal(a)
	}
	if l.srv.JoinURL() != "http://192.168.1.5:8080/join/"+code {
		t.Fatal(l.srv.JoinURL())
	}
	if text := web.QRText("x"); strings.Count(text, "\n") != 15 {
		t.Fatal(text)
	}
	ms.send("DELETE", "/api/v1/class", "")
	if a := ms.send("GET", "/api/v1/class/qr.svg", ""); a.code() != edge.CodeNoClass || l.srv.JoinURL() != "" {
		t.Fatal(a)
	}
}

// Three hundred come within seconds, and all are told of the class.
func TestJoinStorm(t *testing.T) {
	l := newLab(t)
	ms, code := l.teach(`{}`)
	begun := time.Now()
	var wg sync.WaitGroup
	for i := range 10 {
		wg.Go(func() {
			for n := range 30 {
				if a := l.enter(code, fmt.Sprintf("S%d-%d", i, n)); a.status != 201 {
					t.Errorf("%d %s", a.status, a.body)
				}
			}
		})
	}
	wg.Wait()
	if c := l.class(ms); c.Joined != 300 || len(c.Seats) != 300 {
		t.Fatalf("%d joined, %d seats", c.Joined, len(c.Seats))
	}
	t.Logf("300 joins in %v", time.Since(begun))
}

// Runs are their owner's; those of all devices are everybody's.
func TestOwnRuns(t *testing.T) {
	l := newLab(t)
	ms, code := l.teach(`{"title":"Pendulums"}`)
	ana, bo := l.student(code, "Ana"), l.student(code, "Bo")
	l.runs.run.By = edge.SeatRef{ID: ana.ID, Name: "Ana"}
	l.runs.picture = edge.RunPicture{Camera: "door", Picture: edge.Picture{JPEG: []byte("\xff\xd8x")}}
	paths := []string{"/api/v1/runs/r1", "/api/v1/runs/r1.csv", "/api/v1/runs/r1/frames", "/api/v1/runs/r1/frames?camera=door", "/api/v1/runs/r1/detail"}
	check := func(s *seat, want int) {
		t.Helper()
		for _, p := range paths {
			if a := s.send("GET", p, ""); a.status != want {
				t.Errorf("%s %s: %d %s", s.Name, p, a.status, a.body)
			}
		}
		if a := s.send("GET", "/api/v1/runs", ""); strings.Contains(a.body, `"r1"`) != (want == 200) {
			t.Errorf("%s: %s", s.Name, a.body)
		}
	}
	check(ana, 200)
	check(ms, 200)
	check(bo, 403)
	if a := bo.send("DELETE", "/api/v1/runs/r1", ""); a.status != 403 || l.runs.deleted {
		t.Fatal(a)
	}
	if a := ms.send("POST", "/api/v1/class/runs", `{"on":true}`); a.status != 200 {
		t.Fatal(a)
	}
	l.owner.mu.Lock()
	last := l.owner.asks[len(l.owner.asks)-1]
	l.owner.mu.Unlock()
	if title := l.class(ms).Title; last.Run == nil || last.Run.Name != title || title == "" {
		t.Errorf("a run of all devices has the name %+v, want the class's, %q", last.Run, title)
	}
	check(bo, 200) // the teacher has started r1 on all devices
	if a := bo.send("DELETE", "/api/v1/runs/r1", ""); a.status != 403 || l.runs.deleted {
		t.Fatal(a)
	}
	if a := ana.send("DELETE", "/api/v1/runs/r1", ""); a.status != 204 || !l.runs.deleted {
		t.Fatal(a)
	}
}
