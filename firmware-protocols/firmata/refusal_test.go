package firmata

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"
)

// A board that takes a mode and does not have it afterwards is refused.
func TestModesAreReadBack(t *testing.T) {
	s, err := NewSession(Options{Boot: time.Millisecond, Pins: []PinOption{{Field: "led", Pin: "0", Mode: "output"}}})
	if err != nil {
		t.Fatal(err)
	}
	s.Start(0)
	pins := []Pin{{Channel: -1, Abilities: []Ability{{Input, 1}, {Output, 1}}}}
	b := AppendMapping(AppendCapabilities(AppendFirmware(AppendVersion(nil, 2, 5), 2, 5, "x"), pins), pins)
	b = AppendPinState(AppendPinState(b, 0, Input, 0), 0, Input, 0)
	s.Feed(0, b, func(*Event) {})
	if err := s.Err(); s.State() != Failed || err == nil || !strings.Contains(err.Error(), `pin 0 (field "led") was set to output and is input`) {
		t.Errorf("%s, %v", s.State(), err)
	}
}

func TestResetIsSentAgainAfterAReboot(t *testing.T) {
	p := newPair(t, Options{Pins: bench, Reset: true}, DeviceOptions{})
	p.boot()
	p.sent = nil
	p.d.Boot(p.now)
	p.exchange()
	if p.s.State() != Ready || !bytes.HasPrefix(p.sent, []byte("\xf7\xff")) {
		t.Errorf("%s after % x", p.s.State(), p.sent)
	}
}

func TestScansWithLostReports(t *testing.T) {
	p := newPair(t, Options{Pins: bench}, DeviceOptions{})
	p.boot()
	p.take()
	var in []byte
	for _, ch := range []int{0, 3, 0, 0, 3, 3, 1, 15} { // channels 1 and 15 are not in use
		in = AppendAnalog(in, ch, 0)
	}
	p.s.Feed(p.now, in, p.event)
	if got := p.take(); got != "light=0; heat=0; scan; light=0; scan; light=0; heat=0; scan; heat=0; scan" {
		t.Error(got)
	}
}

// An Uno's serial buffer has 64 bytes, and no flow control.
func TestQuestionsFitTheBoardsBuffer(t *testing.T) {
	p := newPair(t, Options{Boot: time.Millisecond, Pins: bench}, DeviceOptions{Major: 2, Minor: 4})
	p.s.Start(0)
	for p.now = 0; p.now < 10*time.Millisecond; p.now += time.Millisecond {
		p.s.Tick(p.now)
		for {
			out := append([]byte(nil), p.s.Output()...)
			if len(out) == 0 {
				break
			}
			if len(out) > 64 {
				t.Errorf("%d bytes at once while %s", len(out), p.s.State())
			}
			p.d.Feed(p.now, out)
			p.s.Feed(p.now, p.d.Output(), p.event)
		}
	}
	if p.s.State() != Ready {
		t.Error(p.s.State())
	}
}

func TestOutputThatNobodyTakes(t *testing.T) {
	p := newPair(t, Options{Pins: bench}, DeviceOptions{})
	p.boot()
	var err error
	n := 0
	for ; err == nil && n < 5000; n++ {
		err = p.s.Write("led", 1)
	}
	if !errors.Is(err, ErrWrite) || len(p.s.Output()) > maxOutput+16 {
		t.Errorf("%v after %d writes", err, n)
	}
	if err := p.s.Write("led", 1); err != nil {
		t.Error(err)
	}
}

func TestLateTick(t *testing.T) {
	d, err := NewDevice(DeviceOptions{})
	if err != nil {
		t.Fatal(err)
	}
	d.Boot(0)
	d.Feed(0, AppendReportAnalog(nil, 2, true))
	d.Output()
	for now := 10 * time.Second; now < 10*time.Second+5*time.Millisecond; now += time.Millisecond {
		d.Tick(now)
	}
	if got, _ := decode(FromBoard, d.Output(), 9); len(got) != 1 || d.Deadline() != 10*time.Second+defaultSampling {
		t.Errorf("%q, next at %v", got, d.Deadline())
	}
}

func TestServoPulses(t *testing.T) {
	p := newPair(t, Options{Pins: []PinOption{{Field: "arm", Pin: "10", Mode: "servo", Pulse: []int{1000, 2000}}}}, DeviceOptions{})
	p.boot()
	if !bytes.Contains(p.sent, AppendServoConfig(nil, 10, 1000, 2000)) {
		t.Errorf("% x", p.sent)
	}
}
