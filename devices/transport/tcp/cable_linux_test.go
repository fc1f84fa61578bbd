package tcp_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"labbox/devices/transport"
	"labbox/devices/transport/transporttest"
)

// cable is a network of two machines; out pulls it, in plugs it back.
func cable(t *testing.T) (run func(args ...string) *exec.Cmd, addr string, out, in func()) {
	t.Helper()
	ip, err := exec.LookPath("ip")
	if err != nil {
		if os.Getenv("LABBOX_REQUIRE_PEERS") == "1" {
			t.Fatal("no ip (Debian package iproute2)")
		}
		t.Skip("no ip (Debian package iproute2)")
	}
	id := os.Getpid() % 10000
	ns, near, far := fmt.Sprintf("lbx%d", id), fmt.Sprintf("lbn%d", id), fmt.Sprintf("lbf%d", id)
	do := func(args ...string) error {
		b, err := exec.Command(ip, args...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("ip %v: %w: %s", args, err, b)
		}
		return nil
	}
	if err := do("netns", "add", ns); err != nil {
		t.Skipf("a network of its own needs root: %v", err)
	}
	t.Cleanup(func() { do("netns", "del", ns) })
	must := func(args ...string) {
		t.Helper()
		if err := do(args...); err != nil {
			t.Skip(err)
		}
	}
	net := fmt.Sprintf("10.255.%d", id%250+1)
	must("link", "add", near, "type", "veth", "peer", "name", far, "netns", ns)
	t.Cleanup(func() { do("link", "del", near) })
	must("addr", "add", net+".1/30", "dev", near)
	must("link", "set", near, "up")
	for _, a := range [][]string{{"addr", "add", net + ".2/30", "dev", far}, {"link", "set", far, "up"}} {
		must(append([]string{"-n", ns}, a...)...)
	}
	run = func(args ...string) *exec.Cmd {
		return exec.Command(ip, append([]string{"netns", "exec", ns}, args...)...)
	}
	// pulled at the far end, as at a switch: this machine still has its address
	return run, net + ".2", func() { must("-n", ns, "link", "set", far, "down") }, func() { must("-n", ns, "link", "set", far, "up") }
}

// A pulled cable is noticed within seconds, with and without something to send;
// what was sent into the void stays one message; the line opens again when the
// cable is back.
func TestPulledCable(t *testing.T) {
	run, ip, pull, plug := cable(t)
	cmd := run(os.Args[0])
	cmd.Env = append(os.Environ(), "TCP_TEST_PEER=echo", "TCP_TEST_ADDR="+ip+":0")
	addr := startCommand(t, cmd)
	open := func() transport.Port {
		p, err := opener(t, addr, nil).Open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { p.Close() })
		if err := p.Send([]byte("hello"), transport.Stream); err != nil {
			t.Fatal(err)
		}
		transporttest.ReadN(t, p, 5)
		return p
	}
	idle, busy := open(), open()
	pull()
	start := time.Now()
	if err := busy.Send([]byte("drive 80\n"), transport.Stream); err != nil {
		t.Fatal(err)
	}
	second := make(chan error, 1)
	go func() { second <- busy.Send([]byte("drive 90\n"), transport.Stream) }()
	select {
	case err := <-second:
		t.Fatalf("a second message went into the void: %v", err)
	case <-time.After(300 * time.Millisecond):
	}
	if n := busy.Pending(); n != 9 {
		t.Errorf("%d bytes pending, want the first message's 9", n)
	}
	if err := busy.DiscardOutput(); err != nil {
		t.Error(err)
	}
	if err := <-second; !errors.Is(err, transport.ErrDiscarded) {
		t.Errorf("the second message: %v", err)
	}
	for name, p := range map[string]transport.Port{"idle": idle, "busy": busy} {
		transporttest.Within(t, name, func() {
			_, _, err := p.Receive(make([]byte, 8))
			wantLost(t, err, "")
		})
		t.Logf("%s line: noticed after %v", name, time.Since(start).Round(10*time.Millisecond))
		wantLost(t, p.Send([]byte("x"), transport.Stream), "")
	}
	if d := time.Since(start); d > 9*time.Second {
		t.Errorf("noticed after %v", d)
	}
	plug()
	open()
}
