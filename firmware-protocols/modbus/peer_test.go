//go:build linux

package modbus

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

const patience = 20 * time.Second // of a busy machine

// missing ends a test whose peer is not installed.
func missing(t *testing.T, pkg string) {
	t.Helper()
	if os.Getenv("LABBOX_REQUIRE_PEERS") == "1" {
		t.Fatalf("Debian package %s is not installed", pkg)
	}
	t.Skipf("Debian package %s is not installed", pkg)
}

func tool(t *testing.T, name, pkg string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		missing(t, pkg)
	}
	return path
}

// start runs a program until the test ends.
func start(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
}

// ptyPair is a serial line: the paths of its two ends.
func ptyPair(t *testing.T) (a, b string) {
	t.Helper()
	dir := t.TempDir()
	a, b = filepath.Join(dir, "a"), filepath.Join(dir, "b")
	start(t, exec.Command(tool(t, "socat", "socat"), "pty,raw,echo=0,link="+a, "pty,raw,echo=0,link="+b))
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		_, errA := os.Stat(a)
		_, errB := os.Stat(b)
		if errA == nil && errB == nil {
			return a, b
		}
		if time.Now().After(end) {
			t.Fatal(errors.Join(errA, errB))
		}
	}
}

// line is a serial line or a connection.
type line interface {
	io.ReadWriteCloser
	SetReadDeadline(time.Time) error
}

func openPort(t *testing.T, path string) line {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}
