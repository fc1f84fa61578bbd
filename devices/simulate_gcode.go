package devices

import (
	"bytes"
	"time"

	"labbox/devices/sim"
	"labbox/firmware-protocols/gcode"
)

// gcodeRate is how often a simulated stage moves on, per second: an answer at the
// end of a motion comes no later than that.
const gcodeRate = 50

// gcodeDevice is a simulated stage. Its working area is the range of the channels
// of the positions, its fastest motion the greatest `feed` that a command takes.
type gcodeDevice struct {
	stage *gcode.Stage
	board bool // opening the port resets it
	on    bool
	last  time.Time
	buf   []byte
}

func newGcodeDevice(t *Type) (*gcodeDevice, error) {
	o := gcode.StageOptions{Buffer: t.Protocol.Gcode.Buffer, Rate: 1000, HomeRate: 3000}
	for i, names := range [3][2]string{{"x", "wx"}, {"y", "wy"}, {"z", "wz"}} {
		o.Min[i], o.Max[i] = -200, 0
		for k := range t.Channels {
			if ch := &t.Channels[k]; oneOf(ch.from(), names[:]...) && ch.Range != nil && ch.Range[0] < ch.Range[1] {
				o.Min[i], o.Max[i] = ch.Range[0], ch.Range[1]
			}
		}
	}
	for i := range t.Commands {
		c := &t.Commands[i]
		for k := range c.Params {
			if p := &c.Params[k]; p.ID == "feed" && p.Range != nil {
				o.Rate = max(o.Rate, p.Range[1])
			}
		}
		if s := c.Send; s != nil && s.pattern != nil {
			line, err := printPattern(nil, s.pattern, nil)
			o.Homing = o.Homing || err == nil && bytes.Equal(line, []byte("$H"))
		}
	}
	stage, err := gcode.NewStage(o)
	return &gcodeDevice{stage: stage, board: t.Connect.Reset}, err
}

func (d *gcodeDevice) Open(now time.Time, _ *sim.Model, out sim.Output) {
	d.pass(now)
	if d.buf = nil; d.board || !d.on {
		d.on = true
		d.buf = d.stage.Start(nil)
	}
	d.say(out)
}

func (d *gcodeDevice) Receive(now time.Time, p []byte, _ *sim.Model, out sim.Output) {
	d.pass(now)
	d.buf = d.stage.Feed(p, d.buf)
	d.say(out)
}

func (d *gcodeDevice) Report(now time.Time, _ *sim.Model, out sim.Output) {
	d.pass(now)
	d.say(out)
}

// pass lets the time go by.
func (d *gcodeDevice) pass(now time.Time) {
	if !d.last.IsZero() {
		d.buf = d.stage.Advance(now.Sub(d.last), d.buf)
	}
	d.last = now
}

func (d *gcodeDevice) say(out sim.Output) {
	if len(d.buf) > 0 {
		out.Binary(d.buf)
	}
	d.buf = d.buf[:0]
}
