package web_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/fstest"

	"labbox/edge"
	"labbox/edge/frame"
	"labbox/web"
)

func TestAnonymousMayLookOnly(t *testing.T) {
	l := newLab(t)
	for _, path := range []string{"/healthz", "/readyz", "/api/v1/devices", "/api/v1/devices/pendulum", "/api/v1/devices/pendulum/events"} {
		if a := l.get(path); a.status != 200 {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
	d := "/api/v1/devices/pendulum"
	for _, call := range [][2]string{
		{"GET", "/api/v1/seats"}, {"DELETE", "/api/v1/seats"}, {"POST", d + "/lease"}, {"DELETE", d + "/lease"}, {"POST", d + "/commands/drive"},
		{"POST", d + "/estop"}, {"POST", d + "/resume"}, {"POST", d + "/clear"}, {"POST", "/api/v1/runs"}, {"GET", "/api/v1/runs"},
		{"GET", "/api/v1/runs/r1"}, {"PATCH", "/api/v1/runs/r1"}, {"DELETE", "/api/v1/runs/r1"}, {"GET", "/api/v1/runs/r1.csv"}, {"GET", "/api/v1/runs/r1/frames"}, {"GET", "/api/v1/runs/r1/frames?camera=door"}, {"GET", "/api/v1/runs/r1/detail"},
	} {
		if a := l.send(call[0], call[1], ""); a.status != 401 || a.code() != edge.CodeNoSeat {
			t.Errorf("%v: %d %s", call, a.status, a.body)
		}
	}
}

func TestSeatCookie(t *testing.T) {
	l := newLab(t)
	a := l.send("POST", "/api/v1/seats", `{"nickname":"Ana"}`)
	c := (&http.Response{Header: a.header}).Cookies()[0]
	if a.status != 201 || !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.MaxAge != 30*24*3600 || len(c.Value) != 43 || strings.Contains(a.body, c.Value) {
		t.Fatalf("%+v %s", c, a.body)
	}
	other := newLab(t)
	if b := (&http.Response{Header: other.send("POST", "/api/v1/seats", `{"nickname":"Ana"}`).header}).Cookies()[0]; b.Name == c.Name {
		t.Fatal("two boxes on one host share the cookie's name")
	}
	s := &seat{l: l, cookie: c.Name + "=" + c.Value}
	p, _ := l.open(s)
	if a := s.send("POST", "/api/v1/seats", `{"nickname":"Anna"}`); a.status != 200 {
		t.Fatal(a)
	}
	s.send("GET", "/api/v1/seats", "").json(t, s)
	if s.Name != "Anna" {
		t.Fatal(s.Name)
	}
	if l := p.ok(map[string]any{"op": "take", "device": "pendulum"})["lease"].(map[string]any); l["holder"].(map[string]any)["name"] != "Anna" {
		t.Fatal(l)
	}
	if a := l.get("/api/v1/seats", "Authorization", "Bearer "+c.Value); a.status != 200 {
		t.Fatal(a)
	}
	if a := l.get("/api/v1/seats", "Authorization", "Bearer nope", "Cookie", s.cookie); a.status != 401 {
		t.Fatal(a)
	}
}

func TestStoreAway(t *testing.T) {
	l := newLab(t)
	s := l.join("Ana")
	l.kv.down.Store(true)
	if a := s.send("POST", "/api/v1/devices/pendulum/lease", ""); a.status != 503 || a.code() != edge.CodeStoreDown {
		t.Fatal(a)
	}
	if a := l.get("/api/v1/devices"); a.status != 200 {
		t.Fatal(a)
	}
	var ready struct{ Reasons []edge.Error }
	a := l.get("/readyz")
	a.json(t, &ready)
	if a.status != 503 || len(ready.Reasons) != 1 || ready.Reasons[0].Code != edge.CodeStoreDown {
		t.Fatal(a)
	}
}

func TestUnknownPathsAndMethods(t *testing.T) {
	l := newLab(t)
	s := l.join("Ana")
	for path, code := range map[string]edge.Code{
		"/api/": edge.CodeNotFound, "/api/v2/devices": edge.CodeNotFound, "/api/v1/devices/": edge.CodeNotFound,
		"/api/v1/devices/nope": edge.CodeUnknownDevice, "/api/v1/devices/..%2f": edge.CodeNotFound, "/api/v1/runs/nope": edge.CodeUnknownRun,
		"/api/v1/runs/nope.csv": edge.CodeUnknownRun, "/nope.js": edge.CodeNotFound, "/vendor/nope": edge.CodeNotFound, "/ui/x": edge.CodeNotFound, "/test/no.mjs": edge.CodeNotFound,
	} {
		if a := s.send("GET", path, ""); a.status != 404 || a.code() != code {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
	a := l.send("PUT", "/api/v1/devices/pendulum/lease", "")
	if a.status != 405 || a.header.Get("Allow") != "DELETE, POST" || a.code() != edge.CodeBadRequest {
		t.Fatal(a)
	}
	if a := l.send("POST", "/d/pendulum", ""); a.status != 405 {
		t.Fatal(a)
	}
	if a := l.send("HEAD", "/api/v1/devices", ""); a.status != 200 || a.body != "" {
		t.Fatal(a)
	}
	if a := s.send("POST", "/api/v1/devices/nope/estop", ""); a.status != 404 {
		t.Fatal(a)
	}
	if a := s.send("POST", "/api/v1/devices/pendulum/commands/NOPE", ""); a.status != 400 || a.code() != edge.CodeBadName {
		t.Fatal(a)
	}
}

func TestRuns(t *testing.T) {
	l := newLab(t)
	s := l.join("Ana")
	a := s.send("POST", "/api/v1/runs", `{"device":"pendulum","name":"first","pre_trigger_ms":5000}`)
	if a.status != 201 || !strings.Contains(a.body, `"id":"r1"`) {
		t.Fatal(a)
	}
	if a := s.send("POST", "/api/v1/runs", `{}`); a.code() != edge.CodeMissingValue {
		t.Fatal(a)
	}
	if a := s.send("GET", "/api/v1/runs?device=pendulum", ""); !strings.Contains(a.body, `"r1"`) {
		t.Fatal(a)
	}
	if a := s.send("GET", "/api/v1/runs?device=other", ""); a.body != "{\"runs\":[]}\n" {
		t.Fatal(a)
	}
	for body, status := range map[string]int{`{"stop":true}`: 200, `{"annotate":"here"}`: 200, `{}`: 400, `{"stop":true,"annotate":"x"}`: 400} {
		if a := s.send("PATCH", "/api/v1/runs/r1", body); a.status != status {
			t.Errorf("%s: %d %s", body, a.status, a.body)
		}
	}
	a = s.send("GET", "/api/v1/runs/r1.csv?lang=fr", "")
	if a.status != 200 || a.body != strings.Repeat("seq,fr\r\n", 3) || a.header.Get("Content-Disposition") != `attachment; filename="pendulum-r1.csv"` {
		t.Fatal(a)
	}
	for i := range 10 {
		l.runs.frames = append(l.runs.frames, l.owner.encode("pendulum", 1000+i*100, 100, 0))
	}
	want := func(path string, from, to int) {
		t.Helper()
		b := []byte(s.send("GET", path, "").body)
		var got []int
		for len(b) > 0 {
			v, rest, err := frame.Parse(b)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, int(v.Value(0, 0)))
			b = rest
		}
		if len(got) == 0 || got[0] != from || got[len(got)-1] != to {
			t.Fatalf("%s: %v", path, got)
		}
	}
	want("/api/v1/runs/r1/frames", 1000, 1900)
	if a := s.send("GET", "/api/v1/runs/r1/frames?t=-1", ""); a.status != 400 {
		t.Fatal(a)
	}
	if a := s.send("DELETE", "/api/v1/runs/r1", ""); a.status != 204 || !l.runs.deleted {
		t.Fatal(a)
	}
}

// Half a file must not look like a whole one.
func TestDownloadThatFailsIsCut(t *testing.T) {
	l := newLab(t)
	s := l.join("Ana")
	l.runs.csvErr = errors.New("disk gone")
	req, _ := http.NewRequest("GET", "http://"+l.addr+"/api/v1/runs/r1.csv", nil)
	req.Header.Set("Cookie", s.cookie)
	resp, err := l.http.RoundTrip(req)
	if err == nil {
		_, err = io.ReadAll(resp.Body)
		_ = resp.Body.Close()
	}
	if err == nil {
		t.Fatal("the client could not tell")
	}
	if l.logged("disk gone") == 0 {
		t.Fatal(l.logs)
	}
}

func TestSecureHeaders(t *testing.T) {
	l := newLab(t)
	for _, path := range []string{"/", "/app.js", "/api/v1/devices", "/nope.js"} {
		a := l.get(path)
		csp := a.header.Get("Content-Security-Policy")
		for _, part := range []string{"default-src 'none'", "script-src 'self'", "connect-src 'self'", "frame-ancestors 'none'", "base-uri 'self'"} {
			if !strings.Contains(csp, part) {
				t.Errorf("%s: no %s in %q", path, part, csp)
			}
		}
		if strings.Contains(csp, "unsafe") || strings.Contains(csp, "http") {
			t.Errorf("%s: %q", path, csp)
		}
		for h, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cross-Origin-Opener-Policy": "same-origin"} {
			if a.header.Get(h) != want {
				t.Errorf("%s: %s is %q", path, h, a.header.Get(h))
			}
		}
	}
}

func TestPanelFiles(t *testing.T) {
	l := newLab(t)
	a := l.get("/app.js")
	etag := a.header.Get("Etag")
	if a.status != 200 || a.header.Get("Content-Type") != "text/javascript; charset=utf-8" || a.header.Get("Cache-Control") != "no-cache" || etag == "" {
		t.Fatal(a.status, a.header)
	}
	if a := l.get("/app.js", "If-None-Match", etag); a.status != 304 || a.body != "" {
		t.Fatal(a)
	}
	z := l.get("/app.js", "Accept-Encoding", "gzip")
	if z.header.Get("Content-Encoding") != "gzip" || len(z.body) >= len(a.body) || z.header.Get("Etag") == etag {
		t.Fatal(z.header)
	}
	if a := l.get("/app.js", "Accept-Encoding", "gzip", "If-None-Match", z.header.Get("Etag")); a.status != 304 {
		t.Fatal(a)
	}
	for path, mime := range map[string]string{"/panel.css": "text/css; charset=utf-8", "/app.webmanifest": "application/manifest+json", "/": "text/html; charset=utf-8",
		"/d/pendulum": "text/html; charset=utf-8", "/gallery": "text/html; charset=utf-8", "/index.html": "text/html; charset=utf-8"} {
		if a := l.get(path); a.status != 200 || a.header.Get("Content-Type") != mime {
			t.Errorf("%s: %d %s", path, a.status, a.header.Get("Content-Type"))
		}
	}
	changed := newLab(t, func(c *web.Config) {
		ui := panelFiles()
		ui["app.js"] = &fstest.MapFile{Data: []byte("export const x = 2;")}
		c.UI = ui
	})
	if a := changed.get("/app.js"); a.header.Get("Etag") == etag {
		t.Fatal("other content, same ETag")
	}
}

func TestBasePath(t *testing.T) {
	l := newLab(t, func(c *web.Config) { c.BasePath = "" })
	if a := l.get("/"); !strings.Contains(a.body, `<base href="/">`) {
		t.Fatal(a)
	}
	l = newLabAt(t, "/lab/one/")
	if a := l.get("/lab/one/d/pendulum"); !strings.Contains(a.body, `<base href="/lab/one/">`) {
		t.Fatal(a)
	}
	if a := l.get("/lab/one/app.js"); a.status != 200 {
		t.Fatal(a)
	}
	for _, path := range []string{"/", "/api/v1/devices", "/lab", "/lab/onee/"} {
		if a := l.get(path); a.status != 404 {
			t.Errorf("%s: %d", path, a.status)
		}
	}
	a := l.send("POST", "/lab/one/api/v1/seats", `{"nickname":"Ana"}`)
	if c := (&http.Response{Header: a.header}).Cookies()[0]; c.Path != "/lab/one/" {
		t.Fatal(c)
	}
}

// newLabAt is newLab below a base path.
func newLabAt(t *testing.T, base string) *lab {
	l := newLab(t)
	cfg := l.cfg
	cfg.BasePath = base
	srv, err := web.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return l.serve(srv)
}

func TestMountIsForDevices(t *testing.T) {
	l := newLab(t, func(c *web.Config) {
		h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "device "+r.URL.Path) })
		c.Mount = map[string]http.Handler{"/dial": h, "/in/": h}
	})
	for _, path := range []string{"/dial", "/in/aero"} {
		if a := l.get(path, "Host", "labbox.local"); a.body != "device "+path {
			t.Error(path, a)
		}
		if a := l.get(path, "Origin", "http://"+l.addr); a.status != 403 {
			t.Error(path, a)
		}
	}
	if a := l.get("/dial/x"); strings.HasPrefix(a.body, "device") {
		t.Error(a)
	}
}

func TestTheEmbeddedPanel(t *testing.T) {
	l := newLab(t, func(c *web.Config) { c.UI = nil })
	a := l.get("/")
	if a.status != 200 || !strings.Contains(a.body, `<base href="/">`) {
		t.Fatal(a)
	}
	for ref := range strings.SplitSeq(a.body, `"`) {
		if strings.HasSuffix(ref, ".js") || strings.HasSuffix(ref, ".css") || strings.HasSuffix(ref, ".svg") {
			if a := l.get("/" + ref); a.status != 200 {
				t.Errorf("index.html names %s: %d", ref, a.status)
			}
		}
	}
}

func TestConfigIsChecked(t *testing.T) {
	l := newLab(t)
	for name, spoil := range map[string]func(*web.Config){
		"box": func(c *web.Config) { c.Box = "Bad Name" }, "bus": func(c *web.Config) { c.Bus = nil }, "seats": func(c *web.Config) { c.Seats = nil },
		"index": func(c *web.Config) { c.UI = fstest.MapFS{} },
		"base":  func(c *web.Config) { c.UI = fstest.MapFS{"index.html": {Data: []byte("<html>")}} },
	} {
		cfg := l.cfg
		spoil(&cfg)
		if _, err := web.New(cfg); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestCloseSaysGoingAway(t *testing.T) {
	l := newLab(t)
	p, _ := l.open(nil)
	q, _ := l.open(nil)
	if err := l.srv.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, x := range []*panel{p, q} {
		if code := x.closed(); code != 1001 {
			t.Fatalf("close code %d", code)
		}
	}
	if _, resp, err := l.dial(); err == nil || resp.StatusCode != 503 {
		t.Fatal(resp, err)
	}
}

func TestReadyAddsItsReasons(t *testing.T) {
	l := newLab(t, func(c *web.Config) {
		c.Ready = func() []edge.Error { return []edge.Error{*edge.Errorf(edge.CodeStoreFull, "full")} }
	})
	var got struct {
		Ready   bool
		Reasons []edge.Error
	}
	a := l.get("/readyz")
	if err := json.Unmarshal([]byte(a.body), &got); err != nil || a.status != 503 || got.Reasons[0].Code != edge.CodeStoreFull {
		t.Fatal(a, err)
	}
}
