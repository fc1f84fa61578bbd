package v4l2

import (
	"image"
	"math"
)

// packed describes pictures of two pixels in four bytes: Y0 Cb Y1 Cr (YUYV), or
// Cb Y0 Cr Y1 (UYVY).
type packed struct {
	width, height int
	stride        int  // bytes of a line
	chromaFirst   bool // UYVY
}

// size is how many bytes a picture has; the last line may be short.
func (p *packed) size() int { return (p.height-1)*p.stride + 2*p.width }

// levels stretch the limited range of ITU-R BT.601 (16 to 235, and 16 to 240) to the
// full one that a JPEG has (JFIF 1.02).
type levels struct{ luma, chroma [256]byte }

func limited() *levels {
	l := &levels{}
	for i := range 256 {
		l.luma[i] = clamp(float64(i-16) * 255 / 219)
		l.chroma[i] = clamp(float64(i-128)*255/224 + 128)
	}
	return l
}

func clamp(v float64) byte { return byte(math.Round(max(0, min(255, v)))) }

// unpack makes img, whose Rect is that of p, from b, which has at least p.size() bytes;
// a nil l leaves the values as they are.
func (p *packed) unpack(img *image.YCbCr, b []byte, l *levels) {
	luma, chroma := 0, 1
	if p.chromaFirst {
		luma, chroma = 1, 0
	}
	for y := range p.height {
		line := b[y*p.stride:][: 2*p.width : 2*p.width]
		ys := img.Y[y*img.YStride:][:p.width]
		cb, cr := img.Cb[y*img.CStride:][:p.width/2], img.Cr[y*img.CStride:][:p.width/2]
		for i := range cb {
			q := line[4*i:][:4]
			ys[2*i], ys[2*i+1], cb[i], cr[i] = q[luma], q[luma+2], q[chroma], q[chroma+2]
		}
		if l == nil {
			continue
		}
		for i, v := range ys {
			ys[i] = l.luma[v]
		}
		for i := range cb {
			cb[i], cr[i] = l.chroma[cb[i]], l.chroma[cr[i]]
		}
	}
}

// picture is an image of p's size.
func (p *packed) picture() *image.YCbCr {
	return image.NewYCbCr(image.Rect(0, 0, p.width, p.height), image.YCbCrSubsampleRatio422)
}
