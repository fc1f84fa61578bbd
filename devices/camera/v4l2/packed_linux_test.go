package v4l2

import (
	"bytes"
	"image/color"
	"image/jpeg"
	"testing"
	"testing/synctest"
	"time"
)

// A picture of four quarters in YUYV or UYVY, with lines that are longer than it needs.
func quarters(w, h, stride int, chromaFirst bool, levels [4][3]byte) []byte {
	b := bytes.Repeat([]byte{0xA5}, stride*h)
	for y := range h {
		for x := 0; x < w; x += 2 {
			v := levels[2*(2*y/h)+2*x/w]
			q := []byte{v[0], v[1], v[0], v[2]}
			if chromaFirst {
				q = []byte{v[1], v[0], v[2], v[0]}
			}
			copy(b[y*stride+2*x:], q)
		}
	}
	return b[:stride*(h-1)+2*w]
}

func TestEncoding(t *testing.T) {
	// White, black, red and blue by ITU-R BT.601, in both ranges.
	narrow := [4][3]byte{{235, 128, 128}, {16, 128, 128}, {81, 90, 240}, {41, 240, 110}}
	full := [4][3]byte{{255, 128, 128}, {0, 128, 128}, {76, 85, 255}, {29, 255, 107}}
	want := []color.RGBA{{255, 255, 255, 255}, {0, 0, 0, 255}, {255, 0, 0, 255}, {0, 0, 255, 255}}
	for _, tt := range []struct {
		name   string
		code   uint32
		levels [4][3]byte
		stride int
		pix    pixFormat
	}{
		{"YUYV", fmtYUYV, narrow, 128, pixFormat{}},
		{"long lines", fmtYUYV, narrow, 192, pixFormat{}},
		{"UYVY", fmtUYVY, narrow, 128, pixFormat{}},
		{"full range", fmtYUYV, full, 128, pixFormat{quantization: rangeFull}},
		{"colours of a JPEG", fmtYUYV, full, 128, pixFormat{colorspace: colorspaceJPEG}},
		{"the same, limited", fmtYUYV, narrow, 128, pixFormat{colorspace: colorspaceJPEG, quantization: rangeLimited}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			u := newUVC(t)
			u.formats = []uint32{tt.code}
			u.size = func(code uint32) pixFormat {
				p := tt.pix
				p.width, p.height, p.pixelFormat = 65, 48, code // an odd column is left out
				if tt.stride != 128 {
					p.bytesPerLine = uint32(tt.stride)
				}
				return p
			}
			stride := tt.stride
			if stride == 128 {
				stride = 130
			}
			s := opened(t, u, Options{})
			defer s.Close()
			u.shoot(quarters(64, 48, stride, tt.code == fmtUYVY, tt.levels), 0)
			b, err := s.Next()
			if err != nil {
				t.Fatal(err)
			}
			img, err := jpeg.Decode(bytes.NewReader(b))
			if err != nil {
				t.Fatal(err)
			}
			if img.Bounds().Dx() != 64 || img.Bounds().Dy() != 48 {
				t.Fatal(img.Bounds())
			}
			for i, at := range [][2]int{{10, 10}, {54, 10}, {10, 38}, {54, 38}} {
				got := color.RGBAModel.Convert(img.At(at[0], at[1])).(color.RGBA)
				if far(got.R, want[i].R) || far(got.G, want[i].G) || far(got.B, want[i].B) {
					t.Errorf("quarter %d: %v, want %v", i, got, want[i])
				}
			}
		})
	}
}

func far(a, b byte) bool { return max(a, b)-min(a, b) > 12 }

// A camera that only has 30 pictures per second costs no more encoding than is asked for.
func TestEncodingAtItsRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUVC(t)
		u.formats = []uint32{fmtYUYV}
		u.length = 2 * 64 * 48
		s := opened(t, u, Options{Width: 64, Height: 48, RateHz: 10})
		defer s.Close()
		raw, stop := make([]byte, u.length), make(chan struct{})
		defer close(stop)
		go func() {
			for {
				select {
				case <-stop:
					return
				case <-time.After(time.Second / 30):
					u.shoot(raw, 0)
				}
			}
		}()
		start, n := time.Now(), 0
		for time.Since(start) < 10*time.Second {
			if _, err := s.Next(); err != nil {
				t.Fatal(err)
			}
			n++
		}
		if n < 98 || n > 102 {
			t.Errorf("%d pictures in 10 s", n)
		}
	})
}

// A picture that is shorter than its format says is damaged.
func TestShortRawPicture(t *testing.T) {
	u := newUVC(t)
	u.formats = []uint32{fmtYUYV}
	s := opened(t, u, Options{Width: 64, Height: 48})
	defer s.Close()
	u.shoot(make([]byte, 2*64*48-1), 0)
	u.shoot(make([]byte, 2*64*48), 0)
	first, err := s.Next()
	if err != nil {
		t.Fatal(err)
	}
	was := bytes.Clone(first)
	u.shoot(bytes.Repeat([]byte{99}, 2*64*48), 0)
	if second, err := s.Next(); err != nil || bytes.Equal(first, second) || !bytes.Equal(first, was) {
		t.Error("the first picture is not the reader's own:", err)
	}
}

func BenchmarkEncode640x480(b *testing.B) {
	p := packed{width: 640, height: 480, stride: 1280}
	img, raw, l := p.picture(), make([]byte, p.size()), limited()
	for i := range raw {
		raw[i] = byte(i * 7 / 13)
	}
	var out bytes.Buffer
	for b.Loop() {
		p.unpack(img, raw, l)
		out.Reset()
		if err := jpeg.Encode(&out, img, &jpeg.Options{Quality: quality}); err != nil {
			b.Fatal(err)
		}
	}
}
