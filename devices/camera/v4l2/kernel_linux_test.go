package v4l2

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"labbox/devices/camera/source"
)

// What is no video node is not even opened.
func TestOpenNode(t *testing.T) {
	file := filepath.Join(t.TempDir(), "video0")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]error{"/dev/null": errNoVideo, file: errNoVideo, "/dev": errNoVideo, file + "x": unix.ENOENT, file + "/x": unix.ENOTDIR} {
		if _, err := openNode(path); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", path, err, want)
		}
	}
	src, err := New(Options{Path: "/dev/v4l/by-id/nobody"})
	if err != nil || src.String() != "usb /dev/v4l/by-id/nobody" {
		t.Fatal(src, err)
	}
	if _, err := src.Open(t.Context()); whyOf(err) != source.Gone {
		t.Error(err)
	}
}

// The wait of the real thing, with a pipe in the camera's place.
func TestWait(t *testing.T) {
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pipe[1])
	waker, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		t.Fatal(err)
	}
	n := &node{fd: pipe[0], waker: waker}
	if err := n.wait(time.Millisecond); !errors.Is(err, errTimeout) {
		t.Error(err)
	}
	if err := n.wait(-time.Second); !errors.Is(err, errTimeout) {
		t.Error(err)
	}
	if _, err := unix.Write(pipe[1], []byte{1}); err != nil {
		t.Fatal(err)
	}
	if err := n.wait(time.Minute); err != nil {
		t.Error(err)
	}
	if _, err := unix.Read(pipe[0], make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- n.wait(time.Minute) }()
	n.wake()
	if err := <-done; !errors.Is(err, errWoken) {
		t.Error(err)
	}
	if err := n.wait(time.Minute); !errors.Is(err, errWoken) {
		t.Error("later:", err)
	}
	if err := n.close(); err != nil {
		t.Error(err)
	}
	n.wake() // does nothing, to nobody else's descriptor either
}
