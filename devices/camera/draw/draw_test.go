package draw

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"labbox/devices/camera/source"
	"labbox/edge"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// still is a plant with given values.
type still struct {
	shape    string
	channels []edge.Channel
	values   map[string]float64
	silent   bool
}

func (s *still) Shape() string            { return s.shape }
func (s *still) Channels() []edge.Channel { return s.channels }
func (s *still) Look(_ context.Context, names []string, values []float64) error {
	if s.silent {
		return errors.New("stuck")
	}
	for i, n := range names {
		v, ok := s.values[n]
		if !ok {
			v = math.NaN()
		}
		values[i] = v
	}
	return nil
}

func ptr(x float64) *float64 { return &x }

// plants are one of each drawing, as they may stand.
func plants() map[string]*still {
	dial := func(id, unit string, lo, hi float64) edge.Channel {
		return edge.Channel{ID: id, Label: edge.Text{"en": id}, Unit: unit, Min: ptr(lo), Max: ptr(hi), Decimals: 1}
	}
	state := edge.Channel{ID: "state", Format: "enum", Choices: []edge.Choice{{ID: "on", Value: 1, Label: edge.Text{"en": "heating"}}}}
	free := edge.Channel{ID: "count", Label: edge.Text{"en": "Événements"}}
	values := map[string]float64{"temperature": 42.5, "voltage": 3.3, "current": -0.4, "state": 1, "count": 12345, "humidity": 60, "pressure": 101325}
	one := []edge.Channel{dial("temperature", "Cel", 0, 100)}
	six := []edge.Channel{one[0], dial("voltage", "V", 0, 5), dial("current", "A", -2, 2), state, free, dial("pressure", "Pa", 90_000, 110_000)}
	return map[string]*still{
		"pendulum":     {shape: "pendulum", values: map[string]float64{"turn": 0.7, "angle": 40.1, "drive": 0.5}},
		"aeropendulum": {shape: "aeropendulum", values: map[string]float64{"turn": 0.9, "angle": 51.5, "reference": 60, "motor1": 430, "mode": 3}},
		"spinner":      {shape: "spinner", values: map[string]float64{"angle": 2, "speed": 18, "volts": 3.4}},
		"plotter":      {shape: "plotter", values: map[string]float64{"raw": 510, "filtered": 500, "light": 700}},
		"calculator":   {shape: "calculator", values: map[string]float64{"display": 3.14159265, "sums": 12}},
		"dials1":       {channels: one, values: values},
		"dials3":       {channels: six[:3], values: values},
		"dials4":       {channels: six[1:5], values: values},
		"dials6":       {channels: six, values: values},
		"dials0":       {},
	}
}

// picture is the nth picture of a source.
func pictureOf(t testing.TB, s source.Source, n int) image.Image {
	t.Helper()
	st, err := s.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	var b []byte
	for range n {
		if b, err = st.Next(); err != nil {
			t.Fatal(err)
		}
	}
	img, err := jpeg.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	// LABBOX_PICTURES=DIR go test ./devices/camera/draw keeps them, to be looked at.
	if dir := os.Getenv("LABBOX_PICTURES"); dir != "" {
		f, err := os.Create(filepath.Join(dir, fmt.Sprintf("%s-%d.png", filepath.Base(t.Name()), img.Bounds().Dx())))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := png.Encode(f, img); err != nil {
			t.Fatal(err)
		}
	}
	return img
}

// Every drawing, at every size, is one; and what moves shows.
func TestDrawings(t *testing.T) {
	for name, p := range plants() {
		t.Run(name, func(t *testing.T) {
			for _, size := range [][2]int{{640, 480}, {321, 239}, {16, 16}, {17, 999}} {
				synctest.Test(t, func(t *testing.T) {
					o := Options{Title: name, Width: size[0], Height: size[1], Clock: edge.NewSystemClock()}
					a := pictureOf(t, New(p, o), 12)
					if a.Bounds().Dx() != size[0] || a.Bounds().Dy() != size[1] {
						t.Fatal(a.Bounds())
					}
					if size[0] != 640 || name == "dials0" {
						return
					}
					other := &still{shape: p.shape, channels: p.channels, values: map[string]float64{}}
					for k, v := range p.values {
						other.values[k] = v * 0.6
					}
					if d := differ(a, pictureOf(t, New(other, o), 12)); d < 150 {
						t.Errorf("other values change %d pixels", d)
					}
				})
			}
		})
	}
}

// differ counts pixels that differ clearly.
func differ(a, b image.Image) (n int) {
	for y := range a.Bounds().Dy() {
		for x := range a.Bounds().Dx() {
			if d := grey(a, x, y) - grey(b, x, y); d > 24 || d < -24 {
				n++
			}
		}
	}
	return n
}

// The bob is where the angle says.
func TestPendulumIsWhereItIs(t *testing.T) {
	for _, deg := range []float64{-150, -90, -30, 0, 30, 90, 179} {
		synctest.Test(t, func(t *testing.T) {
			turn := deg * math.Pi / 180
			p := &still{shape: "pendulum", values: map[string]float64{"turn": turn, "angle": deg}}
			img := pictureOf(t, New(p, Options{Clock: edge.NewSystemClock()}), 1)
			var sx, sy, n float64
			for y := range 420 {
				for x := range 640 {
					if r, g, b, _ := img.At(x, y).RGBA(); r > 0xa000 && g < 0x6000 && b < 0x6000 {
						sx, sy, n = sx+float64(x), sy+float64(y), n+1
					}
				}
			}
			want := pendulumAxle.toward(turn, pendulumRod+1)
			if d := math.Hypot(sx/n-float64(want.x), sy/n-float64(want.y)); n < 800 || d > 4 {
				t.Errorf("%g deg: %g red pixels about %.0f %.0f, want %v", deg, n, sx/n, sy/n, want)
			}
		})
	}
}

// A device that does not answer stays as it was, and the picture says so.
func TestSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := plants()["pendulum"]
		s, err := New(p, Options{Clock: edge.NewSystemClock()}).Open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		a, _ := s.Next()
		p.silent = true
		b, err := s.Next()
		if err != nil {
			t.Fatal(err)
		}
		x, _ := jpeg.Decode(bytes.NewReader(a))
		y, _ := jpeg.Decode(bytes.NewReader(b))
		if d := differ(x, y); d < 20 || d > 1500 {
			t.Errorf("%d pixels differ", d)
		}
	})
}

// Pictures come at the rate; a stream ends when it is closed, and with its context.
func TestStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := NewPattern(Options{RateHz: 10, Width: 64, Height: 48, Clock: edge.NewSystemClock()})
		ctx, cancel := context.WithCancel(t.Context())
		for i, end := range []func(source.Stream){func(s source.Stream) { s.Close() }, func(source.Stream) { cancel() }} {
			s, err := src.Open(ctx)
			if err != nil {
				t.Fatal(err)
			}
			begin := time.Now()
			for range 11 {
				if _, err := s.Next(); err != nil {
					t.Fatal(err)
				}
			}
			if took := time.Since(begin); took != time.Second {
				t.Fatal(took)
			}
			time.AfterFunc(10*time.Millisecond, func() { end(s) })
			if _, err := s.Next(); edge.CodeOf(err) != edge.CodeNoPicture {
				t.Fatal(i, err)
			}
			s.Close()
		}
	})
}

// benchPlants are those whose cost is told: draw and encode at 640x480.
func BenchmarkPicture(b *testing.B) {
	all := map[string]source.Source{"pattern": NewPattern(Options{Clock: edge.NewSystemClock()})}
	for name, p := range plants() {
		all[name] = New(p, Options{Title: name, Clock: edge.NewSystemClock()})
	}
	for _, name := range []string{"pattern", "pendulum", "aeropendulum", "spinner", "plotter", "calculator", "dials6"} {
		b.Run(name, func(b *testing.B) {
			st, err := all[name].Open(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			defer st.Close()
			s := st.(*stream)
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				p, err := s.picture()
				if err != nil {
					b.Fatal(err)
				}
				n = len(p)
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/1000/float64(b.N), "ms/picture")
			b.ReportMetric(float64(n), "B/picture")
		})
	}
}
