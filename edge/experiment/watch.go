package experiment

import (
	"context"
	"time"

	"labbox/edge"
)

const (
	beatEvery  = 500 * time.Millisecond
	watchEvery = 50 * time.Millisecond
	safeWithin = 15 * time.Second
)

// watch keeps the lease while the steps run, ends them when it is lost or the
// device does not obey any more, and gives it back as soon as they have to end:
// the device is made safe then, even while a command is under way.
func (r *runner) watch() {
	beat := beatEvery
	if c := r.w.cfg.Driver.Contract(r.l.device); c != nil && c.GraceMS > 0 {
		beat = min(beat, time.Duration(c.GraceMS)*time.Millisecond/4)
	}
	var last time.Time
	told := time.Now()
	for {
		if err := r.unfit(); err != nil {
			r.cancel(err)
		} else if time.Since(last) >= beat {
			last = time.Now()
			ctx, cancel := context.WithTimeout(r.ctx, storeTimeout)
			_, err := r.w.cfg.Driver.Do(ctx, &edge.Ask{Verb: edge.VerbBeat, Device: r.l.device, Actor: r.actor, Fence: r.fence,
				Tick: r.w.cfg.Driver.Tick()})
			cancel()
			if err != nil && r.ctx.Err() == nil {
				if why := r.unfit(); why != nil {
					err = why
				}
				r.cancel(edge.AsError(err))
			}
		}
		if time.Since(told) >= beatEvery {
			told = time.Now()
			r.w.mu.Lock()
			r.progressLocked()
			r.w.mu.Unlock()
			r.w.changed(r.j)
		}
		if !sleep(r.ctx, min(watchEvery, beat)) {
			break
		}
	}
	r.l.release(r.actor, r.fence)
}

// unfit says why the experiment cannot go on, if it cannot.
func (r *runner) unfit() error {
	st, ok := r.w.cfg.Driver.Status(r.l.device)
	var why *edge.Error
	switch {
	case !ok:
		why = edge.Errorf(edge.CodeUnknownDevice, "no device %s any more", r.l.device)
	case st.Stopped != nil:
		why = edge.Errorf(edge.CodeStopped, "the emergency stop was used by %s", st.Stopped.By.Name).With("by", st.Stopped.By.Name)
	case st.State == edge.StateQuarantined:
		why = edge.Errorf(edge.CodeQuarantined, "the safe state could not be confirmed").WithHint("look at the device, then clear the quarantine")
	case st.State != edge.StateLive && st.Reason != nil:
		return st.Reason
	case st.State == edge.StateSafing:
		why = edge.Errorf(edge.CodeSafing, "the device was made safe")
	case st.State != edge.StateLive:
		why = edge.Errorf(edge.CodeNotReady, "the device is %s", st.State).With("state", string(st.State))
	case st.Lease == nil || st.Lease.Fence != r.fence:
		why = edge.Errorf(edge.CodeNotHolder, "the lease was lost").WithHint("the device was made safe")
	default:
		return nil
	}
	return why
}

// awaitSafe waits until the owner has made the device safe, and says how far it
// got. The error is for a device whose safe state could not be confirmed.
func (r *runner) awaitSafe() (string, *edge.Error) {
	for end := time.Now().Add(safeWithin); ; {
		st, ok := r.w.cfg.Driver.Status(r.l.device)
		switch {
		case !ok:
			return "", nil
		case st.State == edge.StateQuarantined:
			return edge.SafeUnconfirmed, edge.Errorf(edge.CodeQuarantined, "the safe state could not be confirmed afterwards").
				WithHint("look at the device, then clear the quarantine")
		case st.State != edge.StateSafing && st.Safe != edge.SafePending, st.State == edge.StateAbsent, time.Now().After(end):
			return st.Safe, nil
		}
		sleep(context.Background(), watchEvery/2)
	}
}

// startRecord starts a run; its id is kept before anything else happens.
func (r *runner) startRecord(s *Record) error {
	name := s.Name
	if name == "" {
		name = r.j.e.Exp.Name
	}
	ctx, cancel := context.WithTimeout(r.ctx, 5*storeTimeout)
	defer cancel()
	ans, err := r.w.cfg.Driver.Do(ctx, &edge.Ask{Verb: edge.VerbRunStart, Device: r.l.device, Actor: r.actor,
		Run: &edge.RunAsk{Name: name, Notes: "experiment " + r.j.e.Exp.ID, PreTriggerMS: s.PreTriggerMS}})
	if err != nil {
		return err
	}
	if ans == nil || ans.Run == nil {
		return edge.Errorf(edge.CodeInternal, "no run in the owner's answer")
	}
	r.record = ans.Run.ID
	r.w.mu.Lock()
	r.j.e.Exp.Run = r.record
	r.w.mu.Unlock()
	r.w.noteProgress(ctx, r.j)
	return nil
}

// stopRecord stops the run, if there is one.
func (r *runner) stopRecord() error {
	if r.record == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.ctx), 5*storeTimeout)
	defer cancel()
	_, err := r.w.cfg.Driver.Do(ctx, &edge.Ask{Verb: edge.VerbRunStop, Device: r.l.device, Actor: r.actor, Run: &edge.RunAsk{ID: r.record}})
	if err != nil {
		r.w.log.Warn("recording of an experiment not stopped", "run", r.record, "error", err)
	}
	r.record = ""
	return err
}
