package web_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"labbox/edge"
	"labbox/web"
)

// heap is what lives after a collection, in bytes.
func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// unaffected runs bad while another panel watches, and checks that it keeps
// getting every sample and that memory does not grow.
func unaffected(t *testing.T, l *lab, bad func()) {
	t.Helper()
	p, _ := l.open(nil)
	p.ok(map[string]any{"op": "subscribe", "device": "pendulum"})
	stop, done := make(chan struct{}), make(chan int)
	go func() {
		n := 0
		for {
			select {
			case <-stop:
				done <- n
				return
			case <-time.After(5 * time.Millisecond):
				l.owner.sample("pendulum", n, 10)
				n += 10
			}
		}
	}()
	before := heap()
	bad()
	if after := heap(); after > before+4<<20 {
		t.Errorf("the heap grew from %d to %d", before, after)
	}
	close(stop)
	n := <-done
	seqs, _, gaps := p.samples(n)
	wantRun(t, seqs, 0)
	if gaps != nil {
		t.Fatal(gaps)
	}
}

func (l *lab) logged(text string) int { return strings.Count(l.logs.String(), text) }

func TestBinaryJunk(t *testing.T) {
	l := newLab(t)
	unaffected(t, l, func() {
		for range 20 {
			p, _ := l.open(nil)
			if err := p.ws.WriteMessage(websocket.BinaryMessage, []byte("\x00\x01junk")); err != nil {
				t.Fatal(err)
			}
			if code := p.closed(); code != 4400 {
				t.Fatalf("close code %d", code)
			}
		}
	})
	if n := l.logged("binary message"); n != 1 {
		t.Fatalf("logged %d times", n)
	}
}

func TestTextThatIsNoJSON(t *testing.T) {
	l := newLab(t)
	for _, m := range []string{"hello", "{", "[]", "null", "7", `"x"`, "", "{}{}"} {
		p, _ := l.open(nil)
		if err := p.ws.WriteMessage(websocket.TextMessage, []byte(m)); err != nil {
			t.Fatal(err)
		}
		if code := p.closed(); code != 4400 {
			t.Fatalf("%q: close code %d", m, code)
		}
	}
	p, _ := l.open(nil)
	for m, code := range map[string]edge.Code{
		`{"op":"nope","id":1}`:                                 edge.CodeUnknownOp,
		`{"op":7,"id":1}`:                                      edge.CodeBadRequest,
		`{"id":1}`:                                             edge.CodeUnknownOp,
		`{"op":"subscribe","device":7,"id":1}`:                 edge.CodeBadRequest,
		`{"op":"take","device":"pendulum","id":1}`:             edge.CodeNoSeat,
		`{"op":"take","id":{}}`:                                edge.CodeBadRequest,
		`{"op":"ping","id":"` + strings.Repeat("x", 65) + `"}`: edge.CodeBadRequest,
	} {
		if err := p.ws.WriteMessage(websocket.TextMessage, []byte(m)); err != nil {
			t.Fatal(err)
		}
		for {
			if r, _ := p.next(); r["op"] == "error" {
				if r["code"] != string(code) {
					t.Errorf("%s: %v", m, r)
				}
				break
			}
		}
	}
	p.ok(map[string]any{"op": "ping", "unknown": 1}) // still there
}

func TestTenThousandMessages(t *testing.T) {
	l := newLab(t)
	unaffected(t, l, func() {
		p, _ := l.open(nil)
		go func() {
			for range 10_000 {
				if p.ws.WriteMessage(websocket.TextMessage, []byte(`{"op":"ping","id":1}`)) != nil {
					return
				}
			}
		}()
		if code := p.closed(); code != 4400 {
			t.Fatalf("close code %d", code)
		}
	})
	if n := l.logged("more than 200 messages"); n != 1 {
		t.Fatalf("logged %d times", n)
	}
}

func TestPingFlood(t *testing.T) {
	l := newLab(t)
	p, _ := l.open(nil)
	go func() {
		for range 10_000 {
			if p.ws.WriteControl(websocket.PingMessage, []byte("x"), time.Now().Add(time.Second)) != nil {
				return
			}
		}
	}()
	if code := p.closed(); code != 4400 {
		t.Fatalf("close code %d", code)
	}
}

func TestHundredMegabyteMessage(t *testing.T) {
	l := newLab(t)
	unaffected(t, l, func() {
		p, _ := l.open(nil)
		go func() {
			w, err := p.ws.NextWriter(websocket.TextMessage)
			if err != nil {
				return
			}
			chunk := []byte(strings.Repeat("x", 64<<10))
			for range 1600 {
				if _, err := w.Write(chunk); err != nil {
					return
				}
			}
			_ = w.Close()
		}()
		if code := p.closed(); code != 4400 {
			t.Fatalf("close code %d", code)
		}
	})
	if n := l.logged("over 64 KiB"); n != 1 {
		t.Fatalf("logged %d times", n)
	}
}

func TestHelloComesFirst(t *testing.T) {
	l := newLab(t)
	for _, m := range []string{`{"op":"ping"}`, `{"op":"hello","v":2}`, `{"op":"hello","v":"x"}`} {
		p, _, err := l.dial()
		if err != nil {
			t.Fatal(err)
		}
		_ = p.ws.WriteMessage(websocket.TextMessage, []byte(m))
		if code := p.closed(); code != 4400 {
			t.Fatalf("%s: close code %d", m, code)
		}
	}
	if testing.Short() {
		return
	}
	p, _, err := l.dial()
	if err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	if code := p.closed(); code != 4400 || time.Since(begun) < 4*time.Second {
		t.Fatalf("close code %d after %v", code, time.Since(begun))
	}
}

func TestHandshakeRefused(t *testing.T) {
	l := newLab(t)
	for name, headers := range map[string][]string{
		"subprotocol":    {"Sec-WebSocket-Protocol", "other.v1"},
		"foreign origin": {"Origin", "http://evil.example"},
		"null origin":    {"Origin", "null"},
		"foreign host":   {"Host", "evil.example"},
	} {
		_, resp, err := l.dial(headers...)
		if err == nil || resp == nil {
			t.Fatalf("%s: %v", name, err)
		}
		want := map[bool]int{true: 400, false: 403}[name == "subprotocol"]
		if resp.StatusCode != want {
			t.Errorf("%s: status %d", name, resp.StatusCode)
		}
	}
	if _, _, err := l.dial("Origin", "http://"+l.addr); err != nil {
		t.Fatal("own origin:", err)
	}
	if a := l.get("/ws"); a.status != 400 || a.code() != edge.CodeBadRequest {
		t.Fatal(a)
	}
	if n := l.logged("request refused"); n != 3 {
		t.Fatalf("logged %d times: %s", n, l.logs)
	}
}

func TestUnknownTokenIs4401(t *testing.T) {
	l := newLab(t)
	p, _, err := l.dial()
	if err != nil {
		t.Fatal(err)
	}
	p.send(map[string]any{"op": "hello", "v": 1, "token": strings.Repeat("a", 43)})
	if code := p.closed(); code != 4401 {
		t.Fatalf("close code %d", code)
	}
	ana := l.join("Ana")
	_, token, _ := strings.Cut(ana.cookie, "=")
	if p, _, err = l.dial(); err != nil {
		t.Fatal(err)
	}
	p.send(map[string]any{"op": "hello", "v": 1, "token": token})
	if you := p.until("welcome")["you"].(map[string]any); you["seat"] != ana.ID {
		t.Fatal(you)
	}
	if a := ana.send("DELETE", "/api/v1/seats", ""); a.status != 204 {
		t.Fatal(a)
	}
	if code := p.closed(); code != 4401 {
		t.Fatalf("after leaving: close code %d", code)
	}
	if a := ana.send("GET", "/api/v1/seats", ""); a.status != 401 {
		t.Fatal(a)
	}
}

func TestSameTabReplaces(t *testing.T) {
	l := newLab(t)
	ana := l.join("Ana")
	p, _ := l.open(ana, "tab", "t1")
	other, _ := l.open(nil, "tab", "t1") // another seat: not the same
	q, _ := l.open(ana, "tab", "t1")
	if code := p.closed(); code != 4409 {
		t.Fatalf("close code %d", code)
	}
	q.ok(map[string]any{"op": "ping"})
	other.ok(map[string]any{"op": "ping"})
}

func TestTooManyPanels(t *testing.T) {
	l := newLab(t, func(c *web.Config) { c.MaxClients = 100 })
	ms, code := l.teach(`{}`)
	ana, bo, cy := l.student(code, "Ana"), l.student(code, "Bo"), l.student(code, "Cy")
	// until is how many more a seat may open; nil: nobody's.
	until := func(s *seat) (n int) {
		headers := []string{}
		if s != nil {
			headers = []string{"Cookie", s.cookie}
		}
		for ; ; n++ {
			_, resp, err := l.dial(headers...)
			if err == nil {
				continue
			}
			if resp == nil || resp.StatusCode != 429 {
				t.Fatalf("%v %v", resp, err)
			}
			return n
		}
	}
	if nobody, one, two, full, teacher := until(nil), until(ana), until(bo), until(cy), until(ms); nobody < 45 || nobody > 47 || one < 32 || one > 34 || nobody+one+two+full > 94 || teacher < 6 { // one or two on their way are not counted
		t.Fatal(nobody, one, two, full, teacher)
	}
}

func TestScriptInNickname(t *testing.T) {
	l := newLab(t)
	s := l.join("<script>alert(1)</script>")
	a := s.send("GET", "/api/v1/seats", "")
	if strings.Contains(a.body, "<script>") || a.header.Get("Content-Type") != "application/json; charset=utf-8" || a.header.Get("X-Content-Type-Options") != "nosniff" {
		t.Fatal(a)
	}
	if s.Name != "<script>alert(1)</script>" {
		t.Fatalf("%q", s.Name)
	}
	for _, bad := range []string{`{"nickname":"\u202eabc"}`, `{"nickname":""}`, `{}`, `{"nickname":"` + strings.Repeat("x", 41) + `"}`} {
		if a := l.send("POST", "/api/v1/seats", bad); a.status != 422 || a.code() != edge.CodeBadValue {
			t.Errorf("%s: %d %s", bad, a.status, a.body)
		}
	}
}

func TestBodies(t *testing.T) {
	l := newLab(t)
	for body, want := range map[string]struct {
		status int
		code   edge.Code
	}{
		"no json":                     {400, edge.CodeBadRequest},
		"[1]":                         {400, edge.CodeBadRequest},
		`{"nickname":`:                {400, edge.CodeBadRequest},
		`{"nickname":5}`:              {400, edge.CodeBadRequest},
		strings.Repeat(" ", 64<<10+1): {413, edge.CodeTooLarge},
	} {
		a := l.send("POST", "/api/v1/seats", body)
		if a.status != want.status || a.code() != want.code {
			t.Errorf("%.20q: %d %s", body, a.status, a.body)
		}
	}
	s := l.join("Ana")
	if a := s.send("POST", "/api/v1/devices/pendulum/commands/drive", `{"power":[1]}`); a.status != 422 || a.code() != edge.CodeBadValue {
		t.Fatal(a)
	}
}

// A hundred megabytes posted by someone who does not read the answer.
func TestHundredMegabyteBody(t *testing.T) {
	l := newLab(t)
	unaffected(t, l, func() {
		conn, err := net.Dial("tcp", l.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "POST /api/v1/seats HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: 104857600\r\n\r\n", l.addr)
		go func() {
			chunk := []byte(strings.Repeat("x", 64<<10))
			for range 1600 {
				if _, err := conn.Write(chunk); err != nil {
					return
				}
			}
		}()
		_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
		b, _ := io.ReadAll(io.LimitReader(conn, 12))
		if string(b) != "HTTP/1.1 413" {
			t.Fatalf("%q", b)
		}
	})
}

func TestForeignPages(t *testing.T) {
	l := newLab(t)
	s := l.join("Ana")
	estop := "/api/v1/devices/pendulum/estop"
	for name, headers := range map[string][]string{
		"origin": {"Origin", "http://evil.example"}, "null": {"Origin", "null"}, "site": {"Sec-Fetch-Site", "cross-site"},
		"same site, other origin": {"Sec-Fetch-Site", "same-site"}, "other port": {"Origin", "http://127.0.0.1:1"}, "host": {"Host", "evil.example"},
	} {
		if a := s.send("POST", estop, "", headers...); a.status != 403 || a.code() != edge.CodeBadOrigin {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	if a := l.get("/", "Host", "evil.example:80"); a.status != 403 {
		t.Error(a.status)
	}
	for _, headers := range [][]string{{"Origin", "http://" + l.addr}, {"Sec-Fetch-Site", "same-origin"}, {"Host", "localhost:1"}, {"Host", "[::1]:80"}, {"Host", "192.168.1.7"}} {
		if a := s.send("POST", estop, "", headers...); a.status != 200 && headers[0] != "Host" || a.status == 403 {
			t.Errorf("%v: %d %s", headers, a.status, a.body)
		}
	}
	if a := l.send("OPTIONS", estop, "", "Origin", "http://evil.example", "Access-Control-Request-Method", "POST"); a.header.Get("Access-Control-Allow-Origin") != "" {
		t.Error("CORS is on")
	}
}

func TestNamedOriginsAndHosts(t *testing.T) {
	l := newLab(t, func(c *web.Config) {
		c.Origins = []string{"https://lab.example.org"}
		c.Hosts = []string{"labpc"}
	})
	a := l.send("OPTIONS", "/api/v1/seats", "", "Origin", "https://lab.example.org", "Access-Control-Request-Method", "POST")
	if a.status != 204 || a.header.Get("Access-Control-Allow-Origin") != "https://lab.example.org" || a.header.Get("Access-Control-Allow-Credentials") != "" {
		t.Fatal(a)
	}
	if a := l.send("POST", "/api/v1/seats", `{"nickname":"x"}`, "Origin", "https://lab.example.org"); a.status != 201 {
		t.Fatal(a)
	}
	if a := l.send("POST", "/api/v1/seats", `{"nickname":"x"}`, "Origin", "https://other.example.org"); a.status != 403 {
		t.Fatal(a)
	}
	for _, host := range []string{"labpc:8080", "lab.example.org"} {
		if a := l.get("/", "Host", host); a.status != http.StatusOK {
			t.Errorf("%s: %d", host, a.status)
		}
	}
}
