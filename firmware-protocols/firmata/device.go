package firmata

import (
	"errors"
	"fmt"
	"time"
)

// DeviceOptions describe a simulated board.
type DeviceOptions struct {
	Name         string        // of the firmware; default "StandardFirmata.ino"
	Major, Minor int           // of the protocol, 2.3 to 2.7; default 2.5
	Pins         []Pin         // default Uno(Minor)
	MinSampling  time.Duration // the smallest sampling interval; default 1 ms, before 2.5 10 ms
}

// ErrDevice is wrapped by what NewDevice returns.
var ErrDevice = errors.New("firmata: bad device")

const defaultSampling = 19 * time.Millisecond

// Device is a board that behaves as StandardFirmata does. All times are the
// caller's own clock. It is not safe for concurrent use.
type Device struct {
	opt       DeviceOptions
	dec       *Decoder
	pins      []devicePin
	channels  [maxPins]int16 // pin of each analog channel + 1
	reporting [maxPins]bool  // analog channels
	ports     [maxPins / 8]bool
	shown     [maxPins / 8]int // of the ports, as last reported
	sampling  time.Duration
	next      time.Duration
	now       time.Duration
	out       []byte
	handle    func(*Message)
}

type devicePin struct {
	Pin
	mode  Mode
	value int // what was last written
	level bool
	raw   int
}

// Uno returns the pins of an Arduino Uno as StandardFirmata 2.minor lists them: 0
// and 1 are the serial port, 14 to 19 the analog inputs.
func Uno(minor int) []Pin {
	pins := make([]Pin, 20)
	for i := range pins {
		p := &pins[i]
		p.Number, p.Channel = i, -1
		if i < 2 {
			continue
		}
		p.Abilities = append(p.Abilities, Ability{Input, 1})
		if minor >= 5 {
			p.Abilities = append(p.Abilities, Ability{PullUp, 1})
		}
		p.Abilities = append(p.Abilities, Ability{Output, 1})
		if i >= 14 {
			p.Channel = i - 14
			p.Abilities = append(p.Abilities, Ability{Analog, 10})
		}
		switch i {
		case 3, 5, 6, 9, 10, 11:
			p.Abilities = append(p.Abilities, Ability{PWM, 8})
		}
		p.Abilities = append(p.Abilities, Ability{Servo, 14})
		if i >= 18 {
			p.Abilities = append(p.Abilities, Ability{I2C, 1})
		}
	}
	return pins
}

// NewDevice returns a board without power: [Device.Boot] switches it on.
func NewDevice(o DeviceOptions) (*Device, error) {
	if o.Name == "" {
		o.Name = "StandardFirmata.ino"
	}
	if o.Major == 0 {
		o.Major, o.Minor = 2, 5
	}
	if o.Pins == nil {
		o.Pins = Uno(o.Minor)
	}
	if o.MinSampling == 0 {
		o.MinSampling = time.Millisecond
		if o.Minor < 5 {
			o.MinSampling = 10 * time.Millisecond
		}
	}
	d := &Device{opt: o, dec: NewDecoder(ToBoard), pins: make([]devicePin, len(o.Pins))}
	if len(o.Pins) == 0 || len(o.Pins) > maxPins || len(o.Name) > maxPins {
		return nil, fmt.Errorf("%w: %d pins, a name of %d bytes", ErrDevice, len(o.Pins), len(o.Name))
	}
	for i, p := range o.Pins {
		if p.Number != i || p.Channel >= maxPins-1 || len(p.Abilities) > maxModesPerPin {
			return nil, fmt.Errorf("%w: pin %d at place %d", ErrDevice, p.Number, i)
		}
		d.pins[i].Pin = p
		if p.Channel >= 0 {
			d.channels[p.Channel] = int16(i + 1)
		}
	}
	d.handle = d.message
	return d, nil
}

// Boot restarts the board: it says its version and its firmware's name.
func (d *Device) Boot(now time.Duration) {
	d.dec.Reset()
	d.now, d.out = now, d.out[:0]
	d.reset()
	d.out = AppendVersion(d.out, d.opt.Major, d.opt.Minor)
	d.firmware()
}

// reset is a system reset: analog pins are inputs, all others outputs that are
// low, nothing is reported.
func (d *Device) reset() {
	d.sampling, d.next = defaultSampling, d.now+defaultSampling
	d.reporting, d.ports, d.shown = [maxPins]bool{}, [len(d.ports)]bool{}, [len(d.shown)]int{}
	for i := range d.pins {
		p := &d.pins[i]
		p.value, p.mode = 0, Output
		if _, ok := p.Bits(Analog); ok {
			p.mode = Analog
		}
	}
}

func (d *Device) firmware() {
	d.out = AppendFirmware(d.out, d.opt.Major, d.opt.Minor, d.opt.Name)
}

// Feed takes what the computer sent.
func (d *Device) Feed(now time.Duration, p []byte) {
	d.now = now
	d.dec.Feed(p, d.handle)
}

// Tick lets time pass: it reports the analog inputs when their time has come. Late
// reports are made once, not made up for.
func (d *Device) Tick(now time.Duration) {
	d.now = now
	if now < d.next {
		return
	}
	if d.next += d.sampling; d.next <= now {
		d.next = now + d.sampling
	}
	for ch, on := range d.reporting {
		if on {
			d.analog(ch)
		}
	}
}

// Deadline returns when Tick has something to do.
func (d *Device) Deadline() time.Duration { return d.next }

// Output returns the bytes that the board has sent, and forgets them. They are
// valid until the next call of any method.
func (d *Device) Output() []byte {
	b := d.out
	d.out = d.out[:0]
	return b
}

// Stats returns the decoder's counters.
func (d *Device) Stats() Stats { return d.dec.Stats() }

// Pin returns a pin's mode and what was last written to it.
func (d *Device) Pin(number int) (m Mode, value int) {
	if number < 0 || number >= len(d.pins) {
		return 0, 0
	}
	return d.pins[number].mode, d.pins[number].value
}

// SetAnalog puts a raw value on an analog channel, cut to its resolution.
func (d *Device) SetAnalog(channel, raw int) {
	if p := d.channel(channel); p != nil {
		bits, _ := p.Bits(Analog)
		p.raw = max(0, min(raw, int(1)<<bits-1))
	}
}

// SetDigital drives an input pin from outside; what has changed is reported.
func (d *Device) SetDigital(pin int, high bool) {
	if pin < 0 || pin >= len(d.pins) {
		return
	}
	d.pins[pin].level = high
	d.reportPort(pin/8, false)
}

func (d *Device) channel(ch int) *devicePin {
	if ch < 0 || ch >= maxPins || d.channels[ch] == 0 {
		return nil
	}
	return &d.pins[d.channels[ch]-1]
}

func (d *Device) analog(ch int) {
	if p := d.channel(ch); p != nil && p.mode == Analog {
		d.out = AppendAnalog(d.out, ch, p.raw)
	}
}

func (d *Device) reportPort(port int, always bool) {
	if !d.ports[port] {
		return
	}
	pins := 0
	for bit := range 8 {
		if i := port*8 + bit; i < len(d.pins) {
			if p := &d.pins[i]; p.level && (p.mode == Input || p.mode == PullUp) {
				pins |= 1 << bit
			}
		}
	}
	if always || pins != d.shown[port] {
		d.shown[port] = pins
		d.out = AppendDigitalPort(d.out, port, pins)
	}
}
