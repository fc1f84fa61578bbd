package turn

import (
	"time"

	"labbox/edge"
)

// Wait stands a in the queue, or finds the place it has, and returns it: 1 is
// next. CodeTooMany where the queue is full.
func (k *Keeper) Wait(now time.Duration, a edge.Actor) (int, error) {
	k.advance(now)
	k.line.see(now, a.Seat)
	if i := k.line.index(a.Seat); i >= 0 {
		k.line.places[i].actor = a
	} else if k.Place(a.Seat) == 0 {
		if k.line.len() >= k.cfg.MaxWaiting {
			return 0, edge.Errorf(edge.CodeTooMany, "%d wait for %s already", k.line.len(), k.cfg.Device)
		}
		k.line.places = append(k.line.places, place{actor: a, seen: now, met: true})
	}
	return k.Place(a.Seat), nil
}

// Leave takes a seat out of the queue, and says whether it was there.
func (k *Keeper) Leave(now time.Duration, seat string) bool {
	k.advance(now)
	return k.line.leave(seat)
}

// Present says that these seats are there. It returns whether that shows; who
// does not wait is ignored.
func (k *Keeper) Present(now time.Duration, seats []string) (shown bool) {
	k.advance(now)
	for _, seat := range seats {
		shown = k.line.see(now, seat) || shown
	}
	return shown
}

// Next is who gets the lease as soon as the device obeys: nobody drives, and the
// first of the queue is there.
func (k *Keeper) Next() (edge.Actor, bool) {
	if k.held {
		return edge.Actor{}, false
	}
	p := k.line.first()
	if p == nil || !p.met {
		return edge.Actor{}, false
	}
	return p.actor, true
}

// Place is where a seat stands, 1 is next; 0: it does not wait.
func (k *Keeper) Place(seat string) (n int) {
	i := 0
	k.line.each(func(p *place) {
		if i++; p.actor.Seat == seat && n == 0 {
			n = i
		}
	})
	return n
}

// Hand hands the turn of by, or as a teacher anybody's, to a seat: the lease ends,
// and to is called before all who wait. Who is not there within Keep, counted
// while the device obeys, is passed over. fence 0 is the present one.
//
// A student hands on what is left of the turn, so that two friends cannot pass it
// between them past everybody else; the receiver's own place in the queue stays.
// From a teacher it is a whole turn.
func (k *Keeper) Hand(now time.Duration, by edge.Actor, fence uint64, to edge.Actor) (ended bool, err error) {
	k.advance(now)
	if err := k.commands(by, fence); err != nil {
		return false, err
	}
	if k.held && k.by.Seat == to.Seat {
		return false, edge.Errorf(edge.CodeBadValue, "%s drives already", to.Name).With("field", "to")
	}
	p := place{actor: to, seen: now, met: k.partner != nil && k.partner.Seat == to.Seat && now-k.pbeat <= k.cfg.Grace,
		shares: !by.Role.AtLeast(edge.RoleTeacher), used: k.used, waited: k.waited}
	ended = k.Revoke()
	k.line.hand(p)
	return ended, nil
}

// Over puts a teacher before all others and ends whoever's turn.
func (k *Keeper) Over(now time.Duration, a edge.Actor) (ended bool) {
	k.advance(now)
	if k.held && k.by.Seat == a.Seat {
		return false
	}
	ended = k.Revoke()
	k.line.hand(place{actor: a, seen: now, met: true, over: true})
	return ended
}

// Pair lets to drive beside the holder, under the same number; nil ends that.
func (k *Keeper) Pair(now time.Duration, by edge.Actor, fence uint64, to *edge.Actor) error {
	k.advance(now)
	if err := k.commands(by, fence); err != nil {
		return err
	}
	switch {
	case !k.held:
		return edge.Errorf(edge.CodeNotHolder, "nobody drives %s", k.cfg.Device)
	case to == nil:
		k.partner = nil
		return nil
	case to.Seat == k.by.Seat:
		return edge.Errorf(edge.CodeBadValue, "nobody pairs with themselves").With("field", "to")
	}
	a := *to
	k.partner, k.pbeat = &a, 0
	return nil
}

// commands says whether a may dispose of the turn: its holder, or a teacher.
func (k *Keeper) commands(a edge.Actor, fence uint64) error {
	if a.Role.AtLeast(edge.RoleTeacher) {
		return nil
	}
	if fence == 0 {
		fence = k.fence
	}
	if err := k.holds(a, fence); err != nil {
		return err
	}
	if k.by.Seat != a.Seat {
		return edge.Errorf(edge.CodeNotHolder, "%s drives beside %s", a.Name, k.by.Name).With("holder", k.by.Name).
			WithHint("only %s can hand the turn on", k.by.Name)
	}
	return nil
}

// Snapshot is what outlives the owner's process.
type Snapshot struct {
	Driver *edge.Actor     `json:"driver,omitempty"`
	Next   *edge.Actor     `json:"next,omitempty"` // who was handed the turn
	Queue  []edge.Actor    `json:"queue,omitempty"`
	Rules  *edge.TurnRules `json:"rules,omitempty"` // nil: those of the Config
}

// Snapshot is the present state.
func (k *Keeper) Snapshot() Snapshot {
	var s Snapshot
	if k.held && k.by.Via != viaExperiment {
		a := k.by
		s.Driver = &a
	}
	if k.line.next != nil {
		a := k.line.next.actor
		s.Next = &a
	}
	for i := range k.line.places {
		s.Queue = append(s.Queue, k.line.places[i].actor)
	}
	if k.rules != k.cfg.Rules {
		r := k.rules
		s.Rules = &r
	}
	return s
}

// Restore puts a new Keeper in the state of a snapshot, but for the lease: who
// drove stands first in the queue. Nobody is called before they are seen, and who
// is not seen within Unseen is passed over.
func (k *Keeper) Restore(now time.Duration, s Snapshot) {
	k.at = now
	if s.Rules != nil {
		k.rules = *s.Rules
	}
	add := func(a *edge.Actor) {
		if a != nil && a.Seat != "" && k.line.index(a.Seat) < 0 && k.line.len() < k.cfg.MaxWaiting {
			k.line.places = append(k.line.places, place{actor: *a, seen: now})
		}
	}
	add(s.Driver)
	add(s.Next)
	for i := range s.Queue {
		add(&s.Queue[i])
	}
}
