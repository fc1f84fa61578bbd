package mqtt_test

import (
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"labbox/devices/transport"
)

// A board that is switched off and on: its old connection, which nobody closed,
// does not keep it out for longer than it takes to be found dead.
func TestPowerCycle(t *testing.T) {
	b := serve(t, nil)
	device := mustConnect(t, b.addr)
	p := b.open(t)
	raw, err := device.c.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_REPAIR, 1) })
	if err != nil {
		t.Skipf("forgetting a connection needs CAP_NET_ADMIN: %v", err)
	}
	device.Close() // in silence
	off := time.Now()
	for {
		if device, _ = connect(t, b.addr, plate); device != nil {
			break
		}
		if time.Since(off) > 10*time.Second {
			t.Fatal("kept out")
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Logf("back after %v", time.Since(off).Round(time.Millisecond))
	wantLost(t, p)
	p.Close()
	p = b.open(t)
	if err := p.Send([]byte("stop"), transport.Text); err != nil {
		t.Fatal(err)
	}
	if got := receive(t, device); got != "stop" {
		t.Errorf("the device got %q", got)
	}
}
