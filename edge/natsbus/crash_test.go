package natsbus

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"labbox/edge"
)

const crashEnv = "LABBOX_TEST_CRASH_DIR" // set: this process is the one to be killed

func crashQueue() edge.Queue {
	return edge.Queue{Name: "crash", MaxTries: 3, AckWait: time.Minute, Dedup: time.Hour, MaxBytes: 256 << 20}
}

// TestCrashChild is the process to be killed: it enqueues as fast as it can and
// prints each id once it is acknowledged.
func TestCrashChild(t *testing.T) {
	dir := os.Getenv(crashEnv)
	if dir == "" {
		t.Skip("runs as the child of TestKilled")
	}
	srv := startServer(t, dir)
	bus := newBus(t, srv)
	if err := bus.Declare(t.Context(), crashQueue()); err != nil {
		t.Fatal(err)
	}
	for _, d := range srv.Damage() {
		fmt.Printf("damage %s\n", d)
	}
	out := make(chan string, 64)
	for w := range 16 {
		go func() {
			for i := 0; ; i++ {
				id := fmt.Sprintf("%d-%d-%d", os.Getpid(), w, i)
				if err := bus.Enqueue(context.Background(), "crash", id, []byte(id)); err != nil {
					out <- "error " + err.Error()
					return
				}
				out <- "ack " + id
			}
		}()
	}
	for line := range out {
		if _, err := fmt.Println(line); err != nil { // one write each
			return
		}
	}
}

// Every job that was acknowledged before kill -9 is found again exactly once.
func TestKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("kills 20 processes; not with -short")
	}
	const kills = 20
	dir := t.TempDir()
	acked := map[string]bool{}
	for range kills {
		for _, line := range killedChild(t, dir, 1+rand.IntN(400)) {
			if id, ok := strings.CutPrefix(line, "ack "); ok {
				acked[id] = true
			} else if strings.HasPrefix(line, "error") || strings.HasPrefix(line, "damage") {
				t.Fatal(line)
			}
		}
	}
	srv := startServer(t, dir)
	bus := newBus(t, srv)
	if d := srv.Damage(); len(d) != 0 {
		t.Fatalf("damage reported: %v", d)
	}
	if err := bus.Declare(t.Context(), crashQueue()); err != nil {
		t.Fatal(err)
	}
	st, err := bus.js.Stream(t.Context(), jobStream+"crash")
	if err != nil {
		t.Fatal(err)
	}
	left := int(st.CachedInfo().State.Msgs)
	jobs := make(chan string, 1024)
	sub, err := bus.Consume("crash", func(_ context.Context, j edge.Job) error { jobs <- j.ID; return nil })
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sub.Close() }()
	found := map[string]int{}
	for range left {
		select {
		case id := <-jobs:
			found[id]++
		case <-time.After(20 * time.Second):
			t.Fatalf("%d of %d jobs came", len(found), left)
		}
	}
	for id := range acked {
		if found[id] != 1 {
			t.Errorf("acknowledged job %s found %d times", id, found[id])
		}
	}
	for id, n := range found {
		if n != 1 {
			t.Errorf("job %s found %d times", id, n)
		}
	}
	t.Logf("%d kills, %d jobs acknowledged, %d found", kills, len(acked), len(found))
}

// killedChild kills a child after it has acknowledged n jobs and returns all it
// had printed by then.
func killedChild(t *testing.T, dir string, n int) []string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe, "-test.run=^TestCrashChild$", "-test.timeout=60s") //nolint:gosec // ourselves
	cmd.Env = append(os.Environ(), crashEnv+"="+dir)
	cmd.Stderr = os.Stderr
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var lines []string
	in := bufio.NewReader(pipe)
	for {
		line, err := in.ReadString('\n')
		if err == io.EOF || err != nil {
			break
		}
		lines = append(lines, strings.TrimSpace(line))
		if len(lines) == n {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := cmd.Wait(); err == nil || len(lines) < n {
		t.Fatalf("child ended by itself after %d lines: %v", len(lines), lines[max(0, len(lines)-3):])
	}
	return lines
}
