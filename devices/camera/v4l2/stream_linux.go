package v4l2

import (
	"bytes"
	"errors"
	"image"
	"image/jpeg"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"labbox/devices/camera/source"
)

// How long a camera may say nothing, before its first picture (it measures the light)
// and after.
const (
	firstSilence = 10 * time.Second
	silence      = 5 * time.Second
)

// maxSpurious is how often in a row a driver may say that it has a picture, and have none.
const maxSpurious = 100

// quality of what is encoded here.
const quality = 80

// stream is a camera that is open.
type stream struct {
	camera  *camera
	handle  handle
	pix     pixFormat // as the driver set it
	unwatch func() bool

	mu      sync.Mutex // is held by Next, and by Close to free all
	buffers [][]byte
	on      bool
	closed  bool
	shown   bool // a first picture came

	spurious int // waits in a row after which there was nothing

	next    time.Time // when the next picture is encoded, where that is done here
	packed  packed
	levels  *levels
	raw     *image.YCbCr
	encoded bytes.Buffer
}

// Next is the newest picture that is whole.
func (s *stream) Next() ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	left, bad := silence, 0
	if !s.shown {
		left = firstSilence
	}
	until := time.Now().Add(left)
	for {
		if s.closed {
			return nil, source.Lost(source.Ended, "closed")
		}
		switch err := s.handle.wait(time.Until(until)); {
		case errors.Is(err, errWoken):
			return nil, source.Lost(source.Ended, "closed")
		case errors.Is(err, errTimeout) && bad > 0:
			return nil, source.Lost(source.NotJPEG, "%s: nothing but damaged pictures for %v: %d", s.camera.Path, left, bad).
				WithHint("try another socket or cable, or a smaller `size`")
		case errors.Is(err, errTimeout):
			return nil, source.Lost(source.Stalled, "%s: no picture for %v", s.camera.Path, left).
				WithHint("unplug it and plug it in again")
		case err != nil:
			return nil, s.camera.lost("wait for a picture", err)
		}
		b, dropped, err := s.newest()
		if err != nil {
			return nil, err
		}
		if bad += dropped; b == nil {
			continue
		}
		jpeg, ok, err := s.picture(s.buffers[b.index][:b.bytesUsed])
		if qerr := s.queue(b.index); err == nil && qerr != nil {
			err = s.camera.lost("queue a buffer", qerr)
		}
		switch {
		case err != nil:
			return nil, err
		case jpeg != nil:
			s.shown = true
			return jpeg, nil
		case ok: // sooner than is asked for
			until = time.Now().Add(left)
		default:
			bad++
		}
	}
}

// newest takes the full buffers from the driver and keeps the newest that is whole, nil
// where there is none; the others go back, and bad says how many were damaged. A driver
// all of whose buffers were full has waited for us: then even the newest is old.
func (s *stream) newest() (best *buffer, bad int, err error) {
	most := len(s.buffers)
	for n := range most {
		b := &buffer{typ: typeCapture, memory: memoryMmap}
		err := s.handle.ioctl(dqBuf, unsafe.Pointer(b))
		if errors.Is(err, unix.EAGAIN) {
			if s.spurious++; n > 0 {
				s.spurious = 0
			} else if s.spurious > maxSpurious {
				return nil, 0, source.Lost(source.Gone, "%s: its driver has pictures and gives none", s.camera.Path)
			}
			return best, bad, nil
		}
		if err != nil {
			return nil, 0, s.camera.lost("take a picture", err)
		}
		if int64(b.index) >= int64(most) {
			return nil, 0, source.Lost(source.Gone, "%s: its driver names buffer %d of %d", s.camera.Path, b.index, most)
		}
		back := b
		if b.flags&flagError != 0 || b.bytesUsed == 0 || int64(b.bytesUsed) > int64(len(s.buffers[b.index])) {
			bad++
		} else {
			back, best = best, b
		}
		if back != nil {
			if err := s.queue(back.index); err != nil {
				return nil, 0, s.camera.lost("queue a buffer", err)
			}
		}
	}
	s.spurious = 0
	if best != nil && most > 2 {
		if err := s.queue(best.index); err != nil {
			return nil, 0, s.camera.lost("queue a buffer", err)
		}
		best = nil
	}
	return best, bad, nil
}

// queue gives a buffer to the driver.
func (s *stream) queue(index uint32) error {
	b := buffer{index: index, typ: typeCapture, memory: memoryMmap}
	return s.handle.ioctl(qBuf, unsafe.Pointer(&b))
}

// picture makes a JPEG of what is in a buffer. None, and ok: it is not its turn yet;
// none, and not ok: it is damaged.
func (s *stream) picture(b []byte) (pic []byte, ok bool, err error) {
	switch s.pix.pixelFormat {
	case fmtYUYV, fmtUYVY:
		if len(b) < s.packed.size() {
			return nil, false, nil
		}
		if !s.due(time.Now()) {
			return nil, true, nil
		}
		s.packed.unpack(s.raw, b, s.levels)
		s.encoded.Reset()
		if err := jpeg.Encode(&s.encoded, s.raw, &jpeg.Options{Quality: quality}); err != nil {
			return nil, false, source.Lost(source.Unsupported, "%s: %v", s.camera.Path, err)
		}
		pic, ok = bytes.Clone(s.encoded.Bytes()), true
	default:
		pic, ok = cleaned(b, s.camera.MaxBytes)
	}
	if len(pic) > s.camera.MaxBytes {
		return nil, false, source.Lost(source.TooLarge, "%s: a picture of %d bytes, over the limit of %d", s.camera.Path, len(pic), s.camera.MaxBytes).
			WithHint("ask for a smaller `size`, or raise `max_picture`")
	}
	return pic, ok, nil
}

// due says whether a picture is worth its encoding: at the rate that is asked for, up to
// a quarter of a period early.
func (s *stream) due(now time.Time) bool {
	if s.camera.RateHz <= 0 {
		return true
	}
	period := time.Duration(float64(time.Second) / s.camera.RateHz)
	if now.Before(s.next.Add(-period / 4)) {
		return false
	}
	if now.After(s.next.Add(period)) {
		s.next = now
	}
	s.next = s.next.Add(period)
	return true
}

// Close stops the camera and frees all.
func (s *stream) Close() error {
	if s.unwatch != nil {
		s.unwatch()
	}
	s.handle.wake()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	if typ := uint32(typeCapture); s.on {
		_ = s.handle.ioctl(streamOff, unsafe.Pointer(&typ)) // a camera that was unplugged has stopped
	}
	for _, b := range s.buffers {
		_ = s.handle.munmap(b)
	}
	s.buffers = nil
	return s.handle.close()
}
