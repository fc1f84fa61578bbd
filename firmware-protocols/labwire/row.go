package labwire

import (
	"encoding/binary"
	"math"
)

// Row takes the values of one row, one channel after the other.
type Row struct {
	dict    *Dictionary
	data    []byte
	channel int // the next one
	n       uint8
}

// next says the kind of the next channel; ok is false past the last.
func (r *Row) next() (k ChannelKind, ok bool) {
	r.channel++
	if r.channel > len(r.dict.Channels) { // too many values spoil the row
		return 0, false
	}
	return r.dict.Channels[r.channel-1].Kind, true
}

// Raw adds the next channel's raw value: an int16 saturates, NaN is missing.
func (r *Row) Raw(v float64) {
	k, ok := r.next()
	switch {
	case !ok:
	case k == F32:
		r.data = binary.LittleEndian.AppendUint32(r.data, math.Float32bits(float32(v)))
	case math.IsNaN(v):
		r.data = binary.LittleEndian.AppendUint16(r.data, 1<<15)
	default:
		i := int16(max(-math.MaxInt16, min(math.MaxInt16, math.Round(v))))
		r.data = binary.LittleEndian.AppendUint16(r.data, uint16(i))
	}
}

// Shown adds the next channel's value in its unit.
func (r *Row) Shown(v float64) {
	if r.channel < len(r.dict.Channels) {
		if c := &r.dict.Channels[r.channel]; c.Kind == I16 {
			v = (v - c.Offset.Float()) / c.Scale.Float()
		}
	}
	r.Raw(v)
}

// Missing adds no value for the next channel.
func (r *Row) Missing() { r.Raw(math.NaN()) }
