package mem_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"labbox/devices/transport"
	"labbox/devices/transport/mem"
	"labbox/devices/transport/transporttest"
	"labbox/edge"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestSuite(t *testing.T) {
	for name, o := range map[string]mem.Options{
		"stream":            {},
		"stream at a rate":  {Baud: 1_000_000},
		"messages":          {Messages: true},
		"messages at speed": {Messages: true, Baud: 10_000_000, Buffer: 64 << 10},
	} {
		t.Run(name, func(t *testing.T) {
			transporttest.Run(t, func(t *testing.T) transporttest.Line {
				box, device := mem.Pipe(o)
				return transporttest.Line{Box: box, Device: device, Unplug: device.Unplug, Messages: o.Messages}
			})
		})
	}
}

func TestOutputLeavesAtTheBaudRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		box, device := mem.Pipe(mem.Options{Baud: 9600}) // 960 bytes a second
		defer box.Close()
		if err := box.Send(make([]byte, 960), transport.Stream); err != nil {
			t.Fatal(err)
		}
		if n := box.Pending(); n != 960 {
			t.Errorf("%d bytes pending at once, want 960", n)
		}
		time.Sleep(250 * time.Millisecond)
		if n := box.Pending(); n != 720 {
			t.Errorf("%d bytes pending after a quarter of a second, want 720", n)
		}
		n, _, err := device.Receive(make([]byte, 4096))
		if n != 240 || err != nil {
			t.Errorf("the device got %d bytes, %v; want 240", n, err)
		}
		start := time.Now()
		if err := box.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		if d := time.Since(start); d < 750*time.Millisecond || d > 752*time.Millisecond {
			t.Errorf("drained after %v, want 750 ms", d)
		}
	})
}

func TestFullQueueBlocksAndDiscardFreesIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		box, device := mem.Pipe(mem.Options{Baud: 9600, Buffer: 100})
		defer box.Close()
		done := make(chan error, 1)
		go func() { done <- box.Send(make([]byte, 300), transport.Stream) }()
		time.Sleep(100 * time.Millisecond) // 96 bytes have left
		if n := box.Pending(); n < 98 || n > 100 {
			t.Errorf("%d bytes pending, want a full queue of 100", n)
		}
		if err := box.DiscardOutput(); err != nil {
			t.Fatal(err)
		}
		if err := <-done; !errors.Is(err, transport.ErrDiscarded) {
			t.Errorf("the stuck send ended with %v", err)
		}
		if n := box.Pending(); n != 0 {
			t.Errorf("%d bytes pending after the discard", n)
		}
		if err := box.Send([]byte("S"), transport.Stream); err != nil {
			t.Fatal(err)
		}
		start, buf, got := time.Now(), make([]byte, 512), 0
		for got < 97 {
			n, _, err := device.Receive(buf)
			if err != nil {
				t.Fatal(err)
			}
			got += n
			if buf[n-1] == 'S' {
				break
			}
		}
		if got != 97 {
			t.Errorf("the device got %d bytes, want 96 of the old message and the new one", got)
		}
		if d := time.Since(start); d > 3*time.Millisecond {
			t.Errorf("the new message took %v, want about a millisecond", d)
		}
	})
}

func TestDeviceThatDoesNotReceiveHoldsTheLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		box, device := mem.Pipe(mem.Options{Baud: 9600, Buffer: 100})
		done := make(chan error, 1)
		go func() { done <- box.Send(make([]byte, 1000), transport.Stream) }()
		time.Sleep(time.Hour)
		if n := box.Pending(); n != 100 {
			t.Errorf("%d bytes pending, want a full queue of 100", n)
		}
		if n, _, _ := device.Receive(make([]byte, 1000)); n != 100 {
			t.Errorf("%d bytes wait at the far end, want 100", n)
		}
		box.Close()
		if err := <-done; !errors.Is(err, transport.ErrClosed) {
			t.Errorf("the stuck send ended with %v", err)
		}
	})
}

func TestAfterCloseOutputHasAGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		box, device := mem.Pipe(mem.Options{Baud: 9600})
		if err := box.Send(make([]byte, 960), transport.Stream); err != nil {
			t.Fatal(err)
		}
		box.Close()
		got, buf := 0, make([]byte, 64)
		for {
			n, _, err := device.Receive(buf)
			if err != nil {
				if !errors.Is(err, transport.ErrLost) {
					t.Errorf("ended with %v", err)
				}
				break
			}
			got += n
		}
		if got < 230 || got > 242 { // a quarter of a second
			t.Errorf("%d bytes left after close, want about 240", got)
		}
	})
}

func TestUnplugLosesWhatWasOnTheWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		box, device := mem.Pipe(mem.Options{Baud: 9600})
		defer box.Close()
		_ = device.Send(make([]byte, 96), transport.Stream)
		time.Sleep(50 * time.Millisecond)
		box.Unplug()
		time.Sleep(time.Second)
		n, _, err := box.Receive(make([]byte, 4096))
		if n < 47 || n > 48 || err != nil {
			t.Errorf("got %d bytes, %v; want the 48 that had arrived", n, err)
		}
		if _, _, err := box.Receive(make([]byte, 4096)); !errors.Is(err, transport.ErrLost) {
			t.Errorf("then %v", err)
		}
	})
}

func TestOpener(t *testing.T) {
	var device *mem.Port
	o := mem.NewOpener(mem.Options{Name: "demo"}, func(d *mem.Port) { device = d })
	ctx := t.Context()
	a, err := o.Open(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.Open(ctx); edge.CodeOf(err) != edge.CodePortBusy {
		t.Errorf("second open: %v", err)
	}
	o.Unplug()
	if _, _, err := a.Receive(make([]byte, 1)); !errors.Is(err, transport.ErrLost) {
		t.Errorf("receive after unplug: %v", err)
	}
	if err := device.Send([]byte("x"), transport.Stream); !errors.Is(err, transport.ErrLost) {
		t.Errorf("the device's send after unplug: %v", err)
	}
	if _, err := o.Open(ctx); edge.CodeOf(err) != edge.CodePortMissing {
		t.Errorf("open while unplugged: %v", err)
	}
	a.Close()
	o.Plug()
	b, err := o.Open(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if err := device.Send([]byte("hello"), transport.Stream); err != nil {
		t.Fatal(err)
	}
	if got := transporttest.ReadN(t, b, 5); string(got) != "hello" {
		t.Errorf("got %q", got)
	}
	if n := o.Opens(); n != 2 || o.String() != "demo" {
		t.Errorf("%d opens of %s", n, o)
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := o.Open(cancelled); !errors.Is(err, context.Canceled) {
		t.Errorf("open with a cancelled context: %v", err)
	}
}

func BenchmarkRoundTrip(b *testing.B) {
	box, device := mem.Pipe(mem.Options{})
	defer box.Close()
	go func() {
		buf := make([]byte, 256)
		for {
			n, _, err := device.Receive(buf)
			if err != nil || device.Send(buf[:n], transport.Stream) != nil {
				return
			}
		}
	}()
	msg, buf := []byte("{\"cmd\":\"drive\",\"param\":40}\n"), make([]byte, 256)
	b.ReportAllocs()
	for b.Loop() {
		if err := box.Send(msg, transport.Stream); err != nil {
			b.Fatal(err)
		}
		if _, _, err := box.Receive(buf); err != nil {
			b.Fatal(err)
		}
	}
}
