package web

import (
	"context"
	"net/http"
	"sync"
	"time"

	"labbox/edge"
	"labbox/edge/class"
)

// sight is the right of a seat to see pictures, as the store said last.
type sight struct {
	actor edge.Actor
	class string // id of the class that it is a member of; "": it needs none
}

// viewer is a request that looks at a camera.
type viewer struct {
	seat   string
	token  string
	ctx    context.Context
	cancel context.CancelCauseFunc
	ctl    *http.ResponseController
	wake   chan struct{} // look at the seat again
	feed   *feed

	mu    sync.Mutex
	sight sight
	known time.Duration // when the store said so
	over  bool
}

func (v *viewer) actor() edge.Actor {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.sight.actor
}

// sightOf asks the store whether a seat may see pictures: a teacher's, or a member's of
// the class that is open. It differs from lookup: while the store is away nobody new
// sees anything, and who came by a nickname alone does not either.
func (s *Server) sightOf(ctx context.Context, token string) (sight, error) {
	ctx, cancel := context.WithTimeout(ctx, storeWithin)
	defer cancel()
	f, err := s.cfg.Seats.Lookup(ctx, token)
	if err != nil {
		if edge.CodeOf(err) == edge.CodeNoSeat {
			s.seats.drop(token)
		}
		return sight{}, err
	}
	a := actorFor(&f)
	a.Via = viaPanel
	if a.Role.AtLeast(edge.RoleTeacher) {
		return sight{actor: a}, nil
	}
	if f.Kind != class.KindClass || f.Class == nil {
		return sight{}, errNoSight(a.Role, f.Class != nil)
	}
	s.seats.put(token, a, f.Alias)
	if c, _ := s.room.now(); c == nil || c.ID != f.Class.ID {
		s.reloadClass(ctx) // this process has not heard of it yet
	}
	return sight{actor: a, class: f.Class.ID}, nil
}

// errNoSight says why a seat sees no pictures.
func errNoSight(role edge.Role, open bool) error {
	e := edge.Errorf(edge.CodeForbidden, "pictures are for who is in the class that is open").
		With("verb", string(edge.VerbWatch)).With("role", string(role))
	if !open {
		return e.With("why", "no_class").WithHint("they are shown once the teacher has opened a class")
	}
	return e.With("why", "not_in_class").WithHint("join with the code of the class")
}

// sees is what this process knows of v's right without asking anybody; it is looked at
// before every picture.
func (s *Server) sees(v *viewer) error {
	if v.ctx.Err() != nil {
		return context.Cause(v.ctx)
	}
	v.mu.Lock()
	of, role := v.sight.class, v.sight.actor.Role
	v.mu.Unlock()
	if of == "" {
		return nil
	}
	if c, _ := s.room.now(); c == nil || c.ID != of {
		return errNoSight(role, c != nil)
	}
	return nil
}

// look asks the store again. While it is away what it said last counts for a while.
func (s *Server) look(v *viewer) error {
	now, err := s.sightOf(v.ctx, v.token)
	v.mu.Lock()
	defer v.mu.Unlock()
	switch code := edge.CodeOf(err); {
	case err == nil && now.actor.Seat == v.seat:
		v.sight, v.known = now, s.mono()
	case err == nil:
		return errSeatGone()
	case code == edge.CodeNoSeat || code == edge.CodeForbidden || s.mono()-v.known > s.feeds.times.trust:
		return err
	}
	return nil
}

// guard ends v when its seat does not count any more, also while a picture is on its way
// to it. stop waits until the guard has gone.
func (s *Server) guard(v *viewer) (stop func()) {
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		t := time.NewTicker(s.feeds.times.again)
		defer t.Stop()
		for {
			select {
			case <-v.ctx.Done():
				v.cut()
				return
			case <-t.C:
			case <-v.wake:
			}
			err := s.sees(v)
			if err == nil {
				err = s.look(v)
			}
			if err != nil {
				v.cancel(err)
			}
		}
	}()
	return func() {
		v.mu.Lock()
		v.over = true // nothing is being written
		v.mu.Unlock()
		v.cancel(nil)
		<-gone
	}
}

// arm gives the next picture its time; false: the viewer is over.
func (v *viewer) arm(within time.Duration) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.over {
		_ = v.ctl.SetWriteDeadline(time.Now().Add(within)) // a test's recorder has none
	}
	return !v.over
}

// cut ends a write that waits.
func (v *viewer) cut() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.over {
		_ = v.ctl.SetWriteDeadline(time.Now())
	}
	v.over = true
}
