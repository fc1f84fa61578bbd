package devices

import (
	"context"
	"time"

	"labbox/edge"
)

// stopWait is the longest that Stop and Clear wait for the device.
const stopWait = 10 * time.Second

// Stop is the emergency stop: it latches, empties the queue, and starts the safe
// sequence at once; only then it waits, until the device confirms or ctx ends.
// Confirmed false must be shown as NOT CONFIRMED. The store is told meanwhile:
// the safe sequence does not wait for it.
func (s *Supervisor) Stop(ctx context.Context, a edge.Actor) (*edge.StopResult, error) {
	if err := edge.Authorize(a, edge.VerbStop, s.cfg.ID); err != nil {
		return nil, err
	}
	st := &edge.Stop{By: a, WallMS: s.clock.Wall().UnixMilli()}
	s.mu.Lock()
	// Pressed again: the safe sequence is sent once more, for whoever still sees it
	// move; there is nothing to latch and to tell anew.
	again := s.stopped != nil && !s.unsaved
	if s.stopped != nil {
		st = s.stopped
	}
	s.stopped, s.unsaved = st, !again
	s.stops++
	// A safe sequence that has begun is as good as one of the stop's own.
	if s.calmLocked() {
		if s.link != nil && s.state != edge.StateFault {
			s.safe = s.unconfirmedLocked()
		}
		s.demandSafeLocked("emergency stop")
	}
	if !again {
		s.eventLocked("estop", &a, map[string]any{"what": "stop"})
	}
	s.tellLocked()
	s.mu.Unlock()
	latched := make(chan error, 1)
	if again {
		latched <- nil
	} else {
		s.log.Warn("emergency stop", "seat", a.Seat, "name", a.Name)
		go func() { latched <- s.latch(st) }()
	}
	res := &edge.StopResult{}
	res.Confirmed, res.Reason = s.waitSafe(ctx)
	select {
	case err := <-latched:
		res.Latched = err == nil
	case <-ctx.Done():
	}
	return res, nil
}

// latch makes a stop durable. Where that fails, Beat has it tried again.
func (s *Supervisor) latch(st *edge.Stop) error {
	err := s.cfg.Ledger.latch(s.cfg.ID, st)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil && s.stopped == st {
		s.unsaved = false
	}
	if err != nil && s.quiet.allow("latch", s.clock.Mono()) {
		s.log.Error("emergency stop latched in memory only", "error", err)
	}
	return err
}

func (s *Supervisor) unconfirmedLocked() string {
	if s.typ().Safe == nil || len(s.typ().Safe.Steps) == 0 {
		return edge.SafeNone
	}
	return edge.SafePending
}

// waitSafe waits for the outcome of the safe sequence that is under way.
func (s *Supervisor) waitSafe(ctx context.Context) (bool, *edge.Error) {
	limit := time.NewTimer(stopWait)
	defer limit.Stop()
	for {
		s.mu.Lock()
		pending := s.wantSafe != "" || s.safe == edge.SafePending
		news, safe, state, link, reason := s.news, s.safe, s.state, s.link, s.reason
		s.mu.Unlock()
		switch {
		case link == nil:
			return false, edge.Errorf(edge.CodeNotReady, "the device is %s", state).With("state", string(state))
		case state == edge.StateFault: // it is not known to be what would understand the safe sequence
			return false, edge.Errorf(edge.CodeNotReady, "the device is in fault: %s", reason.Message).With("state", string(state))
		case pending:
		case safe == edge.SafeConfirmed || safe == edge.SafeNone:
			return true, nil
		default:
			return false, edge.Errorf(edge.CodeQuarantined, "the device did not confirm").
				WithHint("look at the device and switch it off by hand")
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

// Resume takes the emergency stop off, durably first. The device stays as it is:
// safe. A stop that comes meanwhile stays.
func (s *Supervisor) Resume(a edge.Actor) error {
	if err := edge.Authorize(a, edge.VerbResume, s.cfg.ID); err != nil {
		return err
	}
	s.mu.Lock()
	before, st := s.stops, s.stopped
	s.mu.Unlock()
	if st == nil {
		return nil
	}
	if err := s.cfg.Ledger.unlatch(s.cfg.ID); err != nil {
		s.mu.Lock()
		s.unsaved = s.stopped != nil // the store may have removed it nevertheless: Beat latches it again
		s.mu.Unlock()
		return err
	}
	s.mu.Lock()
	if s.stops != before {
		st = s.stopped
		s.unsaved = st != nil
		s.mu.Unlock()
		if st != nil {
			_ = s.latch(st)
		}
		return edge.Errorf(edge.CodeStopped, "it was stopped again meanwhile")
	}
	s.stopped, s.unsaved = nil, false
	s.eventLocked("estop", &a, map[string]any{"what": "resume"})
	s.tellLocked()
	s.mu.Unlock()
	return nil
}

// Clear ends a quarantine if the device passes the self-test: its safe sequence,
// and where the type has one its known state, confirmed before Clear returns. It
// is a teacher's to ask for.
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
	ok, why := s.waitSafe(ctx)
	if ok {
		why = s.waitHome(ctx)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if why != nil {
		s.clearing = false
		return why
	}
	if s.jailed {
		return edge.Errorf(edge.CodeQuarantined, "the device is quarantined again")
	}
	return nil
}

// waitHome waits until the self-test of a device that is safe has ended: nil says
// that it has, however it did.
func (s *Supervisor) waitHome(ctx context.Context) *edge.Error {
	limit := stopWait
	if b := s.typ().Between; b != nil {
		limit += time.Duration(max(1, b.Tries)) * b.total(s.typ())
	}
	end := time.NewTimer(limit)
	defer end.Stop()
	for {
		s.mu.Lock()
		testing, news, link := s.clearing, s.news, s.link
		s.mu.Unlock()
		if !testing || link == nil {
			return nil
		}
		select {
		case <-news:
		case <-ctx.Done():
			return edge.Errorf(edge.CodeNoAnswer, "the device is not in its known state yet")
		case <-end.C:
			return edge.Errorf(edge.CodeNoAnswer, "the device is not in its known state yet")
		}
	}
}
