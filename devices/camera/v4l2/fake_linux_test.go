package v4l2

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// uvc stands in for the kernel with a UVC camera on it. It answers as the kernel's
// documentation says, refuses what is out of order, and writes down what it is asked.
type uvc struct {
	t  *testing.T
	mu sync.Mutex

	caps, deviceCaps uint32
	formats          []uint32
	size             func(code uint32) pixFormat // what becomes of the size that is asked for
	count            uint32                      // buffers that it gives, 0: as asked
	length           uint32
	fail             map[string]error // by the name of a call

	log     []string
	bufs    [][]byte
	mapped  int
	queued  []uint32     // with the driver, empty
	full    []fullBuffer // with the driver, done
	on      bool
	closed  int
	broken  error // from now on: unplugged
	news    chan struct{}
	stopped chan struct{}
	once    sync.Once
}

type fullBuffer struct{ index, used, flags uint32 }

const uvcCaps = capCapture | capStreaming | capDevice | 0x0080_0000 // with metadata

func newUVC(t *testing.T) *uvc {
	u := &uvc{t: t, caps: uvcCaps, deviceCaps: capCapture | capStreaming, formats: []uint32{fmtYUYV, fmtMJPG}, length: 200_000,
		fail: map[string]error{}, news: make(chan struct{}, 1), stopped: make(chan struct{})}
	t.Cleanup(func() {
		u.mu.Lock()
		defer u.mu.Unlock()
		if u.closed != 1 || u.mapped != 0 || u.on {
			t.Errorf("left behind: closed %d times, %d buffers mapped, streaming: %v", u.closed, u.mapped, u.on)
		}
	})
	return u
}

func (u *uvc) open(string) (handle, error) { return u, nil }

var callNames = map[uintptr]string{queryCap: "QUERYCAP", enumFmt: "ENUM_FMT", setFmt: "S_FMT", setParm: "S_PARM", reqBufs: "REQBUFS",
	queryBuf: "QUERYBUF", qBuf: "QBUF", dqBuf: "DQBUF", streamOn: "STREAMON", streamOff: "STREAMOFF"}

func (u *uvc) ioctl(op uintptr, arg unsafe.Pointer) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	name := callNames[op]
	if name == "" {
		u.t.Errorf("call %#x is unknown", op)
		return unix.ENOTTY
	}
	if u.broken != nil && name != "STREAMOFF" {
		return u.broken
	}
	err := u.fail[name]
	if err == nil {
		err = u.answer(name, arg)
	}
	entry := name
	var no unix.Errno
	if errors.As(err, &no) {
		entry += " " + unix.ErrnoName(no)
	}
	u.log = append(u.log, entry)
	return err
}

func (u *uvc) answer(name string, arg unsafe.Pointer) error {
	switch name {
	case "QUERYCAP":
		c := (*capability)(arg)
		copy(c.driver[:], "uvcvideo")
		copy(c.card[:], "HD Webcam C525\x1b[31m")
		copy(c.busInfo[:], "usb-0000:00:14.0-2")
		c.capabilities, c.deviceCaps = u.caps, u.deviceCaps
	case "ENUM_FMT":
		d := (*formatDesc)(arg)
		if d.typ != typeCapture || int(d.index) >= len(u.formats) {
			return unix.EINVAL
		}
		d.pixelFormat = u.formats[d.index]
	case "S_FMT":
		f := (*format)(arg)
		if f.typ != typeCapture {
			return unix.EINVAL
		}
		if u.size != nil {
			f.pix = u.size(f.pix.pixelFormat)
			return nil
		}
		f.pix.field, f.pix.colorspace, f.pix.sizeImage = fieldNone, 8, u.length
		if f.pix.pixelFormat == fmtYUYV || f.pix.pixelFormat == fmtUYVY {
			f.pix.bytesPerLine = 2 * f.pix.width
			f.pix.sizeImage = f.pix.bytesPerLine * f.pix.height
		}
	case "S_PARM":
		if p := (*streamParm)(arg); p.typ != typeCapture || p.numerator == 0 || p.denominator == 0 {
			return unix.EINVAL
		}
	case "REQBUFS":
		r := (*requestBuffers)(arg)
		if r.typ != typeCapture || r.memory != memoryMmap || u.bufs != nil {
			return unix.EINVAL
		}
		if u.count > 0 {
			r.count = u.count
		}
		u.bufs = make([][]byte, min(r.count, 64))
	case "QUERYBUF":
		b := (*buffer)(arg)
		if int(b.index) >= len(u.bufs) {
			return unix.EINVAL
		}
		b.length = u.length
		*(*uint32)(unsafe.Pointer(&b.offset)) = b.index * 0x1000
	case "QBUF":
		b := (*buffer)(arg)
		if b.memory != memoryMmap || int(b.index) >= len(u.bufs) || u.bufs[b.index] == nil || u.owned(b.index) {
			return unix.EINVAL
		}
		copy(u.bufs[b.index], bytes.Repeat([]byte{0xEE}, len(u.bufs[b.index]))) // it is no longer the reader's
		u.queued = append(u.queued, b.index)
	case "STREAMON":
		if len(u.queued) == 0 || u.on {
			return unix.EINVAL
		}
		u.on = true
	case "STREAMOFF":
		u.on, u.queued, u.full = false, nil, nil
	case "DQBUF":
		b := (*buffer)(arg)
		switch {
		case !u.on || b.typ != typeCapture || b.memory != memoryMmap:
			return unix.EINVAL
		case len(u.full) == 0:
			return unix.EAGAIN
		}
		b.index, b.bytesUsed, b.flags = u.full[0].index, u.full[0].used, u.full[0].flags
		u.full = u.full[1:]
	}
	return nil
}

// owned says whether the driver has a buffer.
func (u *uvc) owned(index uint32) bool {
	for _, q := range u.queued {
		if q == index {
			return true
		}
	}
	for _, f := range u.full {
		if f.index == index {
			return true
		}
	}
	return false
}

func (u *uvc) mmap(offset int64, length int) ([]byte, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if err := u.fail["mmap"]; err != nil {
		return nil, err
	}
	u.log = append(u.log, "mmap")
	u.mapped++
	b := make([]byte, length)
	u.bufs[offset/0x1000] = b
	return b, nil
}

func (u *uvc) munmap(b []byte) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.on {
		u.t.Error("a buffer is unmapped while the camera writes")
	}
	for i := range b {
		b[i] = 0xDD // whoever still reads it sees nonsense, not the end of the program
	}
	u.mapped--
	u.log = append(u.log, "munmap")
	return nil
}

func (u *uvc) wait(d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	for {
		u.mu.Lock()
		ready := len(u.full) > 0 || u.broken != nil || u.fail["DQBUF"] != nil
		err := u.fail["poll"]
		u.mu.Unlock()
		select {
		case <-u.stopped:
			return errWoken
		default:
		}
		if ready || err != nil {
			return err
		}
		select {
		case <-u.stopped:
			return errWoken
		case <-u.news:
		case <-t.C:
			return errTimeout
		}
	}
}

func (u *uvc) wake() { u.once.Do(func() { close(u.stopped) }) }

func (u *uvc) close() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.closed++
	u.log = append(u.log, "close")
	return nil
}

// shoot fills the next buffer; false: it has none, and the picture is lost.
func (u *uvc) shoot(data []byte, flags uint32) bool {
	return u.shootAs(data, uint32(len(data)), flags)
}

func (u *uvc) shootAs(data []byte, used, flags uint32) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.on || len(u.queued) == 0 {
		return false
	}
	i := u.queued[0]
	u.queued = u.queued[1:]
	copy(u.bufs[i], data)
	u.full = append(u.full, fullBuffer{i, used, flags})
	u.tell()
	return true
}

// drained says that the reader took all there was.
func (u *uvc) drained() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.full) == 0 && len(u.queued) == len(u.bufs)
}

func (u *uvc) unplug(err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.broken, u.on = err, false
	u.tell()
}

func (u *uvc) tell() {
	select {
	case u.news <- struct{}{}:
	default:
	}
}

// calls is the log, where a call that is repeated stands once with its number.
func (u *uvc) calls() string {
	u.mu.Lock()
	defer u.mu.Unlock()
	var out []string
	for i := 0; i < len(u.log); {
		n := 1
		for i+n < len(u.log) && u.log[i+n] == u.log[i] {
			n++
		}
		if e := u.log[i]; n > 1 {
			out = append(out, fmt.Sprintf("%s*%d", e, n))
		} else {
			out = append(out, e)
		}
		i += n
	}
	return strings.Join(out, ", ")
}
