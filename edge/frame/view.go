package frame

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"
)

// View reads one frame in place: it holds the bytes it was parsed from, which
// must not change under it.
type View struct {
	b       []byte
	h       Header
	box     int // offsets of the sections
	dev     int
	data    int
	boxStep float64 // us
}

// Parse checks the frame at the start of b and returns a view of it and the
// bytes after it. Every length is checked, so a View's methods do not panic for
// channels and samples within the header's counts, whatever the bytes.
func Parse(b []byte) (v View, rest []byte, err error) {
	if len(b) < headerSize {
		return v, b, fmt.Errorf("%w: %d bytes", ErrShort, len(b))
	}
	le := binary.LittleEndian
	if b[0] != magic {
		return v, b, ErrMagic
	}
	h := Header{
		Flags:    le.Uint16(b[2:]),
		Channels: int(le.Uint16(b[4:])),
		Samples:  int(le.Uint32(b[8:])),
		Size:     int(le.Uint32(b[12:])),
		Stream:   le.Uint64(b[16:]),
		Epoch:    le.Uint32(b[24:]),
		Lost:     le.Uint32(b[28:]),
		Seq:      le.Uint64(b[32:]),
		T0:       time.Duration(le.Uint64(b[40:])),
	}
	switch {
	case b[1] != version, h.Flags&^knownFlags != 0:
		return v, b, fmt.Errorf("%w: version %d, flags %#x", ErrVersion, b[1], h.Flags)
	case h.Size < headerSize || h.Size%8 != 0 || h.Size > MaxSize:
		return v, b, fmt.Errorf("%w: size %d", ErrLength, h.Size)
	case h.Size > len(b):
		return v, b, fmt.Errorf("%w: %d of %d bytes", ErrShort, len(b), h.Size)
	case h.Channels == 0 || h.Channels > maxChannels:
		return v, b, fmt.Errorf("%w: %d channels", ErrValue, h.Channels)
	case h.Samples > h.Size: // every sample takes a byte at least
		return v, b, fmt.Errorf("%w: %d samples in %d bytes", ErrLength, h.Samples, h.Size)
	case h.Stream > MaxInt || h.Seq > MaxInt || h.T0 < -maxT0 || h.T0 > maxT0:
		return v, b, fmt.Errorf("%w: stream %d, seq %d, t0 %d", ErrValue, h.Stream, h.Seq, h.T0)
	case h.Flags&(FlagDevice|FlagDeviceStep) == FlagDeviceStep:
		return v, b, fmt.Errorf("%w: device step without device time", ErrVersion)
	}
	v = View{b: b[:h.Size:h.Size], h: h}
	if err := v.layout(); err != nil {
		return View{}, b, err
	}
	return v, b[h.Size:], nil
}

// maxT0 keeps t0 plus the span of a frame within an int64.
const maxT0 = 1 << 62

// layout finds the sections and checks that they fill the frame exactly.
func (v *View) layout() error {
	n, end := v.h.Samples, headerSize+columnSize*v.h.Channels
	v.h.Next = v.h.Seq + uint64(n)
	v.box = end
	if v.h.MinMax() {
		v.box += 8
	}
	v.dev = v.box + 8
	if v.h.Flags&FlagBoxStep == 0 {
		v.dev = v.box + pad8(4*n)
	}
	v.data = v.dev
	switch v.h.Flags & (FlagDevice | FlagDeviceStep) {
	case FlagDevice:
		v.data += 8 * n
	case FlagDevice | FlagDeviceStep:
		v.data += 16
	}
	if v.data > v.h.Size {
		return fmt.Errorf("%w: time sections", ErrLength)
	}
	size := v.data
	for i := range v.h.Channels {
		w := Format(v.b[headerSize+columnSize*i]).Size()
		if w == 0 {
			return fmt.Errorf("%w: format of column %d", ErrValue, i)
		}
		size += pad8(w * n)
	}
	if size != v.h.Size {
		return fmt.Errorf("%w: sections take %d bytes, frame says %d", ErrLength, size, v.h.Size)
	}
	if v.h.MinMax() {
		covered := v.u64(end)
		if n%2 != 0 || covered > MaxInt || covered < uint64(n/2) {
			return fmt.Errorf("%w: %d pairs of %d samples", ErrValue, n/2, covered)
		}
		v.h.Next = v.h.Seq + covered
	}
	if v.h.Next > MaxInt {
		return fmt.Errorf("%w: seq %d", ErrValue, v.h.Seq)
	}
	if v.h.Flags&FlagBoxStep != 0 {
		v.boxStep = math.Float64frombits(v.u64(v.box))
		if s := v.boxStep * float64(n); !(v.boxStep >= 0 && s <= 2*maxSpanUS) {
			return fmt.Errorf("%w: box time step", ErrValue)
		}
	}
	return nil
}

func (v View) u64(at int) uint64 { return binary.LittleEndian.Uint64(v.b[at:]) }

// Header returns the fixed part.
func (v View) Header() Header { return v.h }

// Bytes returns the frame, the same bytes it was parsed from.
func (v View) Bytes() []byte { return v.b }

// Column returns the i-th column's description.
func (v View) Column(i int) Column {
	b := v.b[headerSize+columnSize*i:]
	le := binary.LittleEndian
	return Column{
		Index:  le.Uint16(b[2:]),
		Format: Format(b[0]),
		Scale:  math.Float32frombits(le.Uint32(b[8:])),
		Offset: math.Float32frombits(le.Uint32(b[12:])),
	}
}

// BoxTime returns the box's monotonic time of sample i.
func (v View) BoxTime(i int) time.Duration {
	if v.h.Flags&FlagBoxStep != 0 {
		return v.h.T0 + time.Duration(math.Round(v.boxStep*float64(i)*1e3))
	}
	us := binary.LittleEndian.Uint32(v.b[v.box+4*i:])
	return v.h.T0 + time.Duration(us)*time.Microsecond
}

// DeviceTime returns the device's own time of sample i in us, ok false where it
// is not known.
func (v View) DeviceTime(i int) (us float64, ok bool) {
	switch v.h.Flags & (FlagDevice | FlagDeviceStep) {
	case FlagDevice:
		us = math.Float64frombits(v.u64(v.dev + 8*i))
	case FlagDevice | FlagDeviceStep:
		us = math.Float64frombits(v.u64(v.dev)) + math.Float64frombits(v.u64(v.dev+8))*float64(i)
	default:
		return math.NaN(), false
	}
	return us, us == us
}

// Value returns sample i of column ch, NaN where it is missing.
func (v View) Value(ch, i int) float64 {
	at, c := v.array(ch)
	return value(v.b[at:], c, i)
}

// AppendValues appends the whole column ch to dst: the way to read many.
func (v View) AppendValues(dst []float64, ch int) []float64 {
	at, c := v.array(ch)
	b := v.b[at:]
	for i := range v.h.Samples {
		dst = append(dst, value(b, c, i))
	}
	return dst
}

// array finds the array of column ch.
func (v View) array(ch int) (at int, c Column) {
	at = v.data
	for i := range ch {
		at += pad8(Format(v.b[headerSize+columnSize*i]).Size() * v.h.Samples)
	}
	return at, v.Column(ch)
}

func value(b []byte, c Column, i int) float64 {
	le := binary.LittleEndian
	switch c.Format {
	case F32:
		return float64(math.Float32frombits(le.Uint32(b[4*i:])))
	case F64:
		return math.Float64frombits(le.Uint64(b[8*i:]))
	case I16:
		if raw := int16(le.Uint16(b[2*i:])); raw != missingI16 {
			return float64(raw)*float64(c.Scale) + float64(c.Offset)
		}
	case Enum:
		if b[i] != missingEnum {
			return float64(b[i])
		}
	}
	return math.NaN()
}
