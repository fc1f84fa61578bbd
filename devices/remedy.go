package devices

import (
	"time"

	"labbox/edge"
)

// recover carries out the file's steps after an answer that was wrong, or none.
// They are for a device that is known and is not being made safe, and are held to
// its limits as a driver is.
func (s *Supervisor) recover(l *link, code edge.Code) {
	steps := s.typ().On.Mismatch
	if code == edge.CodeNoAnswer {
		steps = s.typ().On.Timeout
	}
	if len(steps) == 0 {
		return
	}
	s.mu.Lock()
	err, abort, swept := s.remediesLocked(), s.abort, s.swept
	s.mu.Unlock()
	if err != nil {
		return
	}
	select {
	case <-s.line:
	case <-abort:
		return
	case <-l.ctx.Done():
		return
	}
	line := &exchange{s: s, l: l, over: swept}
	defer line.giveLine()
	for i := range steps {
		if err := s.remedy(line, &steps[i], abort); err != nil {
			return
		}
	}
}

// remediesLocked says whether a device may be brought back to its senses.
func (s *Supervisor) remediesLocked() error {
	if s.state == edge.StateStale && s.stopped == nil && s.turns.hold == nil && !s.jailed && !s.ending && s.wantSafe == "" {
		return nil
	}
	return s.obeysLocked()
}

// remedy is one of these steps, on the line that is held.
func (s *Supervisor) remedy(line *exchange, st *Step, abort chan struct{}) error {
	if st.Wait > 0 {
		t := time.NewTimer(st.Wait)
		defer t.Stop()
		select {
		case <-t.C:
			return nil
		case <-abort:
			return errInterrupted
		case <-line.l.ctx.Done():
			return errInterrupted
		}
	}
	out, spec, args, err := s.says(st, nil)
	if err != nil {
		return err
	}
	check := func() error {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.abort != abort {
			return errInterrupted
		}
		if err := s.remediesLocked(); err != nil || spec.ID == "" {
			return err
		}
		if s.typ().command(spec.ID) != spec {
			return errNarrowed
		}
		if err := s.narrow.broken; err != nil && !spec.Calming {
			return err
		}
		if !spec.Calming && !s.keeper.Driven() {
			return edge.Errorf(edge.CodeNotHolder, "nobody drives")
		}
		if err := s.allowsLocked(s.typ(), spec, args); err != nil {
			return err
		}
		return s.env.of(s.typ()).admit(s.clock.Mono(), spec, args, s.readBack, true)
	}
	x := &exchange{s: s, l: line.l, out: out, ctx: line.l.ctx, stop: abort, held: true, check: check}
	err = s.obtain(x, spec, args)
	if x.sent {
		s.settle(spec, args, out, err)
	}
	line.late, line.left = append(line.late, x.late...), max(line.left, x.left)
	return err
}
