package sim

import "time"

// Output is the device's side of the line.
type Output interface {
	Text(b []byte)   // one message of text, or bytes of a stream
	Binary(b []byte) // one message of bytes, or bytes of a stream
}

// Dialect is a wire protocol as the device speaks it, on behalf of a Model. Its
// methods are called one at a time.
type Dialect interface {
	// Open tells of a new line: the place for a banner, and to forget half a
	// message.
	Open(now time.Time, m *Model, out Output)
	// Receive takes bytes from the box in the chunks in which they come, or whole
	// messages. The model stands at now.
	Receive(now time.Time, p []byte, m *Model, out Output)
	// Report is called at the spec's rate; a device that only answers does nothing.
	Report(now time.Time, m *Model, out Output)
}

// NewDevice returns a device that knows what a spec says, and speaks a dialect.
// A rate of 0 calls Report ten times a second.
func NewDevice(s Spec, seed uint64, d Dialect) Device {
	if s.RateHz == 0 {
		s.RateHz = 10
	}
	return newBoard(&speaker{m: NewModel(s, seed), d: d, report: periodic{every: time.Duration(float64(time.Second) / s.RateHz)}}, 0)
}

// speaker runs a dialect as a board's program.
type speaker struct {
	m      *Model
	d      Dialect
	report periodic
}

func (s *speaker) reboot(now time.Time) {
	s.m.advance(now)
	s.m.Reboot(now)
}

func (s *speaker) model() *Model { return s.m }

func (s *speaker) open(now time.Time, out *output) {
	s.m.start(now)
	s.report.next = now.Add(s.report.every)
	s.m.advance(now)
	s.d.Open(now, s.m, (*port)(out))
}

func (s *speaker) receive(now time.Time, p []byte, out *output) {
	s.m.advance(now)
	s.d.Receive(now, p, s.m, (*port)(out))
}

func (s *speaker) wake() time.Time { return s.report.next }

func (s *speaker) tick(now time.Time, out *output) {
	s.report.advance(now)
	s.m.advance(now)
	s.d.Report(now, s.m, (*port)(out))
}

// port is an output as a Dialect sees it.
type port output

func (p *port) Text(b []byte)   { (*output)(p).text(b) }
func (p *port) Binary(b []byte) { (*output)(p).binary(b) }
