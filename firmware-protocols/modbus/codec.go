package modbus

import (
	"encoding/binary"
	"fmt"
	"math"
)

// kind is Type for the hot path.
type kind uint8

const (
	kindU16 kind = iota
	kindI16
	kindU32
	kindI32
	kindU64
	kindI64
	kindF32
	kindF64
	kindBit
	kindBCD
	kindText
)

// codec is a checked Register.
type codec struct {
	kind        kind
	words       int
	littleWords bool
	littleBytes bool
	hasMissing  bool
	bit         uint8
	scale       float64
	div         float64 // not 0: used in place of scale
	offset      float64
	missing     int64
}

func codecOf(t Type) (codec, bool) {
	types := [...]struct {
		t     Type
		words int
	}{{U16, 1}, {I16, 1}, {U32, 2}, {I32, 2}, {U64, 4}, {I64, 4}, {F32, 2}, {F64, 4}, {Bit, 1}, {BCD, 1}, {Text, 1}}
	for k, x := range types {
		if x.t == t {
			return codec{kind: kind(k), words: x.words}, true
		}
	}
	return codec{}, false
}

func (c *codec) mask() uint16 { return 1 << c.bit }

// gather joins the registers at p to one number, as the device means them.
func (c *codec) gather(p []byte) (v uint64) {
	for i := range c.words {
		k := i
		if c.littleWords {
			k = c.words - 1 - i
		}
		w := binary.BigEndian.Uint16(p[2*k:])
		if c.littleBytes {
			w = w<<8 | w>>8
		}
		v = v<<16 | uint64(w)
	}
	return v
}

// scatter is the reverse of gather.
func (c *codec) scatter(dst []byte, v uint64) []byte {
	for i := range c.words {
		k := c.words - 1 - i
		if c.littleWords {
			k = i
		}
		w := uint16(v >> (16 * k))
		if c.littleBytes {
			w = w<<8 | w>>8
		}
		dst = binary.BigEndian.AppendUint16(dst, w)
	}
	return dst
}

// value reads the registers at p. It is false for NaN, for digits that are none,
// and for what the device declares missing.
func (c *codec) value(p []byte) (float64, bool) {
	v := c.gather(p)
	var raw float64
	n := int64(v)
	switch c.kind {
	case kindU16, kindU32, kindU64:
		raw = float64(v)
	case kindI16:
		n = int64(int16(v))
		raw = float64(n)
	case kindI32:
		n = int64(int32(v))
		raw = float64(n)
	case kindI64:
		raw = float64(n)
	case kindF32:
		raw = float64(math.Float32frombits(uint32(v)))
	case kindF64:
		raw = math.Float64frombits(v)
	case kindBit:
		return float64(v >> c.bit & 1), true
	case kindBCD:
		n = 0
		for i := 4*c.words - 1; i >= 0; i-- {
			d := int64(v >> (4 * i) & 15)
			if d > 9 {
				return math.NaN(), false
			}
			n = 10*n + d
		}
		raw = float64(n)
	default:
		return math.NaN(), false
	}
	if c.hasMissing && n == c.missing && (c.kind != kindU64 || v <= math.MaxInt64) {
		return math.NaN(), false
	}
	x := raw*c.scale + c.offset
	if c.div != 0 {
		x = raw/c.div + c.offset
	}
	return x, !math.IsNaN(x)
}

// rawOf is the number that stands for value, or why there is none.
func (c *codec) rawOf(field string, value float64) (uint64, error) {
	refused := func(why string) (uint64, error) {
		return 0, fmt.Errorf("%w: %q: %v %s", ErrRange, field, value, why)
	}
	if math.IsNaN(value) || math.IsInf(value, 0) {
		return refused("is no finite number")
	}
	x := (value - c.offset) / c.scale
	if c.div != 0 {
		x = (value - c.offset) * c.div
	}
	if c.kind != kindF32 && c.kind != kindF64 {
		x = math.Round(x)
	}
	lo, below := 0.0, 0.0 // lo <= x < below
	switch c.kind {
	case kindU16:
		below = 1 << 16
	case kindI16:
		lo, below = -1<<15, 1<<15
	case kindU32:
		below = 1 << 32
	case kindI32:
		lo, below = -1<<31, 1<<31
	case kindU64:
		below = 1 << 64
	case kindI64:
		lo, below = -1<<63, 1<<63
	case kindF32:
		f := float32(x)
		if math.IsInf(float64(f), 0) {
			return refused("is beyond f32")
		}
		return uint64(math.Float32bits(f)), nil
	case kindF64:
		if math.IsInf(x, 0) {
			return refused("is beyond f64")
		}
		return math.Float64bits(x), nil
	case kindBit:
		if value != 0 && value != 1 {
			return refused("is neither 0 nor 1")
		}
		return uint64(value), nil
	case kindBCD:
		below = math.Pow10(4 * c.words)
	default:
		return refused("is no text")
	}
	if !(x >= lo && x < below) {
		return refused(fmt.Sprintf("is raw %v, the register holds %v to %v", x, lo, below-1))
	}
	v := uint64(int64(x))
	if c.kind == kindU64 {
		v = uint64(x)
	}
	if c.hasMissing && int64(v) == c.missing && (c.kind != kindU64 || v <= math.MaxInt64) {
		return refused(fmt.Sprintf("is raw %d, by which the device says that it has no value", c.missing))
	}
	if c.kind == kindBCD {
		return toBCD(v), nil
	}
	return v, nil
}

func toBCD(n uint64) (v uint64) {
	for i := 0; n > 0; i, n = i+4, n/10 {
		v |= n % 10 << i
	}
	return v
}

// put appends the registers that hold value.
func (c *codec) put(dst []byte, field string, value float64) ([]byte, error) {
	v, err := c.rawOf(field, value)
	if err != nil {
		return dst, err
	}
	return c.scatter(dst, v), nil
}
