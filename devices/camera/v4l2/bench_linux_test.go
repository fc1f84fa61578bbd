package v4l2

import (
	"bytes"
	"image"
	"image/jpeg"
	"math/rand/v2"
	"testing"
)

// What a picture of a Motion-JPEG camera costs: it is walked over and copied.
func BenchmarkClean1280x720(b *testing.B) {
	img := image.NewYCbCr(image.Rect(0, 0, 1280, 720), image.YCbCrSubsampleRatio420)
	rng := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // no secret
	for i := range img.Y {
		img.Y[i] = byte(100 + rng.IntN(24))
	}
	var out bytes.Buffer
	if err := jpeg.Encode(&out, img, &jpeg.Options{Quality: quality}); err != nil {
		b.Fatal(err)
	}
	frame := withoutTables(b, out.Bytes())
	b.SetBytes(int64(len(frame)))
	for b.Loop() {
		if _, ok := cleaned(frame, 4<<20); !ok {
			b.Fatal("damaged")
		}
	}
}
