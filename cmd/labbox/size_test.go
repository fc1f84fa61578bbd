package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

const ldflags = "-s -w"

// buildBinary builds labbox as it is released, without cgo and without the race
// detector, whatever the tests run with.
func buildBinary(t *testing.T, goos, goarch string) string {
	t.Helper()
	if _, err := exec.LookPath("go"); err != nil {
		peerMissing(t, "go command", "golang")
	}
	out := filepath.Join(t.TempDir(), "labbox")
	if goos == "windows" {
		out += ".exe"
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	args := append(append([]string{"build"}, leanFlags(t)...), "-ldflags", ldflags, "-o", out, ".")
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+goos, "GOARCH="+goarch, "GOARM=7", "GOFLAGS=")
	if msg, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build %s/%s: %v\n%s", goos, goarch, err, msg)
	}
	return out
}

// leanFlags are those of a release, as the Makefile has them.
func leanFlags(t *testing.T) []string {
	t.Helper()
	b, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`(?m)^LEAN := (.*)$`).FindSubmatch(b)
	if m == nil {
		t.Fatal("the Makefile has no LEAN")
	}
	return strings.Fields(string(m[1]))
}

// Whoever builds the image with an engine gets the same binary.
func TestDockerfileBuildsTheRelease(t *testing.T) {
	b, err := os.ReadFile("../../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	words := strings.Fields(string(b))
	for _, f := range leanFlags(t) {
		if !slices.Contains(words, f) {
			t.Errorf("the Dockerfile builds without %s", f)
		}
	}
}

// The three figures of the one binary.
func TestBinary(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the binary; left out by -short")
	}
	exe := buildBinary(t, runtime.GOOS, runtime.GOARCH)
	t.Run("size", func(t *testing.T) {
		info, err := os.Stat(exe)
		if err != nil {
			t.Fatal(err)
		}
		mib := float64(info.Size()) / (1 << 20)
		t.Logf("static binary: %.1f MiB", mib)
		if mib > 30 {
			t.Errorf("the binary has %.1f MiB, want 30 at most", mib)
		}
	})
	t.Run("start", func(t *testing.T) { timeToListen(t, exe) })
	t.Run("memory", func(t *testing.T) { idleMemory(t, exe) })
}

// timeToListen measures from exec to the line `listening`, each time on a fresh
// data directory. The best of five is judged: a busy machine only makes it
// longer. The median is printed.
func timeToListen(t *testing.T, exe string) {
	var took []time.Duration
	for range 5 {
		b := launch(t, exec.Command(exe, "run", "--listen", "127.0.0.1:0", "--data", t.TempDir()), 30*time.Second)
		took = append(took, b.took)
		b.kill()
	}
	slices.Sort(took)
	t.Logf("exec to listening: median %v, best %v, worst %v", took[2].Round(time.Millisecond), took[0].Round(time.Millisecond), took[4].Round(time.Millisecond))
	if took[0] > 300*time.Millisecond {
		t.Errorf("listening only after %v at best, want 300ms at most", took[0])
	}
}

// idleMemory is what the demo box holds after ten seconds with nobody there; the
// measured process is given its time, so this waits on the box's own clock.
func idleMemory(t *testing.T, exe string) {
	if runtime.GOOS != "linux" {
		t.Skip("reads /proc, which " + runtime.GOOS + " has not")
	}
	b := launch(t, exec.Command(exe, "run", "--listen", "127.0.0.1:0", "--data", t.TempDir()), 30*time.Second)
	for _, d := range []string{"pendulum", "aeropendulum"} {
		b.until(d, "live", isLive)
	}
	// At 100 Hz the pendulum says how long it has been live.
	first := b.status("pendulum").Counts.Samples
	end := time.Now().Add(2 * time.Minute)
	for b.status("pendulum").Counts.Samples < first+1000 {
		if time.Now().After(end) {
			t.Fatal("the pendulum has stopped")
		}
		time.Sleep(250 * time.Millisecond)
	}
	http.DefaultClient.CloseIdleConnections()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", b.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`VmRSS:\s+(\d+) kB`).FindSubmatch(raw)
	if m == nil {
		t.Fatalf("no VmRSS in\n%s", raw)
	}
	kb, _ := strconv.Atoi(string(m[1]))
	t.Logf("idle demo box: VmRSS %.1f MiB", float64(kb)/1024)
	if kb > 40<<10 {
		t.Errorf("VmRSS %.1f MiB, want 40 at most", float64(kb)/1024)
	}
}
