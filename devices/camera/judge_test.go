package camera

import (
	"bytes"
	"image"
	"image/jpeg"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"labbox/devices/camera/source"
	"labbox/edge"
	"labbox/edge/config"
)

// Pictures above the rate are dropped, evenly.
func TestRateCap(t *testing.T) {
	for _, c := range []struct {
		cap, source float64
		least, most int64 // in ten seconds
	}{{15, 15, 148, 152}, {15, 30, 148, 152}, {15, 25, 148, 152}, {15, 100, 148, 152}, {15, 10, 98, 101}, {0.5, 30, 5, 6}} {
		synctest.Test(t, func(t *testing.T) {
			s := newScript()
			s.every, s.picture = time.Duration(float64(time.Second)/c.source), photo(t, 32, 32)
			r := newRig(t, nil, map[string]source.Source{"a": s}, config.Camera{ID: "a", Rate: c.cap})
			defer r.stop()
			var last, longest time.Duration
			shortest := time.Hour
			w := r.watcher("a", func(p edge.Picture) error {
				if last > 0 {
					longest, shortest = max(longest, p.At-last), min(shortest, p.At-last)
				}
				last = p.At
				return nil
			})
			time.Sleep(10*time.Second + time.Millisecond)
			synctest.Wait()
			if n := w.got.Load(); n < c.least || n > c.most {
				t.Errorf("%g/s of %g/s: %d in 10 s", c.cap, c.source, n)
			}
			if even := time.Duration(1.7 * float64(time.Second) / min(c.cap, c.source)); longest > even {
				t.Errorf("%g/s of %g/s: a hole of %v", c.cap, c.source, longest)
			}
			if even := time.Duration(0.7 * float64(time.Second) / c.cap); c.source >= 2*c.cap && shortest < even {
				t.Errorf("%g/s of %g/s: two within %v", c.cap, c.source, shortest)
			}
			w.leave(t)
		})
	}
}

// A source at just the rate whose pictures are late at times, up to a period and a
// half, loses hardly any; a faster one does not come through because of it.
func TestPacerOnABusyMachine(t *testing.T) {
	const period = time.Second / 15
	for _, c := range []struct{ rate, least, most float64 }{{15, 14.6, 15.1}, {30, 14.6, 15.2}, {120, 14.6, 15.2}} {
		r := rand.New(rand.NewPCG(1, 2))
		p := pacer{period: period, slack: slack}
		n, before := 0, time.Duration(0)
		for i := range int(100 * c.rate) {
			at := time.Duration(float64(i) * float64(time.Second) / c.rate)
			if r.IntN(5) == 0 {
				at += time.Duration(r.Int64N(int64(period * 3 / 2)))
			}
			before = max(before, at)
			if p.take(before) {
				n++
			}
		}
		if got := float64(n) / 100; got < c.least || got > c.most {
			t.Errorf("of %g a second %g were taken", c.rate, got)
		}
	}
}

// What gives pictures without end does not take the processor.
func TestFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript()
		r := newRig(t, nil, map[string]source.Source{"a": s}, config.Camera{ID: "a"})
		defer r.stop()
		w := r.watcher("a", nil)
		defer w.leave(t)
		p, n := photo(t, 32, 32), 0
		begin := time.Now()
		for ; n < 1000; n++ {
			s.pictures <- p
		}
		if took := time.Since(begin); took < 3*time.Second {
			t.Fatalf("%d pictures in %v", n, took)
		}
	})
}

// What is no picture reaches nobody; the next good one does.
func TestJudged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript()
		r := newRig(t, nil, map[string]source.Source{"a": s, "m": s}, config.Camera{ID: "a", MaxPicture: 20_000},
			config.Camera{ID: "m", Mask: []config.Mask{{Width: 50, Height: 50}}})
		defer r.stop()
		good := photo(t, 64, 48)
		huge := bytes.Clone(good)
		at := bytes.Index(huge, []byte{0xff, 0xc0})
		copy(huge[at+5:], "\xff\xff\xff\xff") // 65535 x 65535
		for _, id := range []string{"a", "m"} {
			bad := [][]byte{nil, []byte("GIF89a"), []byte("\xff\xd8\xff"), good[:40], huge}
			if id == "a" {
				bad = append(bad, append(bytes.Clone(good), make([]byte, 20_000)...))
			} else {
				bad = append(bad, good[:len(good)/2]) // cannot be decoded, so it cannot be masked
			}
			w := r.watcher(id, nil)
			for _, b := range bad {
				s.pictures <- b
				time.Sleep(time.Second)
			}
			synctest.Wait()
			if n := w.got.Load(); n != 0 {
				t.Fatalf("%s: %d of the bad ones were shown", id, n)
			}
			s.pictures <- good
			synctest.Wait()
			if n := w.got.Load(); n != 1 {
				t.Fatalf("%s: the good one was not shown", id)
			}
			time.Sleep(time.Second) // in mid-stream it changes
			s.pictures <- photo(t, 128, 96)
			synctest.Wait()
			if c := r.word(t, id); c.Width != 128 || c.Height != 96 || w.got.Load() != 2 {
				t.Fatal(c)
			}
			// One that sends nothing but rubbish is lost, and says why.
			for range 6 {
				s.pictures <- []byte("<html>")
				time.Sleep(900 * time.Millisecond)
			}
			synctest.Wait()
			if c := r.word(t, id); c.State != edge.CameraLost || !strings.HasPrefix(why(c), "not_jpeg") {
				t.Fatal(c.State, why(c))
			}
			w.leave(t)
			time.Sleep(2 * Grace)
		}
	})
}

// A mask is black in what leaves the process, in pictures of every size and format.
func TestMask(t *testing.T) {
	var grey bytes.Buffer
	img := image.NewGray(image.Rect(0, 0, 90, 70))
	for i := range img.Pix {
		img.Pix[i] = 200
	}
	if err := jpeg.Encode(&grey, img, nil); err != nil {
		t.Fatal(err)
	}
	masks := []config.Mask{{Width: 25, Height: 25}, {X: 60, Y: 50, Width: 40, Height: 50}}
	for _, b := range [][]byte{photo(t, 64, 48), photo(t, 641, 479), grey.Bytes()} {
		out, err := mask(t.Context(), b, masks)
		if err != nil {
			t.Fatal(err)
		}
		got, err := jpeg.Decode(bytes.NewReader(out))
		if err != nil {
			t.Fatal(err)
		}
		size := got.Bounds().Size()
		for _, at := range []struct {
			x, y  float64
			black bool
		}{{0, 0, true}, {0.24, 0.24, true}, {0.4, 0.4, false}, {0.61, 0.52, true}, {0.99, 0.99, true}, {0.55, 0.8, false}} {
			r, g, b, _ := got.At(int(at.x*float64(size.X)), int(at.y*float64(size.Y))).RGBA()
			if black := r+g+b < 3*0x2000; black != at.black {
				t.Errorf("%v at %g %g: %x %x %x", size, at.x, at.y, r, g, b)
			}
		}
	}
}

// A masked colour is black, too; and what is too large to be decoded is not.
func TestMaskColour(t *testing.T) {
	img := image.NewRGBA(image.Rect(0, 0, 48, 48))
	for i := 0; i < len(img.Pix); i += 4 {
		img.Pix[i], img.Pix[i+3] = 255, 255
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		t.Fatal(err)
	}
	out, err := mask(t.Context(), b.Bytes(), []config.Mask{{Width: 100, Height: 100}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := jpeg.Decode(bytes.NewReader(out))
	if err != nil {
		t.Fatal(err)
	}
	if r, g, b, _ := got.At(20, 20).RGBA(); r+g+b > 0x600 {
		t.Errorf("%x %x %x", r, g, b)
	}
	h := &hub{cfg: &config.Camera{ID: "a"}}
	wide := photo(t, maxMasked+1, 8)
	if _, err := h.admit(t.Context(), wide); err != nil {
		t.Fatal(err)
	}
	h.cfg.Mask = []config.Mask{{Width: 100, Height: 100}}
	if _, err := h.admit(t.Context(), wide); err == nil || edge.AsError(err).Args["why"] != string(source.TooLarge) {
		t.Fatal(err)
	}
}

func FuzzAdmit(f *testing.F) {
	good := photo(f, 32, 24)
	f.Add(good, true)
	f.Add(good[:len(good)-20], true)
	f.Add([]byte("\xff\xd8\xff\xc0\x00\x11\x08\xff\xff\xff\xff"), false)
	f.Fuzz(func(t *testing.T, b []byte, masked bool) {
		h := &hub{cfg: &config.Camera{ID: "a", MaxPicture: 1 << 16}}
		if masked {
			h.cfg.Mask = []config.Mask{{X: 10, Y: 10, Width: 50, Height: 90}}
		}
		p, err := h.admit(t.Context(), b)
		if err != nil {
			if edge.CodeOf(err) != edge.CodeNoPicture {
				t.Fatal(err)
			}
			return
		}
		if !bytes.HasPrefix(p.JPEG, []byte(jpegStart)) || p.Width < 1 || p.Height < 1 || p.Width > maxSide || p.Height > maxSide {
			t.Fatal(p.Width, p.Height)
		}
	})
}
