//go:build linux

package serial

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"labbox/devices/transport"
	"labbox/devices/transport/pty"
	"labbox/devices/transport/transporttest"
	"labbox/devices/transport/tty"
	"labbox/edge"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func plugIn(t *testing.T, link string) *pty.Port {
	t.Helper()
	p, err := pty.Open(pty.Options{Link: link})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

func mustNew(t *testing.T, o Options) *Opener {
	t.Helper()
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func mustOpen(t *testing.T, o Options) transport.Port {
	t.Helper()
	p, err := mustNew(t, o).Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

func TestSuite(t *testing.T) {
	transporttest.Run(t, func(t *testing.T) transporttest.Line {
		device := plugIn(t, "")
		box := mustOpen(t, Options{Path: device.Name(), Baud: 57600})
		return transporttest.Line{Box: box, Device: device, Unplug: func() { device.Close() }}
	})
}

// The ports of the other systems, on this one.
func TestLibrarySuite(t *testing.T) {
	transporttest.Run(t, func(t *testing.T) transporttest.Line {
		device := plugIn(t, "")
		box, err := openLibrary(device.Name(), Options{}, func() {})
		if err != nil {
			t.Fatal(err)
		}
		// A write that is stuck in the kernel ends only with the far end.
		return transporttest.Line{Box: box, Device: device, Unplug: func() { device.Close() },
			Endless: strings.Contains(t.Name(), "discard") || strings.Contains(t.Name(), "close_frees")}
	})
}

func TestLibraryNeverWritesToAReusedDescriptor(t *testing.T) {
	device := plugIn(t, "")
	released := make(chan struct{})
	box, err := openLibrary(device.Name(), Options{}, func() { close(released) })
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- box.Send(make([]byte, 1<<20), transport.Stream) }()
	waitFor(t, "the send to be stuck", func() bool { return inTTYWrite() })
	transporttest.Within(t, "Close", func() { box.Close() })
	select {
	case <-released:
		t.Error("the handle was closed under a send")
	default:
	}
	device.Close() // frees the send
	select {
	case err := <-done:
		if !errors.Is(err, transport.ErrClosed) {
			t.Errorf("the stuck send ended with %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the stuck send did not end with the device")
	}
	<-released
}

// inTTYWrite says that a thread of this process waits inside a terminal's write.
func inTTYWrite() bool {
	tasks, _ := filepath.Glob("/proc/self/task/*/syscall")
	for _, path := range tasks {
		if b, _ := os.ReadFile(path); strings.HasPrefix(string(b), fmt.Sprint(syscall.SYS_WRITE, " ")) {
			return true
		}
	}
	return false
}

func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited for %s in vain", what)
		}
	}
}

func TestBootBannerIsNotLost(t *testing.T) {
	device := plugIn(t, "")
	hold, err := tty.Open(device.Name()) // the line exists before the box opens it
	if err != nil {
		t.Fatal(err)
	}
	defer hold.Close(nil)
	if err := device.Send([]byte("hello, I am a pendulum\n"), transport.Stream); err != nil {
		t.Fatal(err)
	}
	box := mustOpen(t, Options{Path: device.Name(), ResetOnOpen: true})
	if got := transporttest.ReadN(t, box, 23); string(got) != "hello, I am a pendulum\n" {
		t.Errorf("got %q", got)
	}
}

func TestUnplugAndReplugAHundredTimes(t *testing.T) {
	link := filepath.Join(t.TempDir(), "ttyUSB0")
	reg := NewRegistry()
	opener := mustNew(t, Options{Path: link, Registry: reg, Owner: "pendulum"})
	round := func(i int) {
		device := plugIn(t, link)
		box, err := opener.Open(t.Context())
		if err != nil {
			t.Fatalf("round %d: %v", i, err)
		}
		line := fmt.Sprintf("{\"enc\":%d}\n", i)
		if err := device.Send([]byte(line), transport.Stream); err != nil {
			t.Fatal(err)
		}
		if got := transporttest.ReadN(t, box, len(line)); string(got) != line {
			t.Fatalf("round %d: got %q", i, got)
		}
		if i%2 == 0 { // half of them with a reader waiting
			done := make(chan error, 1)
			go func() { _, _, err := box.Receive(make([]byte, 64)); done <- err }()
			device.Close()
			if err := <-done; !errors.Is(err, transport.ErrLost) {
				t.Fatalf("round %d: receive ended with %v", i, err)
			}
		}
		device.Close()
		if err := box.Close(); err != nil {
			t.Fatalf("round %d: close: %v", i, err)
		}
		if _, err := opener.Open(t.Context()); edge.CodeOf(err) != edge.CodePortMissing {
			t.Fatalf("round %d: open while unplugged: %v", i, err)
		}
	}
	round(0)
	before := descriptors(t)
	for i := 1; i <= 100; i++ {
		round(i)
	}
	if after := descriptors(t); after > before {
		t.Errorf("%d descriptors open, %d before", after, before)
	}
	if len(reg.owner) != 0 {
		t.Errorf("the registry still holds %v", reg.owner)
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(fds)
}

func TestOneAtATime(t *testing.T) {
	device := plugIn(t, "")
	reg := NewRegistry()
	first := mustOpen(t, Options{Path: device.Name(), Registry: reg, Owner: "pendulum"})

	_, err := mustNew(t, Options{Path: device.Name(), Registry: reg, Owner: "disk"}).Open(t.Context())
	if edge.CodeOf(err) != edge.CodePortBusy || !strings.Contains(err.Error(), "pendulum") {
		t.Errorf("second device of this box: %v", err)
	}
	// another program: no registry in common
	_, err = mustNew(t, Options{Path: device.Name()}).Open(t.Context())
	if edge.CodeOf(err) != edge.CodePortBusy || edge.AsError(err).Hint == "" {
		t.Errorf("another program: %v", err)
	}
	first.Close()
	again := mustOpen(t, Options{Path: device.Name(), Registry: reg, Owner: "disk"})
	again.Close()
}

func TestPortIsFreeAfterAStuckSend(t *testing.T) {
	device := plugIn(t, "")
	box := mustOpen(t, Options{Path: device.Name()})
	done := make(chan error, 1)
	go func() { done <- box.Send(make([]byte, 1<<20), transport.Stream) }()
	time.Sleep(50 * time.Millisecond) // stuck or not, the port is free after Close
	box.Close()
	if err := <-done; !errors.Is(err, transport.ErrClosed) {
		t.Errorf("the stuck send ended with %v", err)
	}
	mustOpen(t, Options{Path: device.Name()})
}

func TestChildrenDoNotInheritThePort(t *testing.T) {
	device := plugIn(t, "")
	mustOpen(t, Options{Path: device.Name()})
	out, err := exec.Command("sh", "-c", "ls -l /proc/$$/fd").CombinedOutput()
	if err != nil {
		t.Skipf("no shell: %v", err)
	}
	if strings.Contains(string(out), device.Name()) {
		t.Errorf("a child has the port:\n%s", out)
	}
}

func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	fifo := filepath.Join(dir, "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	device := plugIn(t, "")
	dangling := filepath.Join(dir, "by-id")
	if err := os.Symlink("/dev/ttyUSB99", dangling); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		o    Options
		code edge.Code
	}{
		"no such path":        {Options{Path: filepath.Join(dir, "ttyUSB7")}, edge.CodePortMissing},
		"unplugged":           {Options{Path: dangling}, edge.CodePortMissing},
		"a file":              {Options{Path: file}, edge.CodePortMissing},
		"a fifo":              {Options{Path: fifo}, edge.CodePortMissing},
		"a directory":         {Options{Path: dir}, edge.CodePortMissing},
		"no terminal":         {Options{Path: "/dev/null"}, edge.CodePortMissing},
		"no such usb device":  {Options{USB: Match{VID: "dead", PID: "beef"}}, edge.CodePortMissing},
		"mark and five bits":  {Options{Path: device.Name(), DataBits: 5, Parity: MarkParity, StopBits: 2, Baud: 12345}, ""},
		"seven, even, two":    {Options{Path: device.Name(), DataBits: 7, Parity: EvenParity, StopBits: 2, Baud: 4800}, ""},
		"a rate of its own":   {Options{Path: device.Name(), Baud: 74880}, ""},
		"no modem lines here": {Options{Path: device.Name(), ResetOnOpen: true}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := mustNew(t, tt.o).Open(t.Context())
			if p != nil {
				p.Close()
			}
			if got := edge.CodeOf(err); got != tt.code {
				t.Errorf("%v (%s), want code %q", err, got, tt.code)
			}
			if err != nil && edge.AsError(err).Hint == "" {
				t.Errorf("%v has no hint", err)
			}
		})
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := mustNew(t, Options{Path: device.Name()}).Open(cancelled); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestForbidden(t *testing.T) {
	err := openError("/dev/ttyUSB0", &os.PathError{Op: "open", Path: "/dev/ttyUSB0", Err: syscall.EACCES})
	if edge.CodeOf(err) != edge.CodePortForbidden || !strings.Contains(edge.AsError(err).Hint, "dialout") {
		t.Errorf("%v, hint %q", err, edge.AsError(err).Hint)
	}
	err = openError("/dev/ttyUSB0", &os.PathError{Op: "open", Path: "/dev/ttyUSB0", Err: syscall.EBUSY})
	if edge.CodeOf(err) != edge.CodePortBusy {
		t.Errorf("busy: %v", err)
	}
}

// A UART that exists in a machine is not there in most; the exclusive flag is.
func TestExclusiveFlagOfAPtyOutlivesNobody(t *testing.T) {
	device := plugIn(t, "")
	box := mustOpen(t, Options{Path: device.Name()})
	held := func() int {
		f, err := tty.Open(device.Name())
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close(nil)
		n := -1
		_ = f.Control(func(fd int) (err error) { n, err = unix.IoctlGetInt(fd, unix.TIOCGEXCL); return err })
		return n
	}
	if n := held(); n != 0 {
		t.Errorf("the exclusive flag of an open pty is %d: a killed box could not open it again", n)
	}
	box.Close()
}
