package frame

import (
	"encoding/binary"
	"math"
	"slices"
	"time"
)

// pending is a frame that is being collected, column by column.
type pending struct {
	stream  uint64
	epoch   uint32
	lost    uint32
	seq     uint64 // of the first sample
	covered uint64 // min/max: source samples behind the pairs
	cols    []Column
	device  bool
	minmax  bool
	box     []time.Duration
	dev     []float64
	vals    [][]float64
	room    int // samples that keep the frame within MaxSize
}

// shape sets the columns of an empty pending.
func (p *pending) shape(cols []Column, device bool) {
	p.cols = append(p.cols[:0], cols...)
	p.device = device
	bytes := 4 // box time
	if device {
		bytes += 8
	}
	for i := range p.cols {
		if p.cols[i].Scale == 0 {
			p.cols[i].Scale = 1
		}
		bytes += p.cols[i].Format.Size()
	}
	p.room = min(maxSamples, (MaxSize-headerSize-8*4-len(cols)*(columnSize+8))/bytes)
	for len(p.vals) < len(cols) {
		p.vals = append(p.vals, nil)
	}
	p.vals = p.vals[:len(cols)]
	p.clear()
}

func (p *pending) clear() {
	p.box, p.dev = p.box[:0], p.dev[:0]
	for i := range p.vals {
		p.vals[i] = p.vals[i][:0]
	}
	p.lost, p.covered = 0, 0
}

// fits reports whether n samples from time box on may join this frame.
func (p *pending) fits(box time.Duration, n int) bool {
	if len(p.box) == 0 {
		return true
	}
	d := box - p.box[0]
	return d >= 0 && d/time.Microsecond < maxSpanUS && len(p.box)+n <= p.room
}

func (p *pending) add(box time.Duration, deviceUS float64, vals []float64) {
	p.box = append(p.box, box)
	if p.device {
		p.dev = append(p.dev, deviceUS)
	}
	for i := range p.vals {
		x := math.NaN()
		if i < len(vals) {
			x = vals[i]
		}
		p.vals[i] = append(p.vals[i], x)
	}
}

// encode appends the frame to dst. The caller clears p.
func (p *pending) encode(dst []byte) []byte {
	n := len(p.box)
	flags, boxBytes, devBytes := uint16(0), 8, 0
	boxStep, ok := p.boxStep()
	if ok {
		flags |= FlagBoxStep
	} else {
		boxBytes = pad8(4 * n)
	}
	var devStep float64
	if p.device {
		flags |= FlagDevice
		devBytes = 8 * n
		if devStep, ok = p.deviceStep(); ok {
			flags |= FlagDeviceStep
			devBytes = 16
		}
	}
	size := headerSize + columnSize*len(p.cols) + boxBytes + devBytes
	if p.minmax {
		flags |= FlagMinMax
		size += 8
	}
	for _, c := range p.cols {
		size += pad8(c.Format.Size() * n)
	}

	at := len(dst)
	dst = slices.Grow(dst, size)[:at+size]
	b := dst[at:]
	clear(b)
	le := binary.LittleEndian
	b[0], b[1] = magic, version
	le.PutUint16(b[2:], flags)
	le.PutUint16(b[4:], uint16(len(p.cols)))
	le.PutUint32(b[8:], uint32(n))
	le.PutUint32(b[12:], uint32(size))
	le.PutUint64(b[16:], p.stream)
	le.PutUint32(b[24:], p.epoch)
	le.PutUint32(b[28:], p.lost)
	le.PutUint64(b[32:], p.seq)
	if n > 0 {
		le.PutUint64(b[40:], uint64(p.box[0]))
	}
	b = b[headerSize:]
	for _, c := range p.cols {
		b[0] = byte(c.Format)
		le.PutUint16(b[2:], c.Index)
		le.PutUint32(b[8:], math.Float32bits(c.Scale))
		le.PutUint32(b[12:], math.Float32bits(c.Offset))
		b = b[columnSize:]
	}
	if p.minmax {
		le.PutUint64(b, p.covered)
		b = b[8:]
	}
	if flags&FlagBoxStep != 0 {
		le.PutUint64(b, math.Float64bits(boxStep))
	} else {
		for i, t := range p.box {
			le.PutUint32(b[4*i:], uint32((t-p.box[0]+time.Microsecond/2)/time.Microsecond))
		}
	}
	b = b[boxBytes:]
	if flags&FlagDeviceStep != 0 {
		le.PutUint64(b, math.Float64bits(p.dev[0]))
		le.PutUint64(b[8:], math.Float64bits(devStep))
	} else {
		for i, x := range p.dev {
			le.PutUint64(b[8*i:], math.Float64bits(x))
		}
	}
	b = b[devBytes:]
	for i, c := range p.cols {
		put(b, c, p.vals[i])
		b = b[pad8(c.Format.Size()*n):]
	}
	return dst
}

// put writes one channel's array.
func put(b []byte, c Column, vals []float64) {
	le := binary.LittleEndian
	switch c.Format {
	case F32:
		for i, x := range vals {
			le.PutUint32(b[4*i:], math.Float32bits(float32(x)))
		}
	case F64:
		for i, x := range vals {
			le.PutUint64(b[8*i:], math.Float64bits(x))
		}
	case I16:
		scale, offset := float64(c.Scale), float64(c.Offset)
		for i, x := range vals {
			raw := int16(missingI16)
			if r := math.RoundToEven((x - offset) / scale); r == r {
				raw = int16(max(-math.MaxInt16, min(math.MaxInt16, r)))
			}
			le.PutUint16(b[2*i:], uint16(raw))
		}
	case Enum:
		for i, x := range vals {
			code := byte(missingEnum)
			if x >= 0 && x < missingEnum && x == math.Trunc(x) {
				code = byte(x)
			}
			b[i] = code
		}
	}
}

// boxStep is the constant step in us that gives every box time within 1 us.
func (p *pending) boxStep() (us float64, ok bool) {
	n := len(p.box)
	if n < 2 {
		return 0, true
	}
	t0 := p.box[0]
	step := float64(p.box[n-1]-t0) / float64(n-1)
	for i, t := range p.box {
		if math.Abs(step*float64(i)-float64(t-t0)) > float64(time.Microsecond) {
			return 0, false
		}
	}
	return step / 1e3, true
}

// deviceStep is the constant step in us that gives every device time exactly.
func (p *pending) deviceStep() (us float64, ok bool) {
	n := len(p.dev)
	if n < 2 {
		return 0, n == 1 && finite(p.dev[0])
	}
	step := (p.dev[n-1] - p.dev[0]) / float64(n-1)
	for i, x := range p.dev {
		if p.dev[0]+step*float64(i) != x {
			return 0, false
		}
	}
	return step, true
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
