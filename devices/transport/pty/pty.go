package pty

import "labbox/edge"

// Options of a pty.
type Options struct {
	// Link is a symbolic link to make, removed again by Close; "" makes none. A
	// link that leads to another pty is replaced, anything else refused.
	Link string
	// Opened, when set, is told when a program opens the port (true) and when
	// the last one has closed it (false). It is called by Receive and must not
	// block.
	Opened func(open bool)
}

func badLink(path string, err error) error {
	return edge.Errorf(edge.CodeBadConfig, "link to the pty %s: %w", path, err).
		WithHint("give a path that does not exist yet")
}
