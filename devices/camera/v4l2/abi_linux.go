package v4l2

import (
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// What linux/videodev2.h says, as far as it is used here.

type capability struct {
	driver       [16]byte
	card         [32]byte
	busInfo      [32]byte
	version      uint32
	capabilities uint32 // of all nodes of the camera
	deviceCaps   uint32 // of this node
	reserved     [3]uint32
}

type formatDesc struct {
	index       uint32
	typ         uint32
	flags       uint32
	description [32]byte
	pixelFormat uint32
	mbusCode    uint32
	reserved    [3]uint32
}

type pixFormat struct {
	width, height uint32
	pixelFormat   uint32
	field         uint32
	bytesPerLine  uint32
	sizeImage     uint32
	colorspace    uint32
	priv          uint32
	flags         uint32
	encoding      uint32
	quantization  uint32
	transfer      uint32
}

type format struct {
	typ uint32
	_   [0]uintptr // the union holds pointers
	pix pixFormat
	_   [200 - 48]byte
}

type requestBuffers struct {
	count        uint32
	typ          uint32
	memory       uint32
	capabilities uint32
	flags        [4]byte
}

type buffer struct {
	index     uint32
	typ       uint32
	bytesUsed uint32
	flags     uint32
	field     uint32
	timestamp unix.Timeval
	timecode  [16]byte
	sequence  uint32
	memory    uint32
	offset    uintptr // a union: the lower or only 32 bits
	length    uint32
	reserved  [2]uint32
}

type streamParm struct {
	typ         uint32
	capability  uint32
	mode        uint32
	numerator   uint32
	denominator uint32
	_           [204 - 20]byte
}

const (
	typeCapture  = 1
	memoryMmap   = 1
	fieldNone    = 1
	capCapture   = 0x1
	capStreaming = 0x0400_0000
	capDevice    = 0x8000_0000 // deviceCaps is filled in
	flagError    = 0x40

	colorspaceJPEG = 7
	rangeFull      = 1
	rangeLimited   = 2

	fmtMJPG = 'M' | 'J'<<8 | 'P'<<16 | 'G'<<24
	fmtJPEG = 'J' | 'P'<<8 | 'E'<<16 | 'G'<<24
	fmtYUYV = 'Y' | 'U'<<8 | 'Y'<<16 | 'V'<<24
	fmtUYVY = 'U' | 'Y'<<8 | 'V'<<16 | 'Y'<<24
)

// Numbers of the calls, by the generic encoding: direction, size, 'V', number.
const (
	read, write = 2 << 30, 1 << 30

	queryCap  = read | unsafe.Sizeof(capability{})<<16 | 'V'<<8
	enumFmt   = read | write | unsafe.Sizeof(formatDesc{})<<16 | 'V'<<8 | 2
	setFmt    = read | write | unsafe.Sizeof(format{})<<16 | 'V'<<8 | 5
	reqBufs   = read | write | unsafe.Sizeof(requestBuffers{})<<16 | 'V'<<8 | 8
	queryBuf  = read | write | unsafe.Sizeof(buffer{})<<16 | 'V'<<8 | 9
	qBuf      = read | write | unsafe.Sizeof(buffer{})<<16 | 'V'<<8 | 15
	dqBuf     = read | write | unsafe.Sizeof(buffer{})<<16 | 'V'<<8 | 17
	streamOn  = write | 4<<16 | 'V'<<8 | 18
	streamOff = write | 4<<16 | 'V'<<8 | 19
	setParm   = read | write | unsafe.Sizeof(streamParm{})<<16 | 'V'<<8 | 22
)

// mapAt is where a buffer is mapped.
func (b *buffer) mapAt() int64 { return int64(*(*uint32)(unsafe.Pointer(&b.offset))) }

// text is what a driver filled in.
func text(b []byte) string {
	for i, c := range b {
		if c == 0 {
			b = b[:i]
			break
		}
		if c < ' ' || c == 0x7F {
			b[i] = '?'
		}
	}
	return string(b)
}

// fourCC is a pixel format's name.
func fourCC(code uint32) string {
	b := make([]byte, 4)
	for i := range b {
		if b[i] = byte(code >> (8 * i)); b[i] < ' ' || b[i] > '~' {
			b[i] = '?'
		}
	}
	return strings.TrimRight(string(b), " ")
}
