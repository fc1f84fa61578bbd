package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// proxies are the examples of docs/deploy, each run by the program itself.
var proxies = map[string]func(*stack) *child{"nginx": (*stack).nginx, "caddy": (*stack).caddy}

// from is a client with an address of its own on this machine: not the proxy's.
func from(addr string) *http.Client {
	d := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(addr)}, Timeout: 5 * time.Second}
	return &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{DialContext: d.DialContext, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// stubs stand for the web processes.
func (s *stack) stubs(h http.Handler) {
	for _, name := range []string{"web-a", "web-b"} {
		l, err := net.Listen("tcp", "127.0.0.1:"+s.port(name, "8080"))
		if err != nil {
			s.t.Fatal(err)
		}
		srv := httptest.NewUnstartedServer(h)
		srv.Listener.Close()
		srv.Listener = l
		srv.Start()
		s.t.Cleanup(srv.Close)
	}
}

func (s *stack) awaitProxy() {
	s.t.Helper()
	for end := time.Now().Add(15 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		c, err := net.Dial("tcp", s.published())
		if err == nil {
			c.Close()
			return
		}
		if time.Now().After(end) {
			s.t.Fatal(err)
		}
	}
}

// What the examples make of a request, as a web process sees it.
func TestProxyExamples(t *testing.T) {
	for name, run := range proxies {
		t.Run(name, func(t *testing.T) {
			s := newStack(t, run)
			up := &upstream{seen: make(chan *http.Request, 100), more: make(chan struct{})}
			s.stubs(up)
			s.proxy(s)
			s.awaitProxy()
			t.Run("headers", func(t *testing.T) { proxyHeaders(t, s, up) })
			t.Run("streams", func(t *testing.T) { proxyStreams(t, s, up) })
			t.Run("holds back", func(t *testing.T) { proxyHoldsBack(t, s, up) })
			t.Run("upgrade", func(t *testing.T) { proxyUpgrade(t, s) })
			t.Run("sends a command once", func(t *testing.T) { proxyOnce(t, s, up) })
		})
	}
}

// upstream answers as the tests need it.
type upstream struct {
	seen  chan *http.Request
	more  chan struct{}
	posts atomic.Int32
	bytes atomic.Int64 // of a large answer
}

// large is more than a proxy and the kernel hold in memory.
const large = 128 << 20

func (u *upstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/lab/ws":
		ws, err := (&websocket.Upgrader{Subprotocols: []string{"lab.v1"}}).Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer ws.Close()
		for {
			kind, b, err := ws.ReadMessage()
			if err != nil || ws.WriteMessage(kind, b) != nil {
				return
			}
		}
	case "/lab/run.csv":
		for i := range 3 {
			fmt.Fprintf(w, "row %d\n", i)
			_ = http.NewResponseController(w).Flush()
			select { // until the reader has it
			case <-u.more:
			case <-r.Context().Done():
				return
			}
		}
	case "/lab/large.csv":
		for b := make([]byte, 64<<10); u.bytes.Load() < large; u.bytes.Add(int64(len(b))) {
			if _, err := w.Write(b); err != nil {
				return
			}
		}
	case "/lab/die":
		u.posts.Add(1)
		_, _ = io.ReadAll(r.Body)
		panic(http.ErrAbortHandler)
	default:
		u.seen <- r
	}
}

// next is the next request that came through.
func (u *upstream) next(t *testing.T) *http.Request {
	t.Helper()
	select {
	case r := <-u.seen:
		return r
	case <-time.After(10 * time.Second):
		t.Fatal("no request came through")
	}
	return nil
}

func proxyHeaders(t *testing.T, s *stack, up *upstream) {
	client := from("127.0.0.9")
	req, _ := http.NewRequest(http.MethodGet, "http://"+s.published()+"/lab/api/v1/devices?x=%2F", nil)
	req.Host = "lab.example.org:8443"
	req.Header.Set("X-Forwarded-For", "198.51.100.7")
	req.Header.Set("X-Forwarded-Proto", "https")
	req.Header.Set("X-Forwarded-Host", "evil.example")
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	r := up.next(t)
	for what, v := range map[string][2]string{
		"path":   {r.URL.RequestURI(), "/lab/api/v1/devices?x=%2F"},
		"host":   {r.Host, "lab.example.org:8443"},
		"for":    {strings.Join(r.Header.Values("X-Forwarded-For"), ","), "127.0.0.9"},
		"proto":  {strings.Join(r.Header.Values("X-Forwarded-Proto"), ","), "http"},
		"byhost": {strings.Join(r.Header.Values("X-Forwarded-Host"), ","), "lab.example.org:8443"},
	} {
		if v[0] != v[1] {
			t.Errorf("%s: %q, want %q", what, v[0], v[1])
		}
	}
	for path, want := range map[string]int{"/lab": 308, "/lab/metrics": 404, "/lab/x": 200} {
		res, err := client.Get("http://" + s.published() + path)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if to := res.Header.Get("Location"); res.StatusCode != want || want == 308 && to != "/lab/" {
			t.Errorf("%s: %s to %q", path, res.Status, to)
		}
	}
	if r := up.next(t); r.URL.Path != "/lab/x" {
		t.Errorf("%s came through", r.URL.Path)
	}
}

// A reader that waits makes labbox wait: nothing is piled up on the proxy's disk.
func proxyHoldsBack(t *testing.T, s *stack, up *upstream) {
	res, err := from("127.0.0.9").Get("http://" + s.published() + "/lab/large.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	for was := int64(-1); was != up.bytes.Load() && was < large; time.Sleep(300 * time.Millisecond) {
		was = up.bytes.Load()
	}
	if made := up.bytes.Load(); made >= large {
		t.Error("all of it was made, and nothing of it was read")
	}
	if n, err := io.Copy(io.Discard, res.Body); n != large || err != nil {
		t.Errorf("%d bytes of %d: %v", n, large, err)
	}
}

// Each row is here before the next is made.
func proxyStreams(t *testing.T, s *stack, up *upstream) {
	res, err := from("127.0.0.9").Get("http://" + s.published() + "/lab/run.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	in := bufio.NewReader(res.Body)
	for i := range 3 {
		row, err := in.ReadString('\n')
		if err != nil || row != fmt.Sprintf("row %d\n", i) {
			t.Fatalf("%q %v", row, err)
		}
		up.more <- struct{}{}
	}
}

func proxyUpgrade(t *testing.T, s *stack) {
	d := websocket.Dialer{Subprotocols: []string{"lab.v1"}, HandshakeTimeout: 5 * time.Second}
	ws, res, err := d.Dial("ws://"+s.published()+"/lab/ws", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer ws.Close()
	if res.Header.Get("Sec-WebSocket-Protocol") != "lab.v1" {
		t.Error(res.Header)
	}
	sent := make([]byte, 200_000)
	if err := ws.WriteMessage(websocket.BinaryMessage, sent); err != nil {
		t.Fatal(err)
	}
	if kind, b, err := ws.ReadMessage(); err != nil || kind != websocket.BinaryMessage || len(b) != len(sent) {
		t.Errorf("kind %d, %d bytes, %v", kind, len(b), err)
	}
}

// A process that ends in the middle of a command may have carried it out: the proxy
// must not give it to the other one.
func proxyOnce(t *testing.T, s *stack, up *upstream) {
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	req, _ := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+s.published()+"/lab/die", strings.NewReader(`{"angle":3}`))
	res, err := from("127.0.0.9").Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if n := up.posts.Load(); n != 1 || res.StatusCode != http.StatusBadGateway {
		t.Errorf("sent %d times, answered %s", n, res.Status)
	}
}
