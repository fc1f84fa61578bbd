package devices

import (
	"context"
	"sync"
	"time"

	"labbox/edge"
	"labbox/edge/turn"
)

// queueing is what a supervisor keeps of its turns beside the keeper. It is guarded
// by the supervisor's lock.
type queueing struct {
	hold    *edge.Stop
	calling bool          // a number is being fetched for who is next
	callAt  time.Duration // not before: the store has just failed
	wanted  *savedTurns   // as it shall be in the store
	dirty   chan struct{} // buffered: wanted is new
	work    sync.WaitGroup
}

// callAgain is how long after a failure of the store the next one is called.
const callAgain = time.Second

// resumeTurns brings back what the ledger has kept, before anything is obeyed.
func (s *Supervisor) resumeTurns() {
	s.turns.dirty = make(chan struct{}, 1)
	saved := s.cfg.Ledger.turns(s.cfg.ID)
	s.turns.hold, s.turns.wanted = saved.Hold, &saved
	s.keeper.Restore(s.clock.Mono(), saved.Snapshot)
}

// endTurns calls nobody any more.
func (s *Supervisor) endTurns() {
	s.mu.Lock()
	s.ending = true
	s.mu.Unlock()
	s.turns.work.Wait()
}

// turnRules are those of the box file.
func (c *Config) turnRules() edge.TurnRules {
	if c.Turns != nil {
		return *c.Turns
	}
	return turn.DefaultRules()
}

// advance moves the turn on: a missing heartbeat demands the safe state.
func (s *Supervisor) advance() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advanceLocked()
}

// advanceLocked comes before every call of the keeper that depends on time, so
// that no end of a turn passes without its safe sequence.
func (s *Supervisor) advanceLocked() {
	change := s.keeper.Advance(s.clock.Mono())
	switch change {
	case turn.WentAway:
		s.eventLocked("lease", nil, map[string]any{"what": "away"})
		s.demandSafeLocked("heartbeat")
		s.tellLocked()
	case turn.Ended:
		by, why := s.keeper.Last()
		s.endedLocked("expired", nil, map[string]any{"why": why, "holder": by.Name})
	case turn.Shown:
		s.turnsChangedLocked()
	}
	s.keeper.Stand(s.standsLocked())
	s.callLocked()
}

// standsLocked says whether the clocks of the turn stand. The safe sequence
// between two turns is a part of them.
func (s *Supervisor) standsLocked() bool {
	err := s.obeysLocked()
	return err != nil && edge.CodeOf(err) != edge.CodeSafing
}

// callLocked has the next one called, once the device obeys. The store is asked
// for a number without the lock.
func (s *Supervisor) callLocked() {
	t := &s.turns
	if _, ok := s.keeper.Next(); !ok || t.calling || s.clock.Mono() < t.callAt || s.obeysLocked() != nil {
		return
	}
	t.calling = true
	t.work.Go(s.call)
}

func (s *Supervisor) call() {
	fence, err := s.cfg.Ledger.nextFence(context.Background(), s.cfg.ID)
	s.mu.Lock()
	defer s.mu.Unlock()
	defer func() { s.turns.calling = false }()
	if err != nil {
		s.turns.callAt = s.clock.Mono() + callAgain
		if s.quiet.allow("call", s.clock.Mono()) {
			s.log.Warn("next turn waits for the store", "error", err)
		}
		return
	}
	s.advanceLocked()
	a, ok := s.keeper.Next()
	if !ok || s.obeysLocked() != nil {
		return
	}
	if info, err := s.keeper.Call(s.clock.Mono(), fence); err == nil {
		s.grantedLocked(a, &info, "called")
	}
}

func (s *Supervisor) grantedLocked(a edge.Actor, info *edge.LeaseInfo, what string) {
	a.Seat, a.Name = info.Holder.ID, info.Holder.Name // somebody may have been passed over this moment
	s.eventLocked("lease", &a, map[string]any{"what": what, "fence": info.Fence})
	s.turnsChangedLocked()
}

// endedLocked is the end of a turn: the device goes safe before anybody drives.
func (s *Supervisor) endedLocked(what string, by *edge.Actor, args map[string]any) {
	if args == nil {
		args = map[string]any{}
	}
	args["what"] = what
	s.eventLocked("lease", by, args)
	s.demandSafeLocked(what)
	s.turnsChangedLocked()
}

// turnsChangedLocked saves and tells.
func (s *Supervisor) turnsChangedLocked() {
	s.saveTurnsLocked()
	s.tellLocked()
}

func (s *Supervisor) waitLocked(a edge.Actor) (int, error) {
	place, err := s.keeper.Wait(s.clock.Mono(), a)
	if err != nil {
		return 0, err
	}
	s.turnsChangedLocked()
	return place, nil
}
