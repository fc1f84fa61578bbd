package devices

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"time"

	"labbox/edge"
)

// maxWithin is the longest a command may wait before it goes out.
const maxWithin = 2 * time.Second

// Command carries out one command and says what the device answered. It is
// judged when it arrives and again, by the writer, immediately before the bytes
// go out. Errors carry the code of what refused it; CodeUnknownOutcome means
// that the bytes went out and the line broke.
func (s *Supervisor) Command(ctx context.Context, a edge.Actor, fence uint64, c *edge.Command) (*edge.CommandResult, error) {
	if err := edge.Authorize(a, edge.VerbCommand, s.cfg.ID); err != nil {
		return nil, s.refuse(a, fence, c, err)
	}
	spec := s.typ().command(c.Name)
	if spec == nil {
		return nil, s.refuse(a, fence, c, edge.Errorf(edge.CodeUnknownCommand, "%s has no command %q", s.typ().Name, c.Name))
	}
	content, err := json.Marshal(struct {
		Seat, Name string
		Args       edge.Args
		Fence      uint64
	}{a.Seat, c.Name, c.Args, fence})
	if err != nil {
		return nil, s.refuse(a, fence, c, edge.Errorf(edge.CodeBadValue, "%w", err))
	}
	if len(c.Key) > maxKey {
		return nil, s.refuse(a, fence, c, edge.Errorf(edge.CodeTooLarge, "a key of %d bytes, at most %d", len(c.Key), maxKey))
	}
	return s.memory.once(ctx, memoryKey{a.Seat, c.Key}, content, func() (*edge.CommandResult, error) {
		return s.carryOut(ctx, a, fence, c, spec)
	})
}

// carryOut judges a command, anew where the limits change while it waits.
func (s *Supervisor) carryOut(ctx context.Context, a edge.Actor, fence uint64, c *edge.Command, spec *Command) (*edge.CommandResult, error) {
	var abort chan struct{} // as it was when the command was accepted first
	for received := s.clock.Mono(); ; {
		res, err := s.carryOutOnce(ctx, a, fence, c, spec, received, &abort)
		if !errors.Is(err, errNarrowed) {
			return res, err
		}
		if spec = s.typ().command(c.Name); spec == nil {
			return nil, s.refuse(a, fence, c, edge.Errorf(edge.CodeUnknownCommand, "%s has no command %q", s.typ().Name, c.Name))
		}
	}
}

func (s *Supervisor) carryOutOnce(ctx context.Context, a edge.Actor, fence uint64, c *edge.Command, spec *Command, received time.Duration, accepted *chan struct{}) (*edge.CommandResult, error) {
	within := maxWithin
	if d := s.typ().Timing.Lock; d > 0 {
		within = min(within, d)
	}
	if d := time.Duration(c.WithinMS) * time.Millisecond; d > 0 {
		within = min(within, d)
	}
	deadline := received + within
	args, err := spec.resolve(c.Args)
	if err != nil {
		return nil, s.refuse(a, fence, c, err)
	}
	var l *link
	abort := *accepted
	stands := func(now time.Duration) error {
		if s.abort != abort {
			return errInterrupted // a safe sequence ran since then
		}
		if err := s.narrow.broken; err != nil && !spec.Calming {
			return err
		}
		switch cur := s.typ().command(c.Name); {
		case cur == spec:
		case cur != nil && cur.Send == spec.Send: // the same, within other limits
			return errNarrowed
		default:
			return edge.Errorf(edge.CodeNotReady, "the device says by now that it is another").WithHint("look at what it offers, and try again")
		}
		if now > deadline {
			return edge.Errorf(edge.CodeLate, "the command is %v old", now-received).WithHint("try again")
		}
		if err := s.fresh(c.Tick, now); err != nil {
			return err
		}
		if err := s.keeper.Check(now, a, fence); err != nil {
			return err
		}
		if err := s.obeysLocked(); err != nil {
			return err
		}
		return s.allowsLocked(s.typ(), spec, args)
	}
	admit := func(commit bool) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		if !commit {
			if l = s.link; abort == nil {
				abort = s.abort
				*accepted = abort
			}
		}
		now := s.clock.Mono()
		if err := stands(now); err != nil {
			return err
		}
		return s.env.of(s.typ()).admit(now, spec, args, s.readBack, commit)
	}
	if err := admit(false); err != nil {
		if errors.Is(err, errNarrowed) {
			return nil, errNarrowed
		}
		return nil, s.refuse(a, fence, c, err)
	}
	out, err := s.codec.encode(nil, spec.Send, spec.Reply, args)
	if err != nil {
		return nil, s.refuse(a, fence, c, edge.Errorf(edge.CodeBadValue, "%w", err))
	}
	if l == nil {
		return nil, s.refuse(a, fence, c, edge.Errorf(edge.CodeNotReady, "the device is away"))
	}
	wctx, cancel := context.WithTimeout(l.ctx, deadline-s.clock.Mono())
	defer cancel()
	if !out.aside {
		select {
		case <-s.slot:
		case <-abort:
			return nil, s.refuse(a, fence, c, errInterrupted)
		case <-wctx.Done():
			return nil, s.refuse(a, fence, c, ctxError(wctx))
		}
		defer func() { s.slot <- struct{}{} }()
	}
	x := &exchange{s: s, l: l, out: out, ctx: wctx, stop: abort, check: func() error { return admit(true) }, anew: func() error {
		s.mu.Lock()
		defer s.mu.Unlock()
		return stands(s.clock.Mono())
	}}
	err = s.obtain(x, spec, args)
	switch {
	case errors.Is(err, errNarrowed) && !x.sent:
		return nil, errNarrowed
	case err != nil && !x.sent:
		return nil, s.refuse(a, fence, c, err)
	case err != nil:
		switch {
		case errors.Is(err, errInterrupted):
			err = edge.Errorf(edge.CodeUnknownOutcome, "the device was made safe before it answered")
		case !wasSent(err):
			err = edge.Errorf(edge.CodeUnknownOutcome, "it was sent, and then: %w", err).WithHint("look at the device")
		}
		s.settle(spec, args, out, err)
		s.outcome(a, fence, c, edge.CodeOf(err), x.at, out.data, x.raw)
		return nil, err
	}
	res := &edge.CommandResult{Command: c.Name, Key: c.Key, Outcome: edge.OutcomeSent, SentUS: x.at.Microseconds(), Reply: x.raw}
	if out.answers() || len(spec.Shows) > 0 {
		res.Outcome = edge.OutcomeConfirmed
	}
	s.settle(spec, args, out, nil)
	res.TookUS = (s.clock.Mono() - x.at).Microseconds()
	s.outcome(a, fence, c, edge.Code(res.Outcome), x.at, out.data, x.raw)
	return res, nil
}

// obtain runs a command's exchange and waits for what its telemetry must show.
func (s *Supervisor) obtain(x *exchange, spec *Command, args []argument) error {
	if len(spec.Shows) > 0 {
		x.shows = newShows(s.typ(), spec.Shows, args)
		x.l.watch.add(x.shows)
		defer x.l.watch.remove(x.shows)
	}
	if err := x.run(); err != nil || x.shows == nil {
		return err
	}
	return x.shows.wait(max(0, x.at+spec.Within-s.clock.Mono()), x.stop)
}

// settle tells the envelope what became of a command. A device that refused one
// of several messages may have carried out those before it, and an error that is
// read afterwards may be an earlier one's.
func (s *Supervisor) settle(c *Command, args []argument, out *outgoing, err error) {
	if edge.CodeOf(err) == edge.CodeDeviceRefused && (out.next != nil || out.flow != nil || out.why != nil) {
		err = edge.Errorf(edge.CodeUnknownOutcome, "%w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.env.settle(c, args, err)
}

// readBack is a channel's shown value, NaN where the device no longer reports it.
func (s *Supervisor) readBack(channel string) float64 {
	x, at := s.stream.reading(channel)
	if s.clock.Mono()-at > s.typ().Stale {
		return math.NaN()
	}
	return x
}

// fresh says whether a tick is one of ours and young enough.
func (s *Supervisor) heardLately(t edge.Tick) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fresh(t, s.clock.Mono())
}

func (s *Supervisor) fresh(t edge.Tick, now time.Duration) error {
	for i := len(s.ticks) - 1; i >= 0; i-- {
		own := s.ticks[i]
		if own.Owner == t.Owner && own.N == t.N {
			if age := now - time.Duration(own.MonoMS)*time.Millisecond; age > s.cfg.TickAge {
				return edge.Errorf(edge.CodeStaleTick, "the request follows a heartbeat that is %v old", age.Round(time.Millisecond)).
					WithHint("the connection is too slow; try again")
			}
			return nil
		}
	}
	return edge.Errorf(edge.CodeStaleTick, "the request names no recent heartbeat of this box").
		WithHint("the connection is too slow, or the box was restarted; try again")
}

// refuse counts and logs a command that did not go out.
func (s *Supervisor) refuse(a edge.Actor, fence uint64, c *edge.Command, err error) error {
	e := edge.AsError(err)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refused++
	s.auditRefused(a, fence, c, e)
	if s.quiet.allow("refused "+a.Seat+string(e.Code), s.clock.Mono()) {
		name := clip([]byte(c.Name))
		s.log.Info("command refused", "command", name, "seat", a.Seat, "code", e.Code)
		args := map[string]any{"command": name, "code": string(e.Code)}
		if s.typ().command(c.Name) != nil && len(c.Args) <= len(s.typ().command(c.Name).Params) {
			args["args"] = short(c.Args)
		}
		s.eventLocked("refused", &a, args)
	}
	return err
}

// short are arguments as the log may hold them, whoever sent them.
func short(args edge.Args) map[string]any {
	out := make(map[string]any, len(args))
	for k, v := range args {
		out[clip([]byte(k))] = clip([]byte(v.String()))
	}
	return out
}

// outcome notes a command that went out.
func (s *Supervisor) outcome(a edge.Actor, fence uint64, c *edge.Command, outcome edge.Code, at time.Duration, sent []byte, answer string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.commands++
	s.keeper.Drove()
	s.auditCommand(a, fence, c, outcome, at, sent, answer)
	s.eventLocked("command", &a, map[string]any{"command": c.Name, "args": c.Args, "outcome": string(outcome),
		"sent": clip(bytes.TrimSpace(sent)), "took_us": (s.clock.Mono() - at).Microseconds()})
}
