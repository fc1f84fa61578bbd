package v4l2

import (
	"context"
	"errors"
	"io/fs"
	"math"
	"slices"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"labbox/devices/camera/source"
	"labbox/edge"
)

// camera is a source.
type camera struct {
	Options
	open func(path string) (handle, error)
}

func newCamera(o Options) source.Source { return &camera{o, openNode} }

func (c *camera) String() string { return "usb " + c.Path }

// taken are the formats that can be read, the best first.
func taken() []uint32 { return []uint32{fmtMJPG, fmtJPEG, fmtYUYV, fmtUYVY} }

// Buffers that a stream asks for, and what a driver may do.
const (
	wantBuffers = 4
	maxBuffers  = 32
	maxBuffer   = 64 << 20
	maxFormats  = 64
	maxSide     = 8192
)

// Open starts the camera.
func (c *camera) Open(ctx context.Context) (source.Stream, error) {
	if ctx.Err() != nil {
		return nil, source.Lost(source.Ended, "closed")
	}
	h, err := c.open(c.Path)
	if err != nil {
		return nil, c.lost("open", err)
	}
	s := &stream{camera: c, handle: h}
	if err := s.begin(); err != nil {
		_ = s.Close()
		return nil, err
	}
	s.unwatch = context.AfterFunc(ctx, h.wake)
	return s, nil
}

// begin does what the kernel's documentation asks for, in its order.
func (s *stream) begin() error {
	info, err := inquire(s.handle)
	if err != nil {
		return s.camera.lost("ask", err)
	}
	if !info.Capture {
		return source.Lost(source.Unsupported, "%s gives no pictures: it is another node of a camera, or none", s.camera.Path).
			WithHint("`labbox ports` lists the nodes that give pictures")
	}
	if err := s.negotiate(info.Formats); err != nil {
		return err
	}
	s.pace()
	return s.start()
}

// inquire asks what a node is and which formats it has.
func inquire(h handle) (Info, error) {
	var c capability
	if err := h.ioctl(queryCap, unsafe.Pointer(&c)); err != nil {
		return Info{}, err
	}
	caps := c.capabilities
	if caps&capDevice != 0 {
		caps = c.deviceCaps
	}
	info := Info{Name: text(c.card[:]), Driver: text(c.driver[:]), Bus: text(c.busInfo[:]), Capture: caps&capCapture != 0 && caps&capStreaming != 0}
	for i := range uint32(maxFormats) {
		d := formatDesc{index: i, typ: typeCapture}
		if !info.Capture {
			break
		}
		err := h.ioctl(enumFmt, unsafe.Pointer(&d))
		if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOTTY) {
			break // there are no more
		}
		if err != nil {
			return info, err
		}
		info.Formats = append(info.Formats, fourCC(d.pixelFormat))
		info.Usable = info.Usable || slices.Contains(taken(), d.pixelFormat)
	}
	slices.SortStableFunc(info.Formats, func(a, b string) int { return rank(a) - rank(b) })
	return info, nil
}

func rank(name string) int {
	for i, f := range taken() {
		if fourCC(f) == name {
			return i
		}
	}
	return math.MaxInt8
}

// negotiate sets the first format that the driver takes.
func (s *stream) negotiate(has []string) error {
	c := s.camera
	for _, code := range taken() {
		if !slices.Contains(has, fourCC(code)) {
			continue
		}
		f := format{typ: typeCapture, pix: pixFormat{width: uint32(c.Width), height: uint32(c.Height), pixelFormat: code, field: fieldNone}}
		if err := s.handle.ioctl(setFmt, unsafe.Pointer(&f)); errors.Is(err, unix.EINVAL) {
			continue
		} else if err != nil {
			return c.lost("set the format", err)
		}
		p := f.pix
		if p.pixelFormat != code {
			continue
		}
		if p.width < 2 || p.height < 1 || p.width > maxSide || p.height > maxSide || p.sizeImage > maxBuffer {
			return source.Lost(source.Unsupported, "its pictures are %d x %d", p.width, p.height)
		}
		if s.pix = p; p.width != uint32(c.Width) || p.height != uint32(c.Height) {
			c.Logger.Info("camera has no such size; its nearest is taken", "source", c.String(), "asked_width", c.Width, "asked_height", c.Height,
				"width", p.width, "height", p.height)
		}
		if code == fmtYUYV || code == fmtUYVY {
			return s.prepare()
		}
		return nil
	}
	return source.Lost(source.Unsupported, "of its formats none can be read: %s", strings.Join(has, ", ")).
		WithHint("MJPG, JPEG, YUYV and UYVY can; for others use `program:` with ffmpeg")
}

// prepare makes ready to encode what comes. An odd column is left out.
func (s *stream) prepare() error {
	p := &s.pix
	s.packed = packed{width: int(p.width &^ 1), height: int(p.height), stride: int(p.bytesPerLine), chromaFirst: p.pixelFormat == fmtUYVY}
	if s.packed.stride == 0 {
		s.packed.stride = 2 * int(p.width)
	}
	if s.packed.stride < 2*s.packed.width || s.packed.size() > maxBuffer {
		return source.Lost(source.Unsupported, "lines of %d bytes for %d pixels", p.bytesPerLine, p.width)
	}
	// The default range is the limited one but for the colours of a JPEG.
	if full := p.quantization == rangeFull || p.quantization != rangeLimited && p.colorspace == colorspaceJPEG; !full {
		s.levels = limited()
	}
	s.raw = s.packed.picture()
	return nil
}

// pace asks for a rate. A driver that has only one says no, which is no harm: who reads
// drops what is too much.
func (s *stream) pace() {
	if hz := s.camera.RateHz; hz > 0 {
		p := streamParm{typ: typeCapture, numerator: 1000, denominator: uint32(max(1, min(hz, 1000)*1000))}
		_ = s.handle.ioctl(setParm, unsafe.Pointer(&p))
	}
}

// start maps the buffers, hands them to the driver and lets it begin.
func (s *stream) start() error {
	c, h := s.camera, s.handle
	r := requestBuffers{count: wantBuffers, typ: typeCapture, memory: memoryMmap}
	if err := h.ioctl(reqBufs, unsafe.Pointer(&r)); err != nil {
		return c.lost("get buffers", err)
	}
	if r.count < 1 || r.count > maxBuffers {
		return source.Lost(source.Unsupported, "its driver gives %d buffers", r.count)
	}
	for i := range r.count {
		b := buffer{index: i, typ: typeCapture, memory: memoryMmap}
		if err := h.ioctl(queryBuf, unsafe.Pointer(&b)); err != nil {
			return c.lost("get buffers", err)
		}
		if b.length == 0 || b.length > maxBuffer {
			return source.Lost(source.Unsupported, "its driver gives buffers of %d bytes", b.length)
		}
		m, err := h.mmap(b.mapAt(), int(b.length))
		if err != nil {
			return c.lost("map a buffer", err)
		}
		s.buffers = append(s.buffers, m)
	}
	for i := range s.buffers {
		if err := s.queue(uint32(i)); err != nil {
			return c.lost("queue a buffer", err)
		}
	}
	typ := uint32(typeCapture)
	if err := h.ioctl(streamOn, unsafe.Pointer(&typ)); err != nil {
		return c.lost("start", err)
	}
	s.on = true
	return nil
}

// lost says what an error of the kernel means for people.
func (c *camera) lost(what string, err error) *edge.Error {
	say := func(why source.Why, format, hint string) *edge.Error {
		return source.Lost(why, "%s: "+format, c.Path).WithHint("%s", hint)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ENODEV), errors.Is(err, unix.ENXIO):
		return say(source.Gone, "no camera is there", "plug it in; `labbox ports` lists the cameras that are there; in a container pass it with --device")
	case errors.Is(err, fs.ErrPermission):
		return say(source.Forbidden, "this user may not use it", "sudo usermod -aG video $USER, then log out and in again; `labbox doctor` says more")
	case errors.Is(err, unix.EBUSY):
		return say(source.Busy, "another program has it", "close that program; `labbox doctor` names it")
	case errors.Is(err, unix.ENOSPC):
		return say(source.Busy, "its USB bus has not enough room left", "plug one camera into another socket, or ask for a smaller `size`")
	case errors.Is(err, errNoVideo), errors.Is(err, unix.ENOTTY), errors.Is(err, unix.EINVAL):
		return say(source.Unsupported, "it is no camera that can be read ("+what+")", "`labbox ports` lists the cameras that are there")
	}
	return source.Lost(source.Gone, "%s: cannot %s: %v", c.Path, what, err).WithHint("unplug it and plug it in again")
}
