package faults

import (
	"bytes"
	"context"
	"errors"
	"strings"
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

// Without a fault, and with those that lose nothing, it is a line like any other.
func TestSuite(t *testing.T) {
	for name, f := range map[string]string{"": "", "split": "split=0.2", "glue": "glue=2ms", "delay": "delay=3ms", "jitter": "jitter=2ms"} {
		for _, messages := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				transporttest.Run(t, func(t *testing.T) transporttest.Line {
					b := newBench(t, mem.Options{Messages: messages}, f)
					return transporttest.Line{Box: b.open(), Device: b.device, Unplug: func() { b.device.Unplug() }, Messages: messages}
				})
			})
		}
	}
}

// bench is a line with faults; its far end is the test's.
type bench struct {
	*Opener
	t       *testing.T
	mem     *mem.Opener
	device  *mem.Port
	reboots int
}

func newBench(t *testing.T, o mem.Options, words ...string) *bench {
	t.Helper()
	b := &bench{t: t}
	b.mem = mem.NewOpener(o, func(p *mem.Port) { b.device = p })
	b.Opener = New(b.mem, parse(t, words...), Options{Seed: 1, Reboot: func() { b.reboots++ }})
	return b
}

func parse(t *testing.T, words ...string) (f Faults) {
	t.Helper()
	for _, w := range words {
		if k, v, ok := strings.Cut(w, "="); ok {
			if err := f.Set(k, v); err != nil {
				t.Fatal(err)
			}
		}
	}
	return f
}

func (b *bench) open() transport.Port {
	b.t.Helper()
	p, err := b.Open(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { p.Close() })
	return p
}

func (b *bench) say(s string) {
	b.t.Helper()
	if err := b.device.Send([]byte(s), transport.Text); err != nil {
		b.t.Fatal(err)
	}
}

// hear collects what is received, piece by piece, until the line is gone.
func hear(p transport.Port) *heard {
	h := &heard{done: make(chan struct{})}
	began := time.Now()
	go func() {
		defer close(h.done)
		buf := make([]byte, 4096)
		for {
			n, _, err := p.Receive(buf)
			if err != nil {
				h.err = err
				return
			}
			h.pieces = append(h.pieces, string(buf[:n]))
			h.at = append(h.at, time.Since(began))
		}
	}()
	return h
}

type heard struct {
	pieces []string
	at     []time.Duration
	err    error
	done   chan struct{}
}

func (h *heard) all() string { return strings.Join(h.pieces, "") }

func inBubble(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		test(t)
	})
}

func TestDropAndCorruptByTheirShare(t *testing.T) {
	for _, c := range []struct {
		fault         string
		lost, flipped bool
	}{{"drop=0.05", true, false}, {"corrupt=0.05", false, true}} {
		inBubble(t, func(t *testing.T) {
			b := newBench(t, mem.Options{Buffer: 1 << 20}, c.fault)
			p := b.open()
			h := hear(p)
			sent := strings.Repeat("A", 100_000)
			b.say(sent)
			pause(time.Second)
			got := h.all()
			n := b.Count()
			wrong := uint64(len(got) - strings.Count(got, "A"))
			if c.lost && (uint64(100_000-len(got)) != n.Dropped || n.Dropped < 4500 || n.Dropped > 5500 || wrong > 0) {
				t.Errorf("%d of 100000 arrived, %d wrong, %+v", len(got), wrong, n)
			}
			if c.flipped && (len(got) != 100_000 || wrong != n.Corrupted || wrong < 4500 || wrong > 5500) {
				t.Errorf("%d of 100000 arrived, %d wrong, %+v", len(got), wrong, n)
			}
			if err := p.Send([]byte(strings.Repeat("B", 10_000)), transport.Text); err != nil {
				t.Fatal(err)
			}
			if n := b.Count().ToDevice; n < 400 || n > 600 {
				t.Errorf("%d of 10000 bytes to the device", n)
			}
			b.Change(parse(t, c.fault, "one-way=true"))
			before := b.Count().ToDevice
			_ = p.Send([]byte(strings.Repeat("B", 10_000)), transport.Text)
			if n := b.Count().ToDevice; n != before {
				t.Errorf("one way: %d bytes to the device", n-before)
			}
		})
	}
}

func TestMessagesAreLostWhole(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		b := newBench(t, mem.Options{Messages: true, Buffer: 1 << 20}, "drop=0.3", "corrupt=0.2")
		h := hear(b.open())
		for range 1000 {
			b.say("A whole message")
		}
		pause(time.Second)
		wrong := 0
		for _, s := range h.pieces {
			if len(s) != 15 {
				t.Fatalf("%q", s)
			}
			if s != "A whole message" {
				wrong++
			}
		}
		if n := len(h.pieces); n < 630 || n > 770 || wrong < 80 || wrong > 200 {
			t.Errorf("%d of 1000 arrived, %d of them wrong", n, wrong)
		}
	})
}

func TestSplitGlueDelay(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		b := newBench(t, mem.Options{}, "split=0.2")
		h := hear(b.open())
		line := strings.Repeat("0123456789", 10)
		b.say(line)
		pause(time.Second)
		if h.all() != line || len(h.pieces) < 10 || len(h.pieces) > 35 || h.at[len(h.at)-1] < 10*time.Millisecond {
			t.Errorf("split: %q at %v", h.pieces, h.at)
		}

		b = newBench(t, mem.Options{}, "glue=100ms")
		h = hear(b.open())
		for range 20 {
			b.say("one line\n")
			pause(10 * time.Millisecond)
		}
		pause(time.Second)
		if len(h.pieces) > 3 || h.all() != strings.Repeat("one line\n", 20) {
			t.Errorf("glue: %q", h.pieces)
		}

		b = newBench(t, mem.Options{}, "delay=50ms", "jitter=20ms")
		h = hear(b.open())
		for range 20 {
			b.say("x")
			pause(10 * time.Millisecond)
		}
		b.say("y")
		pause(time.Second)
		if h.all() != strings.Repeat("x", 20)+"y" {
			t.Errorf("delay: %q", h.pieces)
		}
		for i, at := range h.at {
			if late := at - time.Duration(i)*10*time.Millisecond; late < 50*time.Millisecond || late > 71*time.Millisecond {
				t.Errorf("piece %d is %v late", i, late)
			}
		}
	})
}

func TestFrozenThenAllAtOnce(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		b := newBench(t, mem.Options{Buffer: 16 << 10})
		p := b.open()
		h, d := hear(p), hear(b.device)
		b.Begin(Freeze)
		for i := range 5 {
			b.say("said")
			if err := p.Send([]byte("told"), transport.Text); err != nil || p.Pending() != 4*(i+1) {
				t.Fatalf("%v, pending %d", err, p.Pending())
			}
		}
		pause(time.Hour)
		if len(h.pieces)+len(d.pieces) > 0 {
			t.Fatalf("frozen: %q %q", h.pieces, d.pieces)
		}
		stuck := make(chan error, 1)
		go func() { stuck <- p.Send(make([]byte, 4090), transport.Text) }()
		pause(time.Hour)
		select {
		case err := <-stuck:
			t.Fatalf("a full device took more: %v", err)
		default:
		}
		if err := p.DiscardOutput(); err != nil {
			t.Fatal(err)
		}
		if err := <-stuck; !errors.Is(err, transport.ErrDiscarded) || p.Pending() != 0 {
			t.Errorf("discarded: %v, pending %d", err, p.Pending())
		}
		if err := p.Send([]byte("stop"), transport.Text); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := p.Drain(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("drain while frozen: %v", err)
		}
		b.End(Freeze)
		pause(time.Second)
		if h.all() != strings.Repeat("said", 5) || d.all() != "stop" {
			t.Errorf("afterwards %q, %q", h.pieces, d.pieces)
		}
		if err := p.Drain(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestMuteDeafBabble(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		b := newBench(t, mem.Options{})
		p := b.open()
		h, d := hear(p), hear(b.device)
		both := func() {
			b.say("said")
			if err := p.Send([]byte("told"), transport.Text); err != nil {
				t.Fatal(err)
			}
			pause(time.Second)
		}
		b.Begin(Mute)
		both()
		b.End(Mute)
		b.Begin(Deaf)
		both()
		b.End(Deaf)
		if h.all() != "said" || d.all() != "told" {
			t.Fatalf("%q, %q", h.pieces, d.pieces)
		}
		b.Begin(Babble)
		pause(10 * time.Second)
		b.End(Babble)
		got := len(h.all())
		pause(10 * time.Second)
		if n := b.Count(); got < 9900 || got > 10100 || len(h.all()) != got || n.Babbled != uint64(got-4) || n.Silenced != 4 || n.ToDevice != 4 {
			t.Errorf("%d bytes, then %d; %+v", got, len(h.all())-got, n)
		}
		if bytes.Count([]byte(h.all()), []byte{'A'}) > 100 {
			t.Error("that is no random")
		}
	})
}

func TestUnplugByHandAndByTheClock(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		b := newBench(t, mem.Options{}, "unplug-every=10s", "unplug-for=3s")
		p := b.open()
		h := hear(p)
		b.say("last words")
		pause(time.Millisecond)
		b.Begin(Unplug)
		<-h.done
		if h.all() != "last words" || !errors.Is(h.err, transport.ErrLost) || edge.CodeOf(h.err) != edge.CodePortLost {
			t.Errorf("%q, %v", h.all(), h.err)
		}
		for _, err := range []error{p.Send([]byte("x"), transport.Text), p.Drain(t.Context()), p.DiscardOutput()} {
			if !errors.Is(err, transport.ErrLost) {
				t.Errorf("afterwards: %v", err)
			}
		}
		if _, err := b.Open(t.Context()); edge.CodeOf(err) != edge.CodePortMissing {
			t.Errorf("open: %v", err)
		}
		p.Close()
		if _, _, err := p.Receive(make([]byte, 9)); !errors.Is(err, transport.ErrClosed) {
			t.Errorf("closed: %v", err)
		}
		b.End(Unplug)
		for n := 1; n < 4; n++ { // at 10, 20, 30 s, for 3 s
			h := hear(b.open())
			<-h.done
			if at := time.Since(b.start); at != time.Duration(n)*10*time.Second {
				t.Errorf("gone after %v", at)
			}
			pause(3*time.Second - time.Millisecond)
			if _, err := b.Open(t.Context()); edge.CodeOf(err) != edge.CodePortMissing {
				t.Errorf("open: %v", err)
			}
			pause(time.Millisecond)
		}
		if n := b.Count().Unplugs; n != 4 {
			t.Errorf("%d times unplugged", n)
		}
	})
}

func TestReboot(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		b := newBench(t, mem.Options{}, "reboot-every=10s", "reboot-for=2s")
		p := b.open()
		h, d := hear(p), hear(b.device)
		for range 24 {
			pause(500 * time.Millisecond)
			b.say("s")
			_ = p.Send([]byte("t"), transport.Text)
		}
		pause(10 * time.Millisecond)
		if b.reboots != 1 || len(h.all()) != 20 || len(d.all()) != 20 {
			t.Errorf("%d restarts, %q, %q", b.reboots, h.all(), d.all())
		}
		b.Begin(Reboot)
		p.Close() // it starts all the same
		pause(5 * time.Second)
		b.open()
		pause(time.Millisecond)
		if b.reboots != 2 || b.Count().Reboots != 2 {
			t.Errorf("%d restarts, %+v", b.reboots, b.Count())
		}
	})
}

// pause lets time pass, and what is due then happen.
func pause(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}
