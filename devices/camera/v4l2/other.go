//go:build !linux

package v4l2

import (
	"context"
	"runtime"

	"labbox/devices/camera/source"
)

// elsewhere is a source that cannot be.
type elsewhere struct{ path string }

func newCamera(o Options) source.Source { return elsewhere{o.Path} }

func (e elsewhere) Open(context.Context) (source.Stream, error) {
	input := "-f dshow -i video=NAME"
	if runtime.GOOS == "darwin" {
		input = "-f avfoundation -i 0"
	}
	return nil, source.Lost(source.Unsupported, "usb cameras are read on Linux only").
		WithHint("use `program:` with ffmpeg %s -f mjpeg -, as docs/user/cameras.md shows", input)
}

func (e elsewhere) String() string { return "usb " + e.path }

// List is every camera that is known: none on this system.
func List() ([]Info, error) { return nil, nil }
