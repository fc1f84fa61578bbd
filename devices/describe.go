package devices

import (
	"context"
	"time"

	"labbox/devices/transport"
	"labbox/edge"
)

// describer is a codec whose device says itself what it is, once it is asked.
// feed runs in the reader, the other methods in the session or the reader, one
// at a time (the codec guards itself).
type describer interface {
	// greet returns what to send now, nil for nothing, and whether the device has
	// said what it is. It is called every few milliseconds from the end of the boot
	// on. An error means that device and type file disagree.
	greet(now time.Duration) (data []byte, done bool, err error)
	// described is what the device said, once greet is done: a type in place of
	// the file's (nil: the file's holds), and channels beside the type's.
	described() (*Type, []Channel)
}

// greetEvery is how often a describer is asked what to send.
const greetEvery = 5 * time.Millisecond

// greeting asks a device what it is until it has said so. Without an answer it is
// in fault, and asked on.
func (s *Supervisor) greeting(ctx context.Context, l *link, r *reader) error {
	d, ok := s.codec.(describer)
	if !ok {
		return nil
	}
	tick := time.NewTicker(greetEvery)
	defer tick.Stop()
	began, faulty := s.clock.Mono(), false
	for first := true; ctx.Err() == nil; first = false {
		data, done, err := d.greet(s.clock.Mono())
		if err == nil && done {
			if first && r.greeted { // it has not started again since
				return nil
			}
			if err = s.adopt(r, d); err == nil {
				r.greeted = true
				return nil
			}
		}
		if err != nil || !faulty && s.clock.Mono()-began > s.typ().Connect.IdentifyIn {
			faulty = true
			if err == nil {
				err = r.verdict(s.typ())
			}
			s.setState(edge.StateFault, err)
			if err := s.await(ctx, l, askAgain, nil, nil); err != nil {
				return err
			}
			s.codec.reset()
		}
		if len(data) > 0 {
			m := &message{data: data, kind: transport.Binary, check: func() error { return nil }}
			if err := l.w.send(l.ctx, m, false, nil); err != nil && l.ctx.Err() != nil {
				return context.Cause(l.ctx)
			}
		}
		select {
		case <-tick.C:
			s.advance()
		case <-l.ctx.Done():
			return context.Cause(l.ctx)
		case <-ctx.Done():
		}
	}
	return nil
}

// A device may say something new of itself retoldMost times in a row, and then
// every retoldEvery: each time is a durable write and a copy for everybody.
const (
	retoldMost  = 30
	retoldEvery = 5 * time.Minute
)

// adopt makes what the device said its type, with the bench's limits, and begins
// a new epoch where that changed anything.
func (s *Supervisor) adopt(r *reader, d describer) error {
	t, auto := d.described()
	if t == nil {
		t = s.cfg.Type
	}
	base, err := s.cfg.narrow(t)
	if err != nil {
		return err
	}
	r.feeding.Lock()
	defer r.feeding.Unlock()
	s.stream.naming.Lock()
	defer s.stream.naming.Unlock()
	s.mu.Lock()
	n, err := s.withinLocked(base)
	if err != nil {
		s.mu.Unlock()
		return edge.Errorf(edge.CodeContract, "what a teacher has narrowed does not fit it: %w", err).WithHint("a teacher sets the limits anew")
	}
	c := n.contract(auto)
	changed := c.Hash != s.contract.Hash
	if changed && !s.retold.take(s.clock.Mono(), retoldMost, retoldEvery) {
		s.mu.Unlock()
		return edge.Errorf(edge.CodeContract, "it says something else of itself each time").
			WithHint("is the cable sound, and does the firmware always say the same? It is tried again every %v", retoldEvery)
	}
	s.t.Store(n)
	s.auto, s.contract = auto, c
	if n.Safe != nil && len(n.Safe.Steps) > 0 && s.safe == edge.SafeNone {
		s.safe = edge.SafeUnconfirmed
	}
	s.mu.Unlock()
	if changed {
		s.stream.restart(s.cfg.Ledger.nextEpoch(s.cfg.ID), c, n.Time != nil)
		s.mu.Lock()
		s.tellLocked()
		s.mu.Unlock()
	}
	r.in = newIntake(n, auto)
	return nil
}
