package firmata

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

// pair is a session and a board joined by a wire, on one made-up clock.
type pair struct {
	t      testing.TB
	s      *Session
	d      *Device
	now    time.Duration
	events []string
	chunk  int
	deaf   bool // the board does not answer
	sent   []byte
}

func newPair(t testing.TB, o Options, board DeviceOptions) *pair {
	s, err := NewSession(o)
	if err != nil {
		t.Fatal(err)
	}
	d, err := NewDevice(board)
	if err != nil {
		t.Fatal(err)
	}
	p := &pair{t: t, s: s, d: d, chunk: 7}
	d.Boot(0)
	d.Output() // nobody was there
	return p
}

func (p *pair) event(e *Event) {
	switch e.Kind {
	case ValueEvent:
		p.events = append(p.events, fmt.Sprintf("%s=%v", e.Field, e.Value))
	case ScanEvent:
		p.events = append(p.events, "scan")
	case PinStateEvent:
		p.events = append(p.events, fmt.Sprintf("pin %d %s is %s %v", e.Pin, e.Field, e.Mode, e.Value))
	case TextEvent:
		p.events = append(p.events, "text "+string(e.Text))
	case SysexEvent:
		p.events = append(p.events, fmt.Sprintf("sysex %x %x", e.Command, e.Data))
	case ReadyEvent:
		p.events = append(p.events, "ready")
	case RebootEvent:
		p.events = append(p.events, "reboot")
	}
}

// exchange moves the bytes until both are silent.
func (p *pair) exchange() {
	for range 1000 {
		out := slices.Clone(p.s.Output())
		p.sent = append(p.sent, out...)
		if !p.deaf {
			p.d.Feed(p.now, out)
		}
		in := slices.Clone(p.d.Output())
		if len(out) == 0 && len(in) == 0 {
			return
		}
		for part := range slices.Chunk(in, p.chunk) {
			p.s.Feed(p.now, part, p.event)
		}
	}
	p.t.Fatal("they never fall silent")
}

// run lets d pass, a millisecond at a time.
func (p *pair) run(d time.Duration) {
	for end := p.now + d; p.now < end; p.now += time.Millisecond {
		p.d.Tick(p.now)
		p.s.Tick(p.now)
		p.exchange()
	}
}

// boot starts both and waits until the session is ready.
func (p *pair) boot() {
	p.t.Helper()
	p.s.Start(p.now)
	p.run(1800 * time.Millisecond)
	if p.s.State() != Booting || len(p.sent) != 0 {
		p.t.Fatalf("the session is %s and sent % x before the board has booted", p.s.State(), p.sent)
	}
	p.d.Boot(p.now)
	p.run(2 * time.Millisecond)
	if p.s.State() != Ready {
		p.t.Fatalf("the session is %s: %v", p.s.State(), p.s.Err())
	}
}

func (p *pair) take() string {
	s := strings.Join(p.events, "; ")
	p.events = nil
	return s
}

func (p *pair) pin(n int, m Mode, value int) {
	p.t.Helper()
	p.exchange()
	if gm, gv := p.d.Pin(n); gm != m || gv != value {
		p.t.Errorf("pin %d is %s %d, want %s %d", n, gm, gv, m, value)
	}
}

var bench = []PinOption{
	{Field: "led", Pin: "13", Mode: "output"}, {Field: "fan", Pin: "9", Mode: "pwm", Max: 100},
	{Field: "arm", Pin: "D10", Mode: "servo"}, {Field: "key", Pin: "2", Mode: "pullup"},
	{Field: "door", Pin: "4", Mode: "input"}, {Field: "light", Pin: "A0", Mode: "analog", Max: 5}, {Field: "heat", Pin: "A3", Mode: "analog"},
}

func TestConversation(t *testing.T) {
	for minor := 3; minor <= 7; minor++ {
		t.Run(fmt.Sprintf("2.%d", minor), func(t *testing.T) {
			p := newPair(t, Options{Sampling: 50 * time.Millisecond, Pins: bench}, DeviceOptions{Major: 2, Minor: minor, Name: "Bench"})
			p.boot()
			want := "ready"
			if minor >= 4 { // what is switched on is told at once
				want = "ready; light=0; heat=0; scan; key=0; door=0"
			}
			if got := p.take(); got != want {
				t.Errorf("at first: %s", got)
			}
			b := p.s.Board()
			if b.Name != "Bench" || b.Major != 2 || b.Minor != minor || len(b.Pins) != 20 || b.Analog(5).Number != 19 || b.Analog(6) != nil {
				t.Errorf("%+v", b)
			}
			p.d.SetAnalog(0, 1023)
			p.d.SetAnalog(3, 512)
			p.run(149 * time.Millisecond)
			if got := p.take(); got != strings.Repeat("; light=5; heat=512; scan", 3)[2:] {
				t.Errorf("in 150 ms: %s", got)
			}
			p.d.SetDigital(4, true)
			p.d.SetDigital(2, true)
			p.d.SetDigital(3, true)
			p.exchange()
			if got := p.take(); got != "key=0; door=1; key=1; door=1" {
				t.Errorf("digital: %s", got)
			}
			p.writes(minor)
		})
	}
}

func (p *pair) writes(minor int) {
	t := p.t
	for field, value := range map[string]float64{"led": 1, "fan": 40, "arm": 90} {
		if err := p.s.Write(field, value); err != nil {
			t.Error(err)
		}
	}
	p.pin(13, Output, 1)
	p.pin(9, PWM, 102)
	p.pin(10, Servo, 90)
	if minor >= 5 {
		p.pin(2, PullUp, 1)
	} else {
		p.pin(2, Input, 1) // an input that was written high
		p.pin(4, Input, 0)
	}
	if err := p.s.Write("led", 0); err != nil {
		t.Error(err)
	}
	p.pin(13, Output, 0)
	p.take()
	for _, field := range []string{"led", "fan"} {
		if err := p.s.Query(field); err != nil {
			t.Error(err)
		}
	}
	p.exchange()
	if got := p.take(); got != "pin 13 led is output 0; pin 9 fan is pwm 40" {
		t.Error(got)
	}
	before := len(p.sent)
	for field, value := range map[string]float64{"led": 0.5, "fan": 101, "arm": 181, "key": 1, "light": 1, "nothing": 1} {
		if err := p.s.Write(field, value); err == nil {
			t.Errorf("%s took %v", field, value)
		}
		if err := p.s.Write(field, math.NaN()); err == nil {
			t.Errorf("%s took NaN", field)
		}
	}
	if err := p.s.SetMode("led", PWM); err == nil || !strings.Contains(err.Error(), "cannot be pwm; it can be input, ") {
		t.Error(err)
	}
	if err := p.s.SetMode("led", I2C); err == nil {
		t.Error("a mode that cannot be set")
	}
	p.exchange()
	if len(p.sent) != before {
		t.Errorf("a refusal sent % x", p.sent[before:])
	}
	if err := p.s.SetMode("led", Input); err != nil {
		t.Error(err)
	}
	p.pin(13, Input, 0)
	p.take()
	p.d.SetDigital(13, true)
	p.exchange()
	if got := p.take(); got != "led=1" {
		t.Error(got)
	}
}
