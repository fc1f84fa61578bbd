package transport

import (
	"context"
	"errors"

	"labbox/edge"
)

// Kind says how the bytes of a Receive or a Send hang together.
type Kind uint8

// The kinds. A line that has no boundaries receives Stream only and ignores the
// kind it is given to send; a line of messages sends Stream as Text.
const (
	Stream Kind = iota // bytes without boundaries
	Text               // one whole message of text
	Binary             // one whole message of bytes
)

func (k Kind) String() string {
	switch k {
	case Stream:
		return "stream"
	case Text:
		return "text"
	case Binary:
		return "binary"
	}
	return "unknown"
}

// Port is an open line to a device. One goroutine calls Receive, one calls
// Send; Drain, Pending, DiscardOutput and Close may come from any, at any time.
type Port interface {
	// Receive blocks until there is something, and returns n > 0 or an error,
	// never both zero. Of a line of messages it returns one whole message, or
	// ErrTooLong where p is too short for it: that message is gone, the line is
	// not. After an unplug it first returns what had arrived, then an error that
	// wraps ErrLost; after Close, ErrClosed at once.
	Receive(p []byte) (n int, kind Kind, err error)
	// Send returns once the operating system has taken all of p, which may be
	// long before the device has it. Two Sends never interleave. When it
	// returns an error, any beginning of p may have gone out and no further byte
	// of p will: ErrDiscarded after DiscardOutput, ErrLost, ErrClosed.
	Send(p []byte, kind Kind) error
	// Drain waits until what was sent has left the machine, as far as the port
	// can tell, and returns ctx's error when that takes too long.
	Drain(ctx context.Context) error
	// Pending is the number of bytes sent that have not left the machine, -1
	// where nobody knows.
	Pending() int
	// DiscardOutput drops what is queued and not on the wire yet, and makes a
	// Send that is stuck return. The next Send starts afresh, though the device
	// may have got half a message before it. On lines that cannot drop half a
	// message a stuck Send costs the line: it is lost then.
	DiscardOutput() error
	// Close ends the line; the second call does nothing. Receive and a stuck
	// Send return at once, and no byte is written any more. Output that is still
	// queued gets a short grace (a quarter of a second at most) and is dropped
	// then: whoever needs it gone calls Drain first.
	Close() error
}

// Opener opens a line, again and again over the life of a device.
type Opener interface {
	// Open returns an open line or an *edge.Error: port_missing, port_busy,
	// port_forbidden, bad_config. Where a device has to come by itself it waits
	// for that until ctx ends.
	Open(ctx context.Context) (Port, error)
	// String names the line for people and logs: /dev/ttyUSB0.
	String() string
}

// What a line may come to. They are found with errors.Is.
var (
	ErrLost      = errors.New("line lost")
	ErrClosed    = errors.New("line closed")
	ErrDiscarded = errors.New("output discarded")
	ErrTooLong   = errors.New("message too long")
)

// Lost returns the error of a line that went away: coded port_lost, wrapping
// ErrLost and, where it is not nil, cause.
func Lost(name string, cause error) error {
	return edge.Errorf(edge.CodePortLost, "%s: %w", name, &lostError{cause})
}

type lostError struct{ cause error }

func (e *lostError) Error() string {
	if e.cause == nil {
		return ErrLost.Error()
	}
	return ErrLost.Error() + ": " + e.cause.Error()
}

func (e *lostError) Is(target error) bool { return target == ErrLost }

func (e *lostError) Unwrap() error { return e.cause }
