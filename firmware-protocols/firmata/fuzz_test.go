package firmata

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func FuzzDecoder(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add(v.input(f), uint8(3), v.role() == ToBoard)
	}
	f.Fuzz(func(t *testing.T, in []byte, chunk uint8, toBoard bool) {
		role, good := FromBoard, "analog 3 513"
		if toBoard {
			role = ToBoard
		}
		in = append(bytes.Clone(in), AppendAnalog(nil, 3, 513)...)
		got, s := decode(role, in, len(in))
		if len(got) == 0 || got[len(got)-1] != good {
			t.Fatalf("the good message is lost: %q", got)
		}
		again, s2 := decode(role, in, int(chunk)+1)
		if strings.Join(got, "\n") != strings.Join(again, "\n") || s != s2 {
			t.Fatalf("chunks matter: %q %+v and %q %+v", got, s, again, s2)
		}
		if int(s.Bytes) != len(in) {
			t.Fatalf("%+v", s)
		}
	})
}

// FuzzSession: a board that says anything at any time does no harm, and a
// good one that comes after it is set up.
func FuzzSession(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add(v.input(f), uint8(3), false)
	}
	d, err := NewDevice(DeviceOptions{Name: "x"})
	if err != nil {
		f.Fatal(err)
	}
	d.Boot(0)
	b := AppendCapabilities(bytes.Clone(d.Output()), Uno(5))
	b = AppendMapping(b, Uno(5))
	for _, pin := range []int{2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 13, 9, 10, 2, 4, 14, 17} {
		b = AppendPinState(b, pin, Output, 1)
	}
	f.Add(b, uint8(200), false)
	f.Add(b, uint8(7), true)
	f.Fuzz(func(t *testing.T, in []byte, chunk uint8, auto bool) {
		o := Options{Boot: time.Millisecond, Answer: 20 * time.Millisecond, Pins: bench}
		if auto {
			o.Pins = nil
		}
		p := newPair(t, o, DeviceOptions{})
		p.s.Start(0)
		for len(in) > 0 {
			n := min(int(chunk)+1, len(in))
			p.s.Feed(p.now, in[:n], p.event)
			in = in[n:]
			p.now += time.Millisecond
			p.s.Tick(p.now)
			if out := p.s.Output(); len(out) > 2*maxOutput+64*n {
				t.Fatalf("%d bytes to send for %d received", len(out), n)
			}
			if p.s.State() == Ready {
				_ = p.s.Write("led", 1)
				_ = p.s.SetMode("led", Input)
			}
		}
		p.s.Start(p.now)
		p.run(5 * time.Millisecond)
		if p.s.State() != Ready {
			t.Fatalf("%s: %v", p.s.State(), p.s.Err())
		}
	})
}

func FuzzDevice(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add(v.input(f), uint8(7))
	}
	f.Fuzz(func(t *testing.T, in []byte, minor uint8) {
		d, err := NewDevice(DeviceOptions{Major: 2, Minor: int(minor % 8)})
		if err != nil {
			t.Fatal(err)
		}
		d.Boot(0)
		d.Output()
		d.Feed(time.Second, in)
		d.Tick(2 * time.Second)
		d.Feed(2*time.Second, []byte(Resync)) // may end a question, which is answered
		d.Output()
		d.Feed(2*time.Second, AppendPinStateRequest(nil, 13))
		if got, _ := decode(FromBoard, d.Output(), 64); len(got) != 1 || !strings.HasPrefix(got[0], "pin 13 is ") {
			t.Fatalf("%q", got)
		}
	})
}
