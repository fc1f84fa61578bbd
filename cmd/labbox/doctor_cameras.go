package main

import (
	"cmp"
	"context"
	"os/exec"
	"path/filepath"
	"strings"

	"labbox/devices/camera/v4l2"
	"labbox/edge/config"
)

// cameraChecks ask the machine about cameras. None starts one.
type cameraChecks struct {
	list func() ([]v4l2.Info, error)
	// allowed is as that of portChecks.
	allowed func(path string) (why, hint string)
	look    func(program string) (path string, err error)
}

func hostCameras() cameraChecks {
	return cameraChecks{list: v4l2.List, allowed: cameraAllowed, look: exec.LookPath}
}

// checkCameras looks for what the cameras of the box file need, or at all USB cameras.
func (d *doctor) checkCameras(_ context.Context, f *verdicts) {
	if d.box != nil && len(d.box.Cameras) == 0 {
		return
	}
	nodes, err := d.cameras.list()
	if err != nil {
		f.failed("camera", err, "")
		return
	}
	if d.box == nil {
		for i := range nodes {
			if n := &nodes[i]; n.Capture {
				d.checkUSBCamera(f, n.Path, n.Path, nodes, f.warn)
			}
		}
		return
	}
	for i := range d.box.Cameras {
		d.checkCamera(f, &d.box.Cameras[i], nodes)
	}
}

// checkCamera looks for one camera's source. An address is not asked: that would be
// somebody else's machine.
func (d *doctor) checkCamera(f *verdicts, c *config.Camera, nodes []v4l2.Info) {
	s := &c.Source
	if s.Password != "" {
		file := s.Password
		if !filepath.IsAbs(file) {
			file = filepath.Join(d.box.Dir, file)
		}
		if !checkSecret(f, "camera", file) {
			return
		}
	}
	switch s.Kind() {
	case "usb":
		d.checkUSBCamera(f, c.ID+": "+s.USB, s.USB, nodes, f.fail)
	case "program":
		if d.found(f, c.ID, s.Program[0], "give its whole path, or put it where the user who runs labbox finds programs") {
			f.ok("camera", "%s: %s is there", c.ID, s.Program[0])
		}
	case "rtsp":
		if d.found(f, c.ID, "ffmpeg", "sudo apt install ffmpeg, or https://ffmpeg.org; labbox's own container image has none") {
			f.ok("camera", "%s is at %s, read by ffmpeg", c.ID, hostOf(s.RTSP))
		}
	case "http", "snapshot":
		f.ok("camera", "%s is at %s", c.ID, hostOf(cmp.Or(s.HTTP, s.Snapshot)))
	default:
		f.ok("camera", "%s is drawn", c.ID)
	}
}

// found says that a program can be started.
func (d *doctor) found(f *verdicts, id, program, hint string) bool {
	if _, err := d.cameras.look(program); err != nil {
		f.fail("camera", hint, "%s: %v", id, err)
		return false
	}
	return true
}

// checkUSBCamera tells report what speaks against a USB camera.
func (d *doctor) checkUSBCamera(f *verdicts, label, path string, nodes []v4l2.Info, report func(what, hint, format string, args ...any)) {
	if why, hint := d.cameras.allowed(path); why != "" {
		report("camera", hint, "%s %s", label, why)
		return
	}
	if n := nodeAt(path, nodes); n != nil && n.Err == nil && !n.Usable {
		switch {
		case n.Capture:
			report("camera", "use `program:` with ffmpeg for it", "%s has no format that can be read: %s", label, strings.Join(n.Formats, ", "))
		default:
			report("camera", "`labbox ports` lists those that give pictures", "%s is a node of a camera without pictures", label)
		}
		return
	}
	switch holders := strings.Join(d.ports.holders(path), ", "); {
	case holders == "":
		f.ok("camera", "%s is there and may be used", label)
	case d.stayed || d.running != nil:
		f.ok("camera", "%s is in use by %s", label, holders)
	default: // to have it open is not yet to use it
		f.warn("camera", "close that program if the panel says that the camera is busy: one at a time gets pictures", "%s is open in %s", label, holders)
	}
}

// nodeAt is the node that a path, or a link, leads to.
func nodeAt(path string, nodes []v4l2.Info) *v4l2.Info {
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		target = path
	}
	for i := range nodes {
		if p := nodes[i].Path; p == path || p == target {
			return &nodes[i]
		}
	}
	return nil
}
