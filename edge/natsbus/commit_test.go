package natsbus

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Callers that come together share a sync.
func TestCommitCoalesces(t *testing.T) {
	srv := startServer(t, t.TempDir())
	makeStream(t, srv, streamConfigs()["keep"], 1)
	js, err := srv.JetStream()
	if err != nil {
		t.Fatal(err)
	}
	if err := srv.Commit(t.Context(), "s"); err != nil {
		t.Fatal(err)
	}
	c := srv.commits["s"]
	hold := func() bool { // as if a sync were on its way, once none is
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.running {
			return false
		}
		c.running = true
		return true
	}
	for end := time.Now().Add(10 * time.Second); !hold(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the first sync does not end")
		}
	}
	before := srv.rounds("s")
	const callers = 100
	var wg sync.WaitGroup
	rounds := map[*round]bool{}
	for range callers {
		if _, err := js.Publish(t.Context(), "s", []byte("x")); err != nil {
			t.Fatal(err)
		}
		r := c.join(srv)
		rounds[r] = true
		wg.Go(func() { <-r.done })
	}
	c.run(srv)
	wg.Wait()
	if n := srv.rounds("s") - before; n != 1 || len(rounds) != 1 {
		t.Fatalf("%d syncs, %d rounds for %d commits at a time", n, len(rounds), callers)
	}
}

// Commit covers every block file, across roll-over, and nothing it need not.
func TestCommitRollOver(t *testing.T) {
	dir := t.TempDir()
	srv := startServer(t, dir)
	makeStream(t, srv, jetstream.StreamConfig{Name: "s", Subjects: []string{"s"}, MaxBytes: 100 << 10}, 1) // blocks of 32 KiB
	js, err := srv.JetStream()
	if err != nil {
		t.Fatal(err)
	}
	if err := srv.Commit(t.Context(), "s"); err != nil {
		t.Fatal(err)
	}
	c := srv.commits["s"]
	for range 90 {
		if _, err := js.Publish(t.Context(), "s", make([]byte, 1000)); err != nil {
			t.Fatal(err)
		}
	}
	if err := srv.Commit(t.Context(), "s"); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(srv.streamDir("s"), "msgs", "*.blk"))
	if err != nil || len(files) < 2 {
		t.Fatalf("%d block files, the test needs several (%v)", len(files), err)
	}
	for path, info := range blocks(srv.streamDir("s")) {
		if was := c.synced[filepath.Base(path)]; !was.same(info) {
			t.Errorf("%s is not synced", filepath.Base(path))
		}
	}
	if len(c.synced) != len(files) {
		t.Errorf("%d files remembered, %d exist", len(c.synced), len(files))
	}
}

// Enqueue returns when its job is synced.
func TestEnqueueCommits(t *testing.T) {
	srv := startServer(t, t.TempDir())
	bus := newBus(t, srv)
	if err := bus.Declare(t.Context(), crashQueue()); err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		if err := bus.Enqueue(t.Context(), "crash", fmt.Sprint(i), []byte("x")); err != nil {
			t.Fatal(err)
		}
		c, files := srv.commits["JOB_crash"], blocks(srv.streamDir("JOB_crash"))
		if len(files) == 0 {
			t.Fatal("no block file")
		}
		for path, info := range files {
			if was := c.synced[filepath.Base(path)]; !was.same(info) {
				t.Fatalf("job %d acknowledged before %s was synced", i, filepath.Base(path))
			}
		}
	}
}

// A caller that gives up may reuse its buffer: what is stored is what was given.
func TestEnqueueGivenUp(t *testing.T) {
	srv := startServer(t, t.TempDir())
	bus := newBus(t, srv)
	if err := bus.Declare(t.Context(), crashQueue()); err != nil {
		t.Fatal(err)
	}
	w := bus.queues["crash"].writer
	w.mu.Lock()
	w.running = true // as if a batch were on its way
	w.mu.Unlock()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	buf := []byte("original")
	if err := w.write(ctx, jobPrefix+"crash", "1", buf); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	copy(buf, "garbage!")
	w.run()
	st, err := bus.js.Stream(t.Context(), jobStream+"crash")
	if err != nil {
		t.Fatal(err)
	}
	m, err := st.GetMsg(t.Context(), 1)
	if err != nil || string(m.Data) != "original" {
		t.Fatal(m, err)
	}
}

func TestCommitUnknownStream(t *testing.T) {
	srv := startServer(t, t.TempDir())
	if err := srv.Commit(t.Context(), "none"); err == nil {
		t.Fatal("committed a stream that does not exist")
	}
	if err := srv.Health(); err != nil {
		t.Fatalf("which is no failure of the disk: %v", err)
	}
}

// A stream known from before costs no sync of the whole file system.
func TestFoundedOnce(t *testing.T) {
	dir := t.TempDir()
	srv := startServer(t, dir)
	cfg := streamConfigs()["keep"]
	makeStream(t, srv, cfg, 1)
	was := srv.founded["s"]
	srv.Close()
	srv = startServer(t, dir)
	if was == "" || srv.founded["s"] != was {
		t.Fatalf("founded %q, after a restart %q", was, srv.founded["s"])
	}
	if _, err := srv.Ensure(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	if now := srv.founded["s"]; now != was {
		t.Fatalf("meta file rewritten: %s, was %s", now, was)
	}
	srv.Close()
	if m, err := readManifest(dir); err != nil || m.Streams["s"].Founded != was {
		t.Fatal(fmt.Sprint(m, err))
	}
}
