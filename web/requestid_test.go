package web_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"labbox/edge"
	"labbox/web"
)

// lines are the log's lines with this message.
func (l *logBuffer) lines(msg string) []map[string]any {
	var out []map[string]any
	for line := range strings.Lines(l.String()) {
		m := map[string]any{}
		if json.Unmarshal([]byte(line), &m) == nil && m["msg"] == msg {
			out = append(out, m)
		}
	}
	return out
}

// newLoggedLab logs JSON of this level and above.
func newLoggedLab(t *testing.T, level slog.Level, with ...func(*web.Config)) (*lab, *logBuffer) {
	logs := &logBuffer{}
	return newLab(t, append(with, func(c *web.Config) {
		c.Logger = slog.New(slog.NewJSONHandler(logs, &slog.HandlerOptions{Level: level}))
	})...), logs
}

func TestRequestID(t *testing.T) {
	l := newLab(t)
	for _, sane := range []string{"a", "7f3a-2.B_9", strings.Repeat("x", 64)} {
		if a := l.get("/healthz", "X-Request-Id", sane); a.header.Get("X-Request-Id") != sane {
			t.Errorf("%q became %q", sane, a.header.Get("X-Request-Id"))
		}
	}
	seen := map[string]bool{}
	for _, bad := range []string{"", " ", "a b", "a\"b", "ä", "a=b", "a,b", "<b>", strings.Repeat("x", 65)} {
		id := l.get("/healthz", "X-Request-Id", bad).header.Get("X-Request-Id")
		if id == bad || len(id) != 16 || seen[id] {
			t.Errorf("%q became %q", bad, id)
		}
		seen[id] = true
	}
	for _, path := range []string{"/", "/app.js", "/nope.js", "/api/v1/nope", "/api/v1/runs"} {
		if a := l.get(path); len(a.header.Get("X-Request-Id")) != 16 {
			t.Errorf("%s: no id", path)
		}
	}
	p, resp, err := l.dial("X-Request-Id", "socket-1")
	if err != nil || resp.Header.Get("X-Request-Id") != "socket-1" {
		t.Fatal(err, resp)
	}
	_ = p.ws.Close()
}

func TestAccessLog(t *testing.T) {
	l, logs := newLoggedLab(t, slog.LevelDebug, func(c *web.Config) {
		c.Mount = map[string]http.Handler{"/dial/": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusTeapot)
		})}
	})
	s := l.join("Ana")
	token := strings.Split(s.cookie, "=")[1]
	for _, c := range []struct {
		method, path, route string
		status              float64
	}{
		{"GET", "/healthz?token=hush-hush", "/healthz", 200},
		{"GET", "/api/v1/devices/pendulum", "/api/v1/devices/{id}", 200},
		{"GET", "/api/v1/runs/r1.csv", "/api/v1/runs/{id}.csv", 200},
		{"POST", "/api/v1/devices/pendulum/commands/drive", "/api/v1/devices/{id}/commands/{name}", 0},
		{"PUT", "/api/v1/devices/pendulum/lease", "/api/v1/devices/{id}/lease", 405},
		{"GET", "/app.js", "files", 200},
		{"GET", "/d/pendulum", "files", 200},
		{"GET", "/api/v1/hush-hush", "none", 404},
		{"GET", "/dial/hush-hush", "/dial/", 418},
	} {
		a := s.send(c.method, c.path, "", "X-Request-Id", "id-1")
		var line map[string]any
		l.eventually("a line of "+c.path, func() bool {
			all := logs.lines("request")
			line = all[len(all)-1]
			return line["route"] == c.route
		})
		if c.status == 0 {
			c.status = float64(a.status)
		}
		if line["level"] != "DEBUG" && c.status < 500 || line["status"] != c.status || line["method"] != c.method || line["request"] != "id-1" {
			t.Errorf("%s %s: %v", c.method, c.path, line)
		}
		if n := float64(len(a.body)); line["bytes"].(float64) < 1 && n > 0 || line["took"].(float64) < 0 {
			t.Errorf("%s: %v bytes, %v", c.path, n, line)
		}
	}
	p, _ := l.open(s)
	_ = p.ws.Close()
	l.eventually("a line of the websocket", func() bool {
		all := logs.lines("request")
		last := all[len(all)-1]
		return last["route"] == "/ws" && last["status"] == 101.0
	})
	for _, secret := range []string{"hush-hush", token, "Ana"} {
		if strings.Contains(logs.String(), secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
}

// Without --log-level debug only what the box could not do is told.
func TestAccessLogOfFailures(t *testing.T) {
	l, logs := newLoggedLab(t, slog.LevelInfo)
	l.get("/healthz")
	l.get("/api/v1/nope")
	l.kv.down.Store(true)
	if a := l.get("/readyz", "X-Request-Id", "id-503"); a.status != 503 {
		t.Fatal(a)
	}
	l.eventually("a line", func() bool { return len(logs.lines("request")) == 1 })
	if line := logs.lines("request")[0]; line["level"] != "INFO" || line["status"] != 503.0 || line["request"] != "id-503" {
		t.Error(line)
	}
}

// A mux that is no Server has the same.
func TestLogged(t *testing.T) {
	logs := &logBuffer{}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /runs/{id}", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "four") })
	h := web.Logged(mux, slog.New(slog.NewJSONHandler(logs, &slog.HandlerOptions{Level: slog.LevelDebug})))
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequest("GET", "/runs/hush?token=hush", nil))
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/hush", nil))
	lines := logs.lines("request")
	if len(lines) != 2 || lines[0]["route"] != "GET /runs/{id}" || lines[0]["bytes"] != 4.0 || lines[0]["request"] != rec.Header().Get("X-Request-Id") ||
		lines[1]["route"] != "none" || lines[1]["status"] != 404.0 || strings.Contains(logs.String(), "hush") {
		t.Error(logs)
	}
}

// brokenRuns fails with an error that users must not see.
type brokenRuns struct{ web.Runs }

func (brokenRuns) Get(context.Context, string) (edge.Run, error) { return edge.Run{}, io.ErrClosedPipe }

// Error lines name the request too.
func TestErrorLinesNameTheRequest(t *testing.T) {
	l, logs := newLoggedLab(t, slog.LevelInfo, func(c *web.Config) {
		c.Mount = map[string]http.Handler{"/boom": http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("boom") })}
		c.Runs = brokenRuns{c.Runs}
	})
	req := httptest.NewRequest("GET", "http://localhost/boom", nil)
	req.Header.Set("X-Request-Id", "id-boom")
	func() {
		defer func() {
			if p := recover(); p != http.ErrAbortHandler { //nolint:errorlint // a panic value
				t.Error(p)
			}
		}()
		l.srv.ServeHTTP(httptest.NewRecorder(), req)
	}()
	if f := logs.lines("handler failed"); len(f) != 1 || f[0]["request"] != "id-boom" {
		t.Error(f)
	}
	if a := logs.lines("request"); len(a) != 1 || a[0]["status"] != 500.0 || a[0]["level"] != "INFO" || a[0]["route"] != "/boom" {
		t.Error(a)
	}
	s := l.join("Ana")
	if a := s.send("GET", "/api/v1/runs/r1", "", "X-Request-Id", "id-run"); a.code() != edge.CodeInternal {
		t.Fatal(a)
	}
	if f := logs.lines("request failed"); len(f) != 1 || f[0]["request"] != "id-run" {
		t.Error(f)
	}
}

func FuzzRequestID(f *testing.F) {
	for _, s := range []string{"a", "a b", "\r\nSet-Cookie: x", "ä", strings.Repeat("x", 100)} {
		f.Add(s)
	}
	l := newLab(f)
	f.Fuzz(func(t *testing.T, s string) {
		req, rec := httptest.NewRequest("GET", "http://localhost/healthz", nil), httptest.NewRecorder()
		req.Header["X-Request-Id"] = []string{s}
		l.srv.ServeHTTP(rec, req)
		id := rec.Header().Get("X-Request-Id")
		if id == "" || len(id) > 64 || strings.ContainsAny(id, " \r\n\"=,;<>") {
			t.Errorf("%q became %q", s, id)
		}
	})
}
