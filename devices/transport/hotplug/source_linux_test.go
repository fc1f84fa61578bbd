package hotplug

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// kernel opens the real source, or skips where there can be none.
func kernel(t *testing.T) Source {
	t.Helper()
	src, err := OpenKernel()
	if err != nil {
		t.Skip("this kernel or container has no netlink events:", err)
	}
	t.Cleanup(func() { src.Close() })
	return src
}

// uevent has the kernel tell of a serial port that is there.
func uevent(t *testing.T, action string) (path string) {
	t.Helper()
	path, err := filepath.EvalSymlinks("/sys/class/tty/ttyS0")
	if err != nil {
		t.Skip("no ttyS0 in this machine:", err)
	}
	err = os.WriteFile(filepath.Join(path, "uevent"), []byte(action), 0)
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, unix.EROFS) {
		t.Skip("raising an event is forbidden:", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path[len("/sys"):]
}

// next waits a while for an event of ttyS0.
func next(t *testing.T, src Source) Event {
	t.Helper()
	type result struct {
		e   Event
		err error
	}
	c := make(chan result, 1)
	go func() {
		for {
			e, err := src.Next()
			if err != nil || e.DevName == "ttyS0" {
				c <- result{e, err}
				return
			}
		}
	}()
	select {
	case r := <-c:
		if r.err != nil {
			t.Fatal(r.err)
		}
		return r.e
	case <-time.After(5 * time.Second):
		_ = src.Close()
		<-c
		t.Skip("the kernel sends no events into this namespace")
		return Event{}
	}
}

func TestKernelEvents(t *testing.T) {
	src := kernel(t)
	for _, action := range []string{"add", "remove", "change"} {
		path := uevent(t, action)
		if got, want := next(t, src), (Event{action, path, "tty", "ttyS0"}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
}

func TestWatcherHearsTheKernel(t *testing.T) {
	src := kernel(t)
	uevent(t, "add")
	next(t, src) // the kernel does send events here
	w := New(Options{})
	defer w.Close()
	c, _ := w.Subscribe()
	start := time.Now()
	uevent(t, "add")
	select {
	case <-c:
		t.Logf("told %v after the event", time.Since(start))
	case <-time.After(5 * time.Second):
		t.Fatal("not told of a real event")
	}
}

// Root may send to the kernel's group; nothing it says is taken for the kernel's.
func TestForgedEvents(t *testing.T) {
	src := kernel(t)
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_KOBJECT_UEVENT)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	forged := []byte("add@/forged\x00ACTION=add\x00DEVPATH=/forged\x00SUBSYSTEM=tty\x00DEVNAME=ttyS0\x00")
	if err := unix.Sendto(fd, forged, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: fromKernel}); err != nil {
		t.Skip("only root may try:", err)
	}
	path := uevent(t, "change")
	if got := next(t, src); got.DevPath != path {
		t.Errorf("taken for the kernel's: %+v", got)
	}
}

func TestCloseEndsNext(t *testing.T) {
	src := kernel(t)
	done := make(chan error, 1)
	go func() {
		for {
			if _, err := src.Next(); err != nil {
				done <- err
				return
			}
		}
	}()
	_ = src.Close()
	select {
	case err := <-done:
		if !errors.Is(err, os.ErrClosed) {
			t.Errorf("ended with %v", err)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("Next outlived Close")
	}
}

func TestEventsThatOverrun(t *testing.T) {
	src := kernel(t)
	uevent(t, "change")
	next(t, src)
	_ = src.(*netlink).raw.Control(func(fd uintptr) { // the least that the kernel grants
		_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, 1)
	})
	for range 100 {
		uevent(t, "change")
	}
	for n := range 101 {
		if _, err := src.Next(); errors.Is(err, ErrOverrun) {
			t.Logf("after %d events", n)
			next(t, src) // and it goes on
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
	t.Error("100 events fitted into the smallest buffer, or the loss was not told")
}
