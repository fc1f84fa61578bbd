package devices

import (
	"context"
	"errors"
	"sync"
	"time"

	"labbox/devices/transport"
	"labbox/edge"
	"labbox/edge/frame"
	"labbox/firmware-protocols/lines"
)

const (
	flushEvery = 16 * time.Millisecond // frames leave at display rate
	turnEvery  = 20 * time.Millisecond // resolution of graces and staleness
	backoffMin = 100 * time.Millisecond
	backoffMax = 3 * time.Second
	retrySafe  = 5 * time.Second // a quarantined device is told again to be safe
)

// Run owns the device until ctx ends; then it brings it to its safe state (for
// at most as long as the type's safe sequence may take), and closes the port.
func (s *Supervisor) Run(ctx context.Context) {
	s.mu.Lock()
	s.stopped = s.cfg.Ledger.stop(s.cfg.ID)
	contract := s.contract
	s.mu.Unlock()
	s.stream.restart(s.cfg.Ledger.nextEpoch(s.cfg.ID), contract, s.typ().Time != nil)
	var pumping sync.WaitGroup
	pumping.Go(func() { s.pump(ctx) })
	pumping.Go(func() { s.keepTurns(ctx) })
	defer pumping.Wait()
	defer s.endTurns()

	backoff := backoffMin
	for tries := 0; ctx.Err() == nil; tries++ {
		if tries == 0 { // later it is absent until it is there, for the reason that was found
			s.setState(edge.StateOpening, nil)
		}
		select {
		case <-s.cfg.Plugged: // Open sees for itself
		default:
		}
		port, err := s.cfg.Opener.Open(ctx)
		if err != nil {
			if ctx.Err() != nil {
				break
			}
			s.setState(edge.StateAbsent, err)
			backoff = s.pause(ctx, backoff)
			continue
		}
		known, err := s.session(ctx, port)
		if known {
			backoff = backoffMin
		}
		s.mu.Lock()
		s.reopens++
		s.mu.Unlock()
		s.stream.lose(frame.LostUnknown)
		if ctx.Err() == nil {
			s.setState(edge.StateAbsent, err)
			backoff = s.pause(ctx, backoff)
		}
	}
	s.stream.flush()
	s.setState(edge.StateAbsent, nil)
}

// pause waits d, or until something is plugged in, while the turn goes on, and
// returns how long to wait next time.
func (s *Supervisor) pause(ctx context.Context, d time.Duration) (next time.Duration) {
	end := time.NewTimer(d)
	defer end.Stop()
	for {
		t := time.NewTimer(turnEvery)
		select {
		case <-ctx.Done():
			t.Stop()
			return d
		case <-end.C:
			t.Stop()
			return min(2*d, backoffMax)
		case <-s.cfg.Plugged:
			t.Stop()
			return backoffMin
		case <-t.C:
			s.advance()
		}
	}
}

// pump flushes frames at display rate, whether or not anything arrives.
func (s *Supervisor) pump(ctx context.Context) {
	t := time.NewTicker(flushEvery)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			s.stream.flush()
		case <-ctx.Done():
			return
		}
	}
}

// session runs one connection, and returns whether the device was recognised and
// why it ended.
func (s *Supervisor) session(ctx context.Context, port transport.Port) (known bool, err error) {
	lctx, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(context.Canceled)
	l := &link{port: port, watch: &watchers{}, ctx: lctx, cancel: cancel}
	l.w = newWriter(port, s.clock, s.cfg.Baud, l.watch, func() { s.writeStuck(l) })
	l.w.patience = s.typ().Timing.Write
	s.codec.reset()
	r := newReader(s, l)
	done := make(chan struct{}, 2)
	go func() { r.run(); done <- struct{}{} }()
	go func() { l.w.run(lctx); done <- struct{}{} }()
	s.mu.Lock()
	s.link = l
	s.env.forget()
	s.mu.Unlock()

	err = s.live(ctx, l, r)

	s.mu.Lock()
	s.link, s.clearing = nil, false
	s.mu.Unlock()
	if err == nil {
		err = context.Cause(lctx)
	}
	if err == nil || errors.Is(err, context.Canceled) {
		err = edge.Errorf(edge.CodePortLost, "the line to the device is closed")
	}
	cancel(err)
	_ = port.Close()
	l.watch.fail(edge.Errorf(edge.CodeUnknownOutcome, "the line was lost before the device answered").
		WithHint("look at the device: the command may or may not have been carried out"))
	<-done
	<-done
	l.asking.Wait()
	return r.proved, err
}

// writeStuck is the writer's watchdog: bytes that do not leave mean that the
// safe sequence cannot be sent. Loudly.
func (s *Supervisor) writeStuck(l *link) {
	err := edge.Errorf(edge.CodeWriteStuck, "the port takes no more bytes").WithHint("unplug the device and plug it in again")
	s.mu.Lock()
	if s.quiet.allow("stuck", s.clock.Mono()) {
		s.log.Error("write stuck, safe state cannot be sent", "port", s.cfg.Opener.String())
	}
	s.jailed, s.safe = s.typ().Safe != nil, edge.SafeUnconfirmed
	s.setStateLocked(edge.StateQuarantined, err)
	if s.jailed {
		s.disownLocked()
	}
	s.mu.Unlock()
	l.cancel(err)
	_ = l.port.Close()
}

// live takes the connection through boot, identification and the safe sequence,
// and keeps it until it is lost or ctx ends.
func (s *Supervisor) live(ctx context.Context, l *link, r *reader) error {
	s.setState(edge.StateBooting, nil)
	if err := s.await(ctx, l, s.typ().Connect.Boot, r.banner, r.known); err != nil {
		return err
	}
	s.setState(edge.StateIdentifying, nil)
	if err := s.introduce(ctx, l); err != nil {
		return err
	}
	l.greet = func() error { return s.greeting(ctx, l, r) }
	if err := l.greet(); err != nil {
		return err
	}
	s.startPolls(l)
	if err := s.identify(ctx, l, r); err != nil {
		return err
	}
	select {
	case <-r.known:
	default: // the box stops before anybody knows what this is: send it nothing
		return nil
	}
	s.mu.Lock()
	s.known = s.clock.Mono()
	s.mu.Unlock()
	failed := s.connect(l)
	s.mu.Lock()
	s.wantSafe = "connected"
	s.mu.Unlock()
	if failed != nil { // whatever it is, it must not be left running
		if l.ctx.Err() == nil {
			_ = s.safeOnce(l)
		}
		return edge.Errorf(edge.CodeContract, "connecting: %w", failed).WithHint("is it of the type that the box file says?")
	}
	for {
		if err := s.serveSafe(ctx, l); err != nil {
			return err
		}
		if err := s.steady(ctx, l, r); err != nil {
			return err
		}
		if ctx.Err() != nil {
			s.goodbye(l)
			return nil //nolint:nilerr // ctx's end is no failure
		}
	}
}

// await waits until one of two channels is closed, at most limit.
func (s *Supervisor) await(ctx context.Context, l *link, limit time.Duration, a, b <-chan struct{}) error {
	end := time.NewTimer(limit)
	defer end.Stop()
	tick := time.NewTicker(turnEvery)
	defer tick.Stop()
	for {
		select {
		case <-a:
			return nil
		case <-b:
			return nil
		case <-end.C:
			return nil
		case <-tick.C:
			s.advance()
		case <-l.ctx.Done():
			return context.Cause(l.ctx)
		case <-ctx.Done():
			return nil
		}
	}
}

// introduce asks the device who it is, again and again until it is the declared
// type. What answers otherwise is in fault, and is sent nothing else.
func (s *Supervisor) introduce(ctx context.Context, l *link) error {
	steps := s.typ().Connect.Identify
	for i := 0; i < len(steps) && ctx.Err() == nil; i++ {
		err := s.step(l, &steps[i])
		if err == nil {
			continue
		}
		if l.ctx.Err() != nil {
			return context.Cause(l.ctx)
		}
		e := edge.AsError(err)
		s.setState(edge.StateFault, edge.Errorf(e.Code, "this does not look like %s: %s", s.typ().Name, e.Message).
			WithHint("check the type and the baud rate %d", s.typ().Serial.Baud))
		if err := s.await(ctx, l, askAgain, nil, nil); err != nil {
			return err
		}
		i = -1
	}
	return nil
}

// askAgain is how often a device is asked who it is.
const askAgain = 2 * time.Second

// identify waits for proof that this is the declared type. Without proof the
// device is in fault, is listened to on, and obeys nothing.
func (s *Supervisor) identify(ctx context.Context, l *link, r *reader) error {
	if s.typ().mute() { // its answer has told
		r.feeding.Lock()
		if !r.proved {
			r.prove1()
		}
		r.feeding.Unlock()
		return ctx.Err()
	}
	if err := s.await(ctx, l, s.typ().Connect.IdentifyIn, r.known, nil); err != nil || ctx.Err() != nil {
		return err
	}
	select {
	case <-r.known:
		return nil
	default:
	}
	s.setState(edge.StateFault, r.verdict(s.typ()))
	for ctx.Err() == nil {
		if err := s.await(ctx, l, askAgain, r.known, nil); err != nil {
			return err
		}
		select {
		case <-r.known:
			return nil
		default: // it may have started again
			if err := l.greet(); err != nil {
				return err
			}
		}
	}
	return nil
}

// steady keeps a live device until something is wanted of it: nil means that a
// safe sequence is due or ctx ended.
func (s *Supervisor) steady(ctx context.Context, l *link, r *reader) error {
	s.stream.expect(s.typ())
	s.advance() // who is next has waited for the safe state
	tick := time.NewTicker(turnEvery)
	defer tick.Stop()
	var beat <-chan time.Time
	if s.typ().Keepalive != nil {
		t := time.NewTicker(s.typ().Keepalive.Every)
		defer t.Stop()
		beat = t.C
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-l.ctx.Done():
			return context.Cause(l.ctx)
		case <-s.wake:
		case <-tick.C:
			s.advance()
			s.stale()
		case <-beat:
			s.keepalive(l)
		}
		s.mu.Lock()
		if s.jailed && s.wantSafe == "" && s.safe == edge.SafeUnconfirmed && s.clock.Mono()-s.tried > retrySafe {
			s.wantSafe = "retry"
		}
		due := s.wantSafe != ""
		s.mu.Unlock()
		if due {
			return nil
		}
	}
}

// text is a line of the device's own words, for the event log.
func (s *Supervisor) text(r *lines.Record) {
	line := clip(r.Raw)
	if line == "" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.quiet.allow("text "+line, s.clock.Mono()) {
		s.eventLocked("text", nil, map[string]any{"text": line})
	}
}
