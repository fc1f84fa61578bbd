//go:build !unix

package main

import "labbox/devices/transport/serial"

// cameraAllowed: here cameras are read by programs.
func cameraAllowed(string) (why, hint string) {
	return "is a USB camera, which is read on Linux only", "use `program:` with ffmpeg, as docs/user/cameras.md shows"
}

// hostPorts: elsewhere only opening a port tells more.
func hostPorts() portChecks {
	return portChecks{list: serial.List, allowed: func(string) (why, hint string) { return "", "" },
		holders: func(string) []string { return nil }}
}
