package web_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"labbox/edge"
	"labbox/edge/class"
	"labbox/web"
)

// What ends the right to see pictures ends the stream at once, while pictures come and
// while none do. Where no word of the change reaches this process (quiet), the next look
// at the seat does.
func TestPicturesEndWithTheRight(t *testing.T) {
	type room struct {
		l            *lab
		seats        *class.Seats
		ms, ana, ann *seat
	}
	sent := func(s *seat, method, path, body string) error {
		if a := s.send(method, path, body); a.status >= 300 {
			return fmt.Errorf("%d %s", a.status, a.body)
		}
		return nil
	}
	for _, c := range []struct {
		name    string
		teacher bool // looks
		quiet   bool
		end     func(room) error
	}{
		{"the class closes", false, false, func(r room) error { return sent(r.ms, "DELETE", "/api/v1/class", "") }},
		{"the seat is removed", false, false, func(r room) error { return sent(r.ms, "DELETE", "/api/v1/class/seats/"+r.ana.ID, "") }},
		{"the student leaves", false, false, func(r room) error { return sent(r.ana, "DELETE", "/api/v1/seats", "") }},
		{"the teacher signs out", true, false, func(r room) error { return sent(r.ann, "DELETE", "/api/v1/seats", "") }},
		{"the account is removed", true, false, func(r room) error { return sent(r.ms, "DELETE", "/api/v1/teachers/Ann", "") }},
		{"the camera is covered", false, false, func(r room) error { return sent(r.ms, "PUT", "/api/v1/cameras/demo/cover", `{"covered":true}`) }},
		{"the class closes elsewhere", false, true, func(r room) error { _, err := r.seats.Close(context.Background()); return err }},
		{"the seat is removed elsewhere", false, true, func(r room) error { _, err := r.seats.Remove(context.Background(), r.ana.ID); return err }},
	} {
		for _, pictures := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, pictures %v", c.name, pictures), func(t *testing.T) {
				t.Parallel()
				l, f := withCameras(t, web.CameraTimes{}, "demo")
				r := room{l: l, seats: class.New(l.kv, boxName)}
				var code string
				r.ms, code = l.teach(`{}`)
				r.ana = l.student(code, "Ana")
				who := r.ana
				if c.teacher { // passwords take their time
					r.ms, r.ann = l.account("Ms F", edge.RoleTeacher), l.account("Ann", edge.RoleTeacher)
					who = r.ann
				}
				st := who.watch(demoStream)
				f.put("demo", 5000)
				st.next()
				if pictures {
					f.keep(t, "demo", 5000, 10*time.Millisecond)
				}
				within := 700 * time.Millisecond
				if c.quiet {
					within = 2500 * time.Millisecond
				}
				begun := time.Now()
				if err := c.end(r); err != nil {
					t.Fatal(err)
				}
				st.ends(within)
				t.Logf("ended after %v", time.Since(begun).Round(time.Millisecond))
				l.eventually("no viewer is left", func() bool { v, _ := l.srv.Viewers(); return v == 0 })
			})
		}
	}
}

// refused tries all that shows pictures.
func (s *seat) refused(t *testing.T, status int, code edge.Code, headers ...string) {
	t.Helper()
	for _, what := range []string{"stream", "snapshot"} {
		for _, method := range []string{"GET", "HEAD"} {
			a := s.send(method, "/api/v1/cameras/demo/"+what, "", headers...)
			if a.status != status || method == "GET" && a.code() != code {
				t.Errorf("%s %s %v: %d %s", method, what, headers, a.status, a.body)
			}
			if strings.Contains(a.body, "\xff\xd8") || method == "GET" && !strings.HasPrefix(a.header.Get("Content-Type"), "application/json") {
				t.Errorf("%s %s %v: a picture", method, what, headers)
			}
		}
	}
}

func TestWhoSeesPictures(t *testing.T) {
	l, f := withCameras(t, web.CameraTimes{}, "demo", func(c *web.Config) { c.Open = true })
	f.keep(t, "demo", 1000, 10*time.Millisecond)
	bench := l.join("Ms Bench")
	bench.watch(demoStream).next() // a teacher needs no class
	ms := l.account("Ms F", edge.RoleTeacher)
	ms.watch(demoStream).next()
	bench.refused(t, 403, edge.CodeForbidden) // a student since there is an account

	(&seat{l: l}).refused(t, 401, edge.CodeNoSeat)
	open := l.join("Walks In")
	open.refused(t, 403, edge.CodeForbidden)
	if c := open.cameras(); len(c.Cameras) != 0 || c.Why == nil || c.Why.Code != edge.CodeForbidden || c.Why.Args["why"] != "no_class" {
		t.Fatalf("%+v", c)
	}
	if a := ms.send("POST", "/api/v1/class", `{"may":{"drive":false}}`); a.status != 201 {
		t.Fatal(a)
	}
	open.refused(t, 403, edge.CodeForbidden) // not of this class
	if c := open.cameras(); len(c.Cameras) != 0 || c.Why.Args["why"] != "not_in_class" {
		t.Fatalf("%+v", c)
	}
	ana := l.student(l.class(ms).Code, "Ana")
	if a := ana.send("GET", "/api/v1/seats", ""); !strings.Contains(a.body, `"observer"`) {
		t.Fatal(a)
	}
	ana.watch(demoStream).next()
	if a := ana.send("GET", "/api/v1/cameras/demo/snapshot", ""); a.status != 200 {
		t.Fatal(a)
	}
	if c := ana.cameras(); len(c.Cameras) != 1 || c.Why != nil {
		t.Fatalf("%+v", c)
	}
	ms.send("DELETE", "/api/v1/class", "")
	ana.refused(t, 401, edge.CodeNoSeat)
	if a := ms.send("POST", "/api/v1/class", `{}`); a.status != 201 {
		t.Fatal(a)
	}
	ana.refused(t, 401, edge.CodeNoSeat) // a seat of a former class
}

// A cookie of another box on the same host, and what other sites' pages send.
func TestPicturesForOtherSites(t *testing.T) {
	l, f := withCameras(t, web.CameraTimes{}, "demo", func(c *web.Config) { c.Origins = []string{"https://lab.example.org"} })
	f.keep(t, "demo", 1000, 10*time.Millisecond)
	ms, code := l.teach(`{}`)
	ana := l.student(code, "Ana")
	for _, h := range [][]string{
		{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Dest", "image"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "http://evil.example"}, {"Origin", "null"},
		{"Origin", "http://127.0.0.1:1"}, {"Referer", "http://evil.example/page"}, {"Referer", "http://127.0.0.1:1/"}, {"Referer", "::"}, {"Host", "evil.example"},
	} {
		for _, s := range []*seat{ana, ms} {
			s.refused(t, 403, edge.CodeBadOrigin, h...)
		}
	}
	for _, h := range [][]string{
		{"Sec-Fetch-Site", "same-origin"}, {"Sec-Fetch-Site", "none"}, {"Origin", "http://" + l.addr}, {"Referer", "http://" + l.addr + "/device/x"}, {},
	} {
		if a := ana.send("GET", "/api/v1/cameras/demo/snapshot", "", h...); a.status != 200 || a.header.Get("Cross-Origin-Resource-Policy") != "same-origin" ||
			a.header.Get("X-Frame-Options") != "DENY" || a.header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%v: %d %v", h, a.status, a.header)
		}
	}
	other := newLab(t)
	_, code = other.teach(`{}`)
	eve := &seat{l: l, cookie: other.student(code, "Eve").cookie}
	eve.refused(t, 401, edge.CodeNoSeat)
	name, _, _ := strings.Cut(ana.cookie, "=")
	_, token, _ := strings.Cut(eve.cookie, "=")
	(&seat{l: l, cookie: name + "=" + token}).refused(t, 401, edge.CodeNoSeat)
	// The same rules for who sends the token itself.
	_, token, _ = strings.Cut(ana.cookie, "=")
	if a := l.get("/api/v1/cameras/demo/snapshot", "Authorization", "Bearer "+token); a.status != 200 {
		t.Error(a)
	}
}

// While the store is away nobody new sees anything; who sees goes on for a while.
func TestPicturesWithoutStore(t *testing.T) {
	l, f := withCameras(t, web.CameraTimes{Again: 20 * time.Millisecond, Trust: 400 * time.Millisecond}, "demo")
	_, code := l.teach(`{}`)
	ana := l.student(code, "Ana")
	f.keep(t, "demo", 1000, 10*time.Millisecond)
	st := ana.watch(demoStream)
	st.next()
	l.kv.down.Store(true)
	begun := time.Now()
	ana.refused(t, 503, edge.CodeStoreDown)
	st.next()
	st.ends(2 * time.Second)
	if took := time.Since(begun); took < 300*time.Millisecond {
		t.Errorf("ended after %v", took)
	}
}

// The owner hears every second who looks, each seat once, by the names that all may see.
func TestWhoWatchesIsTold(t *testing.T) {
	l, f := withCameras(t, web.CameraTimes{Seen: 20 * time.Millisecond}, "demo", "bench")
	ms, code := l.teach(`{"hide_names":true,"alias":"Student"}`)
	ana := l.student(code, "Ana")
	a, again := ana.watch(demoStream), ana.watch(demoStream)
	l.eventually("told under the alias", func() bool { return f.seenNow() == "demo: Student 1" })
	l.eventually("shown under the alias, once", func() bool {
		seats := ana.cameras().Cameras[0].Viewers
		return len(seats) == 1 && seats[0].Name == "Student 1"
	})
	ms.send("PATCH", "/api/v1/class", `{"hide_names":false}`)
	l.eventually("told by name", func() bool { return f.seenNow() == "demo: Ana" })
	b := ms.watch(demoStream)
	l.eventually("two", func() bool { return f.seenNow() == "demo: Ana Ms Frizzle" || f.seenNow() == "demo: Ms Frizzle Ana" })
	// What the owner still says is under the veil at once.
	f.change("bench", func(c *edge.Camera) { c.Viewers = []edge.SeatRef{{ID: ana.ID, Name: "Ana"}} })
	ms.send("PATCH", "/api/v1/class", `{"hide_names":true}`)
	if r := ms.send("GET", "/api/v1/cameras", ""); strings.Contains(r.body, `"Ana"`) {
		t.Fatal(r.body)
	}
	a.close()
	again.close()
	b.close()
	l.eventually("told that nobody looks", func() bool { return f.seenNow() == "demo:" })
	f.mu.Lock()
	n := len(f.seens)
	f.mu.Unlock()
	// Once is enough.
	<-time.After(100 * time.Millisecond)
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.seens) != n {
		t.Errorf("told %d times more", len(f.seens)-n)
	}
}

// Who opens a stream, takes one picture and goes before anybody is told is named all the same.
func TestWhoGlancesAtAStreamIsTold(t *testing.T) {
	l, f := withCameras(t, web.CameraTimes{Seen: 20 * time.Millisecond, Linger: 300 * time.Millisecond}, "demo")
	ms, code := l.teach(`{}`)
	ana := l.student(code, "Ana")
	open := ms.watch(demoStream)
	f.put("demo", 1000)
	open.next()
	l.eventually("the teacher is told", func() bool { return f.seenNow() == "demo: Ms Frizzle" })
	glance := ana.watch(demoStream)
	glance.next()
	glance.close()
	l.eventually("who has gone is told", func() bool { return strings.Contains(f.seenNow(), "Ana") })
	l.eventually("not for ever", func() bool { return f.seenNow() == "demo: Ms Frizzle" })

	// Nor does it help to give the seat up.
	if a := ana.send("GET", "/api/v1/cameras/demo/snapshot", ""); a.status != 200 {
		t.Fatal(a)
	}
	ana.send("DELETE", "/api/v1/seats", "")
	l.eventually("who has given the seat up is told", func() bool { return strings.Contains(f.seenNow(), "Ana") })
	l.eventually("not for ever either", func() bool { return f.seenNow() == "demo: Ms Frizzle" })

	// Nor to ask for the newest picture of a run that goes on.
	bob := l.student(code, "Bob")
	l.runs.run.By, l.runs.picture = edge.SeatRef{ID: bob.ID}, doorPicture
	l.runs.picture.Camera = "demo"
	for _, state := range []string{"done", "recording"} {
		l.runs.run.State = state
		if a := bob.send("GET", "/api/v1/runs/r1/frames?camera=demo&t=9", ""); a.status != 200 {
			t.Fatal(a)
		}
		if state == "done" {
			<-time.After(100 * time.Millisecond)
			if now := f.seenNow(); strings.Contains(now, "Bob") {
				t.Error(now)
			}
		}
	}
	l.eventually("who polls a run is told", func() bool { return strings.Contains(f.seenNow(), "Bob") })
}

// Another process of the box hears of it by the Bus.
func TestPicturesInTwoProcesses(t *testing.T) {
	l, f := withCameras(t, web.CameraTimes{}, "demo")
	srv, err := web.New(l.cfg)
	if err != nil {
		t.Fatal(err)
	}
	other := l.serve(srv)
	ms, code := l.teach(`{}`)
	ana := other.student(code, "Ana")
	ana.l = other
	st := ana.watch(demoStream)
	f.put("demo", 1000)
	st.next()
	ms.send("DELETE", "/api/v1/class", "")
	st.ends(700 * time.Millisecond)
}

// slowKV keeps lookups of seats waiting.
type slowKV struct {
	*fakeKV
	slow atomic.Bool
}

func (k *slowKV) GetMany(ctx context.Context, keys ...string) ([][]byte, error) {
	if k.slow.Load() && slices.ContainsFunc(keys, func(key string) bool { return strings.Contains(key, "session") }) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return k.fakeKV.GetMany(ctx, keys...)
}

// What this process knows itself counts before every picture, without asking anybody.
func TestClosedClassWhileTheStoreIsSlow(t *testing.T) {
	k := &slowKV{fakeKV: newKV()}
	l, f := withCameras(t, web.CameraTimes{}, "demo", func(c *web.Config) { c.KV, c.Seats = k, class.New(k, boxName) })
	_, code := l.teach(`{}`)
	st := l.student(code, "Ana").watch(demoStream)
	f.keep(t, "demo", 1000, 10*time.Millisecond)
	st.next()
	k.slow.Store(true)
	if _, err := class.New(k.fakeKV, boxName).Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	_ = l.bus.Publish(t.Context(), edge.Subject(boxName, edge.OwnerName, edge.KindClass), nil)
	st.ends(time.Second)
}

// A run that keeps pictures ends with the seat that it belongs to; nobody else's does.
func TestPicturesAreKeptForNobodyWhoHasGone(t *testing.T) {
	for name, c := range map[string]struct {
		end   func(ms, ana *seat) answer
		ended bool
	}{
		"removed":      {func(ms, ana *seat) answer { return ms.send("DELETE", "/api/v1/class/seats/"+ana.ID, "") }, true},
		"closed":       {func(ms, _ *seat) answer { return ms.send("DELETE", "/api/v1/class", "") }, true},
		"left":         {func(_, ana *seat) answer { return ana.send("DELETE", "/api/v1/seats", "") }, true},
		"teacher left": {func(ms, _ *seat) answer { return ms.send("DELETE", "/api/v1/seats", "") }, false},
	} {
		l, f := withCameras(t, web.CameraTimes{}, "demo", "bench")
		ms, code := l.teach(`{}`)
		ana := l.student(code, "Ana")
		l.runs.run.By = edge.SeatRef{ID: ana.ID, Name: "Ana"}
		if !c.ended {
			l.runs.run.By = edge.SeatRef{ID: ms.ID, Name: "Ms Frizzle"}
		}
		for _, id := range []string{"demo", "bench"} { // one run, two cameras
			f.change(id, func(c *edge.Camera) { c.Runs = []string{"r1"} })
		}
		if a := c.end(ms, ana); a.status != 204 {
			t.Fatal(name, a)
		}
		if !c.ended {
			<-time.After(100 * time.Millisecond)
		} else {
			l.eventually(name+": it is stopped", func() bool { return len(l.asked(edge.VerbRunStop)) > 0 })
		}
		asked := l.asked(edge.VerbRunStop)
		if !c.ended && len(asked) > 0 || c.ended && (len(asked) != 1 || asked[0].Run.ID != "r1" || asked[0].Device != "pendulum") {
			t.Errorf("%s: %+v", name, asked)
		}
	}
}
