package web

import (
	"context"

	"labbox/edge"
)

// Cameras is what the panel needs of the box's cameras. Errors are coded:
// CodeUnknownCamera where there is none of that id, CodeCovered while a teacher has
// covered it.
type Cameras interface {
	// List is the owner's word on every camera, in the order of the box file.
	List(ctx context.Context) ([]edge.Camera, error)
	// Watch calls fn with the newest picture, again and again, and skips those that come
	// while fn runs. It goes on while the source is lost, and ends when ctx ends, with
	// fn's error, or with CodeCovered at the moment when the camera is covered.
	Watch(ctx context.Context, id string, fn func(edge.Picture) error) error
	// Seen says which seats watch a camera through the process named by; it counts for
	// edge.SeenFor. None: nobody does any more.
	Seen(ctx context.Context, id, by string, seats []edge.SeatRef) error
	// Cover closes the camera's source and shows it to nobody until it is uncovered.
	Cover(ctx context.Context, id string, by edge.Actor, covered bool) (edge.Camera, error)
}
