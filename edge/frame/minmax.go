package frame

import (
	"math"
	"slices"
	"time"
)

// Decimator makes the min/max view of one stream: of every bucket of box time it
// keeps two values per channel, the smallest and the greatest in the order they
// came, so that no peak is lost however coarse the plot. A gap ends a bucket and
// is declared before the next. It is not safe for concurrent use.
type Decimator struct {
	width time.Duration
	p     pending
	done  []byte
	used  bool

	open   bool // a bucket is being filled
	bucket int64
	seq    uint64
	next   uint64
	lost   uint32
	count  uint64
	t0, t1 time.Duration
	d0, d1 float64
	lo, hi []extreme
	first  []float64
	last   []float64
	cols   []Column
	row    []float64
}

type extreme struct {
	x  float64
	at uint64
}

// NewDecimator returns a Decimator that gives at most maxHz buckets a second.
func NewDecimator(maxHz float64) *Decimator {
	width := time.Duration(float64(time.Second) / maxHz)
	if !(maxHz > 0) || width < time.Microsecond {
		width = time.Microsecond
	}
	d := &Decimator{width: width}
	d.p.minmax = true
	return d
}

// Add takes the next frame of the stream. A jump in the sequence counts as a gap
// even where the frame declares none. A min/max view is no stream and is skipped.
func (d *Decimator) Add(v View) {
	h := v.Header()
	if h.MinMax() {
		return
	}
	d.match(v)
	if h.Lost != 0 || h.Seq != d.next {
		d.shut()
		lost := h.Lost
		if h.Seq > d.next {
			lost = max(lost, AddLost(0, uint32(min(h.Seq-d.next, LostUnknown))))
		}
		d.lost = AddLost(d.lost, lost)
	}
	for i := range h.Samples {
		d.row = d.row[:0]
		for ch := range h.Channels {
			d.row = append(d.row, v.Value(ch, i))
		}
		dev, _ := v.DeviceTime(i)
		d.sample(h.Seq+uint64(i), v.BoxTime(i), dev)
	}
	d.next = h.Next
}

// match closes the open frame when v is of another stream, epoch or shape.
func (d *Decimator) match(v View) {
	h := v.Header()
	device := h.Flags&FlagDevice != 0
	d.cols = d.cols[:0]
	for i := range h.Channels {
		d.cols = append(d.cols, v.Column(i))
	}
	if d.used && d.p.stream == h.Stream && d.p.epoch == h.Epoch && d.p.device == device && slices.Equal(d.p.cols, d.cols) {
		return
	}
	d.shut()
	d.flush()
	d.p.stream, d.p.epoch = h.Stream, h.Epoch
	d.p.shape(d.cols, device)
	copy(d.p.cols, d.cols) // as they came, a scale of 0 too
	d.lo = slices.Grow(d.lo[:0], len(d.cols))[:len(d.cols)]
	d.hi = slices.Grow(d.hi[:0], len(d.cols))[:len(d.cols)]
	d.next, d.used = h.Seq, true
}

func (d *Decimator) sample(seq uint64, box time.Duration, dev float64) {
	bucket := int64(math.Floor(float64(box) / float64(d.width)))
	if d.open && bucket != d.bucket {
		d.shut()
	}
	if !d.open {
		d.open, d.bucket, d.seq, d.count = true, bucket, seq, 0
		d.t0, d.t1, d.d0 = box, box, dev
		for i := range d.lo {
			d.lo[i] = extreme{x: math.NaN()}
			d.hi[i] = extreme{x: math.NaN()}
		}
	}
	d.t1, d.d1 = max(d.t1, box), dev
	for i, x := range d.row {
		if x < d.lo[i].x || d.lo[i].x != d.lo[i].x {
			d.lo[i] = extreme{x, seq}
		}
		if x > d.hi[i].x || d.hi[i].x != d.hi[i].x {
			d.hi[i] = extreme{x, seq}
		}
	}
	d.count++
}

// shut ends the open bucket.
func (d *Decimator) shut() {
	if !d.open {
		return
	}
	d.open = false
	if d.lost != 0 || !d.p.fits(d.t0, 2) || !d.p.fits(d.t1, 2) {
		d.flush()
	}
	if len(d.p.box) == 0 {
		d.p.seq, d.p.lost = d.seq, d.lost
		d.lost = 0
	}
	d.first, d.last = d.first[:0], d.last[:0]
	for i := range d.lo {
		a, b := d.lo[i], d.hi[i]
		if b.at < a.at {
			a, b = b, a
		}
		d.first, d.last = append(d.first, a.x), append(d.last, b.x)
	}
	d.p.add(d.t0, d.d0, d.first)
	d.p.add(d.t1, d.d1, d.last)
	d.p.covered += d.count
}

func (d *Decimator) flush() {
	if len(d.p.box) > 0 {
		d.done = d.p.encode(d.done)
		d.p.clear()
	}
}

// AppendFrame appends the buckets that have ended by the box's monotonic time
// now to dst and forgets them: nothing, one frame, or several where gaps lie
// between.
func (d *Decimator) AppendFrame(dst []byte, now time.Duration) []byte {
	if d.open && int64(math.Floor(float64(now)/float64(d.width))) > d.bucket {
		d.shut()
	}
	d.flush()
	dst = append(dst, d.done...)
	d.done = d.done[:0]
	return dst
}
