package devices

import (
	"context"

	"labbox/edge"
)

// Take gives the lease to a, under a fencing number that is durable before the
// lease is granted. The device must be live and not stopped: its safe state is
// confirmed then.
func (s *Supervisor) Take(ctx context.Context, a edge.Actor) (*edge.LeaseInfo, error) {
	if err := edge.Authorize(a, edge.VerbTake, s.cfg.ID); err != nil {
		return nil, err
	}
	if len(s.typ().Commands) == 0 {
		return nil, edge.Errorf(edge.CodeForbidden, "%s has nothing to drive", s.cfg.ID)
	}
	ready := func() (renew bool, err error) {
		s.advanceLocked()
		if cur := s.keeper.Info(s.clock.Mono()); cur != nil {
			return cur.Holder.ID == a.Seat, nil
		}
		return false, s.obeysLocked()
	}
	for range 3 {
		s.mu.Lock()
		renew, err := ready()
		s.mu.Unlock()
		if err != nil {
			return nil, err
		}
		var fence uint64
		if !renew {
			if fence, err = s.cfg.Ledger.nextFence(ctx, s.cfg.ID); err != nil {
				return nil, err
			}
		}
		s.mu.Lock()
		if _, err = ready(); err != nil {
			s.mu.Unlock()
			return nil, err
		}
		info, err := s.keeper.Grant(s.clock.Mono(), a, fence)
		if err == nil {
			s.eventLocked("lease", &a, map[string]any{"what": "taken", "fence": info.Fence})
			s.tellLocked()
			s.mu.Unlock()
			return &info, nil
		}
		s.mu.Unlock()
		if edge.CodeOf(err) != edge.CodeStaleFence {
			return nil, err
		}
	}
	return nil, edge.Errorf(edge.CodeLeaseTaken, "somebody else was faster").WithHint("try again")
}

// Release ends a's lease; the device goes safe.
func (s *Supervisor) Release(a edge.Actor, fence uint64) error {
	if err := edge.Authorize(a, edge.VerbRelease, s.cfg.ID); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advanceLocked()
	if err := s.keeper.Release(s.clock.Mono(), a, fence); err != nil {
		return err
	}
	s.eventLocked("lease", &a, map[string]any{"what": "released", "fence": fence})
	s.demandSafeLocked("released")
	s.tellLocked()
	return nil
}

// HeartBeat is the holder's heartbeat, sent by whoever keeps its connection.
func (s *Supervisor) HeartBeat(a edge.Actor, fence uint64) error {
	if err := edge.Authorize(a, edge.VerbBeat, s.cfg.ID); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advanceLocked()
	back, err := s.keeper.Beat(s.clock.Mono(), a, fence)
	if back {
		s.eventLocked("lease", &a, map[string]any{"what": "back"})
		s.tellLocked()
	}
	return err
}
