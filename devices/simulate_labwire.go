package devices

import (
	"errors"
	"math"
	"time"

	"labbox/devices/sim"
	"labbox/firmware-protocols/labwire"
)

// labwireDevice is the firmware library with a sketch that plays the example
// dictionary: a channel that shows a parameter follows it, the others swing.
type labwireDevice struct {
	dev    *labwire.Device
	dict   *labwire.Dictionary
	boot   time.Time
	at     uint64 // us since boot
	values map[string]float64
	shown  map[string]float64 // channels that follow, as they stand
	out    []byte
}

func newLabwireDevice(t *Type) (*labwireDevice, error) {
	text := []byte(t.Protocol.Labwire.Example)
	if len(text) == 0 {
		return nil, errors.New("labwire: give an `example:` dictionary to simulate")
	}
	d := &labwireDevice{values: map[string]float64{}, shown: map[string]float64{}}
	var err error
	if d.dict, err = labwire.ParseDictionary(text); err != nil {
		return nil, err
	}
	d.rest()
	d.dev, err = labwire.NewDevice(labwire.DeviceOptions{Dictionary: text, Safe: d.rest, Command: d.command, Sample: d.sample})
	return d, err
}

// rest takes every parameter to where the safe state leaves it.
func (d *labwireDevice) rest() {
	for i := range d.dict.Commands {
		for k := range d.dict.Commands[i].Params {
			p := &d.dict.Commands[i].Params[k]
			x := math.Min(math.Max(0, p.Min.Float()), p.Max.Float())
			if p.HasRest {
				x = p.Rest.Float()
			}
			d.values[p.Channel] = x
		}
	}
}

func (d *labwireDevice) command(index int, args []int32) (labwire.Code, string) {
	c := &d.dict.Commands[index]
	if c.Kind == labwire.Calming {
		d.rest()
	}
	for i := range c.Params {
		p := &c.Params[i]
		d.values[p.Channel] = float64(args[i]) * math.Pow10(-p.Decimals)
	}
	return labwire.OK, ""
}

// labwireLag is the time constant of a simulated channel, in seconds.
const labwireLag = 0.2

func (d *labwireDevice) sample(r *labwire.Row) {
	t := float64(d.at) / 1e6
	hz := math.Max(1, d.dict.RateHz.Float())
	for i := range d.dict.Channels {
		ch := &d.dict.Channels[i]
		want, follows := d.values[ch.ID]
		switch {
		case follows && ch.Kind == labwire.Enum:
			r.Raw(want)
		case follows:
			d.shown[ch.ID] += (want - d.shown[ch.ID]) * (1 - math.Exp(-1/(hz*labwireLag)))
			r.Shown(d.shown[ch.ID])
		case ch.Kind == labwire.Enum:
			r.Raw(0)
		default:
			mid, wide := (ch.Min.Float()+ch.Max.Float())/2, (ch.Max.Float()-ch.Min.Float())/4
			r.Shown(mid + wide*math.Sin(t*(1+float64(i)/3)))
		}
	}
}

// Open implements sim.Dialect: opening the line resets the board.
func (d *labwireDevice) Open(now time.Time, _ *sim.Model, out sim.Output) {
	d.boot, d.at = now, 0
	out.Binary(d.dev.Boot(0, nil))
}

// step lets the firmware run up to now, a millisecond at a time.
func (d *labwireDevice) step(now time.Time, in []byte, out sim.Output) {
	d.out = d.out[:0]
	until := uint64(now.Sub(d.boot).Microseconds())
	if until > d.at+2e6 { // the machine slept
		d.at = until - 2e6
	}
	for d.at+1000 <= until {
		d.at += 1000
		d.out = d.dev.Step(d.at, nil, d.out)
	}
	if len(in) > 0 {
		d.out = d.dev.Step(d.at, in, d.out)
	}
	if len(d.out) > 0 {
		out.Binary(d.out)
	}
}

// Receive implements sim.Dialect.
func (d *labwireDevice) Receive(now time.Time, p []byte, _ *sim.Model, out sim.Output) {
	d.step(now, p, out)
}

// Report implements sim.Dialect.
func (d *labwireDevice) Report(now time.Time, _ *sim.Model, out sim.Output) { d.step(now, nil, out) }
