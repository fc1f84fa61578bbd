package natsbus

import (
	"fmt"
	"path/filepath"
	"sync"
	"testing"

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
	const callers, each = 100, 10
	before := srv.rounds("s")
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for range each {
				if _, err := js.Publish(t.Context(), "s", []byte("x")); err != nil {
					t.Error(err)
				}
				if err := srv.Commit(t.Context(), "s"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if n := srv.rounds("s") - before; n > callers*each/2 || n == 0 {
		t.Fatalf("%d syncs for %d commits", n, callers*each)
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
