package firmata

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// ErrWrite is wrapped by every refusal of a write; nothing was sent then.
var ErrWrite = errors.New("firmata: write refused")

// maxOutput is how much may wait for Output: a caller that does not write it is
// told.
const maxOutput = 4096

// find returns the pin in use of a field, when it can be written now.
func (s *Session) find(field string) (*use, error) {
	if s.state != Ready {
		return nil, fmt.Errorf("%w: the board is not ready, but %s", ErrWrite, s.state)
	}
	if len(s.out) > maxOutput {
		return nil, fmt.Errorf("%w: %d bytes wait to be written", ErrWrite, len(s.out))
	}
	for i := range s.uses {
		if s.uses[i].Field == field {
			return &s.uses[i], nil
		}
	}
	return nil, fmt.Errorf("%w: no field %q", ErrWrite, field)
}

// Write sets an output (0 or 1), a PWM output (0 to its Max, or to the most of its
// resolution) or a servo (0 to 180 degrees, to the nearest whole one). There is no
// answer; [Session.Query] tells what the board has.
func (s *Session) Write(field string, value float64) error {
	u, err := s.find(field)
	if err != nil {
		return err
	}
	top, full := 1.0, 1.0
	switch u.mode {
	case Output:
		if value != 0 && value != 1 {
			return fmt.Errorf("%w: %v for output %q, must be 0 or 1", ErrWrite, value, field)
		}
	case PWM:
		full = float64(int(1)<<u.bits - 1)
		if top = u.Max; top == 0 {
			top = full
		}
	case Servo:
		top, full = 180, 180
	default:
		return fmt.Errorf("%w: field %q is %s, no output", ErrWrite, field, u.mode)
	}
	if !(value >= 0 && value <= top) {
		return fmt.Errorf("%w: %v for field %q, must be 0 to %v", ErrWrite, value, field, top)
	}
	if u.mode == Output {
		s.digital(u.pin, value == 1)
		return nil
	}
	s.out = AppendAnalog(s.out, u.pin, int(math.Round(value*full/top)))
	return nil
}

func (s *Session) digital(pin int, high bool) {
	s.port(pin, high)
	if s.board.speaks(2, 5) {
		s.out = AppendPinValue(s.out, pin, high)
	} else {
		s.out = AppendDigitalPort(s.out, pin/8, s.ports[pin/8])
	}
}

// SetMode changes what a pin in use does. A mode that the board does not list for
// it is refused.
func (s *Session) SetMode(field string, m Mode) error {
	u, err := s.find(field)
	if err != nil {
		return err
	}
	if _, ok := ParseMode(m.String()); !ok {
		return fmt.Errorf("%w: %s is no mode to set", ErrWrite, m)
	}
	next := *u
	next.mode, next.Mode = m, m.String()
	if m != Analog && m != PWM {
		next.Max = 0
	}
	if err := s.ability(&next, &s.board.Pins[u.pin]); err != nil {
		return fmt.Errorf("%w: %w", ErrWrite, err)
	}
	*u = next
	set := m
	if u.emulated {
		set = Input
	}
	s.out = AppendPinMode(s.out, u.pin, set)
	s.port(u.pin, u.emulated)
	if u.emulated {
		s.out = AppendDigitalPort(s.out, u.pin/8, s.ports[u.pin/8])
	}
	s.top, s.last = -1, -1
	for i := range s.uses {
		if s.uses[i].mode == Analog {
			s.top = max(s.top, s.uses[i].channel)
		}
	}
	s.reports()
	return nil
}

// Query asks what the board has as a pin's mode and what was last written to it; a
// PinStateEvent answers.
func (s *Session) Query(field string) error {
	u, err := s.find(field)
	if err != nil {
		return err
	}
	s.out = AppendPinStateRequest(s.out, u.pin)
	return nil
}

// Reset sends a system reset in whatever state: all pins as after boot, which for
// StandardFirmata is low. Then the board is set up anew.
func (s *Session) Reset(now time.Duration) {
	if s.state == Stopped {
		return
	}
	s.now, s.restart = now, false
	s.out = AppendReset(append(s.out[:0], Resync...))
	s.enter(AskVersion)
}
