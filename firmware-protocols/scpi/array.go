package scpi

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Element is the type of the numbers in a block.
type Element uint8

// The types of elements.
const (
	U8 Element = iota
	I8
	U16
	I16
	U32
	I32
	F32
	F64
)

func (e Element) String() string {
	names := [...]string{"u8", "i8", "u16", "i16", "u32", "i32", "f32", "f64"}
	if int(e) < len(names) {
		return names[e]
	}
	return "unknown"
}

// ParseElement is the reverse of Element.String.
func ParseElement(s string) (Element, error) {
	for e := U8; e <= F64; e++ {
		if s == e.String() {
			return e, nil
		}
	}
	return 0, fmt.Errorf("%w: element %q is none of u8, i8, u16, i16, u32, i32, f32, f64", ErrOptions, s)
}

// Size is the bytes of one element.
func (e Element) Size() int { return [...]int{1, 1, 2, 2, 4, 4, 4, 8}[e&7] }

// AppendArray appends the numbers in the body of a block. Instruments send the most
// significant byte first unless told otherwise (FORMat:BORDer NORMal). A body that is
// no whole number of elements is refused as a whole.
func AppendArray(dst []float64, body []byte, e Element, order binary.ByteOrder) ([]float64, error) {
	size := e.Size()
	if e > F64 || len(body)%size != 0 {
		return dst, fmt.Errorf("%w: block of %d bytes, elements of %d", ErrReply, len(body), size)
	}
	little := order == binary.ByteOrder(binary.LittleEndian)
	for i := 0; i < len(body); i += size {
		var u uint64
		for k := range size {
			if little {
				u |= uint64(body[i+k]) << (8 * k)
			} else {
				u = u<<8 | uint64(body[i+k])
			}
		}
		dst = append(dst, e.number(u))
	}
	return dst, nil
}

func (e Element) number(u uint64) float64 {
	switch e {
	case I8:
		return float64(int8(u))
	case I16:
		return float64(int16(u))
	case I32:
		return float64(int32(u))
	case F32:
		return float64(math.Float32frombits(uint32(u)))
	case F64:
		return math.Float64frombits(u)
	}
	return float64(u)
}
