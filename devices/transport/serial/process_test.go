//go:build linux

package serial

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"labbox/devices/transport"
	"labbox/devices/transport/transporttest"
	"labbox/edge"
)

// child runs this test binary as another program: what names the part of
// TestChild, path the port. What it prints first is returned.
func child(t *testing.T, what, path string) (*exec.Cmd, string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestChild$")
	cmd.Env = append(os.Environ(), "LABBOX_CHILD="+what, "LABBOX_CHILD_PORT="+path)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cmd.StdinPipe(); err != nil { // open as long as we are
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	said, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the child said %q: %v", said, err)
	}
	return cmd, strings.TrimSpace(said)
}

func TestChild(t *testing.T) {
	what := os.Getenv("LABBOX_CHILD")
	switch what {
	case "":
		return // not a child
	case "hold", "open":
	case "stranger":
		if err := syscall.Setuid(65534); err != nil {
			t.Fatal(err)
		}
	}
	p, err := mustNew(t, Options{Path: os.Getenv("LABBOX_CHILD_PORT")}).Open(t.Context())
	fmt.Println("opened:", edge.CodeOf(err))
	if p != nil && what == "hold" {
		go p.Receive(make([]byte, 64))
		_, _ = os.Stdin.Read(make([]byte, 1)) // until killed
	}
}

func TestAnotherProgramIsKeptOut(t *testing.T) {
	device := plugIn(t, "")
	box := mustOpen(t, Options{Path: device.Name()})
	if _, said := child(t, "open", device.Name()); said != "opened: port_busy" {
		t.Errorf("another program while the port is open: %s", said)
	}
	box.Close()
	if _, said := child(t, "open", device.Name()); said != "opened:" {
		t.Errorf("another program afterwards: %s", said)
	}
}

func TestPortIsFreeAfterKill9(t *testing.T) {
	device := plugIn(t, "")
	for range 3 {
		cmd, said := child(t, "hold", device.Name())
		if said != "opened:" {
			t.Fatalf("the child says %s", said)
		}
		if _, err := mustNew(t, Options{Path: device.Name()}).Open(t.Context()); edge.CodeOf(err) != edge.CodePortBusy {
			t.Errorf("while the child has it: %v", err)
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		mustOpen(t, Options{Path: device.Name()}).Close()
	}
}

func TestStrangerIsForbidden(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can become somebody else")
	}
	device := plugIn(t, "")
	if err := os.Chmod(device.Name(), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, said := child(t, "stranger", device.Name()); said != "opened: port_forbidden" {
		t.Errorf("a stranger: %s", said)
	}
}

func TestBetweenTwoSocatPtys(t *testing.T) {
	socat, err := exec.LookPath("socat")
	if err != nil {
		t.Skip("socat is not installed")
	}
	a, b := filepath.Join(t.TempDir(), "a"), filepath.Join(t.TempDir(), "b")
	cmd := exec.CommandContext(t.Context(), socat, "pty,raw,echo=0,link="+a, "pty,raw,echo=0,link="+b)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	waitFor(t, "socat", func() bool {
		_, errA := os.Stat(a)
		_, errB := os.Stat(b)
		return errA == nil && errB == nil
	})
	box, device := mustOpen(t, Options{Path: a, Baud: 57600}), mustOpen(t, Options{Path: b, Baud: 57600})
	for i := range 100 {
		line := fmt.Sprintf("{\"enc\":%d,\"time\":%d}\r\n", i, 10*i)
		if err := device.Send([]byte(line), transport.Stream); err != nil {
			t.Fatal(err)
		}
		if got := transporttest.ReadN(t, box, len(line)); string(got) != line {
			t.Fatalf("got %q", got)
		}
	}
	_ = cmd.Process.Kill()
	if _, _, err := box.Receive(make([]byte, 64)); !errors.Is(err, transport.ErrLost) {
		t.Errorf("after socat died: %v", err)
	}
}
