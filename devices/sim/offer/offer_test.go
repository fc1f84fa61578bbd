package offer_test

import (
	"bufio"
	"context"
	"net"
	"testing"
	"time"

	"go.uber.org/goleak"

	"labbox/devices/sim"
	"labbox/devices/sim/faults"
	"labbox/devices/sim/offer"
	"labbox/devices/transport/mem"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A program that connects again right after its connection ended is let in; one
// beside another is not; nothing is left over.
func TestTCPOneAtATime(t *testing.T) {
	dev := sim.Plotter(sim.Options{Seed: 1})
	in := mem.NewOpener(mem.Options{}, func(p *mem.Port) { go func() { _ = dev.Run(context.Background(), p) }() })
	o := faults.New(in, faults.Faults{}, faults.Options{Seed: 1})
	ctx, cancel := context.WithCancel(t.Context())
	addr, done := make(chan string, 1), make(chan error, 1)
	go func() { done <- offer.TCP(ctx, o, "127.0.0.1:0", func(a string) { addr <- a }) }()
	at := <-addr
	line := func(c net.Conn) error {
		_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
		_, err := bufio.NewReader(c).ReadString('\n')
		return err
	}
	for n := range 20 {
		c, err := net.Dial("tcp", at)
		if err != nil {
			t.Fatal(err)
		}
		if err := line(c); err != nil {
			t.Fatalf("connection %d: %v", n, err)
		}
		if n == 10 {
			other, err := net.Dial("tcp", at)
			if err != nil {
				t.Fatal(err)
			}
			if line(other) == nil {
				t.Error("two programs have one device")
			}
			other.Close()
		}
		c.Close()
	}
	o.Begin(faults.Unplug)
	c, err := net.Dial("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	if line(c) == nil {
		t.Error("let in while unplugged")
	}
	c.Close()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
