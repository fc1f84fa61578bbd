package firmatatest

import (
	"fmt"
	"math"
	"reflect"
	"testing"
	"time"

	"labbox/devices/devicetest/simchip"
	"labbox/firmware-protocols/firmata"
)

// Data memory of the ATmega328P.
const (
	ddrD, portD = 0x2A, 0x2B
	tccr1a      = 0x80
	ocr1aLow    = 0x88
)

func start(t *testing.T) *simchip.Chip {
	return simchip.Start(t, simchip.Options{Firmware: Hex(t), ResetOnOpen: true})
}

var pins = []firmata.PinOption{
	{Field: "led", Pin: "13", Mode: "output"}, {Field: "valve", Pin: "3", Mode: "output"}, {Field: "fan", Pin: "9", Mode: "pwm", Max: 100},
	{Field: "key", Pin: "2", Mode: "pullup"}, {Field: "door", Pin: "4", Mode: "input"},
	{Field: "light", Pin: "A0", Mode: "analog", Max: 5000}, {Field: "heat", Pin: "A3", Mode: "analog"},
}

// Without any pin in the options the board's own words make the channels.
func TestBoardDescribesItself(t *testing.T) {
	t.Parallel()
	c := start(t)
	h := dial(t, c, firmata.Options{Sampling: 100 * time.Millisecond})
	h.until("the first word", 3*time.Second, func() bool { return h.s.State() != firmata.Booting })
	if at := c.Now(); h.s.State() == firmata.AskVersion || at < time.Second {
		t.Errorf("%s at %v: the board was not waited for", h.s.State(), at)
	}
	h.ready()
	b := *h.s.Board()
	if b.Name != "StandardFirmata.ino" || b.Major != 2 || b.Minor != 4 || b.FirmwareMajor != 2 || b.FirmwareMinor != 4 {
		t.Errorf("%+v", b)
	}
	if want := firmata.Uno(4); !reflect.DeepEqual(b.Pins, want) {
		t.Errorf("the pins are\n%+v, the simulated Uno has\n%+v", b.Pins, want)
	}
	if n := len(h.s.Fields()); n != 6 {
		t.Errorf("%d channels, want 6", n)
	}
	for ch := range 6 {
		c.SetADC(ch, 400+800*ch)
	}
	h.scans = 0
	h.until("three scans", 2*time.Second, func() bool { return h.scans > 3 })
	for ch := range 6 {
		field, want := fmt.Sprintf("A%d", ch), float64(400+800*ch)*1023/5000
		if got := h.values[field]; math.Abs(got-want) > 1.5 {
			t.Errorf("%s is %v at %d mV, want %.0f", field, got, 400+800*ch, want)
		}
	}
	// The interval, by the chip's own clock and its own count of bytes. The default
	// of 19 ms would give 105 scans.
	before := c.Stats()
	c.Advance(2 * time.Second)
	after := c.Stats()
	scans := float64(after.TxBytes-before.TxBytes) / (6 * 3)
	if want := (after.Simulated - before.Simulated).Seconds() * 10; math.Abs(scans-want) > 1.1 {
		t.Errorf("%.1f scans, want %.1f", scans, want)
	}
	if s := h.s.Stats(); s.Lost() != 0 {
		t.Errorf("%+v", s)
	}
}

func TestPinsMove(t *testing.T) {
	t.Parallel()
	c := start(t)
	h := dial(t, c, firmata.Options{Sampling: 50 * time.Millisecond, Pins: pins})
	h.ready()
	if level, _ := c.Pin('B', 5); level {
		t.Error("pin 13 is high at first")
	}
	h.set("led", 1, "output 1")
	c.WaitPin('B', 5, true, 10*time.Millisecond)
	h.set("led", 0, "output 0")
	c.WaitPin('B', 5, false, 10*time.Millisecond)

	h.set("fan", 50, "pwm 50")
	if got := c.Peek(ocr1aLow); got != 128 {
		t.Errorf("the PWM register holds %d, want 128 of 255", got)
	}
	h.set("fan", 100, "pwm 100")
	c.WaitPin('B', 1, true, 10*time.Millisecond)

	// The pull-up of 2.4 shares a port with an output and an input without one.
	for _, valve := range []float64{1, 0, 1} {
		h.set("valve", valve, fmt.Sprint("output ", valve))
		if ddr, port := c.Peek(ddrD), c.Peek(portD); ddr&0x1C != 0x08 || port&0x1C != 0x04|byte(valve)<<3 {
			t.Errorf("DDRD %08b, PORTD %08b with the valve %v", ddr, port, valve)
		}
	}
	for _, level := range []bool{true, false, true} {
		c.SetPin('D', 2, level)
		c.SetPin('D', 4, !level)
		want := map[bool]float64{true: 1}
		h.until("the inputs", time.Second, func() bool { return h.values["key"] == want[level] && h.values["door"] == want[!level] })
	}
	c.SetADC(0, 3300)
	h.until("3300 mV", time.Second, func() bool { return math.Abs(h.values["light"]-3300) < 6 })

	// What the board refuses is refused before; what it says is passed on.
	if err := h.s.SetMode("door", firmata.PWM); err == nil {
		t.Error("pin 4 became pwm")
	}
	h.write(firmata.AppendPinMode(nil, 3, 9))
	h.told("text Unknown pin mode")
}

// A program that restarts takes the board over as it is; a system reset lets
// go of everything, also in the middle of a message.
func TestTakeOverAndReset(t *testing.T) {
	t.Parallel()
	c := simchip.Start(t, simchip.Options{Firmware: Hex(t)})
	c.Advance(2500 * time.Millisecond)
	o := firmata.Options{Boot: time.Millisecond, Pins: pins}
	h := dial(t, c, o)
	h.ready()
	h.set("led", 1, "output 1")
	h.set("fan", 40, "pwm 40")
	if c.Peek(tccr1a)&0x80 == 0 {
		t.Error("the PWM output is off")
	}
	changes := c.PinChanges('B', 5)

	h.write([]byte{0xF0, 0x71, 0x41}) // killed in mid-message
	h.f.Close()
	c.Advance(50 * time.Millisecond)
	h = dial(t, c, o)
	h.ready()
	if level, _ := c.Pin('B', 5); !level || c.PinChanges('B', 5) != changes || c.Peek(ocr1aLow) != 102 {
		t.Error("taking over changed an output")
	}
	h.set("led", 1, "output 1")

	// The trap: inside a message the board takes a system reset for content.
	h.write([]byte{0xF0, 0x71, 0x41, 0xFF})
	c.Advance(50 * time.Millisecond)
	if level, _ := c.Pin('B', 5); !level {
		t.Error("this firmware leaves a message at a reset; SPEC.md says it does not")
	}
	h.events = nil
	h.s.Reset(c.Now())
	h.write(h.s.Output())
	c.WaitPin('B', 5, false, 50*time.Millisecond)
	h.told("ready")
	if level, _ := c.Pin('B', 1); level || c.Peek(tccr1a)&0x80 != 0 {
		t.Error("the PWM output is on after a reset")
	}
	h.set("led", 1, "output 1")

	c.Reset() // its button
	c.WaitPin('B', 5, false, 10*time.Millisecond)
	h.told("reboot")
	h.ready()
	h.set("led", 1, "output 1")
}

func TestServo(t *testing.T) {
	t.Parallel()
	c := start(t)
	h := dial(t, c, firmata.Options{Pins: []firmata.PinOption{{Field: "arm", Pin: "10", Mode: "servo", Pulse: []int{1000, 2000}}}})
	h.ready()
	for _, deg := range []float64{0, 90, 180} {
		h.set("arm", deg, fmt.Sprint("servo ", deg))
		c.Advance(100 * time.Millisecond)
		want := time.Duration(1000+deg/180*1000) * time.Microsecond
		if got := pulse(h); got < want-20*time.Microsecond || got > want+20*time.Microsecond {
			t.Errorf("pulses of %v at %v degrees, want %v", got, deg, want)
		}
	}
}

// pulse measures one pulse on pin 10, whose edges the chip dates.
func pulse(h *host) time.Duration {
	h.c.Pause()
	defer h.c.Resume()
	for range 100 {
		if level, up := h.c.Pin('B', 2); level {
			for range 100 {
				h.c.RunFor(200 * time.Microsecond)
				if level, down := h.c.Pin('B', 2); !level {
					return down - up
				}
			}
		}
		h.c.RunFor(500 * time.Microsecond)
	}
	h.t.Fatal("no pulses")
	return 0
}
