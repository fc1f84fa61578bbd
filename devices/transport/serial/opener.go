package serial

import (
	"context"
	"errors"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"labbox/devices/transport"
	"labbox/edge"
)

// Opener opens one serial port. One goroutine at a time calls Open.
type Opener struct {
	o     Options
	place place
}

var _ transport.Opener = (*Opener)(nil)

// New returns an Opener, or what is wrong with o (bad_config).
func New(o Options) (*Opener, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	if o.List == nil {
		o.List = List
	}
	return &Opener{o: o}, nil
}

// String implements transport.Opener.
func (s *Opener) String() string {
	if s.o.Path != "" {
		return s.o.Path
	}
	return s.o.USB.String()
}

// Open implements transport.Opener.
func (s *Opener) Open(ctx context.Context) (transport.Port, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	path, err := s.find()
	if err != nil {
		return nil, err
	}
	release, err := s.o.Registry.Claim(path, s.o.Owner)
	if err != nil {
		return nil, err
	}
	port, err := open(path, s.o, release)
	if err != nil {
		release()
		return nil, openError(path, err)
	}
	if err := s.stillThere(); err != nil {
		port.Close()
		return nil, err
	}
	if s.o.ResetOnOpen {
		if err := pulse(ctx, port, resetPulse); err != nil {
			port.Close()
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			return nil, openError(path, err)
		}
	}
	s.place.opened()
	return port, nil
}

// find says where the port is now.
func (s *Opener) find() (string, error) {
	if s.o.Path != "" {
		if runtime.GOOS == "windows" {
			return s.o.Path, nil
		}
		path, err := filepath.EvalSymlinks(s.o.Path)
		if err != nil {
			return "", openError(s.o.Path, err)
		}
		return path, nil
	}
	ports, err := s.o.List()
	if err != nil {
		return "", edge.Errorf(edge.CodePortMissing, "list serial ports: %w", err)
	}
	p, err := s.place.find(s.o.USB, ports)
	return p.Path, err
}

// stillThere makes sure that the name did not pass on to another device between
// the look and the opening; an open port keeps its name.
func (s *Opener) stillThere() error {
	if s.o.Path != "" {
		return nil
	}
	ports, err := s.o.List()
	if err == nil && slices.Contains(ports, s.place.found) {
		return nil
	}
	return edge.Errorf(edge.CodePortMissing, "%s: unplugged while it was being opened", s.place.found.Path).
		WithHint("plug the device in; `labbox ports` lists what is there")
}

// resetPulse is how long DTR stays low: long enough for a bridge that carries
// it out at its next USB frame, and for the capacitor of the usual reset circuit.
const resetPulse = 50 * time.Millisecond

// line is what the ports of this package offer beside transport.Port.
type line interface {
	transport.Port
	setDTR(on bool) error // errNoModem where there is none
	discardInput() error
}

// pulse restarts the board. What it sent in its former life is dropped while
// DTR is low, so that nothing of its boot banner is.
func pulse(ctx context.Context, l line, low time.Duration) error {
	if err := l.setDTR(false); err != nil {
		if errors.Is(err, errNoModem) {
			return nil
		}
		return err
	}
	timer := time.NewTimer(low)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := l.discardInput(); err != nil {
		return err
	}
	return l.setDTR(true)
}
