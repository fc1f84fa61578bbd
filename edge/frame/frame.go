package frame

import (
	"errors"
	"math"
	"time"
)

// Format is how one channel's values are stored.
type Format uint8

// The formats. Missing values are NaN, NaN, -32768 and 255.
const (
	F32  Format = 1 // IEEE 754 binary32
	F64  Format = 2 // IEEE 754 binary64
	I16  Format = 3 // int16, value = raw*scale + offset
	Enum Format = 4 // uint8 code
)

// Size is the number of bytes of one value, 0 for an unknown format.
func (f Format) Size() int {
	switch f {
	case F32:
		return 4
	case F64:
		return 8
	case I16:
		return 2
	case Enum:
		return 1
	}
	return 0
}

// Flags of a header.
const (
	FlagBoxStep    = 1 << 0 // box time is a constant step
	FlagDevice     = 1 << 1 // device times are present
	FlagDeviceStep = 1 << 2 // device time is a constant step
	FlagMinMax     = 1 << 3 // min/max view: pairs of extremes, no samples

	knownFlags = FlagBoxStep | FlagDevice | FlagDeviceStep | FlagMinMax
)

// LostUnknown in Header.Lost: some samples are missing, nobody knows how many.
const LostUnknown = 0xFFFFFFFF

// Bounds that Parse enforces and Builder keeps.
const (
	MaxSize = 16 << 20  // bytes of one frame
	MaxInt  = 1<<53 - 1 // greatest stream id and sequence number (exact in JavaScript)

	maxSamples  = 1 << 16 // per frame, so that a builder nobody drains stays in bounds
	maxChannels = 1024
	maxSpanUS   = math.MaxUint32
	headerSize  = 48
	columnSize  = 16
	magic       = 'L'
	version     = 1

	missingI16  = math.MinInt16
	missingEnum = math.MaxUint8
)

// Column says which channel of the device's contract an array holds, and how.
// Scale and Offset concern I16 only; a Scale of 0 is taken as 1.
type Column struct {
	Index  uint16
	Format Format
	Scale  float32
	Offset float32
}

// Header is the fixed part of a frame.
type Header struct {
	Flags    uint16
	Channels int
	Samples  int           // in a min/max view two per bucket
	Size     int           // bytes of the whole frame
	Stream   uint64        // names the device's stream
	Epoch    uint32        // changes with a restart, a new contract or calibration
	Lost     uint32        // samples missing right before this frame, or LostUnknown
	Seq      uint64        // number of the first sample in this epoch
	Next     uint64        // Seq of the sample after the last one this frame covers
	T0       time.Duration // box's monotonic time of the first sample
}

// MinMax reports whether the frame is a min/max view.
func (h Header) MinMax() bool { return h.Flags&FlagMinMax != 0 }

// Errors of Parse, wrapped with the place.
var (
	ErrShort   = errors.New("frame: bytes end early")
	ErrMagic   = errors.New("frame: not a sample frame")
	ErrVersion = errors.New("frame: unknown version or flags")
	ErrLength  = errors.New("frame: lengths do not agree")
	ErrValue   = errors.New("frame: header value out of bounds")
)

// AddLost adds two counts of lost samples: unknown stays unknown.
func AddLost(a, b uint32) uint32 {
	if s := uint64(a) + uint64(b); s < LostUnknown {
		return uint32(s)
	}
	return LostUnknown
}

func pad8(n int) int { return (n + 7) &^ 7 }
