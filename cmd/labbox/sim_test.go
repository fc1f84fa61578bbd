package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"labbox/devices/transport"
	"labbox/devices/transport/wslisten"
)

// simRun is a `labbox sim` in this process, with its keyboard and its screen.
type simRun struct {
	t    *testing.T
	keys *io.PipeWriter
	out  *simScreen
	done chan error
}

// simScreen keeps what is printed.
type simScreen struct {
	mu sync.Mutex
	b  strings.Builder
}

func (s *simScreen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *simScreen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func startSim(t *testing.T, typ string, f *simFlags) *simRun {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	in, keys := io.Pipe()
	r := &simRun{t: t, keys: keys, out: &simScreen{}, done: make(chan error, 1)}
	go func() { r.done <- simulate(ctx, streams{out: r.out, err: r.out}, in, typ, f) }()
	t.Cleanup(func() {
		cancel()
		_ = keys.Close()
		select {
		case <-r.done:
		case <-time.After(10 * time.Second):
			t.Error("labbox sim did not end")
		}
	})
	r.shows(" ", 1)
	return r
}

// shows waits until a text was printed n times.
func (r *simRun) shows(text string, n int) {
	r.t.Helper()
	inTime(r.t, func() bool { return strings.Count(r.out.String(), text) >= n }, func() string {
		return fmt.Sprintf("no %q among %q", text, r.out.String())
	})
}

// inTime waits until ok, and fails with what otherwise.
func inTime(t *testing.T, ok func() bool, what func() string) {
	t.Helper()
	for end := time.Now().Add(15 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal(what())
		}
	}
}

func (r *simRun) types(line string) {
	r.t.Helper()
	if _, err := io.WriteString(r.keys, line+"\n"); err != nil {
		r.t.Fatal(err)
	}
}

// address is where it listens.
func (r *simRun) address() string {
	r.t.Helper()
	r.shows(" on ", 1)
	_, addr, _ := strings.Cut(strings.TrimSpace(r.out.String()), " on ")
	return strings.Fields(addr)[0]
}

func TestSimByTCP(t *testing.T) {
	r := startSim(t, "plate", &simFlags{tcp: "127.0.0.1:0", seed: 1})
	addr := r.address()
	dial := func() net.Conn {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	c := dial()
	buf := make([]byte, 256)
	reads := func(want string) {
		t.Helper()
		got := ""
		_ = c.SetReadDeadline(time.Now().Add(15 * time.Second))
		for !strings.Contains(got, want) {
			n, err := c.Read(buf)
			if err != nil {
				t.Fatalf("no %s in %q: %v", want, got, err)
			}
			got = got[max(0, len(got)-200):] + string(buf[:n])
		}
	}
	reads(`"temp":`)
	if _, err := dial().Read(buf); err == nil {
		t.Error("a second program has the device too")
	}
	r.types("set temp 80")
	reads(`"temp":80,`)
	r.types("set fan on")
	reads(`"fan":1`)
	r.types("show temp")
	r.shows("temp 80", 1)
	r.types("free temp")
	if _, err := c.Write([]byte("{\"cmd\":\"duty\",\"param\":42}\n")); err != nil {
		t.Fatal(err)
	}
	reads(`{"ok":"duty","param":42}`)
	r.types("reboot")
	reads(`"id":"labbox-plate"`)
	reads(`"duty":0`)
	r.types("unplug")
	_ = c.SetReadDeadline(time.Now().Add(15 * time.Second))
	if _, err := io.Copy(io.Discard, c); os.IsTimeout(err) {
		t.Error("unplugged, and the connection is still there")
	}
	if _, err := dial().Read(buf); err == nil {
		t.Error("connected to what is not plugged in")
	}
	r.types("plug")
	r.shows("\nplug", 1)
	inTime(t, func() bool {
		c = dial()
		_ = c.SetReadDeadline(time.Now().Add(time.Second))
		n, _ := c.Read(buf)
		return n > 0
	}, func() string { return "plugged in again, and nothing comes" })
	for words, answer := range map[string]string{"help": "quit", "what": `? what is "what?"`, "set temp": "? set takes 2 words", "set tmp 1": `did you mean "temp"?`,
		"set temp hot": "? temp cannot be", "fault drop": "has no value", "fault dorp=1": "did you mean", "faults": "Unplugs:1", "fault drop=0.5": "fault drop=0.5",
		"freeze": "freeze", "freeze off": "freeze off", "off": "\noff", "plug in": "? plug takes 0 words"} {
		if words == "what" {
			words = "what?"
		}
		r.types(words)
		r.shows(answer, 1)
	}
	r.types("quit")
	if err := <-r.done; err != nil {
		t.Error(err)
	}
	r.done <- nil
}

// A board that dials: the box lets it in by its token, and hears its frames.
func TestSimByWebsocket(t *testing.T) {
	l, err := wslisten.New(wslisten.Options{Token: "secret"})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(l)
	defer srv.Close()
	defer l.Close()
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := startSim(t, "aeropendulum", &simFlags{ws: "ws" + strings.TrimPrefix(srv.URL, "http"), token: token, seed: 1})
	for range 2 {
		p, err := l.Open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 256)
		n, kind, err := p.Receive(buf)
		if err != nil || kind != transport.Text || string(buf[:n]) != "Hola desde el ESP32" {
			t.Fatalf("%q, %v, %v", buf[:n], kind, err)
		}
		n, kind, err = p.Receive(buf)
		if err != nil || kind != transport.Binary || n != 64 || math.IsNaN(float64(math.Float32frombits(binary.LittleEndian.Uint32(buf[4:])))) {
			t.Fatalf("%x, %v, %v", buf[:n], kind, err)
		}
		r.types("unplug")
		for err == nil {
			_, _, err = p.Receive(buf)
		}
		p.Close()
		r.types("set angle 3")
		r.shows("cannot be set", 1)
		r.types("plug")
	}
}

func TestSimRefuses(t *testing.T) {
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"plate"}, exitUsage, "exactly one of --pty, --tcp and --ws"},
		{[]string{"plate", "--pty", "a", "--tcp", "b"}, exitUsage, "exactly one"},
		{[]string{"plat", "--tcp", "127.0.0.1:0"}, exitConfig, `did you mean "plate"?`},
		{[]string{"no.yaml", "--tcp", "127.0.0.1:0"}, exitConfig, "no.yaml"},
		{[]string{"plate", "--ws", "ws://x/y"}, exitUsage, "does not dial"},
		{[]string{"aeropendulum", "--tcp", "127.0.0.1:0"}, exitUsage, "--ws ws://"},
		{[]string{"aeropendulum", "--ws", "http://x/y"}, exitUsage, "no address of a websocket"},
		{[]string{"plate", "--tcp", "127.0.0.1:0", "--token-file", "x"}, exitUsage, "needs --ws"},
		{[]string{"plate", "--tcp", "127.0.0.1:99999"}, exitAddress, "free port"},
		{[]string{"plate", "--tcp", "127.0.0.1:0", "--rate", "-1"}, exitUsage, "rate"},
		{[]string{"penduino", "--tcp", "127.0.0.1:0", "--rate", "5"}, exitUsage, "leave the rate out"},
		{[]string{"plate", "--tcp", "127.0.0.1:0", "--fault", "drop=5"}, exitUsage, "a part of 1"},
		{[]string{"plate", "--tcp", "127.0.0.1:0", "--fault", "unplug"}, exitUsage, "no value"},
		{[]string{"aeropendulum", "--ws", "ws://127.0.0.1:1", "--token-file", "/no/such"}, exitUsage, "token"},
	} {
		out := &simScreen{}
		if code := execute(t.Context(), append([]string{"sim"}, c.args...), streams{out, out}); code != c.code || !strings.Contains(out.String(), c.want) {
			t.Errorf("%v: exit %d, %q; want %d, %q", c.args, code, out, c.code, c.want)
		}
	}
}
