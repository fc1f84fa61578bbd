package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"labbox/devices/camera/v4l2"
)

const doctorCameras = `schema: 1
box: b
devices:
  - {id: plate, type: plate, port: {sim: true}}
cameras:
  - {id: front, source: {usb: /dev/video0}}
  - {id: room, source: {rtsp: "rtsp://192.168.4.30/stream2", user: lab, password_file: room.password}}
  - {id: phone, source: {http: "http://192.168.4.31:8080/video?key=geheim"}}
  - {id: own, source: {program: [rpicam-vid, "-"]}}
  - {id: test, source: {pattern: true}}
`

func TestDoctorCameras(t *testing.T) {
	d := newDoctor(t)
	dir := t.TempDir()
	d.config = filepath.Join(dir, "box.yaml")
	write := func(name, text string, mode os.FileMode) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	write("box.yaml", doctorCameras, 0o600)
	write("room.password", "geheim", 0o600)
	nodes := []v4l2.Info{{Path: "/dev/video0", Capture: true, Usable: true, Formats: []string{"MJPG"}}, {Path: "/dev/video1"}}
	d.cameras.list = func() ([]v4l2.Info, error) { return nodes, nil }
	expect := func(failing bool, wants ...string) {
		t.Helper()
		text, failed := d.says(t)
		if failed != failing || strings.Contains(text, "geheim") {
			t.Errorf("failed: %v\n%s", failed, text)
		}
		for _, want := range wants {
			if !strings.Contains(text, want) {
				t.Errorf("no %q in\n%s", want, text)
			}
		}
	}
	expect(false, "ok    camera    front: /dev/video0 is there and may be used\n", "ok    camera    room is at 192.168.4.30, read by ffmpeg\n",
		"ok    camera    phone is at 192.168.4.31:8080\n", "ok    camera    own: rpicam-vid is there\n", "ok    camera    test is drawn\n")

	d.cameras.look = func(p string) (string, error) { return "", errors.New(p + ": not found") }
	expect(true, "fail  camera    room: ffmpeg: not found\n      hint: sudo apt install ffmpeg", "fail  camera    own: rpicam-vid: not found\n      hint: give its whole path")
	d.cameras.look = newDoctor(t).cameras.look

	if err := os.Remove(filepath.Join(dir, "room.password")); err != nil {
		t.Fatal(err)
	}
	expect(true, "fail  camera    password file: open ", "hint: give the file to the user who runs labbox")
	write("room.password", "geheim", 0o600)

	d.cameras.allowed = func(string) (string, string) { return "may not be used by this user", "sudo usermod -aG video $USER" }
	expect(true, "fail  camera    front: /dev/video0 may not be used by this user\n      hint: sudo usermod -aG video $USER\n")
	d.cameras.allowed = newDoctor(t).cameras.allowed

	d.ports.holders = func(string) []string { return []string{"cheese (process 7)"} }
	expect(false, "warn  camera    front: /dev/video0 is open in cheese (process 7)\n      hint: close that program")
	d.stayed = true // a labbox that has the data directory has the cameras
	expect(false, "ok    camera    front: /dev/video0 is in use by cheese")
	d.stayed, d.ports.holders = false, newDoctor(t).ports.holders

	nodes[0] = v4l2.Info{Path: "/dev/video0"}
	expect(true, "fail  camera    front: /dev/video0 is a node of a camera without pictures\n      hint: `labbox ports`")
	nodes[0] = v4l2.Info{Path: "/dev/video0", Capture: true, Formats: []string{"H264"}}
	expect(true, "fail  camera    front: /dev/video0 has no format that can be read: H264\n")
	nodes[0] = v4l2.Info{Path: "/dev/video0", Capture: true, Err: errors.New("busy")}
	expect(false, "ok    camera    front: /dev/video0 is there")
	d.cameras.list = func() ([]v4l2.Info, error) { return nil, errors.New("no sysfs") }
	expect(true, "fail  camera    no sysfs\n")

	// Without a box file no camera is needed.
	d.cameras.list = func() ([]v4l2.Info, error) { return nodes, nil }
	d.config, d.box = "", nil
	d.cameras.allowed = func(string) (string, string) { return "may not be used by this user", "" }
	expect(false, "warn  camera    /dev/video0 may not be used")
}

// A link leads to its node.
func TestNodeAt(t *testing.T) {
	dir := t.TempDir()
	node, link := filepath.Join(dir, "video0"), filepath.Join(dir, "by-id")
	if err := os.WriteFile(node, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(node, link); err != nil {
		t.Skip("no symbolic links here:", err)
	}
	real, err := filepath.EvalSymlinks(node)
	if err != nil {
		t.Fatal(err)
	}
	nodes := []v4l2.Info{{Path: "/dev/video9"}, {Path: real, Name: "it"}}
	if n := nodeAt(link, nodes); n == nil || n.Name != "it" {
		t.Error(n)
	}
	if n := nodeAt("/dev/video9", nodes); n == nil {
		t.Error("the path itself")
	}
	if n := nodeAt("/dev/video8", nodes); n != nil {
		t.Error(n)
	}
}
