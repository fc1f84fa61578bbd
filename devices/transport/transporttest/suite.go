// Package transporttest is the suite that every transport.Port passes.
//
//	func TestPort(t *testing.T) {
//		transporttest.Run(t, func(t *testing.T) transporttest.Line {
//			box, device := mem.Pipe(mem.Options{})
//			return transporttest.Line{Box: box, Device: device, Unplug: device.Unplug}
//		})
//	}
package transporttest

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"labbox/devices/transport"
	"labbox/edge"
)

// Line is an open line with both its ends.
type Line struct {
	Box    transport.Port // the port under test
	Device transport.Port // the far end
	Unplug func()         // the device goes away; nil: it cannot
	// Messages: whole messages. Endless: the far end takes whatever comes, so
	// that a Send is never stuck.
	Messages, Endless bool
}

// Run runs the suite; open makes a new line for each test and has it closed by
// t.Cleanup where Box.Close does not suffice.
func Run(t *testing.T, open func(t *testing.T) Line) {
	tests := []struct {
		name string
		run  func(t *testing.T, l Line)
	}{
		{"both ways", bothWays},
		{"close ends receive", closeEndsReceive},
		{"close twice, then nothing goes", closeTwice},
		{"unplug delivers the last bytes, then is lost", unplugLost},
		{"discard frees a stuck send", discardFrees},
		{"close frees a stuck send", closeFrees},
		{"unplug frees a stuck send", unplugFrees},
		{"drain ends with its context", drainContext},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := open(t)
			t.Cleanup(func() { l.Box.Close(); l.Device.Close() })
			tt.run(t, l)
		})
	}
}

const patience = 10 * time.Second

// Within fails the test when fn takes longer than any machine should.
func Within(t *testing.T, what string, fn func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); fn() }()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatalf("%s did not return", what)
	}
}

// ReadN receives until n bytes are there.
func ReadN(t *testing.T, p transport.Port, n int) []byte {
	t.Helper()
	got := make([]byte, 0, n)
	Within(t, "Receive", func() {
		buf := make([]byte, 4096)
		for len(got) < n {
			k, _, err := p.Receive(buf)
			if err != nil {
				t.Errorf("receive after %d of %d bytes: %v", len(got), n, err)
				return
			}
			if k == 0 {
				t.Error("receive returned nothing, not even an error")
				return
			}
			got = append(got, buf[:k]...)
		}
	})
	return got
}

func send(t *testing.T, p transport.Port, b []byte, k transport.Kind) {
	t.Helper()
	Within(t, "Send", func() {
		if err := p.Send(b, k); err != nil {
			t.Errorf("send: %v", err)
		}
	})
}

func bothWays(t *testing.T, l Line) {
	send(t, l.Box, []byte("drive 40\n"), transport.Text)
	if got := ReadN(t, l.Device, 9); string(got) != "drive 40\n" {
		t.Errorf("the device got %q", got)
	}
	// every byte value survives: no line discipline, no flow control
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	send(t, l.Device, all, transport.Binary)
	if got := ReadN(t, l.Box, len(all)); !bytes.Equal(got, all) {
		t.Errorf("the box got % x", got)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := l.Box.Drain(ctx); err != nil {
		t.Errorf("drain: %v", err)
	}
	if n := l.Box.Pending(); n > 0 {
		t.Errorf("%d bytes pending after drain", n)
	}
	if !l.Messages {
		return
	}
	send(t, l.Device, []byte("one"), transport.Text)
	send(t, l.Device, make([]byte, 100), transport.Binary)
	send(t, l.Device, []byte("three"), transport.Text)
	buf := make([]byte, 50)
	Within(t, "Receive", func() {
		if n, k, err := l.Box.Receive(buf); string(buf[:n]) != "one" || k != transport.Text || err != nil {
			t.Errorf("first message: %q, %v, %v", buf[:n], k, err)
		}
		if _, _, err := l.Box.Receive(buf); !errors.Is(err, transport.ErrTooLong) {
			t.Errorf("message longer than the buffer: %v", err)
		}
		if n, _, err := l.Box.Receive(buf); string(buf[:n]) != "three" || err != nil {
			t.Errorf("third message: %q, %v", buf[:n], err)
		}
	})
}

func closeEndsReceive(t *testing.T, l Line) {
	done := make(chan error, 1)
	go func() {
		_, _, err := l.Box.Receive(make([]byte, 64))
		done <- err
	}()
	start := time.Now()
	l.Box.Close()
	expect(t, "Receive", done, transport.ErrClosed)
	if d := time.Since(start); d > time.Second {
		t.Errorf("receive returned %v after close", d)
	}
}

func closeTwice(t *testing.T, l Line) {
	for range 2 {
		if err := l.Box.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}
	if err := l.Box.Send([]byte("x"), transport.Text); !errors.Is(err, transport.ErrClosed) {
		t.Errorf("send after close: %v", err)
	}
	if _, _, err := l.Box.Receive(make([]byte, 1)); !errors.Is(err, transport.ErrClosed) {
		t.Errorf("receive after close: %v", err)
	}
	if err := l.Box.Drain(t.Context()); !errors.Is(err, transport.ErrClosed) {
		t.Errorf("drain after close: %v", err)
	}
	if err := l.Box.DiscardOutput(); !errors.Is(err, transport.ErrClosed) {
		t.Errorf("discard after close: %v", err)
	}
	l.Box.Pending()
}

func unplugLost(t *testing.T, l Line) {
	if l.Unplug == nil {
		t.Skip("this line cannot be unplugged")
	}
	send(t, l.Device, []byte("last words"), transport.Text)
	if got := ReadN(t, l.Box, 10); string(got) != "last words" {
		t.Errorf("got %q", got)
	}
	l.Unplug()
	Within(t, "Receive", func() {
		_, _, err := l.Box.Receive(make([]byte, 64))
		if !errors.Is(err, transport.ErrLost) || edge.CodeOf(err) != edge.CodePortLost {
			t.Errorf("receive after unplug: %v (%s)", err, edge.CodeOf(err))
		}
	})
	Within(t, "Send", func() {
		for { // a port may take some before it notices
			err := l.Box.Send([]byte("anybody there?"), transport.Text)
			if err == nil {
				continue
			}
			if !errors.Is(err, transport.ErrLost) {
				t.Errorf("send after unplug: %v", err)
			}
			return
		}
	})
	l.Box.Close()
	if _, _, err := l.Box.Receive(make([]byte, 1)); !errors.Is(err, transport.ErrClosed) {
		t.Errorf("receive after unplug and close: %v", err)
	}
}

// stuck sends until nothing moves any more, and hands over how the last Send
// ended.
func stuck(t *testing.T, l Line) chan error {
	t.Helper()
	if l.Endless {
		t.Skip("this line takes whatever is sent")
	}
	done, sent := make(chan error, 1), make(chan struct{}, 1)
	go func() {
		block := bytes.Repeat([]byte("U"), 8192)
		for {
			if err := l.Box.Send(block, transport.Text); err != nil {
				done <- err
				return
			}
			select {
			case sent <- struct{}{}:
			default: // taken for stuck too early; it will be
			}
		}
	}()
	for {
		select {
		case <-sent:
		case err := <-done:
			t.Fatalf("send: %v", err)
		case <-time.After(150 * time.Millisecond):
			return done
		}
	}
}

func expect(t *testing.T, what string, done chan error, want error) {
	t.Helper()
	select {
	case err := <-done:
		if !errors.Is(err, want) {
			t.Errorf("%s ended with %v, want %v", what, err, want)
		}
	case <-time.After(patience):
		t.Fatalf("%s did not return", what)
	}
}

func discardFrees(t *testing.T, l Line) {
	done := stuck(t, l)
	Within(t, "DiscardOutput", func() {
		if err := l.Box.DiscardOutput(); err != nil {
			t.Errorf("discard: %v", err)
		}
	})
	if l.Messages {
		select {
		case err := <-done:
			if errors.Is(err, transport.ErrLost) {
				return // half a message cannot be dropped
			}
			done <- err
		case <-time.After(patience):
			t.Fatal("send did not return")
		}
	}
	expect(t, "Send", done, transport.ErrDiscarded)
	// the line is usable, and what comes through now is the new message
	reply := make(chan []byte, 1)
	go func() {
		var got []byte
		buf := make([]byte, 64<<10)
		for !bytes.HasSuffix(got, []byte("stop\n")) {
			n, _, err := l.Device.Receive(buf)
			if err != nil {
				break
			}
			got = append(got, buf[:n]...)
		}
		reply <- got
	}()
	send(t, l.Box, []byte("\nstop\n"), transport.Text)
	select {
	case got := <-reply:
		if !bytes.HasSuffix(got, []byte("\nstop\n")) {
			t.Errorf("the device's last bytes are %q", got[max(0, len(got)-20):])
		}
	case <-time.After(patience):
		t.Fatal("the message after a discard did not arrive")
	}
}

func closeFrees(t *testing.T, l Line) {
	done := stuck(t, l)
	Within(t, "Close", func() { l.Box.Close() })
	expect(t, "Send", done, transport.ErrClosed)
}

func unplugFrees(t *testing.T, l Line) {
	if l.Unplug == nil {
		t.Skip("this line cannot be unplugged")
	}
	done := stuck(t, l)
	l.Unplug()
	expect(t, "Send", done, transport.ErrLost)
}

func drainContext(t *testing.T, l Line) {
	done := stuck(t, l)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	Within(t, "Drain", func() {
		if err := l.Box.Drain(ctx); l.Box.Pending() > 0 && !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("drain of a stuck line: %v", err)
		}
	})
	l.Box.Close()
	l.Device.Close()
	Within(t, "Send", func() { <-done })
}
