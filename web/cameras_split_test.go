package web_test

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"labbox/edge"
	"labbox/web"
)

// relay passes bytes between a web process and the owner; it can stall.
type relay struct {
	net.Listener
	to string

	mu    sync.Mutex
	stall int // connections below this number
	conns []net.Conn
	n     int
}

func newRelay(t *testing.T, to string) *relay {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{Listener: ln, to: to}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			up, err := net.Dial("tcp", to)
			if err != nil {
				_ = c.Close()
				continue
			}
			r.mu.Lock()
			r.conns = append(r.conns, c, up)
			n := r.n
			r.n++
			r.mu.Unlock()
			wg.Go(func() { r.pass(up, c, n); _ = up.Close() })
			wg.Go(func() { r.pass(c, up, n); _ = c.Close() })
		}
	})
	t.Cleanup(func() {
		_ = ln.Close()
		r.mu.Lock()
		for _, c := range r.conns {
			_ = c.Close()
		}
		r.mu.Unlock()
		wg.Wait()
	})
	return r
}

// pass copies until the end; of the connections that were there when it stalled nothing
// comes any more.
func (r *relay) pass(to, from net.Conn, n int) {
	b := make([]byte, 32<<10)
	for {
		k, err := from.Read(b)
		r.mu.Lock()
		held := n < r.stall
		r.mu.Unlock()
		if held {
			k = 0
		}
		if _, werr := to.Write(b[:k]); err != nil || werr != nil {
			return
		}
	}
}

// split is a web process whose cameras are another's.
func split(t *testing.T, silent, quiet time.Duration, times web.CameraTimes) (l *lab, f *fakeCameras, owner *httptest.Server, r *relay) {
	t.Helper()
	f = newCameras("demo", "bench")
	cfg := web.OwnerConfig{Token: "secret", Cameras: f}
	cfg.ShortSilence(quiet)
	owner = httptest.NewUnstartedServer(web.NewListener(web.ListenerConfig{Box: boxName, Ready: func(context.Context) []edge.Error { return nil }, Owner: cfg}))
	owner.Config.ReadTimeout = 300 * time.Millisecond // does not cut a stream
	owner.Config.ConnContext = web.ConnContext
	owner.Start()
	t.Cleanup(owner.Close)
	r = newRelay(t, owner.Listener.Addr().String())
	kv := newKV()
	b, _ := json.Marshal(edge.Presence{Box: boxName, Instance: "i", Owner: 7, URL: "http://" + r.Addr().String(), Token: "secret"})
	_ = kv.Set(t.Context(), edge.PresenceKey(boxName), b, edge.PresenceTTL)
	p := peerOf(t, kv)
	l = newLab(t, func(c *web.Config) { c.Cameras = p.ShortCameras(silent) })
	if times.List == 0 {
		times.List = time.Millisecond
	}
	l.srv.SetCameraTimes(times)
	return l, f, owner, r
}

func TestCamerasOfAnotherProcess(t *testing.T) {
	l, f, _, _ := split(t, 10*time.Second, 50*time.Millisecond, web.CameraTimes{Seen: 50 * time.Millisecond, Linger: 200 * time.Millisecond, Pause: time.Minute})
	ms, code := l.teach(`{}`)
	ana := l.student(code, "Ana")
	if c := ana.cameras(); len(c.Cameras) != 2 || c.Cameras[0].ID != "demo" || c.Cameras[0].State != edge.CameraLive {
		t.Fatalf("%+v", c)
	}
	a, b := ana.watch(demoStream), ms.watch(demoStream)
	<-time.After(500 * time.Millisecond) // nothing comes; the owner's limits for a request pass
	for range 3 {
		want := f.put("demo", 5000)
		for _, st := range []*stream{a, b} {
			if seq, at := st.next(); seq != want || at == 0 || at > f.clock.Mono() {
				t.Fatalf("%d at %v", seq, at)
			}
		}
	}
	if open, opened := f.watches(); open != 1 || opened != 1 {
		t.Fatalf("%d of %d watches", open, opened)
	}
	if r := ms.send("GET", "/api/v1/cameras/demo/snapshot", ""); r.status != 200 || r.body != string(jpegOf(5000, 3)) {
		t.Fatal(r.status, len(r.body))
	}
	l.eventually("told", func() bool { return strings.Contains(f.seenNow(), "Ana") })
	for _, path := range []string{"/api/v1/cameras/other/stream", "/api/v1/cameras/../snapshot"} {
		if r := ms.send("GET", path, ""); r.code() != edge.CodeUnknownCamera {
			t.Fatal(r)
		}
	}
	// Covered, here or by another process: the streams end.
	if r := ms.send("PUT", "/api/v1/cameras/demo/cover", `{"covered":true}`); r.status != 200 || !strings.Contains(r.body, `"covered"`) {
		t.Fatal(r)
	}
	a.ends(time.Second)
	b.ends(time.Second)
	if r := ms.send("GET", demoStream, ""); r.code() != edge.CodeCovered || !strings.Contains(r.body, "Ms Frizzle") {
		t.Fatal(r)
	}
	if by := f.covered[0]; by.Name != "Ms Frizzle" || by.Role != edge.RoleTeacher || by.Seat != ms.ID {
		t.Fatalf("%+v", by)
	}
	if r := ms.send("PUT", "/api/v1/cameras/demo/cover", `{"covered":false}`); r.status != 200 {
		t.Fatal(r)
	}
	a = ana.watch(demoStream)
	f.put("demo", 5000)
	a.next()
	if _, err := f.Cover(t.Context(), "demo", edge.Actor{Name: "Other"}, true); err != nil {
		t.Fatal(err)
	}
	a.ends(time.Second)
	if _, opened := f.watches(); opened != 2 {
		t.Errorf("%d watches: a covered camera was tried again", opened)
	}
	l.eventually("told that nobody looks", func() bool { return f.seenNow() == "demo:" })
}

// A connection to the owner on which nothing comes any more is given up, another one
// goes on for the same viewers. A camera that is lost is no such connection.
func TestStalledOwnerConnection(t *testing.T) {
	l, f, _, r := split(t, 300*time.Millisecond, 50*time.Millisecond, web.CameraTimes{Pause: 10 * time.Millisecond})
	ms, _ := l.teach(`{}`)
	st := ms.watch(demoStream)
	f.put("demo", 5000)
	st.next()
	<-time.After(700 * time.Millisecond) // lost, and said so
	if _, opened := f.watches(); opened != 1 {
		t.Fatalf("watched %d times while the camera was lost", opened)
	}
	r.mu.Lock()
	r.stall = r.n // those that there are
	r.mu.Unlock()
	f.put("demo", 5000) // never comes
	l.eventually("tried again", func() bool { _, opened := f.watches(); return opened > 1 })
	want := f.put("demo", 5000)
	for seq := uint64(0); seq != want; {
		seq, _ = st.next()
	}
}

// The owner is gone and comes back.
func TestOwnerConnectionIsCut(t *testing.T) {
	l, f, owner, _ := split(t, 10*time.Second, 50*time.Millisecond, web.CameraTimes{Pause: 10 * time.Millisecond})
	ms, _ := l.teach(`{}`)
	st := ms.watch(demoStream)
	f.put("demo", 5000)
	st.next()
	owner.CloseClientConnections()
	want := f.put("demo", 5000)
	for seq := uint64(0); seq != want; {
		seq, _ = st.next()
	}
}

func TestOwnerRefusesCameras(t *testing.T) {
	_, f, owner, _ := split(t, time.Second, time.Second, web.CameraTimes{})
	f.put("demo", 100)
	teacher, student := `{"seat":"s","name":"T","role":"teacher"}`, `{"seat":"s","name":"S","role":"student"}`
	for _, c := range []struct {
		method, path, body, token, origin string
		status                            int
	}{
		{"GET", "cameras", "", "", "", 401},
		{"GET", "cameras", "", "wrong", "", 401},
		{"GET", "cameras", "", "secret", "http://evil.example", 403},
		{"GET", "cameras/demo/stream", "", "", "", 401},
		{"PUT", "cameras/demo/cover", `{"actor":` + teacher + `,"covered":true}`, "", "", 401},
		{"PUT", "cameras/demo/cover", `{"actor":` + student + `,"covered":true}`, "secret", "", 403},
		{"PUT", "cameras/demo/cover", `{"covered":true}`, "secret", "", 401},
		{"PUT", "cameras/demo/cover", `{"actor":` + teacher + `}`, "secret", "", 400},
		{"PUT", "cameras/demo/cover", `junk`, "secret", "", 400},
		{"PUT", "cameras/other/cover", `{"actor":` + teacher + `,"covered":true}`, "secret", "", 404},
		{"PUT", "cameras/demo/seen", `{"by":"w","seats":[]}`, "", "", 401},
		{"PUT", "cameras/demo/seen", `{"seats":[]}`, "secret", "", 400},
		{"PUT", "cameras/demo/seen", `{"by":"` + strings.Repeat("x", 65) + `"}`, "secret", "", 400},
		{"PUT", "cameras/demo/seen", `{"by":"` + strings.Repeat("x", 70_000) + `"}`, "secret", "", 400},
		{"GET", "cameras/other/stream", "", "secret", "", 404},
		{"HEAD", "cameras/demo/stream", "", "secret", "", 200},
		{"PUT", "cameras/demo/seen", `{"by":"w","seats":[{"id":"s","name":"S"}]}`, "secret", "", 204},
		{"PUT", "cameras/demo/cover", `{"actor":` + teacher + `,"covered":true}`, "secret", "", 200},
		{"GET", "cameras/demo/stream", "", "secret", "", 409},
	} {
		req, _ := http.NewRequest(c.method, owner.URL+"/owner/v1/"+c.path, strings.NewReader(c.body))
		if c.token != "" {
			req.Header.Set("Authorization", "Bearer "+c.token)
		}
		if c.origin != "" {
			req.Header.Set("Origin", c.origin)
		}
		res, err := owner.Client().Transport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if res.StatusCode != c.status {
			t.Errorf("%s %s token %q: %d %.200s, want %d", c.method, c.path, c.token, res.StatusCode, b, c.status)
		}
	}
	owner.Client().CloseIdleConnections()
	if len(f.covered) != 1 {
		t.Errorf("covered %d times", len(f.covered))
	}
}
