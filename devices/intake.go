package devices

import (
	"math"
	"time"

	"labbox/edge"
	"labbox/edge/frame"
	"labbox/firmware-protocols/lines"
)

// intake turns records into samples: rows of raw values in channel order. It
// belongs to one connection's reader.
type intake struct {
	t     *Type
	chans []Channel
	index map[string][]int // field to channels
	row   []float64
	hit   []bool
	found int
	seen  []bool  // since the connection began
	round *intake // the answers of a round that is not over; nil in a round itself
	open  bool    // of a round: it has begun
	at    time.Duration
	dev   float64 // of a round: the device's time, NaN where it told none

	count     uint64
	counting  bool
	wraps     float64 // device time added by wraps, in the device's unit
	lastTime  float64
	timing    bool
	restarted bool // the device's clock went back
	arrays    [][]float64
	times     []float64
}

// sample receives one row; device time in us, NaN where unknown.
type sample func(at time.Duration, deviceUS float64, row []float64)

func newIntake(t *Type, auto []Channel) *intake {
	in := &intake{t: t, lastTime: math.NaN(), round: &intake{t: t}}
	in.shape(auto)
	return in
}

// shape sets the channels: the type's, then those the device named.
func (in *intake) shape(auto []Channel) {
	in.chans = append(append([]Channel(nil), in.t.Channels...), auto...)
	in.index = make(map[string][]int, len(in.chans))
	for i := range in.chans {
		f := in.chans[i].from()
		in.index[f] = append(in.index[f], i)
	}
	in.row = make([]float64, len(in.chans))
	in.hit = make([]bool, len(in.chans))
	in.arrays = make([][]float64, len(in.chans))
	in.seen, in.open = make([]bool, len(in.chans)), false
	if in.round != nil {
		in.round.shape(auto)
		in.round.seen = in.seen
	}
}

// reset forgets what came before a reconnect.
func (in *intake) reset() { in.counting, in.timing, in.wraps = false, false, 0 }

// fits says whether a record proves that the device is of the declared type:
// every channel that is not optional is there.
func (in *intake) fits(r *lines.Record) bool {
	if r.Kind != lines.Values {
		return false
	}
	in.fill(r)
	for i := range in.chans {
		if !in.hit[i] && !in.chans[i].Optional {
			return false
		}
	}
	return in.found > 0
}

// complete says whether every channel that is not optional has had a value since
// the connection began.
func (in *intake) complete() bool {
	any := false
	for i := range in.chans {
		if !in.seen[i] && !in.chans[i].Optional {
			return false
		}
		any = any || in.seen[i]
	}
	return any
}

// note remembers which channels a record has, of a device that spreads them over
// several.
func (in *intake) note(r *lines.Record) {
	if r.Kind == lines.Values {
		in.fill(r)
	}
}

// collect adds an answer to the sample of its round.
func (in *intake) collect(r *lines.Record, at time.Duration) {
	if !in.open {
		in.clear()
		in.open, in.dev = true, math.NaN()
	}
	in.at = at
	if t := in.deviceTime(r, 0); !math.IsNaN(t) {
		in.dev = t
	}
	in.merge(r)
}

// flush gives out the sample of a round, if there is one.
func (in *intake) flush(out sample) {
	if !in.open {
		return
	}
	in.open = false
	if in.found == 0 {
		return
	}
	n := 1
	for _, a := range in.arrays {
		n = max(n, len(a))
	}
	for k := range n {
		for i, a := range in.arrays {
			if a != nil {
				in.row[i] = nth(a, k)
			}
		}
		out(in.at, in.oneTime(n), in.row)
	}
}

// answer takes values from the answer to a command.
func (in *intake) answer(r *lines.Record, at time.Duration, out sample) {
	if in.fill(r); in.found > 0 {
		out(at, math.NaN(), in.row)
	}
}

// fill reads the record's fields into row and arrays.
func (in *intake) fill(r *lines.Record) {
	in.clear()
	in.merge(r)
}

func (in *intake) clear() {
	for i := range in.row {
		in.row[i], in.hit[i], in.arrays[i] = math.NaN(), false, nil
	}
	in.found, in.times = 0, nil
}

func (in *intake) merge(r *lines.Record) {
	for k := range r.Fields {
		f := &r.Fields[k]
		for _, i := range in.index[string(f.Key)] {
			x, arr, ok := in.chans[i].read(f)
			if ok {
				in.row[i], in.arrays[i], in.hit[i], in.seen[i] = x, arr, true, true
				in.found++
			}
		}
	}
}

// read takes one field's raw value; ok is false where the field is not of the
// channel's kind.
func (ch *Channel) read(f *lines.Field) (x float64, arr []float64, ok bool) {
	if f.Kind == lines.NumberArray {
		return math.NaN(), f.Array, true
	}
	for i := range ch.Choices {
		if w, isText := ch.Choices[i].Wire.(string); f.Kind == lines.Text &&
			(isText && w == string(f.Text) || !isText && ch.Choices[i].ID == string(f.Text)) {
			return ch.Choices[i].value(i), nil, true
		}
	}
	if f.NumOK {
		if math.IsInf(f.Num, 0) {
			return math.NaN(), nil, true
		}
		return f.Num, nil, true
	}
	return math.NaN(), nil, f.Kind == lines.Null
}

// take gives out the samples of one record and says how many there were, and
// how many are known to be missing before them (frame.LostUnknown: some).
func (in *intake) take(r *lines.Record, at time.Duration, lose func(uint32), out sample) int {
	in.fill(r)
	if in.found == 0 {
		return 0
	}
	if lost := in.gap(r); lost > 0 {
		lose(lost)
	}
	n := 1
	for _, a := range in.arrays {
		n = max(n, len(a))
	}
	if n == 1 {
		for i, a := range in.arrays {
			if len(a) == 1 {
				in.row[i] = nth(a, 0)
			}
		}
		dev := in.deviceTime(r, 0)
		in.sayRestart(lose)
		out(at, dev, in.row)
		return 1
	}
	last := in.deviceTimeAhead(r, n-1)
	for k := range n {
		for i, a := range in.arrays {
			if a != nil {
				in.row[i] = nth(a, k)
			}
		}
		dev := in.deviceTime(r, k)
		in.sayRestart(lose)
		box := at
		if d := last - dev; d > 0 && d < 60e6 {
			box -= time.Duration(d * 1e3)
		}
		out(box, dev, in.row)
	}
	return n
}

// nth is the k-th value of a row: none where it ends before, or is infinite.
func nth(a []float64, k int) float64 {
	if k >= len(a) || math.IsInf(a[k], 0) {
		return math.NaN()
	}
	return a[k]
}

func (in *intake) gap(r *lines.Record) uint32 {
	c := in.t.Count
	if c == nil {
		return 0
	}
	f, ok := r.Get(c.From)
	first, last := f.Num, f.Num
	if f.Kind == lines.NumberArray && len(f.Array) > 0 {
		first, last, f.NumOK = f.Array[0], f.Array[len(f.Array)-1], true
	}
	if !ok || !f.NumOK || !(first >= 0) || !(last >= first) {
		return 0
	}
	bits := c.Bits
	if bits == 0 {
		bits = 32
	}
	n, mask := uint64(first), uint64(1)<<bits-1
	before := in.count
	in.count = uint64(last)
	if !in.counting {
		in.counting = true
		return 0
	}
	switch d := (n - before) & mask; {
	case d <= 1:
		return 0
	case d > mask/2: // went back: the device started again
		return frame.LostUnknown
	default:
		return uint32(min(d-1, frame.LostUnknown-1))
	}
}

// deviceTime is the record's k-th time in us, unwrapped.
func (in *intake) deviceTime(r *lines.Record, k int) float64 {
	t, ok := in.rawTime(r, k)
	if !ok {
		return math.NaN()
	}
	if in.timing && t < in.lastTime {
		if span := math.Exp2(float64(in.t.Time.Bits)); in.t.Time.Bits > 0 && in.lastTime-t > span/2 {
			in.wraps += span
		} else {
			in.restarted = true
		}
	}
	in.lastTime, in.timing = t, true
	return (t + in.wraps) * in.unitUS()
}

// sayRestart reports a device clock that went back: the device started again by
// itself, and nobody knows what was lost.
func (in *intake) sayRestart(lose func(uint32)) {
	if in.restarted {
		in.restarted, in.wraps = false, 0
		lose(frame.LostUnknown)
	}
}

// deviceTimeAhead is the same without remembering it.
func (in *intake) deviceTimeAhead(r *lines.Record, k int) float64 {
	t, ok := in.rawTime(r, k)
	if !ok {
		return math.NaN()
	}
	return (t + in.wraps) * in.unitUS()
}

func (in *intake) rawTime(r *lines.Record, k int) (float64, bool) {
	if in.t.Time == nil {
		return 0, false
	}
	f, ok := r.Get(in.t.Time.From)
	switch {
	case !ok:
		return 0, false
	case f.Kind == lines.NumberArray && k < len(f.Array):
		return f.Array[k], true
	case f.NumOK && k == 0:
		return f.Num, true
	}
	return 0, false
}

func (in *intake) unitUS() float64 {
	switch in.t.Time.Unit {
	case "s":
		return 1e6
	case "us":
		return 1
	}
	return 1e3
}

// columns are the frame's columns for the channels.
func columns(c *edge.Contract) []frame.Column {
	cols := make([]frame.Column, len(c.Channels))
	for i := range c.Channels {
		cols[i] = frame.Column{Index: uint16(i), Format: frame.F32, Scale: 1}
		switch c.Channels[i].Format {
		case "f64":
			cols[i].Format = frame.F64
		case "i16":
			cols[i].Format = frame.I16
		case "enum":
			cols[i].Format = frame.Enum
		}
	}
	return cols
}
