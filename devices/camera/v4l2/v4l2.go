// Package v4l2 reads USB cameras on Linux, through the kernel's Video4Linux2 interface
// and without cgo.
//
//	src, err := v4l2.New(v4l2.Options{Path: "/dev/v4l/by-id/usb-...-video-index0", Width: 1280, Height: 720, RateHz: 15})
//	stream, err := src.Open(ctx)
//	jpeg, err := stream.Next() // the newest picture
//
// Of the formats that a camera has, Motion-JPEG is taken and passed through: cut to its
// end, and with the standard Huffman tables where the camera leaves them out, as UVC
// cameras may. A camera that has none is read as YUYV or UYVY, which is encoded here.
// The driver has the last word on size and rate; what it gives is taken. Damaged and
// empty pictures are dropped, old ones give way to the newest.
//
// Specification: https://docs.kernel.org/userspace-api/media/v4l/v4l2.html, and ITU-T
// T.81 for JPEG. Why no library: docs/adr/0019-cameras.md.
//
// Known limits: single-planar capture by memory mapping only, and no other formats (so
// no raw sensors of Raspberry Pi camera modules, which need libcamera: use a program).
// The numbers of the system calls are those of amd64, arm64, arm and other systems with
// the generic encoding. On 32-bit systems the kernel needs CONFIG_COMPAT_32BIT_TIME, as
// nearly all have. A driver that hangs within a call holds its camera until it returns.
// On other systems a source answers that it is unsupported, and what to use instead.
package v4l2

import (
	"log/slog"

	"labbox/devices/camera/source"
	"labbox/edge"
)

// Options of a camera.
type Options struct {
	Path          string  // /dev/video0, /dev/v4l/by-id/...
	Width, Height int     // pixels that are asked for; the camera gives the nearest. 0: 640x480
	RateHz        float64 // pictures per second that are asked for; 0: what the camera likes
	MaxBytes      int     // of one picture; 0: 4 MiB
	Logger        *slog.Logger
}

const (
	defaultWidth  = 640
	defaultHeight = 480
	defaultMax    = 4 << 20
)

// New is the source of a USB camera. Nothing is opened yet, and the camera need not be
// there.
func New(o Options) (source.Source, error) {
	if o.Path == "" {
		return nil, edge.Errorf(edge.CodeBadConfig, "usb: no path of a camera").WithHint("`labbox ports` lists them")
	}
	if o.Width <= 0 || o.Height <= 0 {
		o.Width, o.Height = defaultWidth, defaultHeight
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = defaultMax
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return newCamera(o), nil
}

// Info is one video node of this computer.
type Info struct {
	Path   string // /dev/video0
	ByID   string // its name by maker, model and serial number, "" without
	ByPath string // its name by the socket it is plugged into, "" without
	Name   string // what the camera calls itself
	Driver string // such as uvcvideo
	Bus    string // such as usb-0000:00:14.0-2
	// Capture says that it gives pictures; a camera has other nodes, too.
	Capture bool
	// Formats are those it has, such as MJPG, the one that would be used first.
	Formats []string
	// Usable says that one of the formats can be read.
	Usable bool
	Err    error // why it could not be asked: Capture is a guess then
}

// Source is the path that finds this camera again after it was unplugged. Two cameras of
// one model without serial numbers share their name, which then leads to either.
func (i *Info) Source(all []Info) string {
	twins := false
	for _, o := range all {
		twins = twins || o.Path != i.Path && o.Capture && o.Name == i.Name && o.ByID == ""
	}
	switch {
	case i.ByID != "" && (!twins || i.ByPath == ""):
		return i.ByID
	case i.ByPath != "":
		return i.ByPath
	}
	return i.Path
}
