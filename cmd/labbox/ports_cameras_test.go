package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"labbox/devices/camera/v4l2"
	"labbox/devices/transport/serial"
	"labbox/edge/config"
)

var someCameras = []v4l2.Info{
	{Path: "/dev/video0", ByID: `/dev/v4l/by-id/usb-046d_HD_Webcam\x20C525-video-index0`, Name: "HD\tWebcam C525", Driver: "uvcvideo", Capture: true, Formats: []string{"MJPG", "YUYV"}, Usable: true},
	{Path: "/dev/video1", Name: "HD\tWebcam C525", Driver: "uvcvideo"},
	{Path: "/dev/video2", ByPath: "/dev/v4l/by-path/pci-0000:00:14.0-usb-0:2:1.0-video-index0", Name: "Depth", Driver: "uvcvideo", Capture: true, Formats: []string{"Z16", "H264"}},
	{Path: "/dev/video4", Driver: "uvcvideo", Capture: true, Err: errors.New("permission denied")},
}

const someCameraTable = `CAMERA       NAME            DRIVER    FORMATS
/dev/video0  HD?Webcam C525  uvcvideo  MJPG, YUYV
/dev/video2  Depth           uvcvideo  Z16, H264 (none can be read)
/dev/video4  -               uvcvideo  ? (permission denied)

in the box file:
/dev/video0  source: {usb: "/dev/v4l/by-id/usb-046d_HD_Webcam\\x20C525-video-index0"}
/dev/video2  source: {usb: "/dev/v4l/by-path/pci-0000:00:14.0-usb-0:2:1.0-video-index0"}
/dev/video4  source: {usb: "/dev/video4"}
`

func TestPortsListsCameras(t *testing.T) {
	var out, hint bytes.Buffer
	s := streams{out: &out, err: &hint}
	none := func() ([]serial.Info, error) { return nil, nil }
	if err := listPorts(s, none, func() ([]v4l2.Info, error) { return someCameras, nil }); err != nil {
		t.Fatal(err)
	}
	if out.String() != "no serial ports found\n\n"+someCameraTable {
		t.Errorf("got\n%s", out.String())
	}
	out.Reset()
	if err := listPorts(s, none, func() ([]v4l2.Info, error) { return someCameras[1:2], nil }); err != nil {
		t.Fatal(err)
	}
	if out.String() != "no serial ports found\n\nno USB cameras found\n" {
		t.Errorf("a node without pictures:\n%s", out.String())
	}
	out.Reset()
	// A computer whose cameras cannot be listed still shows its ports.
	err := listPorts(s, func() ([]serial.Info, error) { return somePorts, nil }, func() ([]v4l2.Info, error) { return nil, errors.New("no sysfs") })
	if err == nil || !strings.Contains(out.String(), "/dev/ttyACM0") {
		t.Errorf("%v\n%s", err, out.String())
	}
}

// Each line that is printed finds its camera when it is pasted into a box file.
func TestCameraLinesCanBePasted(t *testing.T) {
	_, lines, _ := strings.Cut(someCameraTable, "in the box file:\n")
	for i, l := range strings.Split(strings.TrimSpace(lines), "\n") {
		_, source, _ := strings.Cut(l, "  ")
		text := "schema: 1\nbox: b\ndevices:\n  - {id: d, type: plate, port: {sim: true}}\ncameras:\n  - {id: c, " + source + "}\n"
		box, ps := config.ParseBox("b.yaml", []byte(text))
		if err := ps.Err(); err != nil {
			t.Fatal(err)
		}
		c := []v4l2.Info{someCameras[0], someCameras[2], someCameras[3]}[i]
		if got := box.Cameras[0].Source.USB; got != c.Source(someCameras) {
			t.Errorf("%s: %q", l, got)
		}
	}
}
