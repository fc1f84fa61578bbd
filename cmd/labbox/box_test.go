package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/rogpeppe/go-internal/testscript"

	"labbox/edge"
	"labbox/edge/frame"
)

// The test binary is labbox itself when asked, so that a box can be killed.
func TestMain(m *testing.M) {
	if os.Getenv("LABBOX_AS_MAIN") == "1" {
		main()
		return
	}
	if watchersMain() || benchMain() || seatsMain() || driverMain() || cameraMain() {
		return
	}
	testscript.Main(m, map[string]func(){"labbox": main})
}

// box is a labbox process.
type box struct {
	t    testing.TB
	cmd  *exec.Cmd
	url  string
	log  *lockedBuffer
	took time.Duration // from start to `listening`
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// startBox runs a box on a free port; boxFile "" is the demo.
func startBox(t testing.TB, data, boxFile string) *box {
	t.Helper()
	return startBoxAt(t, "127.0.0.1:0", data, boxFile)
}

// startBoxAt runs a box on an address, such as that of a box that was killed.
func startBoxAt(t testing.TB, listen, data, boxFile string) *box {
	t.Helper()
	args := []string{"run", "--listen", listen, "--data", data}
	if boxFile != "" {
		name := filepath.Join(t.TempDir(), "box.yaml")
		if err := os.WriteFile(name, []byte(boxFile), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, "--config", name)
	}
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), "LABBOX_AS_MAIN=1")
	return launch(t, cmd, 30*time.Second)
}

// launch starts a box by any command and waits until it listens.
func launch(t testing.TB, cmd *exec.Cmd, within time.Duration) *box {
	t.Helper()
	b := &box{t: t, log: &lockedBuffer{}, cmd: cmd}
	b.cmd.Stderr = b.log
	out, err := b.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := b.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.kill)
	line := make(chan string, 1)
	go func() {
		sc := bufio.NewScanner(out)
		for sc.Scan() {
			if u, ok := strings.CutPrefix(sc.Text(), "listening "); ok {
				line <- u
			}
		}
		close(line)
	}()
	select {
	case u, ok := <-line:
		if !ok {
			t.Fatalf("box ended before it listened:\n%s", b.log)
		}
		b.url = u
	case <-time.After(within):
		t.Fatalf("box does not listen:\n%s", b.log)
	}
	b.took = time.Since(began)
	return b
}

// kill is kill -9.
func (b *box) kill() {
	_ = b.cmd.Process.Kill()
	_ = b.cmd.Wait()
	if b.t.Failed() {
		b.t.Logf("log of the box:\n%s", b.log)
	}
}

// stop is SIGTERM, and waits.
func (b *box) stop() error {
	_ = b.cmd.Process.Signal(os.Interrupt)
	return b.cmd.Wait()
}

func (b *box) status(device string) (st edge.Status) {
	b.t.Helper()
	res, err := http.Get(b.url + "/api/v1/devices/" + device)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	var body struct {
		Status edge.Status `json:"status"`
	}
	raw, _ := io.ReadAll(res.Body)
	if err := json.Unmarshal(raw, &body); err != nil {
		b.t.Fatalf("%s: %v", raw, err)
	}
	return body.Status
}

func (b *box) until(device, what string, ok func(edge.Status) bool) edge.Status {
	b.t.Helper()
	end := time.Now().Add(30 * time.Second)
	for {
		st := b.status(device)
		if ok(st) {
			return st
		}
		if time.Now().After(end) {
			b.t.Fatalf("%s never came: state %s, safe %s, reason %+v, lease %+v, stopped %+v", what, st.State, st.Safe, st.Reason, st.Lease, st.Stopped)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func isLive(st edge.Status) bool { return st.State == edge.StateLive }

// panel is a browser as far as the wire goes: a seat and a websocket.
type panel struct {
	t    testing.TB
	http *http.Client
	ws   *websocket.Conn
	url  string

	mu      sync.Mutex
	id      int
	waiting map[int]chan reply
	tick    edge.Tick
	frames  []frame.Header
	lost    uint64
	events  []edge.Event
	away    []string // parts that the panel is told are away
	bye     int      // close code
	closed  chan struct{}
}

type reply struct {
	Op   string          `json:"op"`
	Code edge.Code       `json:"code"`
	Msg  string          `json:"message"`
	Args json.RawMessage `json:"args"`
}

func (b *box) panel(nickname string) *panel {
	b.t.Helper()
	jar, _ := cookiejar.New(nil)
	client := &http.Client{Jar: jar}
	res, err := client.Post(b.url+"/api/v1/seats", "application/json", strings.NewReader(fmt.Sprintf(`{"nickname":%q}`, nickname)))
	if err != nil {
		b.t.Fatal(err)
	}
	body, _ := io.ReadAll(res.Body)
	res.Body.Close()
	if res.StatusCode >= 300 {
		b.t.Fatalf("seat: %s %s", res.Status, body)
	}
	return dialPanel(b.t, b.url, client)
}

// dialPanel connects a browser that has its seat already.
func dialPanel(t testing.TB, url string, client *http.Client) *panel {
	t.Helper()
	p := &panel{t: t, http: client, url: url, waiting: map[int]chan reply{}, closed: make(chan struct{})}
	d := websocket.Dialer{Jar: client.Jar, Subprotocols: []string{"lab.v1"}, HandshakeTimeout: 5 * time.Second}
	var err error
	p.ws, _, err = d.Dial("ws"+strings.TrimPrefix(url, "http")+"/ws", http.Header{"Origin": {url}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.ws.Close() })
	p.send(map[string]any{"op": "hello", "v": 1, "lang": "en"})
	go p.read()
	return p
}

func (p *panel) send(m map[string]any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.ws.WriteJSON(m); err != nil {
		p.t.Log("send:", err)
	}
}

func (p *panel) read() {
	defer close(p.closed)
	for {
		kind, data, err := p.ws.ReadMessage()
		if err != nil {
			var end *websocket.CloseError
			if errors.As(err, &end) {
				p.mu.Lock()
				p.bye = end.Code
				p.mu.Unlock()
			}
			return
		}
		p.mu.Lock()
		if kind == websocket.BinaryMessage {
			for rest := data; len(rest) > 0; {
				v, more, err := frame.Parse(rest)
				if err != nil {
					p.t.Error(err)
					break
				}
				h := v.Header()
				p.frames = append(p.frames, h)
				p.lost += uint64(h.Lost)
				rest = more
			}
			p.mu.Unlock()
			continue
		}
		var m struct {
			Re    *int       `json:"re"`
			Op    string     `json:"op"`
			Tick  edge.Tick  `json:"tick"`
			Event edge.Event `json:"event"`
			Args  struct {
				Parts []struct{ Part string }
			} `json:"args"`
		}
		_ = json.Unmarshal(data, &m)
		switch {
		case m.Re != nil:
			var r reply
			_ = json.Unmarshal(data, &r)
			if ch := p.waiting[*m.Re]; ch != nil {
				ch <- r
			}
		case m.Op == "tick":
			p.tick = m.Tick
		case m.Op == "notice":
			p.away = nil
			for _, d := range m.Args.Parts {
				p.away = append(p.away, d.Part)
			}
		case m.Op == "event":
			p.events = append(p.events, m.Event)
		}
		p.mu.Unlock()
	}
}

// ask sends a request and waits for its reply.
func (p *panel) ask(m map[string]any) reply {
	p.t.Helper()
	p.mu.Lock()
	p.id++
	id := p.id
	ch := make(chan reply, 1)
	p.waiting[id] = ch
	p.mu.Unlock()
	m["id"] = id
	p.send(m)
	select {
	case r := <-ch:
		return r
	case <-p.closed:
		p.t.Fatalf("connection closed while waiting for %v", m)
	case <-time.After(10 * time.Second):
		p.t.Fatalf("no reply to %v", m)
	}
	return reply{}
}

func (p *panel) ok(m map[string]any) json.RawMessage {
	p.t.Helper()
	r := p.ask(m)
	if r.Op != "ok" {
		p.t.Fatalf("%v: %s %s", m, r.Code, r.Msg)
	}
	return r.Args
}

func (p *panel) take(device string) uint64 {
	p.t.Helper()
	var a struct{ Lease edge.LeaseInfo }
	if err := json.Unmarshal(p.ok(map[string]any{"op": "take", "device": device}), &a); err != nil {
		p.t.Fatal(err)
	}
	return a.Lease.Fence
}

func (p *panel) command(device, name string, fence uint64, args map[string]any) reply {
	p.t.Helper()
	p.waitTick()
	p.mu.Lock()
	tick := p.tick
	key := fmt.Sprintf("k%d-%d", time.Now().UnixNano(), p.id)
	p.mu.Unlock()
	return p.ask(map[string]any{"op": "cmd", "device": device, "name": name, "args": args, "key": key, "fence": fence, "tick": tick})
}

func (p *panel) waitTick() {
	p.t.Helper()
	for range 500 {
		p.mu.Lock()
		ok := p.tick.N > 0
		p.mu.Unlock()
		if ok {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	p.t.Fatal("no tick")
}

// samples sums up what came over the websocket, and proves that it is whole.
func (p *panel) samples() (n uint64, gaps int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, h := range p.frames {
		n += uint64(h.Samples)
		if i > 0 {
			before := p.frames[i-1]
			if h.Epoch == before.Epoch && h.Seq != before.Seq+uint64(before.Samples) {
				gaps++
			}
		}
	}
	return n, gaps
}

// vanish is a browser that dies: no close frame, no answer to pings.
func (p *panel) vanish() {
	_ = p.ws.UnderlyingConn().Close()
}
