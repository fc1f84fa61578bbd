package sim

import (
	"fmt"
	"math"
	"strings"
	"time"

	"labbox/firmware-protocols/floats"
	"labbox/firmware-protocols/lines"
)

// dialogue is a device made of a Spec.
type dialogue struct {
	*Model
	enc    lines.Encoder
	report periodic
	line   lineBuffer
	vals   []float64
	out    []byte
}

// maxCommandLine is what a simulated device takes for one command.
const maxCommandLine = 4096

// New returns the device that a spec describes.
func New(s Spec, seed uint64) (Device, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	if s.RateHz == 0 {
		s.RateHz = 10
	}
	d := &dialogue{Model: NewModel(s, seed), report: periodic{every: time.Duration(float64(time.Second) / s.RateHz)}, line: lineBuffer{size: maxCommandLine}}
	d.enc = lines.Encoder{Format: lines.JSON, Terminator: "\r\n"}
	if s.Format == lines.Relaxed {
		d.enc.Format = lines.Relaxed
	}
	return newBoard(d, 0), nil
}

func (d *dialogue) reboot(now time.Time) {
	d.line.reset()
	d.advance(now)
	d.Model.Reboot(now)
}

func (d *dialogue) model() *Model { return d.Model }

func (d *dialogue) open(now time.Time, out *output) {
	d.start(now)
	d.report.next = now.Add(d.report.every)
	switch {
	case d.s.Floats:
		out.text([]byte(d.s.Hello))
	case len(d.s.Banner) > 0:
		d.print(out, d.s.Banner, nil)
	}
	if d.s.Format == lines.CSV || d.s.Format == lines.Plotter {
		names := make([]string, len(d.s.Channels))
		for i := range d.s.Channels {
			names[i] = d.s.Channels[i].Field
		}
		if d.s.Format == lines.CSV && !d.s.Floats {
			out.text([]byte(strings.Join(d.allFields(names), d.comma()) + "\r\n"))
		}
	}
}

// allFields puts count and time in front of the channels' fields.
func (d *dialogue) allFields(names []string) []string {
	var all []string
	if d.s.Count != "" {
		all = append(all, d.s.Count)
	}
	if d.s.Time != nil {
		all = append(all, d.s.Time.Field)
	}
	return append(all, names...)
}

func (d *dialogue) comma() string {
	if d.s.Separator != 0 {
		return string(rune(d.s.Separator))
	}
	return ","
}

func (d *dialogue) wake() time.Time { return d.report.next }

func (d *dialogue) tick(now time.Time, out *output) {
	d.report.advance(now)
	d.advance(now)
	if d.s.Asked {
		return
	}
	d.Next()
	if d.s.Floats {
		d.floats(now, out)
		return
	}
	var rec []Pair
	if d.s.Count != "" {
		rec = append(rec, Pair{d.s.Count, float64(d.count)})
	}
	if c := d.s.Time; c != nil {
		rec = append(rec, Pair{c.Field, d.time(now)})
	}
	for i := range d.s.Channels {
		rec = append(rec, Pair{d.s.Channels[i].Field, d.wireValue(i)})
	}
	d.print(out, rec, nil)
}

// floats sends the fields in the frame's order; those that are no channel are 0.
func (d *dialogue) floats(now time.Time, out *output) {
	d.vals = d.vals[:0]
	for _, f := range d.s.Fields {
		x := 0.0
		switch {
		case f == d.s.Count:
			x = float64(d.count)
		case d.s.Time != nil && f == d.s.Time.Field:
			x = d.time(now)
		}
		for i := range d.s.Channels {
			if d.s.Channels[i].Field == f {
				x, _ = d.wireValue(i).(float64)
			}
		}
		d.vals = append(d.vals, x)
	}
	d.out = floats.Append(d.out[:0], d.vals)
	out.binary(d.out)
}

// print writes one record in the spec's format.
func (d *dialogue) print(out *output, rec []Pair, slots map[string]any) {
	value := func(v any) any {
		switch x := v.(type) {
		case Slot:
			return slots[x.Param]
		case Live:
			if now, ok := d.Read(string(x)); ok {
				return now
			}
		}
		return v
	}
	b := d.out[:0]
	switch {
	case d.s.Format <= lines.Relaxed:
		pairs := make([]lines.Pair, 0, len(rec))
		for _, p := range rec {
			pairs = append(pairs, lines.Pair{Key: p.Key, Value: lineValue(value(p.Value))})
		}
		b, _ = d.enc.AppendJSON(b, nested(pairs)) // what has no form in JSON is not printed
	default:
		for i, p := range rec {
			if i > 0 {
				b = append(b, d.comma()...)
			}
			if d.s.Format == lines.Plotter {
				b = append(append(b, p.Key...), ':')
			}
			b = fmt.Append(b, value(p.Value))
		}
		b = append(b, "\r\n"...)
	}
	d.out = b
	out.text(b)
}

// nested puts members whose keys are joined by dots into objects of their own.
func nested(pairs []lines.Pair) []lines.Pair {
	var out []lines.Pair
	inner := map[string][]lines.Pair{}
	for _, p := range pairs {
		head, rest, ok := strings.Cut(p.Key, ".")
		if !ok {
			out = append(out, p)
			continue
		}
		if _, seen := inner[head]; !seen {
			out = append(out, lines.Pair{Key: head})
		}
		inner[head] = append(inner[head], lines.Pair{Key: rest, Value: p.Value})
	}
	for i := range out {
		if in := inner[out[i].Key]; in != nil {
			out[i].Value = lines.Group(nested(in)...)
		}
	}
	return out
}

func lineValue(v any) lines.Value {
	switch x := v.(type) {
	case string:
		return lines.Str(x)
	case bool:
		return lines.Flag(x)
	case float64:
		if x == math.Trunc(x) && math.Abs(x) < 1e15 {
			return lines.Int(int64(x))
		}
		return lines.Float(x)
	}
	return lines.Str(fmt.Sprint(v))
}
