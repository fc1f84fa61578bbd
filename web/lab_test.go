package web_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"

	"labbox/edge"
	"labbox/edge/class"
	"labbox/edge/frame"
	"labbox/web"
)

func TestMain(m *testing.M) {
	if benchClients() || benchViewers() {
		return
	}
	goleak.VerifyTestMain(m)
}

// lab is a server with a fake owner behind it.
type lab struct {
	t     testing.TB
	cfg   web.Config
	http  *http.Transport
	srv   *web.Server
	addr  string
	bus   *fakeBus
	kv    *fakeKV
	owner *fakeOwner
	runs  *fakeRuns
	logs  *logBuffer

	readBuffer int // of clients in the kernel; 0: as it comes
}

// logBuffer collects what is logged.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func panelFiles() fstest.MapFS {
	return fstest.MapFS{
		"index.html":      {Data: []byte(`<!doctype html><html><head><base href="/"><script type="module" src="app.js"></script></head></html>`)},
		"app.js":          {Data: []byte("export const x = 1;\n" + strings.Repeat("// text\n", 200))},
		"panel.css":       {Data: []byte("body{margin:0}")},
		"test/no.mjs":     {Data: []byte("1")},
		"app.webmanifest": {Data: []byte("{}")},
	}
}

func newLab(t testing.TB, with ...func(*web.Config)) *lab {
	t.Helper()
	l := &lab{t: t, bus: &fakeBus{}, kv: newKV(), runs: &fakeRuns{run: edge.Run{ID: "r1", Device: "pendulum", Name: "first"}}, logs: &logBuffer{}}
	clock := edge.NewSystemClock()
	l.owner = newOwner(t, l.bus, l.kv, clock)
	cfg := web.Config{Box: boxName, Bus: l.bus, KV: l.kv, Clock: clock, Seats: class.New(l.kv, boxName), Runs: l.runs,
		Logger: slog.New(slog.NewTextHandler(l.logs, nil)), Version: "test", UI: panelFiles()}
	for _, fn := range with {
		fn(&cfg)
	}
	l.cfg = cfg
	srv, err := web.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	l = l.serve(srv)
	l.owner.plug("pendulum", contractOf("hash-a", "angle", "speed", "power", "temp"))
	l.owner.beatTick()
	l.eventually("device known", func() bool { return l.get("/api/v1/devices/pendulum").status == 200 })
	return l
}

// serve returns this lab behind another server.
func (l *lab) serve(srv *web.Server) *lab {
	t := l.t
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := *l
	c.srv, c.addr = srv, ln.Addr().String()
	c.http = &http.Transport{DisableCompression: true}
	hs := srv.HTTP()
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = hs.Serve(ln)
	}()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := srv.Close(ctx); err != nil {
			t.Errorf("close: %v", err)
		}
		_ = hs.Shutdown(ctx)
		<-served
		c.http.CloseIdleConnections()
	})
	return &c
}

func (l *lab) eventually(what string, ok func() bool) {
	l.t.Helper()
	for end := time.Now().Add(10 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			l.t.Fatalf("never: %s", what)
		}
	}
}

type answer struct {
	status int
	header http.Header
	body   string
}

func (a answer) json(t testing.TB, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.body), v); err != nil {
		t.Fatalf("%d %s: %v", a.status, a.body, err)
	}
}

func (a answer) code() edge.Code {
	var e struct{ Error edge.Error }
	_ = json.Unmarshal([]byte(a.body), &e)
	return e.Error.Code
}

// seat is somebody with a cookie.
type seat struct {
	l      *lab
	cookie string
	ID     string `json:"seat"`
	Name   string `json:"name"`
	Role   string `json:"role"`
}

func (l *lab) join(name string) *seat {
	l.t.Helper()
	b, _ := json.Marshal(map[string]string{"nickname": name})
	a := l.send("POST", "/api/v1/seats", string(b))
	if a.status != 201 {
		l.t.Fatalf("join: %d %s", a.status, a.body)
	}
	return l.seatOf(a)
}

func (l *lab) seatOf(a answer) *seat {
	s := &seat{l: l}
	a.json(l.t, s)
	s.cookie, _, _ = strings.Cut(a.header.Get("Set-Cookie"), ";")
	return s
}

func (l *lab) send(method, path, body string, headers ...string) answer {
	l.t.Helper()
	req, err := http.NewRequest(method, "http://"+l.addr+path, strings.NewReader(body))
	if err != nil {
		l.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
		if headers[i] == "Host" {
			req.Host = headers[i+1]
		}
	}
	if body != "" && req.Header["Content-Type"] == nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := l.http.RoundTrip(req)
	if err != nil {
		l.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, string(b)}
}

func (l *lab) get(path string, headers ...string) answer {
	l.t.Helper()
	return l.send("GET", path, "", headers...)
}

func (s *seat) send(method, path, body string, headers ...string) answer {
	s.l.t.Helper()
	return s.l.send(method, path, body, append(headers, "Cookie", s.cookie)...)
}

// panel is a websocket client.
type panel struct {
	t     testing.TB
	ws    *websocket.Conn
	begun time.Time
	n     int
}

func (l *lab) dial(headers ...string) (*panel, *http.Response, error) {
	h := http.Header{}
	for i := 0; i < len(headers); i += 2 {
		h.Set(headers[i], headers[i+1])
	}
	d := websocket.Dialer{Subprotocols: []string{"lab.v1"}, NetDial: func(network, addr string) (net.Conn, error) {
		c, err := net.Dial(network, addr)
		if err == nil && l.readBuffer != 0 {
			err = c.(*net.TCPConn).SetReadBuffer(l.readBuffer)
		}
		return c, err
	}}
	if h.Get("Sec-WebSocket-Protocol") != "" {
		d.Subprotocols = []string{h.Get("Sec-WebSocket-Protocol")}
		h.Del("Sec-WebSocket-Protocol")
	}
	ws, resp, err := d.Dial("ws://"+l.addr+"/ws", h)
	if err != nil {
		return nil, resp, err
	}
	l.t.Cleanup(func() { _ = ws.Close() })
	return &panel{t: l.t, ws: ws, begun: time.Now()}, resp, nil
}

// open connects and says hello; the seat may be nil.
func (l *lab) open(s *seat, fields ...string) (*panel, map[string]any) {
	l.t.Helper()
	var headers []string
	if s != nil {
		headers = []string{"Cookie", s.cookie}
	}
	p, _, err := l.dial(headers...)
	if err != nil {
		l.t.Fatal(err)
	}
	hello := map[string]any{"op": "hello", "v": 1}
	for i := 0; i < len(fields); i += 2 {
		hello[fields[i]] = fields[i+1]
	}
	p.send(hello)
	return p, p.until("welcome")
}

func (p *panel) send(v any) {
	p.t.Helper()
	if err := p.ws.WriteJSON(v); err != nil {
		p.t.Fatal(err)
	}
}

// next returns the next message: JSON, or frames.
func (p *panel) next() (map[string]any, []byte) {
	p.t.Helper()
	if time.Since(p.begun) > 60*time.Second {
		p.t.Fatal("what the test waits for never came")
	}
	_ = p.ws.SetReadDeadline(time.Now().Add(10 * time.Second))
	kind, b, err := p.ws.ReadMessage()
	if err != nil {
		p.t.Fatalf("read: %v", err)
	}
	if kind == websocket.BinaryMessage {
		return nil, b
	}
	var m map[string]any
	if err := json.Unmarshal(b, &m); err != nil {
		p.t.Fatalf("%s: %v", b, err)
	}
	return m, nil
}

// until skips to the next push with this op.
func (p *panel) until(op string) map[string]any {
	p.t.Helper()
	for {
		if m, _ := p.next(); m["op"] == op && m["re"] == nil {
			return m
		}
	}
}

// ask sends a request and returns its reply, skipping all else.
func (p *panel) ask(m map[string]any) map[string]any {
	p.t.Helper()
	p.n++
	m["id"] = p.n
	p.send(m)
	for {
		if r, _ := p.next(); r != nil && r["re"] == float64(p.n) {
			return r
		}
	}
}

// ok asks and wants the reply ok; it returns its args.
func (p *panel) ok(m map[string]any) map[string]any {
	p.t.Helper()
	r := p.ask(m)
	if r["op"] != "ok" {
		p.t.Fatalf("%v: %v", m, r)
	}
	args, _ := r["args"].(map[string]any)
	return args
}

// closed reads to the end of the connection and returns the close code.
func (p *panel) closed() int {
	p.t.Helper()
	for {
		_ = p.ws.SetReadDeadline(time.Now().Add(10 * time.Second))
		_, _, err := p.ws.ReadMessage()
		var e *websocket.CloseError
		if errors.As(err, &e) {
			return e.Code
		}
		if err != nil {
			p.t.Fatalf("no close frame: %v", err)
		}
	}
}

// samples collects frames until n samples have come, and the gaps between.
func (p *panel) samples(n int) (seqs []uint64, values []float64, gaps []map[string]any) {
	p.t.Helper()
	for len(seqs) < n {
		m, b := p.next()
		if m["op"] == "gap" {
			gaps = append(gaps, m)
		}
		for len(b) > 0 {
			v, rest, err := frame.Parse(b)
			if err != nil {
				p.t.Fatal(err)
			}
			for i := range v.Header().Samples {
				seqs = append(seqs, v.Header().Seq+uint64(i))
				values = append(values, v.Value(0, i))
			}
			b = rest
		}
	}
	return seqs, values, gaps
}
