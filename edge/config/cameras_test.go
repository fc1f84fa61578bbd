package config

import (
	"fmt"
	"strings"
	"testing"
)

const cameraBox = `schema: 1
box: b
devices:
  - {id: plate, type: plate, port: {sim: true}}
  - {id: far, type: plate, port: {path: /dev/ttyUSB0}}
cameras:
  - id: front
    source: {pattern: true}
`

// sourceBox has another source in the place of the pattern.
func sourceBox(source string) string {
	return strings.Replace(cameraBox, "{pattern: true}", "{"+source+"}", 1)
}

func TestCamerasTaken(t *testing.T) {
	for source, kind := range map[string]string{
		"usb: /dev/v4l/by-id/usb-046d_C525-video-index0, size: 1280x720":                         "usb",
		"http: http://192.168.4.20:8080/video":                                                   "http",
		"http: https://cam.lab/video, user: lab, password_file: p, redirect_to: ['cam2.lab:81']": "http",
		"snapshot: 'http://[fe80::1]/shot.jpg', redirect_to: ['[fe80::2]:80', a.lab]":            "snapshot",
		"program: [ffmpeg, -i, '', '-']":                                                         "program",
		"rtsp: rtsp://192.168.4.30/stream2, user: lab, password_file: p, size: 640x360":          "rtsp",
		"rtsp: rtsps://cam.lab:322/1":                                                            "rtsp",
		"pattern: true, size: 16x4096":                                                           "pattern",
		"sim: plate":                                                                             "sim",
		"usb: /dev/video0, pattern: false":                                                       "usb",
	} {
		b, ps := ParseBox("b.yaml", []byte(sourceBox(source)))
		if err := ps.Err(); err != nil {
			t.Errorf("%s: %v", source, err)
		} else if got := b.Cameras[0].Source.Kind(); got != kind {
			t.Errorf("%s: kind %q", source, got)
		}
	}
	b, ps := ParseBox("b.yaml", []byte(strings.Replace(cameraBox, "    source", `    name: Front
    description: {en: A plate, fr: Une plaque}
    devices: [plate, far]
    rate: 0.01
    max_picture: 10000
    mask: [{width: 25, height: 100}, {x: 75, y: 50, width: 25, height: 50}]
    record: {rate: 60, max_mb: 1}
    source`, 1)))
	if err := ps.Err(); err != nil {
		t.Fatal(err)
	}
	c := b.Cameras[0]
	if c.Name != "Front" || c.Description["fr"] != "Une plaque" || len(c.Devices) != 2 || c.Rate != 0.01 || c.MaxPicture != 10000 ||
		c.Mask[1] != (Mask{75, 50, 25, 50}) || c.Record != (CameraRecord{60, 1}) {
		t.Errorf("%+v", c)
	}
}

// Each refusal with its place. The source begins in column 14 of line 8.
func TestCamerasRefused(t *testing.T) {
	for source, want := range map[string]string{
		"size: 640x480":                                   "8:5: bad_source: a source is exactly one",
		"pattern: false":                                  "8:5: bad_source: a source is exactly one",
		"usb: ''":                                         "8:5: bad_source: a source is exactly one",
		"program: []":                                     "8:5: bad_source: a source is exactly one",
		"usb: /dev/video0, sim: plate":                    "8:5: bad_source: a source is exactly one",
		"usb: '046d:0825'":                                "8:14: bad_source: usb is the path",
		"usb: /dev/video0, redirect_to: [a]":              "8:32: bad_source: redirect_to does not go with usb",
		"program: [x], size: 640x480":                     "8:28: bad_source: size does not go with program",
		"program: ['', x]":                                "8:14: bad_source: program has no name",
		"rtsp: rtsp://a/b, redirect_to: [a.lab]":          "8:32: bad_source: redirect_to does not go with rtsp",
		"http: http://a/b, redirect_to: ['a/b']":          "8:46: bad_source: redirect_to lists hosts",
		"http: http://a/, redirect_to: [a, 'u@b']":        "8:48: bad_source: redirect_to lists hosts",
		"http: http://a/, redirect_to: ['']":              "8:45: bad_source: redirect_to lists hosts",
		"http: http://a/b, user: lab":                     "8:5: bad_source: user and password_file go together",
		"http: http://a/b, password_file: p":              "8:5: bad_source: user and password_file go together",
		`http: http://a/, user: "a:b", password_file: p`:  "8:31: bad_source: a user name has no colon",
		`http: http://a/, user: "a\nb", password_file: p`: "8:31: bad_source: a user name has no colon",
		"pattern: true, size: 640":                        "8:29: bad_range: size is WIDTHxHEIGHT",
		"pattern: true, size: 640x480x2":                  "8:29: bad_range: size is WIDTHxHEIGHT",
		"pattern: true, size: 4097x480":                   "8:29: bad_range: size is WIDTHxHEIGHT",
		"pattern: true, size: 15x480":                     "8:29: bad_range: size is WIDTHxHEIGHT",
		"pattern: true, size: -640x480":                   "8:29: bad_range: size is WIDTHxHEIGHT",
		"http: ftp://a/b":                                 "8:14: bad_source: http is an address that begins with http:// or https://",
		"http: a/b":                                       "8:14: bad_source: http is an address",
		"http: 'http://:80/'":                             "8:14: bad_source: http is an address",
		"http: 'http://a b/'":                             "8:14: bad_source: http is an address",
		"snapshot: rtsp://a/b":                            "8:14: bad_source: snapshot is an address",
		"rtsp: http://a/b":                                "8:14: bad_source: rtsp is an address that begins with rtsp:// or rtsps://",
		"rtsp: 'rtsp://lab:geheim@a/b'":                   "8:14: bad_source: a password in an address",
		"http: 'http://lab@a/b'":                          "8:14: bad_source: a password in an address",
		"sim: nobody":                                     "8:14: unknown_device: no simulated device `nobody`",
		"sim: far":                                        "8:14: unknown_device: no simulated device `far`",
		"webcam: /dev/video0":                             "8:14: unknown_key",
	} {
		refused(t, sourceBox(source), want)
	}
	for insert, want := range map[string]string{
		"rate: 61":                               "8:5: bad_range: rate",
		"rate: -1":                               "8:5: bad_range: rate",
		"rate: .nan":                             "8:5: bad_range: rate",
		"max_picture: 9999":                      "8:5: bad_range: max_picture",
		"max_picture: 100000000":                 "8:5: bad_range: max_picture",
		"record: {rate: 0.001}":                  "8:14: bad_range: rate is 0.01",
		"record: {max_mb: 0.5}":                  "8:14: bad_range: max_mb",
		"record: {max_mb: .inf}":                 "8:14: bad_range: max_mb",
		"devices: [plate, plaet]":                "8:22: unknown_device: no device `plaet`",
		"mask: [{width: 0, height: 5}]":          "8:13: bad_range: a mask lies within",
		"mask: [{width: 5}]":                     "8:13: bad_range: a mask lies within",
		"mask: [{x: 80, width: 21, height: 5}]":  "8:13: bad_range: a mask lies within",
		"mask: [{y: -1, width: 5, height: 5}]":   "8:13: bad_range: a mask lies within",
		"mask: [{x: .nan, width: 5, height: 5}]": "8:13: bad_range: a mask lies within",
		"mask: [" + strings.Repeat("{width: 1, height: 1}, ", 9) + "]": "8:5: bad_range: more than 8 masks",
	} {
		refused(t, strings.Replace(cameraBox, "    source", "    "+insert+"\n    source", 1), want)
	}
	refused(t, strings.Replace(cameraBox, "    source", "    description: {en: A, english: B}\n    source", 1), "8:26: bad_value: `english` is no language")
	refused(t, strings.Replace(cameraBox, "front", "Front!", 1), "7:5: bad_name")
	refused(t, strings.Replace(cameraBox, "id: front", "name: Front", 1), "7:5: bad_name")
	refused(t, strings.Replace(cameraBox, "    source: {pattern: true}\n", "", 1), "7:5: bad_source: a source is exactly one")
	refused(t, cameraBox+"  - {id: front, source: {pattern: true}}\n", "9:6: duplicate: a second camera with id `front`")
	refused(t, strings.Replace(cameraBox, "pattern: true", "usb: /dev/video0", 1)+"  - {id: b, source: {usb: /dev/video0}}\n", "9:22: duplicate: a second camera at `/dev/video0`")
	many := cameraBox
	for i := range 32 {
		many += fmt.Sprintf("  - {id: c%d, source: {pattern: true}}\n", i)
	}
	refused(t, many, "6:1: bad_range: more than 32 cameras")
}

// refused says that a box file has one problem, which begins so.
func refused(t *testing.T, text, want string) {
	t.Helper()
	_, ps := ParseBox("b.yaml", []byte(text))
	if len(ps) != 1 || !strings.HasPrefix(ps[0].String(), "b.yaml:"+want) {
		t.Errorf("want %s\ngot %v\nof\n%s", want, ps, text)
	}
	for _, p := range ps {
		if strings.Contains(p.String(), "geheim") {
			t.Errorf("shows a password: %v", p)
		}
	}
}

func TestParseSize(t *testing.T) {
	if w, h, ok := ParseSize(""); w != 640 || h != 480 || !ok {
		t.Error(w, h, ok)
	}
	if w, h, ok := ParseSize("1280x720"); w != 1280 || h != 720 || !ok {
		t.Error(w, h, ok)
	}
}

func TestPictureRate(t *testing.T) {
	for _, c := range []struct {
		of   Camera
		want float64
	}{
		{Camera{Source: CameraSource{Pattern: true}}, 15},
		{Camera{Source: CameraSource{Snapshot: "http://192.0.2.1/a.jpg"}}, 1}, // a request each: cameras mind
		{Camera{Source: CameraSource{Snapshot: "http://192.0.2.1/a.jpg"}, Rate: 5}, 5},
	} {
		if got := c.of.PictureRate(); got != c.want {
			t.Errorf("%+v: %g pictures a second, want %g", c.of, got, c.want)
		}
	}
}
