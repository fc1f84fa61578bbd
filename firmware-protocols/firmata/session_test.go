package firmata

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// A board that does not restart when the port is opened, or a network bridge.
func TestSilentBoardIsAsked(t *testing.T) {
	p := newPair(t, Options{Boot: 500 * time.Millisecond}, DeviceOptions{})
	p.s.Start(0)
	p.run(499 * time.Millisecond)
	if len(p.sent) != 0 {
		t.Errorf("% x was sent before its time", p.sent)
	}
	p.run(3 * time.Millisecond)
	if p.s.State() != Ready || p.sent[0] != cmdEnd || p.sent[1] != cmdVersion {
		t.Errorf("%s after % x", p.s.State(), p.sent)
	}
	var fields []string
	for _, f := range p.s.Fields() {
		fields = append(fields, f.Field)
	}
	if got := strings.Join(fields, " "); got != "A0 A1 A2 A3 A4 A5" {
		t.Errorf("fields %s", got)
	}
	p.take()
	p.d.SetAnalog(5, 7)
	p.run(20 * time.Millisecond)
	if got := p.take(); got != "A0=0; A1=0; A2=0; A3=0; A4=0; A5=7; scan" {
		t.Error(got)
	}
}

func TestNoAnswerFails(t *testing.T) {
	p := newPair(t, Options{Boot: time.Second, Answer: 100 * time.Millisecond}, DeviceOptions{})
	p.deaf = true
	p.s.Start(0)
	p.run(1301 * time.Millisecond)
	if p.s.State() != Failed || !errors.Is(p.s.Err(), ErrBoard) || string(p.sent) != "\xf7\xf9\xf7\xf9\xf7\xf9" {
		t.Fatalf("%s, %v after % x", p.s.State(), p.s.Err(), p.sent)
	}
	if _, ok := p.s.Deadline(); ok {
		t.Error("a failed session has a deadline")
	}
	if err := p.s.Write("A0", 1); !errors.Is(err, ErrWrite) {
		t.Error(err)
	}
	p.deaf = false
	p.d.Boot(p.now) // somebody presses its reset button
	p.run(2 * time.Millisecond)
	if p.s.State() != Ready || p.s.Err() != nil {
		t.Errorf("%s, %v", p.s.State(), p.s.Err())
	}
}

// A lost answer is asked for again, whichever it is.
func TestLostAnswers(t *testing.T) {
	for lose := range 12 {
		p := newPair(t, Options{Boot: time.Millisecond, Answer: 100 * time.Millisecond, Pins: bench}, DeviceOptions{})
		p.s.Start(0)
		for n := 0; p.s.State() != Ready && p.now < time.Second; p.now += time.Millisecond {
			p.s.Tick(p.now)
			for {
				out := append([]byte(nil), p.s.Output()...)
				if len(out) == 0 {
					break
				}
				p.d.Feed(p.now, out)
				in := append([]byte(nil), p.d.Output()...)
				if n++; n == lose+1 {
					in = in[:len(in)/2]
				}
				p.s.Feed(p.now, in, p.event)
			}
		}
		if p.s.State() != Ready {
			t.Errorf("answer %d: %s, %v", lose, p.s.State(), p.s.Err())
		}
	}
}

func TestRebootIsNoticed(t *testing.T) {
	p := newPair(t, Options{Pins: bench[:1]}, DeviceOptions{})
	p.boot()
	if err := p.s.Write("led", 1); err != nil {
		t.Fatal(err)
	}
	p.pin(13, Output, 1)
	p.take()
	p.d.Boot(p.now)
	p.exchange()
	if got := p.take(); got != "reboot; ready" {
		t.Error(got)
	}
	p.pin(13, Output, 0)
}

// A board that goes on while the computer's program restarts keeps its outputs.
func TestTakeOver(t *testing.T) {
	for _, reset := range []bool{false, true} {
		for minor := 4; minor <= 5; minor++ {
			o := Options{Boot: time.Millisecond, Pins: bench, Reset: reset}
			p := newPair(t, o, DeviceOptions{Major: 2, Minor: minor})
			// Pin 12 is not in use, and shares a port with 13 and 9.
			p.d.Feed(0, AppendDigitalPort(AppendPinMode(AppendReportAnalog(AppendReportPort(nil, 1, true), 2, true), 13, Output), 1, 0x30))
			p.s.Start(0)
			p.run(4 * time.Millisecond)
			want := 1
			if reset {
				want = 0
			}
			p.pin(13, Output, want)
			p.pin(12, Output, want)
			if err := p.s.Write("led", 0); err != nil {
				t.Fatal(err)
			}
			p.pin(13, Output, 0)
			p.pin(12, Output, want)
			p.take()
			p.d.SetAnalog(2, 9)
			p.d.SetDigital(8, true)
			p.run(20 * time.Millisecond)
			if got := p.take(); got != "light=0; heat=0; scan" {
				t.Errorf("what an earlier session had switched on: %s", got)
			}
		}
	}
}

func TestResetInWhateverState(t *testing.T) {
	p := newPair(t, Options{Pins: bench}, DeviceOptions{})
	p.boot()
	if err := p.s.Write("fan", 50); err != nil {
		t.Fatal(err)
	}
	p.pin(9, PWM, 128)
	p.d.Feed(p.now, []byte{cmdSysex, sysexString, 1, 2}) // half a message of an earlier write
	p.s.Reset(p.now)
	if out := p.s.Output(); string(out[:2]) != "\xf7\xff" {
		t.Fatalf("% x", out)
	} else {
		p.d.Feed(p.now, out)
	}
	if m, v := p.d.Pin(9); m != Output || v != 0 {
		t.Errorf("pin 9 is %s %d after a reset", m, v)
	}
	p.exchange()
	if p.s.State() != Ready {
		t.Errorf("%s %v", p.s.State(), p.s.Err())
	}
	p.pin(9, PWM, 0)
}

func TestSignOfLife(t *testing.T) {
	p := newPair(t, Options{Pins: bench[:1]}, DeviceOptions{})
	p.boot()
	p.take()
	p.run(3500 * time.Millisecond)
	if got := p.take(); got != strings.Repeat("; pin 13 led is output 0", 3)[2:] {
		t.Error(got)
	}
	p.deaf = true
	p.run(4100 * time.Millisecond)
	if p.s.State() != Failed {
		t.Errorf("%s although the board is gone", p.s.State())
	}
}

func TestWordsAndUnknown(t *testing.T) {
	p := newPair(t, Options{}, DeviceOptions{})
	p.boot()
	p.take()
	p.s.Feed(p.now, AppendUnknown(AppendString(nil, "caf\xc3\xa9"), 0x77, []byte{0x48, 0, 1}), p.event)
	if got := p.take(); got != "text café; sysex 77 480001" {
		t.Error(got)
	}
}

// A board that is not what the options say is refused in words.
func TestRefusedBoards(t *testing.T) {
	for _, c := range []struct {
		pins  []PinOption
		minor int
		want  string
	}{
		{[]PinOption{{Field: "x", Pin: "20", Mode: "input"}}, 5, "no pin 20 (field \"x\"); it has 20 pins"},
		{[]PinOption{{Field: "x", Pin: "A6", Mode: "analog"}}, 5, "no pin A6"},
		{[]PinOption{{Field: "x", Pin: "2", Mode: "pwm"}}, 5, "cannot be pwm; it can be input, pullup, output, servo"},
		{[]PinOption{{Field: "x", Pin: "0", Mode: "output"}}, 5, "it can be nothing"},
		{[]PinOption{{Field: "x", Pin: "A0", Mode: "input"}, {Field: "y", Pin: "14", Mode: "output"}}, 5, "the same pin 14"},
		{nil, 1, "speaks Firmata 2.1, which has no capability query"},
	} {
		p := newPair(t, Options{Boot: time.Millisecond, Pins: c.pins}, DeviceOptions{Major: 2, Minor: c.minor})
		p.s.Start(0)
		p.run(5 * time.Millisecond)
		if err := p.s.Err(); p.s.State() != Failed || !errors.Is(err, ErrBoard) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
}

// 40 analog channels, of which 2.7 reports those beyond 15.
func TestManyChannels(t *testing.T) {
	pins := make([]Pin, 40)
	for i := range pins {
		pins[i] = Pin{Number: i, Channel: i, Abilities: []Ability{{Analog, 16}}}
	}
	for minor, want := range map[int]int{5: 16, 7: 40} {
		p := newPair(t, Options{Boot: time.Millisecond}, DeviceOptions{Major: 2, Minor: minor, Pins: pins})
		p.s.Start(0)
		p.run(5 * time.Millisecond)
		p.take()
		p.d.SetAnalog(want-1, 65535)
		p.run(19 * time.Millisecond)
		if got := p.take(); len(p.s.Fields()) != want || !strings.HasSuffix(got, fmt.Sprintf("A%d=65535; scan", want-1)) {
			t.Errorf("2.%d: %d fields, %s", minor, len(p.s.Fields()), got)
		}
	}
}

// The analog inputs besides the pins that are named, by pin or by channel.
func TestAllAnalogBesides(t *testing.T) {
	p := newPair(t, Options{Boot: time.Millisecond, AllAnalog: true, AnalogMax: 5, Pins: []PinOption{{Field: "led", Pin: "13", Mode: "output"},
		{Field: "key", Pin: "16", Mode: "input"}, {Field: "light", Pin: "A4", Mode: "analog"}, {Field: "A0", Pin: "3", Mode: "pwm"}}}, DeviceOptions{})
	p.s.Start(0)
	p.run(5 * time.Millisecond)
	var fields []string
	for _, f := range p.s.Fields() {
		fields = append(fields, f.Field)
	}
	if got := strings.Join(fields, " "); got != "led key light A0 A1 A3 A5" {
		t.Errorf("fields %s", got)
	}
	p.take()
	p.d.SetAnalog(5, 1023)
	p.run(20 * time.Millisecond)
	if got := p.take(); !strings.HasSuffix(got, "A5=5; scan") {
		t.Error(got)
	}
}

func TestOptions(t *testing.T) {
	good := PinOption{Field: "x", Pin: "3", Mode: "pwm"}
	for _, f := range []func(*Options, *PinOption){
		func(o *Options, _ *PinOption) { o.Sampling = time.Microsecond },
		func(o *Options, _ *PinOption) { o.Sampling = 17 * time.Second },
		func(o *Options, _ *PinOption) { o.Boot = -1 },
		func(o *Options, _ *PinOption) { o.AnalogMax = -1 },
		func(o *Options, _ *PinOption) { o.Pins = append(o.Pins, good) },
		func(_ *Options, p *PinOption) { p.Field = "" },
		func(_ *Options, p *PinOption) { p.Pin = "B3" },
		func(_ *Options, p *PinOption) { p.Pin = "-3" },
		func(_ *Options, p *PinOption) { p.Pin = "127" },
		func(_ *Options, p *PinOption) { p.Mode = "i2c" },
		func(_ *Options, p *PinOption) { p.Max = -1 },
		func(_ *Options, p *PinOption) { p.Pulse = []int{600, 2400} },
		func(_ *Options, p *PinOption) { p.Mode, p.Pulse = "servo", []int{2400, 600} },
		func(_ *Options, p *PinOption) { p.Mode, p.Max = "servo", 3 },
	} {
		o := Options{Pins: []PinOption{good}}
		f(&o, &o.Pins[0])
		if _, err := NewSession(o); !errors.Is(err, ErrOptions) {
			t.Errorf("%+v: %v", o, err)
		}
	}
	if _, err := NewDevice(DeviceOptions{Pins: []Pin{{Number: 1}}}); !errors.Is(err, ErrDevice) {
		t.Error(err)
	}
}

func TestReportsWithoutAllocation(t *testing.T) {
	p := newPair(t, Options{Pins: bench}, DeviceOptions{})
	p.boot()
	in := AppendDigitalPort(AppendAnalog(AppendAnalog(nil, 0, 512), 3, 7), 0, 0x14)
	n := 0
	emit := func(*Event) { n++ }
	if a := testing.AllocsPerRun(100, func() {
		p.s.Feed(p.now, in, emit)
		p.s.Tick(p.now)
		if p.s.Write("led", 1) != nil || p.s.Write("fan", 10) != nil {
			t.Error("refused")
		}
		p.s.Output()
	}); a != 0 || n != 101*5 {
		t.Errorf("%v allocations, %d events", a, n)
	}
}
