package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"labbox/edge/frame"
)

// watchersEnv makes the test binary a process of websocket clients: seconds,
// clients, device and the addresses they are spread over.
const watchersEnv = "LABBOX_TEST_WATCHERS"

// watchers is the other process.
type watchers struct {
	cmd *exec.Cmd
	out *bufio.Scanner
}

func startWatchers(b testing.TB, n int, length time.Duration, device string, urls ...string) *watchers {
	b.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d %d %s %s", watchersEnv, length.Milliseconds(), n, device, strings.Join(urls, ",")))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = cmd.Process.Kill() })
	w := &watchers{cmd: cmd, out: bufio.NewScanner(out)}
	w.read(b, "ready")
	return w
}

func (w *watchers) read(b testing.TB, format string, into ...any) {
	b.Helper()
	if !w.out.Scan() {
		b.Fatalf("the watchers ended before %q", format)
	}
	if n, err := fmt.Sscanf(w.out.Text(), format, into...); err != nil || n != len(into) {
		if w.out.Text() != format {
			b.Fatalf("the watchers say %q, want %q", w.out.Text(), format)
		}
	}
}

// finish waits and returns how many samples the clients got, and how many of
// those that were sent meanwhile they did not.
func (w *watchers) finish(b testing.TB) (got, lost uint64) {
	b.Helper()
	w.read(b, "got %d lost %d", &got, &lost)
	if err := w.cmd.Wait(); err != nil {
		b.Fatal(err)
	}
	return got, lost
}

// watchersMain is that process. It says ready once every client has had a frame.
func watchersMain() bool {
	var ms, n int
	var device, list string
	if k, _ := fmt.Sscanf(os.Getenv(watchersEnv), "%d %d %s %s", &ms, &n, &device, &list); k != 4 {
		return false
	}
	urls := strings.Split(list, ",")
	var (
		ready, done sync.WaitGroup
		mu          sync.Mutex
		got, lost   uint64
	)
	begin := make(chan struct{})
	for i := range n {
		ready.Add(1)
		done.Go(func() {
			ws, _, err := (&websocket.Dialer{Subprotocols: []string{"lab.v1"}}).Dial("ws"+strings.TrimPrefix(urls[i%len(urls)], "http")+"/ws", nil)
			watchersDie(err)
			watchersDie(ws.WriteMessage(websocket.TextMessage, []byte(`{"op":"hello","v":1}`)))
			watchersDie(ws.WriteMessage(websocket.TextMessage, []byte(`{"op":"subscribe","device":"`+device+`","id":1}`)))
			var next, mine, missed uint64
			var end time.Time
			for end.IsZero() || time.Now().Before(end) {
				kind, b, err := ws.ReadMessage()
				watchersDie(err)
				for kind == websocket.BinaryMessage && len(b) > 0 {
					v, rest, err := frame.Parse(b)
					watchersDie(err)
					h := v.Header()
					if end.IsZero() {
						ready.Done()
						<-begin
						end = time.Now().Add(time.Duration(ms) * time.Millisecond)
					} else {
						missed += h.Seq - next
						mine += uint64(h.Samples)
					}
					next, b = h.Next, rest
				}
			}
			mu.Lock()
			defer mu.Unlock()
			got += mine
			lost += missed
		})
	}
	ready.Wait()
	fmt.Println("ready")
	close(begin)
	done.Wait()
	fmt.Printf("got %d lost %d\n", got, lost)
	return true
}

func watchersDie(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "watcher:", err)
		os.Exit(1)
	}
}
