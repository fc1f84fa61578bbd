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
	sf := s.typ().Safe
	if sf == nil || len(sf.Steps) == 0 {
		s.mu.Unlock()
		if err := l.greet(); err != nil {
			return err
		}
		return s.nothingToSend(l)
	}
	s.safe, s.tried, s.serving = edge.SafePending, s.clock.Mono(), true
	if !s.jailed || s.clearing {
		s.setStateLocked(edge.StateSafing, nil)
	}
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.serving = false
		s.mu.Unlock()
	}()

	var err error
	began := s.clock.Mono()
	for try := 1; try <= sf.Tries; try++ {
		if err = l.greet(); err == nil {
			err = s.safeOnce(l)
		}
		if err == nil {
			break
		}
		if l.ctx.Err() != nil {
			break
		}
		s.mu.Lock()
		if s.quiet.allow("not safe "+why, s.clock.Mono()) {
			s.log.Warn("safe sequence not confirmed", "try", try, "why", why, "error", err)
		}
		s.mu.Unlock()
	}
	if edge.CodeOf(err) == edge.CodeUnknownOutcome { // a line that is lost will be known to be: that is no quarantine
		_ = s.idle(l.ctx, l, homePause)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	took := (s.clock.Mono() - began).Microseconds()
	s.env.forget()
	s.between.reached = false
	if l.ctx.Err() != nil {
		s.safe = edge.SafeUnconfirmed
		s.eventLocked("safe", nil, map[string]any{"outcome": "unconfirmed", "why": why, "took_us": took})
		s.clearing = false
		return context.Cause(l.ctx)
	}
	if err != nil {
		s.safe = edge.SafeUnconfirmed
		e := edge.AsError(err)
		if why != "retry" || s.quiet.allow("retry", s.clock.Mono()) {
			s.eventLocked("safe", nil, map[string]any{"outcome": "unconfirmed", "why": why, "took_us": took, "code": string(e.Code)})
		}
		s.jailLocked("the safe state could not be confirmed: %s", e.Message)
		return nil
	}
	s.safe = edge.SafeConfirmed
	s.env.ran.calmed(s.clock.Mono())
	s.eventLocked("safe", nil, map[string]any{"outcome": "confirmed", "why": why, "took_us": took})
	if s.mayMoveLocked() {
		if err := s.goHome(ctx, l); err != nil {
			return s.astrayLocked(l, err)
		}
	}
	s.settleLocked()
	return nil
}

// jailLocked quarantines the device.
func (s *Supervisor) jailLocked(format, why string) {
	s.jailed, s.clearing, s.wantSafe = true, false, ""
	s.setStateLocked(edge.StateQuarantined, edge.Errorf(edge.CodeQuarantined, format, why).
		WithHint("look at the device, then clear the quarantine"))
	s.disownLocked()
	s.tellLocked()
}

// disownLocked ends the turn of a device that comes into quarantine.
func (s *Supervisor) disownLocked() {
	if s.keeper.Revoke() {
		by, _ := s.keeper.Last()
		s.eventLocked("lease", nil, map[string]any{"what": "quarantined", "holder": by.Name})
		s.turnsChangedLocked()
	}
}

// astrayLocked is for a device that did not get to its known state: it is made
// safe wherever it is now, and quarantined, unless a safe sequence comes anyway.
func (s *Supervisor) astrayLocked(l *link, err error) error {
	switch {
	case l.ctx.Err() != nil:
		return context.Cause(l.ctx)
	case s.wantSafe != "":
		return nil
	case edge.CodeOf(err) == edge.CodeSafing: // the box stops, or the limits have changed
		s.demandSafeLocked("known state")
		return nil
	}
	s.safe = edge.SafePending
	s.mu.Unlock()
	again := s.safeOnce(l)
	s.mu.Lock()
	if l.ctx.Err() != nil {
		s.safe = edge.SafeUnconfirmed
		return context.Cause(l.ctx)
	}
	if s.safe = edge.SafeConfirmed; again != nil {
		s.safe = edge.SafeUnconfirmed
	}
	s.jailLocked("the known state was not reached: %s", edge.AsError(err).Message)
	return nil
}

// settleLocked is the state after a safe sequence that came to its end.
func (s *Supervisor) settleLocked() {
	if s.clearing && s.wantSafe == "" { // else the self-test is still to come
		s.jailed, s.clearing = false, false
	}
	switch {
	case s.jailed:
		s.setStateLocked(edge.StateQuarantined, errJailed)
	case s.wantSafe != "": // wanted again meanwhile
	case s.frozenLocked():
		s.setStateLocked(edge.StateStale, s.silenceLocked())
	default:
		s.setStateLocked(edge.StateLive, nil)
	}
	s.tellLocked()
}

// safeOnce sends the resync prefix and every step, and waits until the device
// confirms. Slew and rate do not apply; the ranges were checked when the type
// file was loaded.
func (s *Supervisor) safeOnce(l *link) error {
	sf, answered := s.typ().Safe, false
	l.discard()
	prefix, resync := []byte(sf.Resync), sf.Resync != ""
	if len(prefix) > 0 && s.typ().Timing.Pause > 0 { // it wants time between messages: here, too
		alone := newOutgoing(prefix, transport.Text, nil, nil)
		x := &exchange{s: s, l: l, out: alone, ctx: l.ctx, stop: l.ctx.Done(), urgent: true, check: func() error { return nil }}
		if err := x.run(); err != nil {
			return err
		}
		prefix = nil
	}
	for i := range sf.Steps {
		st := &sf.Steps[i]
		if st.Wait == 0 {
			err := s.stepBehind(l, st, prefix, resync)
			if err != nil && (!st.Anyway || l.ctx.Err() != nil) {
				return err
			}
			answered = answered || err == nil && s.answered(st)
			prefix, resync = nil, false
			continue
		}
		if err := s.step(l, st); err != nil {
			return err
		}
	}
	if answered {
		s.sweep()
	}
	if len(sf.Shows) == 0 {
		return nil
	}
	e := newShows(s.typ(), sf.Shows, nil)
	l.watch.add(e)
	defer l.watch.remove(e)
	l.watch.arm(e, s.clock.Mono()+l.w.lineTime(max(0, l.port.Pending())))
	return e.wait(sf.Within, l.ctx.Done())
}

// step carries out one step of a sequence, past every queue.
func (s *Supervisor) step(l *link, st *Step) error { return s.stepBehind(l, st, nil, false) }

// stepBehind is the same behind bytes that may end half a message: a device that
// answers those has not answered the step.
func (s *Supervisor) stepBehind(l *link, st *Step, prefix []byte, resync bool) error {
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
	out, spec, args, err := s.says(st, prefix)
	if err != nil {
		return err
	}
	x := &exchange{s: s, l: l, out: out, ctx: l.ctx, stop: l.ctx.Done(), urgent: true, resync: resync, check: func() error { return nil }}
	return s.obtain(x, spec, args)
}

// says is what a step sends; spec is empty where it is no command.
func (s *Supervisor) says(st *Step, prefix []byte) (out *outgoing, spec *Command, args []argument, err error) {
	prefix = append([]byte(nil), prefix...)
	switch e := st.Expect; {
	case e != nil && e.pattern != nil:
		return newPartsOutgoing(nil, transport.Text, e, nil, nil, nil), &Command{}, nil, nil
	case e != nil:
		return newOutgoing(prefix, transport.Text, e, nil), &Command{}, nil, nil
	}
	send, reply := st.Send, st.Reply
	if spec = s.typ().command(st.Command); spec == nil {
		spec = &Command{}
	} else if args, err = spec.resolve(stepArgs(st.Args)); err == nil {
		send, reply = spec.Send, spec.Reply
	}
	if err == nil {
		out, err = s.codec.encode(prefix, send, reply, args)
	}
	return out, spec, args, err
}

// answered says whether the device itself answers a step.
func (s *Supervisor) answered(st *Step) bool {
	if cmd := s.typ().command(st.Command); cmd != nil {
		return cmd.Reply != nil || cmd.confirmed
	}
	return st.Reply != nil || st.Expect == nil && s.typ().Protocol.answers()
}

// sweep tells that the device has answered the safe sequence, and so everything
// before it that it ever will.
func (s *Supervisor) sweep() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.swept)
	s.swept = make(chan struct{})
}

// goodbye makes the device safe before the port is closed.
func (s *Supervisor) goodbye(l *link) {
	s.mu.Lock()
	s.keeper.Revoke()
	s.ending = true
	s.wantSafe = "box stops"
	close(s.abort)
	s.abort = make(chan struct{})
	s.mu.Unlock()
	if err := s.serveSafe(l.ctx, l); err != nil {
		s.log.Warn("device not confirmed safe at the end", "error", err)
	}
}

// nothingToSend is the safe sequence of a type that needs none. What was on its
// way to the device goes out, or is dropped, before anybody drives again.
func (s *Supervisor) nothingToSend(l *link) error {
	l.discard()
	m := &message{check: func() error { return nil }}
	if err := l.w.send(l.ctx, m, true, nil); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.env.forget()
	s.settleLocked()
	return nil
}

// errJailed is why a device that is safe by now obeys nobody.
var errJailed = edge.Errorf(edge.CodeQuarantined, "the safe state could not be confirmed earlier").
	WithHint("look at the device, then clear the quarantine")
