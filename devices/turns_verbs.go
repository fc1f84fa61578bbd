package devices

import (
	"context"
	"time"

	"labbox/edge"
)

// turnAsk carries out the verbs of turns; ok is false for any other.
func (s *Supervisor) turnAsk(ctx context.Context, ask *edge.Ask) (ans *edge.Answer, ok bool, err error) {
	ans = &edge.Answer{}
	switch ask.Verb {
	case edge.VerbTake:
		switch {
		case ask.Over:
			ans.Place, err = s.TakeOver(ask.Actor)
		case ask.Wait:
			ans.Lease, ans.Place, err = s.Wait(ctx, ask.Actor)
		default:
			ans.Lease, err = s.Take(ctx, ask.Actor)
		}
	case edge.VerbLeave:
		err = s.Leave(ask.Actor)
	case edge.VerbGrant:
		err = s.Grant(ask.Actor, ask.Fence, ask.To)
	case edge.VerbPair:
		err = s.Pair(ask.Actor, ask.Fence, ask.To)
	case edge.VerbRevoke:
		err = s.Revoke(ask.Actor)
	case edge.VerbHold:
		ans.Stop, err = s.Hold(ctx, ask.Actor)
	case edge.VerbUnhold:
		err = s.Unhold(ask.Actor)
	case edge.VerbRules:
		err = s.SetRules(ask.Actor, ask.Rules)
	case edge.VerbPresent:
		err = s.Present(ask.Actor, ask.Seats)
	default:
		return nil, false, nil
	}
	return ans, true, err
}

// mustBeFresh says whether a verb is refused when it comes late.
func mustBeFresh(v edge.Verb) bool {
	switch v {
	case edge.VerbTake, edge.VerbBeat, edge.VerbResume, edge.VerbClear, edge.VerbLeave, edge.VerbGrant, edge.VerbPair,
		edge.VerbRevoke, edge.VerbUnhold, edge.VerbRules, edge.VerbPresent, edge.VerbNarrow:
		return true
	}
	return false
}

// TakeOver ends whoever's turn and puts a teacher before all who wait; the lease
// comes when the device is safe. Such a turn ends by word and by absence only.
func (s *Supervisor) TakeOver(a edge.Actor) (place int, err error) {
	if err := edge.Authorize(a, edge.VerbRevoke, s.cfg.ID); err != nil {
		return 0, err
	}
	if err := s.mayDrive(a); err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advanceLocked()
	if s.keeper.Over(s.clock.Mono(), a) {
		s.endedLocked("taken over", &a, nil)
	}
	s.turnsChangedLocked()
	s.callLocked()
	return s.keeper.Place(a.Seat), nil
}

// Leave gives up a's place in the queue, if there is one.
func (s *Supervisor) Leave(a edge.Actor) error {
	if err := edge.Authorize(a, edge.VerbLeave, s.cfg.ID); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advanceLocked()
	if s.keeper.Leave(s.clock.Mono(), a.Seat) {
		s.turnsChangedLocked()
		s.callLocked()
	}
	return nil
}

// Grant hands the turn to a seat: the lease ends, the device goes safe, and the
// seat gets it under a new number. fence 0 is the present one.
func (s *Supervisor) Grant(a edge.Actor, fence uint64, to *edge.Actor) error {
	if err := edge.Authorize(a, edge.VerbGrant, s.cfg.ID); err != nil {
		return err
	}
	if to == nil || to.Seat == "" {
		return edge.Errorf(edge.CodeBadRequest, "nobody to hand the turn to").With("field", "to")
	}
	if err := s.mayDrive(*to); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advanceLocked()
	ended, err := s.keeper.Hand(s.clock.Mono(), a, fence, *to)
	if err != nil {
		return err
	}
	args := map[string]any{"to": to.Name}
	if ended {
		s.endedLocked("handed on", &a, args)
		return nil
	}
	args["what"] = "handed on"
	s.eventLocked("lease", &a, args)
	s.turnsChangedLocked()
	s.callLocked()
	return nil
}

// Pair lets a seat drive beside the holder; nil ends that. fence 0 is the present
// one.
func (s *Supervisor) Pair(a edge.Actor, fence uint64, to *edge.Actor) error {
	if err := edge.Authorize(a, edge.VerbPair, s.cfg.ID); err != nil {
		return err
	}
	if to != nil {
		if err := s.mayDrive(*to); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advanceLocked()
	if err := s.keeper.Pair(s.clock.Mono(), a, fence, to); err != nil {
		return err
	}
	args := map[string]any{"what": "unpaired"}
	if to != nil {
		args = map[string]any{"what": "paired", "with": to.Name}
	}
	s.eventLocked("lease", &a, args)
	s.advanceLocked() // its holder may be gone for long
	s.turnsChangedLocked()
	return nil
}

// Revoke ends whoever's turn; the device goes safe.
func (s *Supervisor) Revoke(a edge.Actor) error {
	if err := edge.Authorize(a, edge.VerbRevoke, s.cfg.ID); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advanceLocked()
	if s.keeper.Revoke() {
		by, _ := s.keeper.Last()
		s.endedLocked("revoked", &a, map[string]any{"holder": by.Name})
	}
	return nil
}

// Present is a web process's word that these seats are connected to it.
func (s *Supervisor) Present(a edge.Actor, seats []string) error {
	if err := edge.Authorize(a, edge.VerbPresent, s.cfg.ID); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advanceLocked()
	if s.keeper.Present(s.clock.Mono(), seats) {
		s.tellLocked()
		s.callLocked()
	}
	return nil
}

// SetRules changes the turn rules; nil: those of the box file.
func (s *Supervisor) SetRules(a edge.Actor, r *edge.TurnRules) error {
	if err := edge.Authorize(a, edge.VerbRules, s.cfg.ID); err != nil {
		return err
	}
	if r != nil {
		for field, v := range map[string]int64{"turn_ms": r.TurnMS, "warn_ms": r.WarnMS, "idle_ms": r.IdleMS} {
			if most := (24 * time.Hour).Milliseconds(); v < 0 || v > most {
				return edge.Errorf(edge.CodeOutOfRange, "%s is not within 0 and %d", field, most).With("field", field).
					With("min", 0).With("max", most)
			}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advanceLocked()
	s.keeper.SetRules(s.clock.Mono(), r)
	now := s.keeper.Rules()
	s.eventLocked("rules", &a, map[string]any{"turn_ms": now.TurnMS, "warn_ms": now.WarnMS, "idle_ms": now.IdleMS})
	s.turnsChangedLocked()
	s.callLocked()
	return nil
}

// Hold freezes the device: it goes safe, which is confirmed or not, and obeys
// nobody until Unhold. The turn and the queue stay, their clocks stand. It is no
// emergency stop; what it has latched lasts over restarts.
func (s *Supervisor) Hold(ctx context.Context, a edge.Actor) (*edge.StopResult, error) {
	if err := edge.Authorize(a, edge.VerbHold, s.cfg.ID); err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.advanceLocked()
	if s.turns.hold == nil {
		s.turns.hold = &edge.Stop{By: a, WallMS: s.clock.Wall().UnixMilli()}
		s.eventLocked("hold", &a, map[string]any{"what": "hold"})
	}
	s.keeper.Stand(true)
	if s.calmLocked() { // one that has begun is as good
		if s.link != nil && s.state != edge.StateFault {
			s.safe = s.unconfirmedLocked()
		}
		s.demandSafeLocked("hold")
	}
	s.turnsChangedLocked()
	s.mu.Unlock()
	saved := make(chan error, 1)
	go func() { saved <- s.saveTurnsNow() }()
	res := &edge.StopResult{}
	res.Confirmed, res.Reason = s.waitSafe(ctx)
	select {
	case err := <-saved:
		res.Latched = err == nil
	case <-ctx.Done():
	}
	return res, nil
}

// Unhold ends a hold. The device stays as it is: safe.
func (s *Supervisor) Unhold(a edge.Actor) error {
	if err := edge.Authorize(a, edge.VerbUnhold, s.cfg.ID); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advanceLocked()
	if s.turns.hold == nil {
		return nil
	}
	s.turns.hold = nil
	s.eventLocked("hold", &a, map[string]any{"what": "unhold"})
	s.turnsChangedLocked()
	s.keeper.Stand(s.standsLocked())
	s.callLocked()
	return nil
}
