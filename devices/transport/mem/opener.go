package mem

import (
	"context"
	"sync"

	"labbox/devices/transport"
	"labbox/edge"
)

// Opener opens a fresh pipe each time and hands its other end to a device. It
// behaves like a USB socket: one program at a time, and no port while the cable
// is out.
type Opener struct {
	o    Options
	plug func(device *Port)

	mu    sync.Mutex
	box   *Port // the last one opened; nil before
	out   bool  // unplugged
	opens int
}

var _ transport.Opener = (*Opener)(nil)

// NewOpener returns an Opener that calls plug with the device's end at each
// Open. plug must not block: it starts the device, or gives a running one its
// new line.
func NewOpener(o Options, plug func(device *Port)) *Opener {
	if o.Name == "" {
		o.Name = "memory"
	}
	return &Opener{o: o, plug: plug}
}

// Open implements transport.Opener. Errors: port_missing while unplugged,
// port_busy while the port opened before is still open.
func (s *Opener) Open(ctx context.Context) (transport.Port, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	if s.out {
		s.mu.Unlock()
		return nil, edge.Errorf(edge.CodePortMissing, "%s is not plugged in", s.o.Name)
	}
	if s.box != nil && s.box.open() {
		s.mu.Unlock()
		return nil, edge.Errorf(edge.CodePortBusy, "%s is already open", s.o.Name)
	}
	box, device := Pipe(s.o)
	s.box = box
	s.opens++
	s.mu.Unlock()
	s.plug(device)
	return box, nil
}

// String implements transport.Opener.
func (s *Opener) String() string { return s.o.Name }

// Unplug pulls the cable: the open line is lost, and Open fails until Plug.
func (s *Opener) Unplug() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.out = true
	if s.box != nil {
		s.box.Unplug()
	}
}

// Plug puts the cable in again.
func (s *Opener) Plug() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.out = false
}

// Opens counts the successful Opens.
func (s *Opener) Opens() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opens
}

// open says that the port was not closed by its user: a lost one still is held.
func (e *Port) open() bool {
	e.p.mu.Lock()
	defer e.p.mu.Unlock()
	return !e.closed
}
