package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"labbox/edge"
)

// How long this process waits.
const (
	storeWithin = 3 * time.Second
	askWithin   = 5 * time.Second  // of an owner, beyond what the device itself may take
	askLongest  = 60 * time.Second // at all
)

func unknownDevice(id string) error {
	return edge.Errorf(edge.CodeUnknownDevice, "no device %q", clip(id)).With("device", clip(id))
}

// ask sends a request to the owner of a device and returns its answer. What a
// role may not do does not leave this process; the owner checks again.
func (s *Server) ask(ctx context.Context, a edge.Ask) (*edge.Answer, error) {
	d := s.hub.device(a.Device, false)
	if d == nil || !d.known() {
		if a.Verb != edge.VerbStop || s.cfg.Stop == nil {
			return nil, unknownDevice(a.Device)
		}
		d = nil // a stop is for the owner to judge
	}
	a.Actor = s.masked(a.Actor, a.Verb, a.Device)
	if err := edge.Authorize(a.Actor, needs(d, &a), a.Device); err != nil {
		return nil, err
	}
	if err := checkAsk(&a); err != nil {
		return nil, err
	}
	if a.Verb != edge.VerbStop {
		a.Tick = s.hub.firstTick(ctx)
	}
	body, err := json.Marshal(a)
	if err != nil {
		return nil, fmt.Errorf("web: encode request: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, s.patience(d, &a))
	defer cancel()
	if a.Verb == edge.VerbStop {
		return s.stop(ctx, &a, body)
	}
	answer, err := s.request(ctx, &a, edge.KindDo, body)
	if err != nil {
		return nil, s.veilNow().refusal(err)
	}
	switch {
	case a.Verb == edge.VerbTake && answer.Lease != nil:
		d.noteLease(answer.Lease)
	case a.Verb == edge.VerbRelease:
		d.noteLease(nil)
	}
	return answer, nil
}

// request asks by the Bus.
func (s *Server) request(ctx context.Context, a *edge.Ask, kind string, body []byte) (*edge.Answer, error) {
	b, err := s.cfg.Bus.Request(ctx, edge.Subject(s.cfg.Box, a.Device, kind), body)
	if err != nil {
		return nil, unanswered(a, err)
	}
	answer := &edge.Answer{}
	if err := json.Unmarshal(b, answer); err != nil {
		return nil, fmt.Errorf("web: answer of %s: %w", a.Device, err)
	}
	return answer, nil
}

// stop asks by the Bus and, where there is one, by the owner's own listener at the
// same time. The first that confirms counts; else the best answer; an error only
// where both ways failed.
func (s *Server) stop(ctx context.Context, a *edge.Ask, body []byte) (*edge.Answer, error) {
	if s.cfg.Stop == nil {
		return s.request(ctx, a, edge.KindStop, body)
	}
	type outcome struct {
		answer *edge.Answer
		err    error
	}
	ways := make(chan outcome, 2)
	go func() {
		answer, err := s.request(ctx, a, edge.KindStop, body)
		ways <- outcome{answer, err}
	}()
	go func() {
		answer, err := s.cfg.Stop(ctx, a)
		ways <- outcome{answer, err}
	}()
	var best outcome
	for range cap(ways) {
		o := <-ways
		if o.err == nil && o.answer.Stop != nil && o.answer.Stop.Confirmed {
			return o.answer, nil
		}
		if best.answer == nil && (o.err == nil || best.err == nil) {
			best = o
		}
	}
	if best.answer != nil {
		return best.answer, nil
	}
	return nil, best.err
}

// checkAsk refuses what would only waste the owner's time.
func checkAsk(a *edge.Ask) error {
	long := func(field, v string, most int) error {
		if len(v) <= most {
			return nil
		}
		return edge.Errorf(edge.CodeTooLarge, "%s is longer than %d bytes", field, most).With("field", field)
	}
	if c := a.Command; c != nil {
		if err := edge.CheckName(c.Name); err != nil {
			return err
		}
		if c.Key == "" {
			return edge.Errorf(edge.CodeBadRequest, "a command needs a key").With("field", "key").
				WithHint("choose a new one for each command")
		}
		return long("key", c.Key, 64)
	}
	if r := a.Run; r != nil {
		return errors.Join(long("name", r.Name, 200), long("notes", r.Notes, 8000), long("text", r.Text, 2000), long("run", r.ID, 64))
	}
	return nil
}

// patience is how long the owner may take to answer.
func (s *Server) patience(d *device, a *edge.Ask) time.Duration {
	wait := askWithin
	if a.Command != nil && d != nil {
		_, contract := d.contractNow()
		if contract != nil {
			if spec := contract.Command(a.Command.Name); spec != nil {
				wait += time.Duration(spec.TimeoutMS) * time.Millisecond
			}
		}
		wait += time.Duration(min(max(a.Command.WithinMS, 0), 2000)) * time.Millisecond
	}
	return min(wait, askLongest)
}

// unanswered says what a request without an answer means.
func unanswered(a *edge.Ask, err error) error {
	if !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled) {
		return err
	}
	if a.Verb == edge.VerbCommand {
		return edge.Errorf(edge.CodeUnknownOutcome, "nobody knows what came of %s", a.Command.Name).
			With("command", a.Command.Name).WithHint("look at the device before you try again")
	}
	return edge.Errorf(edge.CodeNoAnswer, "the owner of %s did not answer", a.Device).With("device", a.Device)
}
