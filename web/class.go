package web

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"labbox/edge"
	"labbox/edge/class"
)

// How often the class is looked at: news comes by the Bus, at most once.
const (
	classAgain = 5 * time.Second        // without any news
	seatsAgain = 30 * time.Second       // whether all seats count still: news may be lost, sessions end
	classEvery = time.Second            // who is connected, for the teacher
	classPause = 250 * time.Millisecond // between two looks, however many join
)

// room is the class as this process knows it.
type room struct {
	mu      sync.Mutex
	class   *class.Class // nil: none is open
	raw     []byte       // of class, to see a change
	members []class.Member
	renamed map[string]bool // seats whose name has changed
	wake    chan struct{}
	veil    atomic.Pointer[veil]
	// Readings of the store overlap: the newest that has been asked for counts.
	asked, newest uint64
}

func (r *room) now() (*class.Class, []class.Member) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.class, r.members
}

// enter notes a new seat before the store is read again.
func (r *room) enter(m class.Member, of *class.Class) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.class != nil && of != nil && r.class.ID == of.ID && !isMember(r.members, m.Seat) {
		r.members = append(slices.Clip(r.members), m)
		r.drawVeil()
	}
}

// leave notes that a seat is gone.
func (r *room) leave(seat string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if isMember(r.members, seat) {
		r.members = slices.DeleteFunc(slices.Clone(r.members), func(m class.Member) bool { return m.Seat == seat })
	}
}

// everySeat is said in place of one seat: look at all.
const everySeat = "*"

// onClass hears that the class has changed, or the name of the seat that the message
// holds.
func (s *Server) onClass(m edge.Msg) {
	if seat := string(m.Data); seat != "" && len(seat) <= 48 {
		s.room.mu.Lock()
		s.room.renamed[seat] = true
		s.room.mu.Unlock()
	}
	select {
	case s.room.wake <- struct{}{}:
	default:
	}
}

// changed is called after this process has changed the class or a seat's name: it
// takes effect here before the answer goes out, and elsewhere by the Bus.
func (s *Server) changed(ctx context.Context, seat string) {
	if seat != "" {
		s.room.mu.Lock()
		s.room.renamed[seat] = true
		s.room.mu.Unlock()
	}
	s.reloadClass(ctx)
	s.say(ctx, edge.KindClass, seat)
}

// say tells the other web processes; one that does not hear it looks again by itself.
func (s *Server) say(ctx context.Context, kind, text string) {
	_ = s.cfg.Bus.Publish(ctx, edge.Subject(s.cfg.Box, edge.OwnerName, kind), []byte(text))
}

// watchClass keeps what this process knows of the class fresh, until ctx ends.
func (s *Server) watchClass(ctx context.Context) {
	t := time.NewTicker(classEvery)
	defer t.Stop()
	last, looked := s.mono(), s.mono()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.room.wake:
			s.reloadClass(ctx)
			last = s.mono()
			select {
			case <-ctx.Done():
				return
			case <-time.After(classPause):
			}
		case <-t.C:
			if now := s.mono(); now-looked >= seatsAgain && !s.parts.away(partStore) {
				looked = now
				s.reseat(ctx, true, nil)
			}
			if s.mono()-last >= classAgain {
				s.reloadClass(ctx)
				last = s.mono()
			} else {
				s.tellClass()
			}
		}
	}
}

// reloadClass reads the class, ends the connections of seats that are gone with it,
// and tells the others what has changed for them.
func (s *Server) reloadClass(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, storeWithin)
	defer cancel()
	r := &s.room
	r.mu.Lock()
	r.asked++
	mine := r.asked
	r.mu.Unlock()
	c, err := s.cfg.Seats.Class(ctx)
	var members []class.Member
	if err == nil && c != nil {
		members, err = s.cfg.Seats.Members(ctx, c)
	}
	if err != nil {
		if s.ctx.Err() == nil {
			s.hub.once.warn("class not read", "class", "err", err)
		}
		return
	}
	raw, err := json.Marshal(c)
	if err != nil {
		return // cannot be: plain values
	}
	r.mu.Lock()
	if mine < r.newest { // what was asked for later is known already
		r.mu.Unlock()
		return
	}
	r.newest = mine
	was := r.class
	all := !bytes.Equal(raw, r.raw)
	only := r.renamed
	r.class, r.raw, r.members, r.renamed = c, raw, members, map[string]bool{}
	r.drawVeil()
	r.mu.Unlock()
	if was != nil && (c == nil || c.ID != was.ID) {
		s.seats.clear()
	}
	s.reseat(ctx, all, only)
	s.tellClass()
}

// reseat looks up again who sits at the connections: names and roles have changed,
// seats are gone.
func (s *Server) reseat(ctx context.Context, all bool, only map[string]bool) {
	if !all && len(only) == 0 {
		return
	}
	if only[everySeat] {
		all = true
		s.seats.teachers() // who still is one is known again by the next lookup
	}
	s.feeds.again()
	for _, c := range s.hub.snapshot() {
		c.mu.Lock()
		seat, token := c.actor.Seat, c.token
		c.mu.Unlock()
		if seat == "" || !all && !only[seat] {
			continue
		}
		a, err := s.lookup(ctx, token)
		if edge.CodeOf(err) == edge.CodeNoSeat {
			c.bid(closeSeat, "the seat is gone")
			continue
		}
		if err == nil {
			c.becomes(a)
		}
	}
}

// becomes gives a connection's seat its present name and role.
func (c *client) becomes(a edge.Actor) {
	c.mu.Lock()
	changed := c.actor.Seat == a.Seat && (c.actor.Name != a.Name || c.actor.Role != a.Role)
	if changed {
		c.actor = a
	}
	c.mu.Unlock()
	if changed {
		c.push(text(map[string]any{"op": "you", "you": you(a)}), false)
		c.wakeUp()
	}
}

// tellClass tells each connection its part of the class, where that has changed.
func (s *Server) tellClass() {
	parts := map[edge.Role][]byte{}
	for _, c := range s.hub.snapshot() {
		c.mu.Lock()
		role, ready := c.actor.Role, c.ready
		c.mu.Unlock()
		if !ready {
			continue
		}
		msg, ok := parts[role]
		if !ok {
			msg = text(map[string]any{"op": "class", "class": s.classFor(role)})
			parts[role] = msg
		}
		c.mu.Lock()
		known := bytes.Equal(c.told, msg)
		c.told = msg
		c.mu.Unlock()
		if !known {
			c.push(msg, false)
		}
	}
}

// seatActor is a seat as the owner of a device may be told of it: the name that all
// may see, and what it may do. CodeUnknownSeat: there is none.
func (s *Server) seatActor(ctx context.Context, seat string) (edge.Actor, error) {
	ctx, cancel := context.WithTimeout(ctx, storeWithin)
	defer cancel()
	f, err := s.cfg.Seats.Find(ctx, seat)
	if err == nil && f.Kind == class.KindOpen && !s.cfg.Open {
		err = edge.Errorf(edge.CodeUnknownSeat, "no such seat").With("seat", clip(seat))
	}
	if err != nil {
		return edge.Actor{}, err
	}
	a := actorFor(&f)
	a.Via = viaPanel
	s.seats.note(a.Seat, f.Alias)
	return s.masked(a, edge.VerbTake, ""), nil
}

// actorFor is a seat as this process treats it: a student whom the class does not
// allow to drive is an observer.
func actorFor(f *class.Found) edge.Actor {
	a := f.Actor("")
	if a.Role == edge.RoleStudent && f.Class != nil && !f.Class.May.Drive {
		a.Role = edge.RoleObserver
	}
	return a
}

// masked is an actor as it leaves this process: under an alias while names are
// hidden, and with the role that the class gives it for this verb. Every request to an
// owner passes here.
func (s *Server) masked(a edge.Actor, v edge.Verb, device string) edge.Actor {
	if a.Seat == "" || a.Role.AtLeast(edge.RoleTeacher) {
		return a
	}
	c, _ := s.room.now()
	if c == nil {
		return a
	}
	if c.HideNames {
		if a.Name = s.seats.alias(a.Seat); a.Name == "" {
			a.Name = c.Alias
		}
	}
	a.Role = edge.RoleStudent
	if !s.may(c.May, v, device, a.Seat) {
		a.Role = edge.RoleObserver
	}
	return a
}

// may says whether the class lets its students use a verb. What ends something is
// always allowed.
func (s *Server) may(m class.May, v edge.Verb, device, seat string) bool {
	switch v {
	case edge.VerbRunStart, edge.VerbRunStop, edge.VerbAnnotate:
		return m.Record
	case edge.VerbExperiment:
		return m.Experiment
	case edge.VerbRehearse:
		return m.Rehearse
	case edge.VerbTake, edge.VerbCommand, edge.VerbBeat, edge.VerbGrant, edge.VerbPair:
		if d := s.hub.device(device, false); d != nil {
			if r := d.state().Rehearsal; r != nil && r.Seat == seat {
				return m.Rehearse
			}
		}
		return m.Drive
	}
	return true
}

// isMember says whether a seat is one of the class that is open.
func isMember(members []class.Member, seat string) bool {
	return slices.ContainsFunc(members, func(m class.Member) bool { return m.Seat == seat })
}
