package devices

import (
	"context"
	"time"

	"labbox/edge"
)

// Take gives the lease to a, under a fencing number that is durable before the
// lease is granted. The device must be live and not stopped: its safe state is
// confirmed then.
func (s *Supervisor) Take(ctx context.Context, a edge.Actor) (*edge.LeaseInfo, error) {
	if err := edge.Authorize(a, edge.VerbTake, s.cfg.ID); err != nil {
		return nil, err
	}
	if len(s.t.Commands) == 0 {
		return nil, edge.Errorf(edge.CodeForbidden, "%s has nothing to drive", s.cfg.ID)
	}
	ready := func() (renew bool, err error) {
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
	back, err := s.keeper.Beat(s.clock.Mono(), a, fence)
	if back {
		s.eventLocked("lease", &a, map[string]any{"what": "back"})
		s.tellLocked()
	}
	return err
}

// Stop is the emergency stop: it latches, empties the queue, and starts the safe
// sequence at once; only then it waits, until the device confirms or ctx ends.
// Confirmed false must be shown as NOT CONFIRMED.
func (s *Supervisor) Stop(ctx context.Context, a edge.Actor) (*edge.StopResult, error) {
	if err := edge.Authorize(a, edge.VerbStop, s.cfg.ID); err != nil {
		return nil, err
	}
	st := &edge.Stop{By: a, WallMS: s.clock.Wall().UnixMilli()}
	s.mu.Lock()
	if s.stopped != nil {
		st = s.stopped
	}
	s.stopped = st
	again := s.wantSafe != "" || s.state == edge.StateSafing
	if !again {
		s.safe = s.unconfirmedLocked()
		s.demandSafeLocked("emergency stop")
	}
	s.eventLocked("estop", &a, map[string]any{"what": "stop"})
	s.tellLocked()
	s.mu.Unlock()
	s.log.Warn("emergency stop", "seat", a.Seat, "name", a.Name)

	res := &edge.StopResult{Latched: true}
	latched := make(chan error, 1)
	go func() { latched <- s.cfg.Ledger.latch(s.cfg.ID, st) }()
	res.Confirmed, res.Reason = s.waitSafe(ctx)
	select {
	case err := <-latched:
		if err != nil {
			s.log.Error("emergency stop latched in memory only", "error", err)
			res.Latched = false
		}
	case <-ctx.Done():
		res.Latched = false
	}
	return res, nil
}

func (s *Supervisor) unconfirmedLocked() string {
	if s.t.Safe == nil || len(s.t.Safe.Steps) == 0 {
		return edge.SafeNone
	}
	return edge.SafePending
}

// waitSafe waits for the outcome of the safe sequence that is under way.
func (s *Supervisor) waitSafe(ctx context.Context) (bool, *edge.Error) {
	limit := time.NewTimer(10 * time.Second)
	defer limit.Stop()
	for {
		s.mu.Lock()
		pending := s.wantSafe != "" || s.safe == edge.SafePending
		news, safe, state, link := s.news, s.safe, s.state, s.link
		s.mu.Unlock()
		switch {
		case link == nil:
			return false, edge.Errorf(edge.CodeNotReady, "the device is %s", state)
		case pending:
		case safe == edge.SafeConfirmed || safe == edge.SafeNone:
			return true, nil
		default:
			return false, edge.Errorf(edge.CodeQuarantined, "the device did not confirm")
		}
		select {
		case <-news:
		case <-ctx.Done():
			return false, edge.Errorf(edge.CodeNoAnswer, "the device has not confirmed yet")
		case <-limit.C:
			return false, edge.Errorf(edge.CodeNoAnswer, "the device has not confirmed yet")
		}
	}
}

// Resume takes the emergency stop off. The device stays as it is: safe.
func (s *Supervisor) Resume(a edge.Actor) error {
	if err := edge.Authorize(a, edge.VerbResume, s.cfg.ID); err != nil {
		return err
	}
	if err := s.cfg.Ledger.unlatch(s.cfg.ID); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = nil
	s.eventLocked("estop", &a, map[string]any{"what": "resume"})
	s.tellLocked()
	return nil
}

// Clear ends a quarantine if the device passes the self-test: its safe sequence,
// confirmed.
func (s *Supervisor) Clear(ctx context.Context, a edge.Actor) error {
	if err := edge.Authorize(a, edge.VerbClear, s.cfg.ID); err != nil {
		return err
	}
	s.mu.Lock()
	if !s.jailed {
		s.mu.Unlock()
		return nil
	}
	s.eventLocked("quarantine", &a, map[string]any{"what": "clear"})
	if s.link == nil {
		s.mu.Unlock()
		return edge.Errorf(edge.CodeNotReady, "the device is away").WithHint("plug it in first")
	}
	s.clearing = true
	s.safe = s.unconfirmedLocked()
	s.demandSafeLocked("self-test")
	s.mu.Unlock()
	if ok, why := s.waitSafe(ctx); !ok {
		return why
	}
	return nil
}
