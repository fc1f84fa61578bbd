package devices

import (
	"context"
	"time"

	"labbox/edge"
)

// between is how far a device is from the known state that a turn begins with.
// It is guarded by its supervisor's lock.
type between struct {
	reached bool // since the last safe sequence
	moving  bool // it is being brought there
}

// homePause is what follows a try that failed: a line that was lost is known to be
// by then.
const homePause = 100 * time.Millisecond

// errBetween is why a device that is safe obeys nobody yet.
var errBetween = edge.Errorf(edge.CodeSafing, "the device goes to its known state").WithHint("wait until it is there")

// strangeLocked says that the device is not in the known state that the next turn
// is to begin with. Whose turn goes on finds it as it was.
func (s *Supervisor) strangeLocked() bool {
	return s.typ().Between != nil && !s.between.reached && s.keeper.Info(s.clock.Mono()) == nil
}

// mayMoveLocked says whether the device may be brought to its known state: a
// device that is stopped, frozen or quarantined stays as it is.
func (s *Supervisor) mayMoveLocked() bool {
	return s.strangeLocked() && s.stopped == nil && s.turns.hold == nil && !s.ending && s.wantSafe == "" && (!s.jailed || s.clearing)
}

// homeLocked sees to it that a device that nobody drives comes to its known state
// once nothing keeps it any more, such as an emergency stop.
func (s *Supervisor) homeLocked() {
	if s.state == edge.StateLive && s.mayMoveLocked() {
		s.demandSafeLocked("known state")
	}
}

// goHome brings a device that is safe to its known state, and says why it did
// not get there. Whatever demands the safe state ends it. The lock is held when
// it is called and when it returns.
func (s *Supervisor) goHome(ctx context.Context, l *link) error {
	b := s.typ().Between
	s.between.moving = true
	s.setStateLocked(edge.StateSafing, errBetween)
	hctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func(abort <-chan struct{}) {
		select {
		case <-abort:
			cancel()
		case <-hctx.Done():
		}
	}(s.abort)
	began := s.clock.Mono()
	s.mu.Unlock()
	var err error
	for try := 1; try <= b.Tries; try++ {
		err = s.homeOnce(hctx, l)
		if err == nil || hctx.Err() != nil || l.ctx.Err() != nil {
			break
		}
		pause := homePause
		if edge.CodeOf(err) == edge.CodeInterlock && try < b.Tries {
			pause = b.Within
		}
		_ = s.idle(hctx, l, pause)
	}
	s.mu.Lock()
	s.between.moving = false
	outcome := "confirmed"
	switch {
	case hctx.Err() != nil:
		outcome, err = "interrupted", errInterrupted
	case err != nil:
		outcome = "unconfirmed"
	default:
		s.between.reached = true
	}
	args := map[string]any{"outcome": outcome, "took_us": (s.clock.Mono() - began).Microseconds()}
	if err != nil {
		args["code"] = string(edge.CodeOf(err))
	}
	s.eventLocked("known", nil, args)
	return err
}

// idle waits.
func (s *Supervisor) idle(ctx context.Context, l *link, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return errInterrupted
	case <-l.ctx.Done():
		return context.Cause(l.ctx)
	}
}

// homeOnce carries out every step and waits until the device shows that it is
// there. Rate, slew and largest step do not apply; ranges were checked when the
// limits were set.
func (s *Supervisor) homeOnce(ctx context.Context, l *link) error {
	t := s.typ()
	for i := range t.Between.Steps {
		st := &t.Between.Steps[i]
		if st.Wait > 0 {
			if err := s.idle(ctx, l, st.Wait); err != nil {
				return err
			}
			continue
		}
		if err := s.homeStep(ctx, l, st); err != nil {
			return err
		}
	}
	if len(t.Between.Shows) == 0 {
		return nil
	}
	e := newShows(t, t.Between.Shows, nil)
	l.watch.add(e)
	defer l.watch.remove(e)
	l.watch.arm(e, s.clock.Mono()+l.w.lineTime(max(0, l.port.Pending())))
	return e.wait(t.Between.Within, ctx.Done())
}

// homeStep is one command on the way to the known state.
func (s *Supervisor) homeStep(ctx context.Context, l *link, st *Step) error {
	out, spec, args, err := s.says(st, nil)
	if err != nil {
		return err
	}
	check := func() error {
		s.mu.Lock()
		defer s.mu.Unlock()
		if ctx.Err() != nil || !s.mayMoveLocked() || s.typ().command(spec.ID) != spec {
			return errInterrupted
		}
		if err := s.allowsLocked(s.typ(), spec, args); err != nil {
			return err
		}
		s.env.placed(s.clock.Mono(), spec, args)
		return nil
	}
	return s.obtain(&exchange{s: s, l: l, out: out, ctx: l.ctx, stop: ctx.Done(), check: check}, spec, args)
}

// placed notes where a step leaves its parameters: limits over time start there.
func (e *envelope) placed(now time.Duration, c *Command, args []argument) {
	for _, a := range args {
		if a.param.Range != nil && a.param.Channel == "" {
			m := e.mover(now, c, a.param)
			m.lo, m.hi, m.known = a.num, a.num, true
		}
	}
}

// total is about the longest that one try may take.
func (b *Between) total(t *Type) time.Duration {
	sum := b.Within
	for i := range b.Steps {
		sum += b.Steps[i].Wait
		if c := t.command(b.Steps[i].Command); c != nil {
			if sum += c.Within; c.Reply != nil {
				sum += c.Reply.total()
			}
		}
	}
	return sum
}
