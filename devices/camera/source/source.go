// Package source is the seam between a camera and where its pictures come from.
package source

import (
	"context"

	"labbox/edge"
)

// Source is where pictures come from: a USB camera, an address, a program, a drawing.
// Its methods are called by one goroutine at a time.
type Source interface {
	// Open starts it. ctx bounds the life of the Stream: when it ends, a Next that waits
	// returns. An error is one made by Lost.
	Open(ctx context.Context) (Stream, error)
	// String names it for logs and people, without anything secret.
	String() string
}

// Stream is a source that is open.
type Stream interface {
	// Next waits for the next picture: one whole JPEG, which is the caller's from then
	// on. After an error, one made by Lost, there is no other picture.
	Next() ([]byte, error)
	// Close ends it and frees all it has: descriptors, goroutines, processes. It may be
	// called while Next waits.
	Close() error
}

// Why a source gives no picture, as in docs/ref/errors.md.
type Why string

// The reasons.
const (
	Starting    Why = "starting"    // no picture yet
	Gone        Why = "gone"        // not there, refused, unplugged, 404
	Busy        Why = "busy"        // another program has it
	Forbidden   Why = "forbidden"   // this user may not use it
	Login       Why = "login"       // user or password are wrong
	NotJPEG     Why = "not_jpeg"    // it sends something else
	TooLarge    Why = "too_large"   // a picture over the limit
	Stalled     Why = "stalled"     // it is there and says nothing
	Ended       Why = "ended"       // it ended by itself
	Redirect    Why = "redirect"    // it leads to a host that the box file does not name
	Unsupported Why = "unsupported" // this system, or this camera's formats
)

// Lost is CodeNoPicture with its reason and a detail for people, which holds nothing
// secret.
func Lost(why Why, format string, args ...any) *edge.Error {
	e := edge.Errorf(edge.CodeNoPicture, format, args...)
	return e.With("why", string(why)).With("detail", e.Message)
}
