package natsbus

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"labbox/edge"
)

// smallDisk is a tmpfs of its own.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("none", dir, "tmpfs", 0, "size=48m"); err != nil {
		t.Skipf("cannot mount a small disk here: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fill leaves about keep bytes free.
func fill(t *testing.T, dir string, keep int64) (path string) {
	t.Helper()
	path = filepath.Join(dir, "filler")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	chunk := make([]byte, 4096)
	for {
		free, _, err := diskSpace(dir)
		if err != nil {
			t.Fatal(err)
		}
		if free <= keep {
			return path
		}
		if _, err := f.Write(chunk); err != nil {
			if errors.Is(err, unix.ENOSPC) {
				return path
			}
			t.Fatal(err)
		}
	}
}

type fullDisk struct {
	dir string
	srv *Server
	bus *Bus
	n   int
}

func startOnSmallDisk(t *testing.T) *fullDisk {
	t.Helper()
	dir := smallDisk(t)
	srv, err := Start(t.Context(), Config{Dir: filepath.Join(dir, "broker"), WatchEvery: time.Hour}) // the test looks itself
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Close)
	f := &fullDisk{dir: dir, srv: srv, bus: newBus(t, srv)}
	q := edge.Queue{Name: "q", MaxTries: 3, AckWait: time.Minute, Dedup: time.Minute, MaxBytes: 8 << 20}
	if err := f.bus.Declare(t.Context(), q); err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *fullDisk) enqueue() error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	err := f.bus.Enqueue(ctx, "q", fmt.Sprint(f.n), make([]byte, 4000))
	if err == nil {
		f.n++
	}
	return err
}

// live checks that news goes on.
func (f *fullDisk) live(t *testing.T) {
	t.Helper()
	got := make(chan struct{}, 1)
	s, err := f.bus.Subscribe("a.b", func(edge.Msg) { got <- struct{}{} })
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	if err := f.bus.Publish(t.Context(), "a.b", nil); err != nil {
		t.Fatal(err)
	}
	select {
	case <-got:
	case <-time.After(5 * time.Second):
		t.Fatal("no live message on a full disk")
	}
}

// all checks that every acknowledged job is there.
func (f *fullDisk) all(t *testing.T) {
	t.Helper()
	got := make(chan string, 1000)
	s, err := f.bus.Consume("q", func(_ context.Context, j edge.Job) error { got <- j.ID; return nil })
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	found := map[string]bool{}
	for len(found) < f.n {
		select {
		case id := <-got:
			if found[id] {
				t.Fatalf("job %s twice", id)
			}
			found[id] = true
		case <-time.After(10 * time.Second):
			t.Fatalf("%d of %d jobs found", len(found), f.n)
		}
	}
}

// Before the disk is full jobs are refused; when there is room they are taken.
func TestDiskNearlyFull(t *testing.T) {
	f := startOnSmallDisk(t)
	if err := f.enqueue(); err != nil {
		t.Fatal(err)
	}
	filler := fill(t, f.dir, 2<<20)
	f.srv.look()
	if err := f.enqueue(); edge.CodeOf(err) != edge.CodeStoreFull {
		t.Fatalf("enqueued on a nearly full disk: %v", err)
	}
	if err := f.bus.Health(); edge.CodeOf(err) != edge.CodeStoreFull {
		t.Fatalf("health %v", err)
	}
	f.live(t)
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	f.srv.look()
	if err := f.enqueue(); err != nil {
		t.Fatal(err)
	}
	f.all(t)
}

// A write that fails is an error, not silence, and when there is room the
// broker comes back by itself with all that was acknowledged.
func TestDiskFull(t *testing.T) {
	f := startOnSmallDisk(t)
	for range 50 {
		if err := f.enqueue(); err != nil {
			t.Fatal(err)
		}
	}
	filler := fill(t, f.dir, 0)
	start := time.Now()
	var err error
	for range 100 {
		if err = f.enqueue(); err != nil {
			break
		}
	}
	if edge.CodeOf(err) != edge.CodeStoreDown {
		t.Fatalf("enqueue on a full disk: %v", err)
	}
	if took := time.Since(start); took > storeTimeout/2 {
		t.Fatalf("refused only after %v", took)
	}
	t.Logf("refused after %v with %d jobs: %v", time.Since(start), f.n, err)
	if err := f.bus.Health(); edge.CodeOf(err) != edge.CodeStoreDown {
		t.Fatalf("health %v", err)
	}
	f.live(t)
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	f.srv.look()
	if err := f.srv.Health(); err != nil {
		t.Fatal(err)
	}
	end := time.Now().Add(10 * time.Second)
	for f.bus.Health() != nil && time.Now().Before(end) {
		time.Sleep(time.Millisecond)
	}
	f.live(t)
	if err := f.enqueue(); err != nil {
		t.Fatal(err)
	}
	f.all(t)
}
