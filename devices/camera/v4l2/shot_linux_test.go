package v4l2

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"testing"
)

// shot is a JPEG of one colour, so that pictures can be told apart.
func shot(t testing.TB, gray byte, w, h int) []byte {
	t.Helper()
	img := image.NewYCbCr(image.Rect(0, 0, w, h), image.YCbCrSubsampleRatio420)
	for i := range img.Y {
		img.Y[i] = gray
	}
	for i := range img.Cb {
		img.Cb[i], img.Cr[i] = 128, 128
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// grayOf is a JPEG's value in its middle.
func grayOf(t testing.TB, b []byte) (gray byte, size image.Point) {
	t.Helper()
	img, err := jpeg.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	size = img.Bounds().Size()
	return color.GrayModel.Convert(img.At(size.X/2, size.Y/2)).(color.Gray).Y, size
}

// withoutTables takes the Huffman tables out of a JPEG, as UVC cameras do.
func withoutTables(t testing.TB, b []byte) []byte {
	t.Helper()
	out := bytes.Clone(b)
	for {
		i := bytes.Index(out, []byte{0xFF, dht})
		if i < 0 {
			return out
		}
		n := int(out[i+2])<<8 | int(out[i+3])
		out = append(out[:i:i], out[i+2+n:]...)
	}
}
