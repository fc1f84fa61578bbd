package devices

import (
	"context"
	"time"

	"labbox/devices/transport"
	"labbox/edge"
)

// serveSafe runs the safe sequence that is wanted, until it is confirmed or the
// device is quarantined. An error means that the line is gone.
func (s *Supervisor) serveSafe(ctx context.Context, l *link) error {
	s.mu.Lock()
	why := s.wantSafe
	if why == "" {
		s.mu.Unlock()
		return nil
	}
	s.wantSafe = ""
	stale := s.state == edge.StateStale || why == "stale"
	sf := s.t.Safe
	if sf == nil || len(sf.Steps) == 0 {
		s.clearing = false
		if !s.jailed {
			s.setStateLocked(edge.StateLive, nil)
		}
		s.tellLocked()
		s.mu.Unlock()
		return nil
	}
	s.safe, s.tried = edge.SafePending, s.clock.Mono()
	if !s.jailed || s.clearing {
		s.setStateLocked(edge.StateSafing, nil)
	}
	s.mu.Unlock()

	var err error
	began := s.clock.Mono()
	for try := 1; try <= sf.Tries; try++ {
		if err = s.safeOnce(l); err == nil {
			break
		}
		if l.ctx.Err() != nil {
			break
		}
		s.log.Warn("safe sequence not confirmed", "try", try, "why", why, "error", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	took := (s.clock.Mono() - began).Microseconds()
	s.env.forget()
	if l.ctx.Err() != nil {
		s.safe = edge.SafeUnconfirmed
		s.eventLocked("safe", nil, map[string]any{"outcome": "unconfirmed", "why": why, "took_us": took})
		s.clearing = false
		return context.Cause(l.ctx)
	}
	if err != nil {
		s.safe, s.jailed, s.clearing = edge.SafeUnconfirmed, true, false
		e := edge.AsError(err)
		s.eventLocked("safe", nil, map[string]any{"outcome": "unconfirmed", "why": why, "took_us": took, "code": string(e.Code)})
		s.setStateLocked(edge.StateQuarantined, edge.Errorf(edge.CodeQuarantined, "the safe state could not be confirmed: %s", e.Message).
			WithHint("look at the device, then clear the quarantine"))
		s.keeper.Revoke()
		s.wantSafe = ""
		s.tellLocked()
		return nil
	}
	s.safe = edge.SafeConfirmed
	s.eventLocked("safe", nil, map[string]any{"outcome": "confirmed", "why": why, "took_us": took})
	if s.clearing {
		s.jailed, s.clearing = false, false
	}
	switch {
	case s.jailed:
		s.setStateLocked(edge.StateQuarantined, edge.Errorf(edge.CodeQuarantined, "the safe state could not be confirmed earlier").
			WithHint("look at the device, then clear the quarantine"))
	case s.wantSafe != "": // wanted again meanwhile
	case stale:
		at, ok := s.stream.newest()
		if !ok || s.clock.Mono()-at > s.t.Stale {
			s.setStateLocked(edge.StateStale, edge.Errorf(edge.CodeNotReady, "no data for %v", s.t.Stale).
				WithHint("is the device still running?"))
			break
		}
		s.setStateLocked(edge.StateLive, nil)
	default:
		s.setStateLocked(edge.StateLive, nil)
	}
	s.tellLocked()
	return nil
}

// safeOnce sends the resync prefix and every step, and waits until the device
// confirms. Slew and rate do not apply; the ranges were checked when the type
// file was loaded.
func (s *Supervisor) safeOnce(l *link) error {
	sf := s.t.Safe
	l.discard()
	prefix := []byte(sf.Resync)
	for i := range sf.Steps {
		st := &sf.Steps[i]
		if st.Wait == 0 {
			if err := s.step(l, st, prefix); err != nil {
				return err
			}
			prefix = nil
			continue
		}
		if err := s.step(l, st, nil); err != nil {
			return err
		}
	}
	if len(sf.Shows) == 0 {
		return nil
	}
	e := newExpectation(s.t, nil, sf.Shows, nil)
	l.watch.add(e)
	defer l.watch.remove(e)
	l.watch.arm(e)
	return e.wait(sf.Within, l.ctx.Done())
}

// step carries out one step of a sequence, past every queue.
func (s *Supervisor) step(l *link, st *Step, prefix []byte) error {
	if st.Wait > 0 {
		t := time.NewTimer(st.Wait)
		defer t.Stop()
		select {
		case <-t.C:
			return nil
		case <-l.ctx.Done():
			return context.Cause(l.ctx)
		}
	}
	send, reply, within := st.Send, st.Reply, Duration(0)
	var shows []Show
	var args []argument
	if cmd := s.t.command(st.Command); cmd != nil {
		var err error
		if args, err = cmd.resolve(stepArgs(st.Args)); err != nil {
			return err
		}
		send, reply, shows, within = cmd.Send, cmd.Reply, cmd.Shows, cmd.Within
	}
	if reply != nil {
		within = max(within, reply.Within)
	}
	data, kind, err := s.codec.encode(append([]byte(nil), prefix...), send, args)
	if err != nil {
		return err
	}
	if len(prefix) == 0 {
		kind = transport.Text
	}
	e := newExpectation(s.t, reply, shows, args)
	l.watch.add(e)
	defer l.watch.remove(e)
	m := &message{data: data, kind: kind, expct: e, check: func() error { return nil }}
	if err := l.w.send(l.ctx, m, true, nil); err != nil {
		return err
	}
	if e.silent() {
		return nil
	}
	return e.wait(within, l.ctx.Done())
}

// goodbye makes the device safe before the port is closed.
func (s *Supervisor) goodbye(l *link) {
	s.mu.Lock()
	s.keeper.Revoke()
	jailed := s.jailed
	if !jailed || s.t.Safe != nil {
		s.wantSafe = "box stops"
	}
	close(s.abort)
	s.abort = make(chan struct{})
	s.mu.Unlock()
	if err := s.serveSafe(context.Background(), l); err != nil {
		s.log.Warn("device not confirmed safe at the end", "error", err)
	}
}
