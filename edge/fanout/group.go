package fanout

import (
	"errors"
	"sync"

	"labbox/edge"
)

// Ender is a subscription of any kind.
type Ender interface {
	edge.Subscription
	Gate() *Gate
}

// Group is the subscriptions of one Bus. Its methods are safe for concurrent use.
type Group struct {
	mu      sync.Mutex
	members map[Ender]struct{}
	closed  bool
	done    chan struct{} // closed when everything has ended
}

// NewGroup returns a Group without members.
func NewGroup() *Group {
	return &Group{members: map[Ender]struct{}{}, done: make(chan struct{})}
}

// Add makes Close close s too; it is false when that has happened already.
func (g *Group) Add(s Ender) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.closed {
		g.members[s] = struct{}{}
	}
	return !g.closed
}

// Remove forgets s.
func (g *Group) Remove(s Ender) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.members, s)
}

// Closed reports whether Close was called.
func (g *Group) Closed() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.closed
}

// Close closes every member, and calls end once, when no handler runs any more.
// Called from inside a handler it waits for all others, and end is called when
// that handler has returned, so that its answer or acknowledgement still goes out.
func (g *Group) Close(end func()) error {
	g.mu.Lock()
	first := !g.closed
	g.closed = true
	members := make([]Ender, 0, len(g.members))
	for s := range g.members {
		members = append(members, s)
	}
	g.mu.Unlock()

	id, inside := GoroutineID(), false
	for _, s := range members {
		inside = inside || s.Gate().Holds(id)
	}
	var errs []error
	for _, s := range members {
		errs = append(errs, s.Close())
	}
	finish := func() {
		for _, s := range members {
			s.Gate().Drained()
		}
		end()
		close(g.done)
	}
	switch {
	case first && inside:
		go finish()
	case first:
		finish()
	case !inside:
		<-g.done
	}
	return errors.Join(errs...)
}
