package v4l2

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"labbox/devices/camera/source"
	"labbox/edge"
)

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
