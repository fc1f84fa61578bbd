package audit

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"labbox/edge"
)

// The crash tests run this test binary again as a writer that is killed.
const crashDir = "LABBOX_AUDIT_CRASH_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDir); dir != "" {
		fmt.Fprintln(os.Stderr, writeUntilKilled(dir))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// writeUntilKilled prints the number of every event that was synced.
func writeUntilKilled(dir string) error {
	ctx := context.Background()
	l, err := Open(ctx, Config{Dir: dir, Box: "bench", FileBytes: 64 << 10, CopyEvery: 20 * time.Millisecond})
	if err != nil {
		return err
	}
	for n := 0; ; n++ {
		for range 50 {
			l.Note(command(n))
		}
		if err := l.Sync(ctx); err != nil {
			return err
		}
		fmt.Println(n)
	}
}

func TestKill(t *testing.T) {
	const kills = 10
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir, total, torn := t.TempDir(), 0, 0
	for kill := range kills {
		before := 0
		if kill > 0 {
			before = len(records(t, dir))
		}
		cmd := exec.Command(exe)
		cmd.Env = append(os.Environ(), crashDir+"="+dir)
		var errs strings.Builder
		cmd.Stderr = &errs
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		last, timer := -1, (*time.Timer)(nil)
		for sc := bufio.NewScanner(out); sc.Scan(); {
			if last, err = strconv.Atoi(sc.Text()); err != nil {
				t.Fatal(err)
			}
			if timer == nil { // after the first, at a random moment
				timer = time.AfterFunc(time.Duration(rand.IntN(120_000))*time.Microsecond, func() { _ = cmd.Process.Kill() })
			}
		}
		_ = cmd.Wait()
		if errs.Len() > 0 || last < 0 {
			t.Fatalf("the writer did not run: %s", errs.String())
		}
		r := mustHold(t, dir)
		if r.Torn > 0 {
			torn++
		}
		seen := map[float64]int{}
		for _, rec := range records(t, dir)[before:] {
			if n, ok := rec.Event.Args["n"].(float64); ok {
				seen[n]++
			}
		}
		for n := range last + 1 {
			if seen[float64(n)] != 50 {
				t.Fatalf("%d of 50 events %d are there", seen[float64(n)], n)
			}
		}
		total += 50 * (last + 1)
	}
	t.Logf("%d kills, %d events acknowledged, none lost, %d torn ends", kills, total, torn)
}

// failing is a file whose disk fails when told.
type failing struct {
	file
	full *atomic.Bool
	slow chan struct{}
}

func (f failing) Write(b []byte) (int, error) {
	if f.slow != nil {
		<-f.slow
	}
	if f.full.Load() {
		n, _ := f.file.Write(b[:len(b)/2])
		return n, syscall.ENOSPC
	}
	return f.file.Write(b)
}

// A full disk is said; what waits is written when there is room again, and the
// chain holds.
func TestFullDisk(t *testing.T) {
	dir, full := t.TempDir(), &atomic.Bool{}
	l := open(t, Config{Dir: dir, SyncEvery: time.Millisecond, open: func(path string) (file, error) {
		f, err := openFile(path)
		return failing{file: f, full: full}, err
	}})
	l.Note(command(1))
	flush(t, l)
	full.Store(true)
	l.Note(command(2))
	if err := l.Sync(t.Context()); edge.CodeOf(err) != edge.CodeStoreFull {
		t.Fatalf("sync: %v", err)
	}
	if edge.CodeOf(l.Health()) != edge.CodeStoreFull {
		t.Errorf("health: %v", l.Health())
	}
	mustHold(t, dir)
	full.Store(false)
	for end := time.Now().Add(10 * time.Second); l.Health() != nil; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("never well again")
		}
	}
	flush(t, l)
	mustHold(t, dir)
	if got := codes(records(t, dir)); got != "audit.started command command" {
		t.Errorf("records: %s", got)
	}
}

// A disk that hangs holds nobody up: what does not fit is counted.
func TestSlowDiskLosesNothingSilently(t *testing.T) {
	dir, full, slow := t.TempDir(), &atomic.Bool{}, make(chan struct{})
	l := open(t, Config{Dir: dir, open: func(path string) (file, error) {
		f, err := openFile(path)
		return failing{file: f, full: full, slow: slow}, err
	}}.releasing(slow))
	const n = 3 * maxQueue
	began := time.Now()
	for i := range n {
		l.Note(command(i))
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("%d notes took %v", n, took)
	}
	close(slow)
	flush(t, l)
	r := mustHold(t, dir)
	if r.Lost == 0 || r.Lost != l.Lost() {
		t.Errorf("lost %d, the log says %d", l.Lost(), r.Lost)
	}
	if got := uint64(len(records(t, dir))-2) + r.Lost; got != n {
		t.Errorf("%d events accounted for, want %d", got, n)
	}
}

// releasing lets the first write of Open through.
func (c Config) releasing(slow chan struct{}) Config {
	go func() { slow <- struct{}{} }()
	return c
}

func TestNoDirectory(t *testing.T) {
	file := t.TempDir() + "/file"
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), Config{Dir: file}); edge.CodeOf(err) != edge.CodeStoreDown {
		t.Errorf("err = %v", err)
	}
	if _, err := Verify(t.Context(), file+"/x"); !errors.Is(err, syscall.ENOTDIR) && !errors.Is(err, os.ErrNotExist) {
		t.Errorf("err = %v", err)
	}
}
