package v4l2

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"golang.org/x/sys/unix"
)

// bench is a computer with cameras: folders in the place of /sys and /dev.
type bench struct {
	t     *testing.T
	root  string
	nodes map[string]func() (handle, error)
}

func newBench(t *testing.T) *bench {
	return &bench{t: t, root: t.TempDir(), nodes: map[string]func() (handle, error){}}
}

func (b *bench) lister() lister {
	return lister{sys: filepath.Join(b.root, "sys"), dev: filepath.Join(b.root, "dev"), open: func(path string) (handle, error) {
		return b.nodes[filepath.Base(path)]()
	}}
}

func (b *bench) plug(node, name, index, driver string, open func() (handle, error), links ...string) {
	b.t.Helper()
	b.nodes[node] = open
	dir := filepath.Join(b.root, "sys", node)
	must(b.t, os.MkdirAll(filepath.Join(dir, "device"), 0o700))
	must(b.t, os.MkdirAll(filepath.Join(b.root, "drivers", driver), 0o700))
	must(b.t, os.MkdirAll(filepath.Join(b.root, "dev"), 0o700))
	must(b.t, os.Symlink(filepath.Join(b.root, "drivers", driver), filepath.Join(dir, "device", "driver")))
	must(b.t, os.WriteFile(filepath.Join(dir, "name"), []byte(name+"\n"), 0o600))
	must(b.t, os.WriteFile(filepath.Join(dir, "index"), []byte(index+"\n"), 0o600))
	for _, l := range links {
		l = filepath.Join(b.root, "dev", "v4l", l)
		must(b.t, os.MkdirAll(filepath.Dir(l), 0o700))
		must(b.t, os.Symlink("../../"+node, l))
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestList(t *testing.T) {
	b := newBench(t)
	if all, err := b.lister().list(); err != nil || len(all) != 0 {
		t.Fatal(all, err)
	}
	dev := func(name string) string { return filepath.Join(b.root, "dev", name) }
	b.plug("video10", "codec", "0", "bcm2835-codec", func() (handle, error) {
		u := newUVC(t)
		u.deviceCaps = capStreaming | 0x8000 // memory to memory
		return u, nil
	})
	b.plug("video0", "HD Webcam C525: HD W", "0", "uvcvideo", func() (handle, error) { return newUVC(t), nil },
		"by-id/usb-046d_C525_5A2B-video-index0", "by-path/pci-0000:00:14.0-usb-0:2:1.0-video-index0")
	b.plug("video1", "HD Webcam C525: HD W", "1", "uvcvideo", func() (handle, error) {
		u := newUVC(t)
		u.deviceCaps = 0x0080_0000 | capStreaming
		return u, nil
	}, "by-id/usb-046d_C525_5A2B-video-index1")
	b.plug("video2", "Locked \x1b camera", "0", "uvcvideo", func() (handle, error) { return nil, unix.EACCES })
	b.plug("video3", "Locked camera", "1", "uvcvideo", func() (handle, error) { return nil, unix.EACCES })
	b.plug("v4l-subdev0", "sensor", "0", "imx219", nil)
	got, err := b.lister().list()
	if err != nil {
		t.Fatal(err)
	}
	card := "HD Webcam C525?[31m"
	want := []Info{
		{Path: dev("video0"), ByID: dev("v4l/by-id/usb-046d_C525_5A2B-video-index0"), ByPath: dev("v4l/by-path/pci-0000:00:14.0-usb-0:2:1.0-video-index0"),
			Name: card, Driver: "uvcvideo", Bus: "usb-0000:00:14.0-2", Capture: true, Formats: []string{"MJPG", "YUYV"}, Usable: true},
		{Path: dev("video1"), ByID: dev("v4l/by-id/usb-046d_C525_5A2B-video-index1"), Name: card, Driver: "uvcvideo", Bus: "usb-0000:00:14.0-2"},
		{Path: dev("video2"), Name: "Locked ? camera", Driver: "uvcvideo", Capture: true, Err: unix.EACCES},
		{Path: dev("video3"), Name: "Locked camera", Driver: "uvcvideo", Err: unix.EACCES},
		{Path: dev("video10"), Name: card, Driver: "uvcvideo", Bus: "usb-0000:00:14.0-2"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// The path for the box file is one that leads to this camera and no other.
func TestSourceOfTwins(t *testing.T) {
	one := Info{Path: "/dev/video0", Name: "C525", Capture: true, ByID: "/dev/v4l/by-id/c525", ByPath: "/dev/v4l/by-path/2"}
	two := Info{Path: "/dev/video2", Name: "C525", Capture: true, ByPath: "/dev/v4l/by-path/3"}
	meta := Info{Path: "/dev/video1", Name: "C525"}
	if got := one.Source([]Info{one, meta}); got != one.ByID {
		t.Error("alone:", got)
	}
	all := []Info{one, meta, two}
	if got := one.Source(all); got != one.ByPath {
		t.Error("with a twin:", got)
	}
	if got := two.Source(all); got != two.ByPath {
		t.Error("the twin:", got)
	}
	if got := (&Info{Path: "/dev/video7"}).Source(nil); got != "/dev/video7" {
		t.Error(got)
	}
	one.ByPath = ""
	if got := one.Source(all); got != one.ByID {
		t.Error("without a socket:", got)
	}
}
