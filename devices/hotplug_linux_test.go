package devices

import (
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"labbox/devices/transport"
	"labbox/devices/transport/hotplug"
	"labbox/devices/transport/mem"
	"labbox/devices/transport/pty"
	"labbox/devices/transport/serial/serialtest"
	"labbox/edge"
	"labbox/edge/config"
)

// counted is an opener that counts, and may refuse.
type counted struct {
	transport.Opener
	tries   atomic.Int64
	allowed atomic.Pointer[time.Time] // from when on the port may be used
}

func (c *counted) Open(ctx context.Context) (transport.Port, error) {
	c.tries.Add(1)
	if at := c.allowed.Load(); at != nil && time.Now().Before(*at) {
		return nil, edge.Errorf(edge.CodePortForbidden, "permission denied")
	}
	return c.Opener.Open(ctx)
}

// A device that comes back is opened when the kernel says so, or when udev is
// done with the port, long before the backoff is over.
func TestPluggedInIsOpenedAtOnce(t *testing.T) {
	for name, settles := range map[string]time.Duration{"at once": 0, "after udev": 330 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, mem.Options{}, nil, func(t *testing.T, r *rig) {
				r.until("live", live)
				r.cancel()
				<-r.done
				says := make(tidings)
				watch := hotplug.New(hotplug.Options{Open: func() (hotplug.Source, error) { return says, nil }})
				defer watch.Close()
				var end func()
				r.plugs, end = watch.Subscribe()
				defer end()
				port := &counted{Opener: r.opener}
				r.line = port
				r.opener.Unplug()
				r.start(r.t2(), 0)
				time.Sleep(20 * time.Second) // the backoff is at its longest
				n := port.tries.Load()
				time.Sleep(backoffMax * 10)
				if tries := port.tries.Load() - n; tries < 9 || tries > 11 {
					t.Fatalf("%d tries in %v: not at its longest", tries, backoffMax*10)
				}
				time.Sleep(backoffMax / 10)
				at := time.Now().Add(settles)
				port.allowed.Store(&at)
				r.opener.Plug()
				start := time.Now()
				says <- hotplug.Event{Action: "add", Subsystem: "tty", DevName: "ttyACM0"}
				r.until("there", func(st edge.Status) bool { return st.State != edge.StateAbsent })
				if d := time.Since(start); d > settles+100*time.Millisecond {
					t.Errorf("opened %v after the event", d)
				}
				r.until("live", live)
				r.opener.Unplug()
				r.until("absent", func(st edge.Status) bool { return st.State == edge.StateAbsent })
				n = port.tries.Load() // and the backoff begins anew
				time.Sleep(time.Second)
				if tries := port.tries.Load() - n; tries < 2 {
					t.Errorf("%d tries within a second of the unplugging", tries)
				}
			})
		})
	}
}

// A whole bench, the real kernel's event, and a fake USB bus in the place of
// /sys/class/tty and /dev.
func TestKernelEventOpensTheDevice(t *testing.T) {
	if !serialtest.Namespace(t) {
		return
	}
	uart, err := filepath.EvalSymlinks("/sys/class/tty/ttyS0")
	if err != nil {
		t.Skip("no ttyS0 in this machine:", err)
	}
	src, err := hotplug.OpenKernel()
	if err != nil {
		t.Skip("this kernel or container has no netlink events:", err)
	}
	defer src.Close()
	heard := make(chan struct{})
	go func() { _, _ = src.Next(); close(heard) }()
	raise := func(action string) {
		if err := os.WriteFile(filepath.Join(uart, "uevent"), []byte(action), 0); err != nil {
			t.Skip("raising an event is forbidden:", err)
		}
	}
	raise("change")
	select {
	case <-heard:
	case <-time.After(5 * time.Second):
		_ = src.Close()
		<-heard
		t.Skip("the kernel sends no events into this namespace")
	}
	bus := serialtest.NewBus(t)
	bus.Mount()
	reg, err := NewRegistry()
	if err != nil {
		t.Fatal(err)
	}
	box, ps := config.ParseBox("b.yaml", []byte("schema: 1\nbox: b\ndevices:\n"+
		"  - {id: p, type: plate, port: {usb: \"1a86:7523\", socket: \"1-1.2\"}}\n  - {id: s, type: plate, port: {sim: true}}\n"))
	if err := ps.Err(); err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	ledger, err := NewLedger(t.Context(), "b", &memKV{m: map[string]string{}}, nil, log)
	if err != nil {
		t.Fatal(err)
	}
	bench, err := NewBench(reg, box, BenchConfig{Clock: edge.NewSystemClock(), Ledger: ledger, Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	defer bench.Close()
	sup := bench.Supervisors[0]
	if bench.Supervisors[1].cfg.Plugged != nil {
		t.Error("a simulated device hears of hot plug")
	}
	port := &counted{Opener: sup.cfg.Opener}
	sup.cfg.Opener = port
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { sup.Run(ctx); close(done) }()
	defer func() { cancel(); <-done }()
	until := func(what string, ok func() bool) {
		t.Helper()
		for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%s: never; %+v", what, sup.Status())
			}
		}
	}
	until("the sixth try", func() bool { return port.tries.Load() == 6 }) // the next is 3 s away
	device, err := pty.Open(pty.Options{})
	if err != nil {
		t.Skip("no pty:", err)
	}
	board := &plate{interval: 5 * time.Millisecond}
	go board.run(device)
	defer device.Close()
	bus.Plug(serialtest.Board{TTY: "ttyUSB0", Socket: "1-1.2", VID: "1a86", PID: "7523", Port: device.Name()})
	start := time.Now()
	raise("add")
	until("opened", func() bool { return sup.Status().State != edge.StateAbsent })
	d := time.Since(start)
	t.Logf("opened %v after the kernel's event", d)
	if d > time.Second { // the machine may be loaded; without the event it would be 3 s
		t.Errorf("opened only %v after the kernel's event", d)
	}
	until("live", func() bool { return sup.Status().State == edge.StateLive })
}
