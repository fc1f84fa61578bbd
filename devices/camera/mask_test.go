package camera

import (
	"bytes"
	"context"
	"testing"
	"time"

	"labbox/devices/camera/source"
	"labbox/edge"
	"labbox/edge/config"
)

// endless is a progressive JPEG of 180 kB whose many scans, of almost no bytes, are
// minutes of work for a decoder.
func endless() []byte {
	var b bytes.Buffer
	b.WriteString("\xff\xd8")
	segment := func(marker byte, p ...byte) {
		b.Write([]byte{0xFF, marker, 0, byte(len(p) + 2)})
		b.Write(p)
	}
	code := func(table, symbol byte) []byte { // one code, of one bit
		return append(append([]byte{table, 1}, make([]byte, 15)...), symbol)
	}
	segment(0xDB, append([]byte{0}, bytes.Repeat([]byte{1}, 64)...)...)
	segment(0xC2, 8, 0x10, 0, 0x10, 0, 3, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0)
	segment(0xC4, code(0x00, 0)...)
	segment(0xC4, code(0x10, 0xE0)...) // ends a run of 16384 blocks
	segment(0xDA, 3, 1, 0, 2, 0, 3, 0, 0, 0, 0)
	b.Write(make([]byte, 3*512*512/8))
	for i := range 2000 {
		segment(0xDA, 1, byte(1+i%3), 0, 1, 63, 0x10)
		b.Write(make([]byte, 16*15/8))
	}
	b.WriteString("\xff\xd9")
	return b.Bytes()
}

// A picture that takes too long to decode is none, and does not hold up the end.
func TestMaskInTime(t *testing.T) {
	h := &hub{cfg: &config.Camera{ID: "a", Mask: []config.Mask{{Width: 50, Height: 50}}}}
	b := endless()
	for _, within := range []time.Duration{100 * time.Millisecond, time.Hour} {
		ctx, cancel := context.WithTimeout(t.Context(), within)
		begin := time.Now()
		_, err := h.admit(ctx, b)
		cancel()
		if err == nil || edge.AsError(err).Args["why"] != string(source.NotJPEG) {
			t.Errorf("%v", err)
		}
		if took := time.Since(begin); took > 20*time.Second {
			t.Errorf("%v", took)
		}
	}
}
