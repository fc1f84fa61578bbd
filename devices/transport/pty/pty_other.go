//go:build !linux

package pty

import (
	"runtime"

	"labbox/devices/transport"
	"labbox/edge"
)

// Port is the device's end of a pty. There is none on this system.
type Port struct{ transport.Port }

// Open returns port_missing: there are no ptys of this kind here.
func Open(Options) (*Port, error) {
	return nil, edge.Errorf(edge.CodePortMissing, "no pty on %s", runtime.GOOS).
		WithHint("simulate inside the box instead: port: {sim: true}")
}

// Name is the path of the other end.
func (p *Port) Name() string { return "" }
