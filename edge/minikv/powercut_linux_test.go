package minikv_test

import (
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestPowerCut lets a box write to a file system on a loop device and takes a
// copy of what has reached the device while the box stands still: everything
// that the kernel still held back is missing from it, as after a power cut (a
// device that lies about flushes is not emulated). The copy is mounted in place
// of the original, checked, and written on to the next cut.
func TestPowerCut(t *testing.T) {
	const cuts = 5
	if os.Getuid() != 0 {
		t.Skip("mounting a loop device needs root")
	}
	dir := t.TempDir()
	mnt := filepath.Join(dir, "mnt")
	image := filepath.Join(dir, "disk.img")
	if err := os.Mkdir(mnt, 0o700); err != nil {
		t.Fatal(err)
	}
	run := func(name string, args ...string) error {
		out, err := exec.Command(name, args...).CombinedOutput()
		if err != nil {
			return errors.Join(err, errors.New(strings.TrimSpace(string(out))))
		}
		return nil
	}
	if err := run("truncate", "-s", "512M", image); err != nil {
		t.Fatal(err)
	}
	if err := run("mkfs.ext4", "-q", "-F", image); err != nil {
		t.Skip("no ext4 image can be made here:", err)
	}
	if err := run("mount", "-o", "loop", image, mnt); err != nil {
		t.Skip("no loop device can be mounted here:", err)
	}
	t.Cleanup(func() { _ = run("umount", mnt) })
	// What mkfs and mount wrote is old; the box is what the cuts are about.
	if err := run("sync", "-f", mnt); err != nil {
		t.Fatal(err)
	}
	r := newCrashRun()
	for cut := range cuts {
		next := filepath.Join(dir, "next.img")
		r.write(t, filepath.Join(mnt, "data"), time.Duration(50+rand.IntN(400))*time.Millisecond, true, func(p *os.Process) {
			_ = p.Signal(syscall.SIGSTOP)
			if err := run("cp", "--sparse=always", image, next); err != nil {
				t.Error(err)
			}
			_ = p.Kill()
		})
		if err := run("umount", mnt); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(next, image); err != nil {
			t.Fatal(err)
		}
		if err := run("mount", "-o", "loop", image, mnt); err != nil {
			t.Fatal(err)
		}
		r.check(t, filepath.Join(mnt, "data"))
		if t.Failed() {
			t.Fatalf("after cut %d", cut+1)
		}
	}
	t.Logf("%d power cuts, %d acknowledged writes, none lost", cuts, r.total)
}
