package v4l2

import (
	"bytes"
	"context"
	"errors"
	"image"
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
				done := make(chan []byte)
				go func() {
					b, err := s.Next()
					if err != nil {
						t.Error(err)
					}
					done <- b
				}()
				for !u.drained() {
					time.Sleep(time.Millisecond)
				}
				u.shoot(good, 0)
				if b := <-done; !bytes.Equal(b, good) {
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
