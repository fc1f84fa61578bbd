package v4l2

import (
	"bytes"
	"context"
	"errors"
	"image"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"labbox/devices/camera/source"
	"labbox/edge"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// opened is a stream of a camera.
func opened(t *testing.T, u *uvc, o Options) source.Stream {
	t.Helper()
	s, err := cameraOf(t, u, o).Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func cameraOf(t *testing.T, u *uvc, o Options) *camera {
	t.Helper()
	o.Path = "/dev/video0"
	src, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	c := src.(*camera)
	c.open = u.open
	return c
}

// whyOf is the reason of an error.
func whyOf(err error) source.Why {
	var e *edge.Error
	if !errors.As(err, &e) || e.Code != edge.CodeNoPicture {
		return ""
	}
	why, _ := e.Args["why"].(string)
	return source.Why(why)
}

// The calls are those of the kernel's capture example, in its order.
func TestSequence(t *testing.T) {
	u := newUVC(t)
	s := opened(t, u, Options{RateHz: 15})
	for gray := byte(10); gray < 200; gray += 20 {
		if !u.shoot(shot(t, gray, 64, 48), 0) {
			t.Fatal("the driver has no buffer: they do not come back")
		}
		b, err := s.Next()
		if err != nil {
			t.Fatal(err)
		}
		if got, size := grayOf(t, b); got < gray-2 || got > gray+2 || size != (image.Point{X: 64, Y: 48}) {
			t.Fatalf("want %d, got %d of %v", gray, got, size)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal("a second time:", err)
	}
	want := "QUERYCAP, ENUM_FMT*2, ENUM_FMT EINVAL, S_FMT, S_PARM, REQBUFS, " + strings.Repeat("QUERYBUF, mmap, ", 4) + "QBUF*4, STREAMON, " +
		strings.Repeat("DQBUF, DQBUF EAGAIN, QBUF, ", 10) + "STREAMOFF, munmap*4, close"
	if got := u.calls(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if _, err := s.Next(); whyOf(err) != source.Ended {
		t.Error("after the end:", err)
	}
}

// Of several pictures that wait the newest is shown, without what is damaged; where all
// buffers were full even that one is too old.
func TestNewestWins(t *testing.T) {
	u := newUVC(t)
	s := opened(t, u, Options{})
	defer s.Close()
	u.shoot(shot(t, 50, 64, 48), 0)
	u.shoot(shot(t, 100, 64, 48), 0)
	u.shoot(shot(t, 150, 64, 48), flagError)
	b, err := s.Next()
	if err != nil {
		t.Fatal(err)
	}
	if gray, _ := grayOf(t, b); gray < 98 || gray > 102 {
		t.Errorf("got %d", gray)
	}
	for gray := byte(10); u.shoot(shot(t, gray, 64, 48), 0); gray += 10 {
	}
	done := make(chan []byte)
	go func() {
		b, _ := s.Next()
		done <- b
	}()
	for !u.shoot(shot(t, 200, 64, 48), 0) {
		time.Sleep(time.Millisecond)
	}
	if gray, _ := grayOf(t, <-done); gray < 198 || gray > 202 {
		t.Errorf("after all were full: %d", gray)
	}
	// All came back: there is room for four.
	for i := range 4 {
		if !u.shoot(shot(t, 200, 64, 48), 0) {
			t.Errorf("only %d buffers are with the driver", i)
		}
	}
}

// A picture is the reader's: the buffer it came in may be written again.
func TestPicturesAreCopies(t *testing.T) {
	u := newUVC(t)
	s := opened(t, u, Options{})
	u.shoot(shot(t, 90, 64, 48), 0)
	b, err := s.Next()
	if err != nil {
		t.Fatal(err)
	}
	_ = s.Close()
	if gray, _ := grayOf(t, b); gray < 88 || gray > 92 {
		t.Errorf("got %d", gray)
	}
}

func TestDamagedAreDropped(t *testing.T) {
	good := shot(t, 77, 64, 48)
	for name, bad := range map[string]func(u *uvc){
		"empty":          func(u *uvc) { u.shoot(nil, 0) },
		"marked":         func(u *uvc) { u.shoot(good, flagError) },
		"broken off":     func(u *uvc) { u.shoot(good[:len(good)-9], 0) },
		"no picture":     func(u *uvc) { u.shoot(bytes.Repeat([]byte{0}, 5000), 0) },
		"longer than it": func(u *uvc) { u.shootAs(good, u.length+1, 0) },
		"much longer":    func(u *uvc) { u.shootAs(good, 0xFFFF_FFFF, 0) },
	} {
		t.Run(name, func(t *testing.T) {
			u := newUVC(t)
			s := opened(t, u, Options{})
			defer s.Close()
			for range 10 {
				bad(u)
				u.shoot(good, 0)
				b, err := s.Next()
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(b, good) {
					t.Fatalf("%d bytes", len(b))
				}
			}
		})
	}
}

// What a camera leaves in the buffer behind a picture is cut off; a picture without
// Huffman tables gets those that it means.
func TestTablesAndRest(t *testing.T) {
	u := newUVC(t)
	s := opened(t, u, Options{})
	defer s.Close()
	good := shot(t, 77, 64, 48)
	u.shoot(append(withoutTables(t, good), bytes.Repeat([]byte{0, 0xFF}, 300)...), 0)
	b, err := s.Next()
	if err != nil {
		t.Fatal(err)
	}
	if gray, _ := grayOf(t, b); gray < 75 || gray > 79 || len(b) != len(good) {
		t.Errorf("%d of %d bytes, for %d", gray, len(b), len(good))
	}
}

func TestSilence(t *testing.T) {
	for name, tt := range map[string]struct {
		before func(u *uvc, s source.Stream)
		during []byte
		why    source.Why
		after  time.Duration
	}{
		"never a picture":   {nil, nil, source.Stalled, firstSilence},
		"stalled":           {func(u *uvc, s source.Stream) { u.shoot(shot(t, 1, 64, 48), 0); _, _ = s.Next() }, nil, source.Stalled, silence},
		"only damaged ones": {nil, []byte("garbage"), source.NotJPEG, firstSilence},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				u := newUVC(t)
				s := opened(t, u, Options{})
				defer s.Close()
				if tt.before != nil {
					tt.before(u, s)
				}
				stop := make(chan struct{})
				defer close(stop)
				if tt.during != nil {
					go func() {
						for {
							select {
							case <-stop:
								return
							case <-time.After(33 * time.Millisecond):
								u.shoot(tt.during, 0)
							}
						}
					}()
				}
				start := time.Now()
				_, err := s.Next()
				if took := time.Since(start); whyOf(err) != tt.why || took != tt.after {
					t.Errorf("after %v: %v", took, err)
				}
			})
		})
	}
}

func TestUnplugged(t *testing.T) {
	for _, during := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			u := newUVC(t)
			s := opened(t, u, Options{})
			if during {
				time.AfterFunc(time.Second, func() { u.unplug(unix.ENODEV) })
			} else {
				u.unplug(unix.ENODEV)
			}
			_, err := s.Next()
			if whyOf(err) != source.Gone || !strings.Contains(err.Error(), "no camera is there") {
				t.Error(err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// The end of the context, and Close, end a Next that waits.
func TestEndsWhileItWaits(t *testing.T) {
	for _, byContext := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			u := newUVC(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			s, err := cameraOf(t, u, Options{}).Open(ctx)
			if err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			time.AfterFunc(time.Second, func() {
				if byContext {
					cancel()
				} else {
					_ = s.Close()
				}
			})
			if _, err := s.Next(); whyOf(err) != source.Ended || time.Since(start) != time.Second {
				t.Errorf("after %v: %v", time.Since(start), err)
			}
			_ = s.Close()
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c := &camera{open: func(string) (handle, error) { t.Error("opened"); return nil, unix.EIO }}
	if _, err := c.Open(ctx); whyOf(err) != source.Ended {
		t.Error(err)
	}
}

// Each refusal of the kernel has its reason, and nothing is left open.
func TestRefusals(t *testing.T) {
	for _, tt := range []struct {
		call string
		err  error
		why  source.Why
		says string
	}{
		{"QUERYCAP", unix.ENOTTY, source.Unsupported, "no camera that can be read"},
		{"QUERYCAP", unix.ENODEV, source.Gone, "no camera is there"},
		{"ENUM_FMT", unix.ENODEV, source.Gone, "no camera is there"},
		{"S_FMT", unix.EBUSY, source.Busy, "another program has it"},
		{"S_FMT", unix.EINVAL, source.Unsupported, "none can be read: MJPG, YUYV"},
		{"S_FMT", unix.EIO, source.Gone, "cannot set the format: input/output error"},
		{"REQBUFS", unix.EBUSY, source.Busy, "another program has it"},
		{"REQBUFS", unix.EINVAL, source.Unsupported, "get buffers"},
		{"QUERYBUF", unix.EINVAL, source.Unsupported, "get buffers"},
		{"mmap", unix.ENOMEM, source.Gone, "cannot map a buffer"},
		{"QBUF", unix.EIO, source.Gone, "cannot queue"},
		{"STREAMON", unix.ENOSPC, source.Busy, "USB bus has not enough room"},
		{"STREAMON", unix.EPROTO, source.Gone, "cannot start"},
		{"STREAMON", unix.ENODEV, source.Gone, "no camera is there"},
	} {
		u := newUVC(t)
		u.fail[tt.call] = tt.err
		_, err := cameraOf(t, u, Options{}).Open(t.Context())
		if whyOf(err) != tt.why || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s %v: %v", tt.call, tt.err, err)
		}
	}
	for err, why := range map[error]source.Why{unix.ENOENT: source.Gone, unix.EACCES: source.Forbidden, unix.EPERM: source.Forbidden,
		unix.EBUSY: source.Busy, errNoVideo: source.Unsupported, unix.ENXIO: source.Gone} {
		c := cameraOf(t, nil, Options{})
		c.open = func(string) (handle, error) { return nil, err }
		_, got := c.Open(t.Context())
		if whyOf(got) != why || !strings.Contains(got.Error(), "/dev/video0") || edge.AsError(got).Hint == "" {
			t.Errorf("%v: %v", err, got)
		}
		if why == source.Forbidden && !strings.Contains(edge.AsError(got).Hint, "-aG video") {
			t.Error(edge.AsError(got).Hint)
		}
	}
}

// What goes wrong while pictures come.
func TestTroubleInTheStream(t *testing.T) {
	for _, tt := range []struct {
		call string
		err  error
		says string
	}{
		{"DQBUF", unix.EIO, "cannot take a picture"},
		{"QBUF", unix.EIO, "cannot queue a buffer"},
		{"poll", unix.EIO, "cannot wait"},
		{"DQBUF", unix.EAGAIN, "its driver has pictures and gives none"},
	} {
		u := newUVC(t)
		s := opened(t, u, Options{})
		u.shoot(shot(t, 1, 64, 48), 0)
		u.mu.Lock()
		u.fail[tt.call] = tt.err
		u.mu.Unlock()
		if _, err := s.Next(); whyOf(err) != source.Gone || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v", tt.call, err)
		}
		_ = s.Close()
	}
	u := newUVC(t)
	s := opened(t, u, Options{})
	u.shoot(shot(t, 1, 64, 48), 0)
	u.full[0].index = 4_000_000_000
	if _, err := s.Next(); whyOf(err) != source.Gone {
		t.Error("a buffer that there is not:", err)
	}
	_ = s.Close()
}

// A driver that misbehaves, or a camera that says it is larger than a wall.
func TestOddDrivers(t *testing.T) {
	sized := func(w, h, line, image uint32) func(*uvc) {
		return func(u *uvc) {
			u.size = func(code uint32) pixFormat {
				return pixFormat{width: w, height: h, pixelFormat: code, bytesPerLine: line, sizeImage: image}
			}
		}
	}
	for name, odd := range map[string]func(*uvc){
		"metadata node":   func(u *uvc) { u.deviceCaps = 0x0080_0000 | capStreaming },
		"no streaming":    func(u *uvc) { u.deviceCaps = capCapture },
		"old, no capture": func(u *uvc) { u.caps = capStreaming },
		"H264 only":       func(u *uvc) { u.formats = []uint32{'H' | '2'<<8 | '6'<<16 | '4'<<24} },
		"no formats":      func(u *uvc) { u.formats = nil },
		"another format": func(u *uvc) {
			u.size = func(uint32) pixFormat { return pixFormat{width: 64, height: 48, pixelFormat: 7} }
		},
		"no buffers":          func(u *uvc) { u.count = 33 },
		"empty buffers":       func(u *uvc) { u.length = 0 },
		"endless buffers":     func(u *uvc) { u.length = 0xFFFF_FFFF },
		"no size":             sized(0, 0, 0, 0),
		"a size beyond reach": sized(65535, 65535, 0, 0),
		"endless pictures":    sized(640, 480, 0, 0xFFFF_FFFF),
		"lines too short":     func(u *uvc) { u.formats = []uint32{fmtYUYV}; sized(640, 480, 1000, 1)(u) },
		"lines too long":      func(u *uvc) { u.formats = []uint32{fmtYUYV}; sized(640, 480, 0xFFFF_FFFF, 1)(u) },
	} {
		t.Run(name, func(t *testing.T) {
			u := newUVC(t)
			odd(u)
			if _, err := cameraOf(t, u, Options{}).Open(t.Context()); whyOf(err) != source.Unsupported {
				t.Error(err)
			}
		})
	}
	t.Run("formats without end", func(t *testing.T) {
		u := newUVC(t)
		u.formats = make([]uint32, 1_000_000)
		if _, err := cameraOf(t, u, Options{}).Open(t.Context()); whyOf(err) != source.Unsupported {
			t.Error(err)
		}
	})
	t.Run("two buffers, one buffer", func(t *testing.T) {
		for _, count := range []uint32{1, 2} {
			u := newUVC(t)
			u.count = count
			s := opened(t, u, Options{})
			for range 5 {
				u.shoot(shot(t, 60, 64, 48), 0)
				if _, err := s.Next(); err != nil {
					t.Error(count, err)
				}
			}
			_ = s.Close()
		}
	})
}

func TestSizesAndLimits(t *testing.T) {
	var log bytes.Buffer
	u := newUVC(t)
	u.size = func(code uint32) pixFormat { return pixFormat{width: 320, height: 240, pixelFormat: code} }
	s := opened(t, u, Options{Width: 1280, Height: 720, MaxBytes: 10_000, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	defer s.Close()
	if !strings.Contains(log.String(), "asked_width=1280 asked_height=720 width=320 height=240") {
		t.Error(log.String())
	}
	big := append(shot(t, 5, 64, 48), 0)
	big = append(big[:2:2], append(bytes.Repeat([]byte{0xFF, 0xFE, 0x3F, 0x02}, 1), append(make([]byte, 0x3F00), big[2:]...)...)...)
	u.shoot(big, 0)
	if _, err := s.Next(); whyOf(err) != source.TooLarge {
		t.Error(err)
	}
	if _, err := New(Options{}); edge.CodeOf(err) != edge.CodeBadConfig {
		t.Error(err)
	}
}
