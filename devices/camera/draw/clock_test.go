package draw

import (
	"bytes"
	"image"
	"image/jpeg"
	"math/rand/v2"
	"testing"
	"time"

	"labbox/edge"
)

// The clock survives JPEG at any usual quality, and sizes from 160x120 up.
func TestReadClock(t *testing.T) {
	for _, size := range [][2]int{{160, 120}, {320, 240}, {640, 480}, {641, 481}, {1920, 1080}} {
		p := &pattern{f: newFont()}
		c := newCanvas(size[0], size[1])
		for _, at := range []time.Duration{0, 17 * time.Millisecond, time.Hour + 123*time.Millisecond, 300 * 24 * time.Hour, clockMost * time.Millisecond} {
			p.still(c)
			p.moving(t.Context(), c, at)
			for _, q := range []int{50, 80, 95} {
				var b bytes.Buffer
				if err := jpeg.Encode(&b, c, &jpeg.Options{Quality: q}); err != nil {
					t.Fatal(err)
				}
				img, err := jpeg.Decode(&b)
				if err != nil {
					t.Fatal(err)
				}
				if got, ok := ReadClock(img); !ok || got != at.Truncate(time.Millisecond) {
					t.Errorf("%v at quality %d, %v: read %v %v", size, q, at, got, ok)
				}
			}
		}
	}
}

// The stream's pictures carry the time at which they were made.
func TestPatternTellsTheTime(t *testing.T) {
	clock := edge.NewSystemClock()
	before := clock.Mono()
	img := pictureOf(t, NewPattern(Options{RateHz: 50, Clock: clock}), 2)
	got, ok := ReadClock(img)
	if after := clock.Mono(); !ok || got < before.Truncate(time.Millisecond) || got > after {
		t.Fatal(before, got, after, ok)
	}
}

// What is no pattern has no time.
func TestReadClockElsewhere(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	img := image.NewRGBA(image.Rect(0, 0, 320, 240))
	for range 200 {
		for i := range img.Pix {
			img.Pix[i] = uint8(r.Uint32())
		}
		if at, ok := ReadClock(img); ok {
			t.Fatal(at)
		}
	}
	for _, size := range []image.Point{{}, {1, 1}, {32, 20}, {10_000, 19}} {
		if at, ok := ReadClock(image.NewGray(image.Rectangle{Max: size})); ok {
			t.Fatal(size, at)
		}
	}
}
