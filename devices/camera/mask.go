package camera

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"io"
	"math"
	"time"

	"labbox/devices/camera/source"
	"labbox/edge"
	"labbox/edge/config"
	"labbox/edge/picture"
)

const (
	maxSide     = 8192 // pixels of a picture that is passed on
	maxMasked   = 4096 // of one that is decoded: 48 MiB at most, 250 where it is progressive
	maskQuality = 85   // of a picture that is encoded anew
	jpegStart   = "\xff\xd8\xff"

	// A few bytes of a progressive picture can be work for minutes.
	maskWithin = 2 * time.Second
	maskStep   = 64 // bytes that are decoded between two looks at the time
)

// admit judges what a source gave, and masks it.
func (h *hub) admit(ctx context.Context, b []byte) (edge.Picture, error) {
	most := h.cfg.MaxPicture
	if most == 0 {
		most = config.DefaultMaxPicture
	}
	if len(b) > most {
		return edge.Picture{}, source.Lost(source.TooLarge, "a picture of %d bytes; max_picture is %d", len(b), most)
	}
	if !bytes.HasPrefix(b, []byte(jpegStart)) {
		return edge.Picture{}, source.Lost(source.NotJPEG, "it sends no JPEG")
	}
	width, height, err := picture.Dimensions(b)
	if err != nil {
		return edge.Picture{}, source.Lost(source.NotJPEG, "a JPEG that does not say its dimensions")
	}
	side := maxSide
	if len(h.cfg.Mask) > 0 {
		side = maxMasked
	}
	if width < 1 || height < 1 || width > side || height > side {
		return edge.Picture{}, source.Lost(source.TooLarge, "a picture of %dx%d pixels; %d are the most", width, height, side)
	}
	if len(h.cfg.Mask) > 0 {
		if b, err = mask(ctx, b, h.cfg.Mask); err != nil {
			return edge.Picture{}, source.Lost(source.NotJPEG, "a JPEG that cannot be decoded, so not masked: %v", err)
		}
	}
	return edge.Picture{JPEG: bare(b), Width: width, Height: height}, nil
}

var errMaskLate = errors.New("it takes too long")

// bounded is a picture's bytes as long as ctx lasts.
type bounded struct {
	ctx context.Context //nolint:containedctx // of one call
	b   []byte
}

func (r *bounded) Read(p []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	if len(r.b) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), maskStep)], r.b)
	r.b = r.b[n:]
	return n, nil
}

// mask blackens rectangles and encodes the picture anew.
func mask(ctx context.Context, b []byte, masks []config.Mask) ([]byte, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, maskWithin, errMaskLate)
	defer cancel()
	img, err := jpeg.Decode(&bounded{ctx, b})
	if err != nil {
		return nil, err
	}
	for _, m := range masks {
		img = blacken(img, rectangle(img.Bounds(), m))
	}
	var out bytes.Buffer
	out.Grow(len(b))
	err = jpeg.Encode(&out, img, &jpeg.Options{Quality: maskQuality})
	return out.Bytes(), err
}

// rectangle is a mask in pixels: what it touches is in it.
func rectangle(r image.Rectangle, m config.Mask) image.Rectangle {
	x := func(p float64) float64 { return float64(r.Min.X) + p*float64(r.Dx())/100 }
	y := func(p float64) float64 { return float64(r.Min.Y) + p*float64(r.Dy())/100 }
	return image.Rect(int(math.Floor(x(m.X))), int(math.Floor(y(m.Y))),
		int(math.Ceil(x(m.X+m.Width))), int(math.Ceil(y(m.Y+m.Height)))).Intersect(r)
}

func blacken(img image.Image, r image.Rectangle) image.Image {
	if p, ok := img.(*image.YCbCr); ok { // as most are: no colour is converted
		for y := r.Min.Y; y < r.Max.Y; y++ {
			for x := r.Min.X; x < r.Max.X; x++ {
				p.Y[p.YOffset(x, y)] = 0
				c := p.COffset(x, y)
				p.Cb[c], p.Cr[c] = 128, 128
			}
		}
		return p
	}
	d, ok := img.(draw.Image)
	if !ok {
		rgba := image.NewRGBA(img.Bounds())
		draw.Draw(rgba, rgba.Bounds(), img, img.Bounds().Min, draw.Src)
		d = rgba
	}
	draw.Draw(d, r, image.NewUniform(color.Black), image.Point{}, draw.Src)
	return d
}
