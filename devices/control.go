package devices

import (
	"context"

	"labbox/edge"
)

// Take gives the lease to a, under a fencing number that is durable before the
// lease is granted. The device must be live and not stopped: its safe state is
// confirmed then. Where somebody drives or waits: CodeLeaseTaken.
func (s *Supervisor) Take(ctx context.Context, a edge.Actor) (*edge.LeaseInfo, error) {
	l, _, err := s.take(ctx, a, false)
	return l, err
}

// Wait is Take, but for who does not get the lease at once: a stands in the queue
// then, and gets the lease later without asking again. place is 1 for the next.
func (s *Supervisor) Wait(ctx context.Context, a edge.Actor) (l *edge.LeaseInfo, place int, err error) {
	return s.take(ctx, a, true)
}

func (s *Supervisor) take(ctx context.Context, a edge.Actor, wait bool) (*edge.LeaseInfo, int, error) {
	if err := s.mayDrive(a); err != nil {
		return nil, 0, err
	}
	for range 3 {
		s.mu.Lock()
		renew, err := s.mayTakeLocked(a, wait)
		if err != nil && wait {
			place, err := s.waitLocked(a)
			s.mu.Unlock()
			return nil, place, err
		}
		s.mu.Unlock()
		if err != nil {
			return nil, 0, err
		}
		var fence uint64
		if !renew {
			if fence, err = s.cfg.Ledger.nextFence(ctx, s.cfg.ID); err != nil {
				return nil, 0, err
			}
		}
		s.mu.Lock()
		if _, err = s.mayTakeLocked(a, wait); err == nil {
			var info edge.LeaseInfo
			if info, err = s.keeper.Grant(s.clock.Mono(), a, fence); err == nil {
				s.grantedLocked(a, &info, "taken")
				s.mu.Unlock()
				return &info, 0, nil
			}
		} else if !wait {
			s.mu.Unlock()
			return nil, 0, err
		}
		s.mu.Unlock()
		if code := edge.CodeOf(err); code != edge.CodeStaleFence && !wait {
			return nil, 0, err
		}
	}
	return nil, 0, edge.Errorf(edge.CodeLeaseTaken, "somebody else was faster").WithHint("try again")
}

// mayDrive says whether a may ask for the lease at all.
func (s *Supervisor) mayDrive(a edge.Actor) error {
	if err := edge.Authorize(a, edge.VerbTake, s.cfg.ID); err != nil {
		return err
	}
	if len(s.typ().Commands) == 0 {
		return edge.Errorf(edge.CodeForbidden, "%s has nothing to drive", s.cfg.ID)
	}
	return nil
}

// mayTakeLocked says whether a gets the lease now; renew: it is a's already. Who
// shares another's turn and would wait gets one of her own.
func (s *Supervisor) mayTakeLocked(a edge.Actor, wait bool) (renew bool, err error) {
	s.advanceLocked()
	now := s.clock.Mono()
	if err := s.keeper.May(now, a); err != nil {
		return false, err
	}
	if cur := s.keeper.Info(now); cur != nil {
		if wait && cur.Holder.ID != a.Seat {
			return false, edge.Errorf(edge.CodeLeaseTaken, "%s drives %s", cur.Holder.Name, s.cfg.ID).With("holder", cur.Holder.Name)
		}
		return true, nil
	}
	return false, s.obeysLocked()
}

// Release ends a's lease; the device goes safe. Who drives beside its holder only
// leaves.
func (s *Supervisor) Release(a edge.Actor, fence uint64) error {
	if err := edge.Authorize(a, edge.VerbRelease, s.cfg.ID); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advanceLocked()
	ended, err := s.keeper.Release(s.clock.Mono(), a, fence)
	if err != nil {
		return err
	}
	if !ended {
		s.eventLocked("lease", &a, map[string]any{"what": "unpaired", "fence": fence})
		s.advanceLocked() // its holder may be gone for long
		s.turnsChangedLocked()
		return nil
	}
	s.endedLocked("released", &a, map[string]any{"fence": fence})
	return nil
}

// HeartBeat is the heartbeat of the holder or the partner, sent by whoever keeps
// its connection.
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
