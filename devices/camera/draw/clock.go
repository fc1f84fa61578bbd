package draw

import (
	"image"
	"time"
)

// The blocks that carry the clock; doc.go says how.
const (
	clockRows   = 2
	clockInRow  = 32
	clockBits   = clockRows * clockInRow
	clockSync   = 0xa5
	clockMost   = 1<<40 - 1
	clockHeight = 20 // each row is so many-th of the picture's height
)

// crc16 is CRC-16/CCITT-FALSE: polynomial 0x1021, initial 0xffff.
func crc16(b []byte) uint16 {
	crc := uint16(0xffff)
	for _, x := range b {
		crc ^= uint16(x) << 8
		for range 8 {
			carry := crc&0x8000 != 0
			crc <<= 1
			if carry {
				crc ^= 0x1021
			}
		}
	}
	return crc
}

// clockWord is what the blocks say at a time.
func clockWord(t time.Duration) uint64 {
	ms := uint64(max(t.Milliseconds(), 0)) & clockMost
	return clockSync<<56 | ms<<16 | uint64(crc16(fiveBytes(ms)))
}

func fiveBytes(ms uint64) []byte {
	return []byte{byte(ms >> 32), byte(ms >> 24), byte(ms >> 16), byte(ms >> 8), byte(ms)}
}

// clockBlock is where a bit is, the first is the highest.
func clockBlock(r image.Rectangle, i int) image.Rectangle {
	w, h := r.Dx(), r.Dy()/clockHeight
	x, y := i%clockInRow, i/clockInRow
	top := r.Max.Y - (clockRows-y)*h
	return image.Rect(r.Min.X+x*w/clockInRow, top, r.Min.X+(x+1)*w/clockInRow, top+h)
}

// drawClock paints the blocks, in black and white.
func (c *canvas) drawClock(t time.Duration) {
	word := clockWord(t)
	for i := range clockBits {
		v := uint8(20)
		if word>>(clockBits-1-i)&1 == 1 {
			v = 235
		}
		b := clockBlock(c.Rect, i)
		for y := b.Min.Y; y < b.Max.Y; y++ {
			line := c.Y[c.YOffset(b.Min.X, y):][:b.Dx()]
			for x := range line {
				line[x] = v
			}
		}
	}
}

// ReadClock reads the time that a test pattern carries; ok is false where there is none.
func ReadClock(img image.Image) (t time.Duration, ok bool) {
	r := img.Bounds()
	if r.Dx() < clockInRow || r.Dy() < clockHeight {
		return 0, false
	}
	var word uint64
	for i := range clockBits {
		b := clockBlock(r, i)
		b = b.Inset(min(b.Dx(), b.Dy()) / 4) // edges bleed
		sum, n := 0, 0
		for y := b.Min.Y; y < b.Max.Y; y++ {
			for x := b.Min.X; x < b.Max.X; x++ {
				sum += grey(img, x, y)
				n++
			}
		}
		word <<= 1
		if n > 0 && sum/n >= 128 {
			word |= 1
		}
	}
	ms := word >> 16 & clockMost
	if word>>56 != clockSync || uint16(word) != crc16(fiveBytes(ms)) {
		return 0, false
	}
	return time.Duration(ms) * time.Millisecond, true
}

func grey(img image.Image, x, y int) int {
	if p, ok := img.(*image.YCbCr); ok {
		return int(p.Y[p.YOffset(x, y)])
	}
	r, g, b, _ := img.At(x, y).RGBA()
	return int(299*r+587*g+114*b) / 1000 >> 8
}
