package devices

import (
	"fmt"
	"math"
	"strings"
	"time"

	"labbox/devices/sim"
	"labbox/firmware-protocols/firmata"
)

// firmataDevice is an Arduino Uno with StandardFirmata whose pins follow the
// model, with as many pins more as the type file names.
type firmataDevice struct {
	t     *Type
	dev   *firmata.Device
	pins  []firmata.Pin
	on    bool
	began time.Time
}

func newFirmataDevice(t *Type) (*firmataDevice, error) {
	d := &firmataDevice{t: t, pins: firmata.Uno(5)}
	b := firmata.Board{Pins: d.pins}
	for i := range t.Protocol.Firmata.Pins {
		o := &t.Protocol.Firmata.Pins[i]
		for boardPin(&b, o.Pin) == nil && len(b.Pins) < 120 {
			p := firmata.Pin{Number: len(b.Pins), Channel: -1, Abilities: []firmata.Ability{{Mode: firmata.Input, Bits: 1}, {Mode: firmata.PullUp, Bits: 1}, {Mode: firmata.Output, Bits: 1}}}
			if o.Pin[0] == 'A' { // the next analog inputs
				p.Channel = len(b.Pins) - 14
			}
			b.Pins = append(b.Pins, p)
		}
		if p := boardPin(&b, o.Pin); p != nil {
			d.enable(p, o)
		}
	}
	d.pins = b.Pins
	var err error
	d.dev, err = firmata.NewDevice(firmata.DeviceOptions{Pins: d.pins})
	return d, err
}

// enable gives a pin what the type file wants of it.
func (d *firmataDevice) enable(p *firmata.Pin, o *firmata.PinOption) {
	mode, _ := firmata.ParseMode(o.Mode)
	if _, can := p.Bits(mode); can || mode == firmata.Analog && p.Channel < 0 {
		return // an analog input is one that has a channel
	}
	bits := map[firmata.Mode]int{firmata.Analog: 10, firmata.PWM: 8, firmata.Servo: 14}[mode]
	p.Abilities = append(p.Abilities, firmata.Ability{Mode: mode, Bits: max(bits, 1)})
}

func (d *firmataDevice) since(now time.Time) time.Duration { return now.Sub(d.began) }

// Open boots the board where opening its port resets it, and at first.
func (d *firmataDevice) Open(now time.Time, m *sim.Model, out sim.Output) {
	if d.began.IsZero() {
		d.began = now
	}
	if !d.on || d.t.Connect.Reset {
		d.on = true
		d.dev.Boot(d.since(now))
		m.Reset()
	}
	d.say(out)
}

func (d *firmataDevice) Receive(now time.Time, p []byte, m *sim.Model, out sim.Output) {
	d.sense(now, m)
	d.dev.Feed(d.since(now), p)
	d.obey(m)
	d.say(out)
}

func (d *firmataDevice) Report(now time.Time, m *sim.Model, out sim.Output) {
	d.sense(now, m)
	d.dev.Tick(d.since(now))
	d.say(out)
}

func (d *firmataDevice) say(out sim.Output) {
	if b := d.dev.Output(); len(b) > 0 {
		out.Binary(b)
	}
}

// sense puts the model's channels on the inputs, and slow waves on analog ones
// that no channel is made of.
func (d *firmataDevice) sense(now time.Time, m *sim.Model) {
	b := firmata.Board{Pins: d.pins}
	f := d.t.Protocol.Firmata
	for i := range d.pins {
		p := &d.pins[i]
		if p.Channel < 0 {
			continue
		}
		period := 4 + float64(p.Channel)
		wave := 512 + 400*math.Sin(2*math.Pi*d.since(now).Seconds()/period)
		if v, ok := m.Read(fmt.Sprintf("A%d", p.Channel)); ok {
			wave = scaled(v, f.Volts)
		}
		d.dev.SetAnalog(p.Channel, int(math.Round(wave)))
	}
	for i := range f.Pins {
		o := &f.Pins[i]
		p := boardPin(&b, o.Pin)
		v, ok := m.Read(o.Field)
		if !ok || p == nil || drivenMode(o.Mode) {
			continue
		}
		if o.Mode == firmata.Analog.String() {
			d.dev.SetAnalog(p.Channel, int(math.Round(scaled(v, o.Max))))
		} else {
			x, _ := v.(float64)
			d.dev.SetDigital(p.Number, x >= 0.5)
		}
	}
}

// scaled turns an analog input's value into the 10 bits of an Uno.
func scaled(v any, top float64) float64 {
	x, _ := v.(float64)
	if top > 0 {
		x *= 1023 / top
	}
	return math.Min(math.Max(x, 0), 1023)
}

// obey gives the parameters that outputs stand for their values.
func (d *firmataDevice) obey(m *sim.Model) {
	b := firmata.Board{Pins: d.pins}
	for i := range d.t.Commands {
		c := &d.t.Commands[i]
		for _, kv := range c.Send.Write {
			o := d.t.Protocol.Firmata.pin(fmt.Sprint(kv.Key))
			id, isParam := strings.CutPrefix(fmt.Sprint(kv.Value), "$")
			p := boardPin(&b, o.Pin)
			if !isParam || p == nil {
				continue
			}
			_, raw := d.dev.Pin(p.Number)
			x := float64(raw)
			if bits, _ := p.Bits(firmata.PWM); o.Mode == firmata.PWM.String() && o.Max > 0 {
				x *= o.Max / float64(int(1)<<bits-1)
			}
			for k := range c.Params {
				if par := &c.Params[k]; par.ID == id {
					m.Set(c.ID+"."+id, par.unwired(x))
				}
			}
		}
	}
}

// unwired is the value that is written as x.
func (p *Param) unwired(x float64) float64 {
	for i := range p.Choices {
		w, _, isText := (argument{param: p, num: p.Choices[i].value(i), place: i}).wire()
		if v := p.Choices[i].value(i); isText && v == x || !isText && w == x {
			return v
		}
	}
	if s := p.Wire.Scale; s != 0 {
		return (x - p.Wire.Offset) / s
	}
	return x - p.Wire.Offset
}
