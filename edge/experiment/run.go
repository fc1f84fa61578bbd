package experiment

import (
	"context"
	"errors"
	"math"
	"strconv"
	"time"

	"labbox/edge"
)

// runner carries out one experiment under a lease.
type runner struct {
	l     *lane
	w     *Worker
	j     *job
	actor edge.Actor
	fence uint64
	steps []Step
	total int64 // weight of all steps

	start  time.Time
	done   int64     // weight of the steps that are behind
	at     time.Time // when the present step began
	record string    // id of the run that records now
	ctx    context.Context
	cancel context.CancelCauseFunc
}

func newRunner(l *lane, j *job, a edge.Actor, fence uint64) *runner {
	r := &runner{l: l, w: l.w, j: j, actor: a, fence: fence, steps: j.e.Exp.Steps}
	for i := range r.steps {
		r.total += r.steps[i].weightMS()
	}
	return r
}

// begin notes, durably and before anything is written to the device, that the
// experiment was started. Whoever finds that note never starts it again.
func (r *runner) begin(ctx context.Context) error {
	w, j := r.w, r.j
	r.ctx, r.cancel = context.WithCancelCause(ctx)
	w.mu.Lock()
	if !r.l.claimLocked(j) { // cancelled meanwhile
		w.mu.Unlock()
		return edge.Errorf(edge.CodeNotHolder, "the experiment was cancelled")
	}
	r.l.running, j.cancel = j, r.cancel
	before := *j.e
	now := *j.e
	now.Phase, now.Life = started, w.life
	now.Exp.State, now.Exp.Reason, now.Exp.StartedMS = Running, nil, w.cfg.Clock.Wall().UnixMilli()
	*j.e = now
	raw, old := encode(j.e), j.local
	w.mu.Unlock()

	key := localKey(w.cfg.Box, now.Exp.ID)
	sctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	ok, err := w.cfg.Local.Swap(sctx, key, old, raw, 0)
	if !ok {
		rctx, done := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
		if held, there, rerr := w.cfg.Local.Get(rctx, key); rerr == nil && there && string(held) == string(raw) {
			ok, err = true, nil // the answer was lost or late, not the write
		}
		done()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if ok {
		j.local = raw
		return nil
	}
	if err == nil {
		err = edge.Errorf(edge.CodeInternal, "the own record of %s was changed by somebody else", now.Exp.ID)
	}
	r.l.running, j.cancel = nil, nil
	if j.e.Cancel == nil {
		*j.e = before
		r.l.open = append([]*job{j}, r.l.open...)
		return err
	}
	by := *j.e.Cancel
	*j.e = before
	r.l.open = append([]*job{j}, r.l.open...)
	go func() { _ = w.cancelJob(context.WithoutCancel(ctx), j, by) }()
	return err
}

// run carries out the steps, gives the lease back and makes the end durable.
func (r *runner) run(ctx context.Context) {
	r.start = time.Now()
	r.at = r.start
	r.w.changed(r.j)
	samples := r.w.listen(r.l.device)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		r.watch()
	}()
	err := r.all()
	cause := context.Cause(r.ctx)
	_ = r.stopRecord() // logged there
	values := samples.end(r.w.cfg.Driver.Contract(r.l.device))
	r.cancel(errOver)
	<-watched // has released the lease
	safe, bad := r.awaitSafe()

	r.w.mu.Lock()
	x := &r.j.e.Exp
	x.EndedMS, x.Values, x.Safe = r.w.cfg.Clock.Wall().UnixMilli(), values, safe
	switch {
	case err == nil && bad != nil:
		x.State, x.Reason = Failed, bad
	case err == nil:
		x.State, x.Progress = Done, 1
	case errors.Is(cause, errWithdrawn):
		by := r.j.e.Cancel.Ref()
		x.State, x.CancelledBy = Cancelled, &by
	case ctx.Err() != nil:
		x.State, x.Reason = Interrupted, errStopped(x.Step)
	default:
		var lost *edge.Error
		if errors.As(cause, &lost) {
			err = lost
		}
		x.State, x.Reason = Failed, edge.AsError(err)
	}
	r.w.mu.Unlock()
	if err := r.w.finish(ctx, r.j); err != nil {
		r.w.log.Error("end of an experiment not kept", "id", x.ID, "error", err)
	}
}

// errOver ends the watch of a run that has come to its end.
var errOver = errors.New("experiment: over")

func (r *runner) all() error {
	for i := range r.steps {
		if r.ctx.Err() != nil {
			return context.Cause(r.ctx)
		}
		r.enter(i)
		o := Outcome{Step: i, AtMS: time.Since(r.start).Milliseconds(), Outcome: outcomeDone}
		err := r.step(&r.steps[i], &o)
		if err != nil {
			o.Outcome, o.Reason = outcomeFailed, edge.AsError(err)
			if r.ctx.Err() != nil {
				o.Reason = nil // the experiment's own reason says it
			}
		}
		r.leave(i, o)
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *runner) enter(i int) {
	r.w.mu.Lock()
	r.j.e.Exp.Step, r.at = i, time.Now()
	r.w.mu.Unlock()
	r.w.changed(r.j)
}

func (r *runner) leave(i int, o Outcome) {
	r.w.mu.Lock()
	r.j.e.Exp.Outcomes = append(r.j.e.Exp.Outcomes, o)
	r.done += r.steps[i].weightMS()
	r.progressLocked()
	r.w.mu.Unlock()
}

// progressLocked counts what is behind and the part of the present step by time.
func (r *runner) progressLocked() {
	x := &r.j.e.Exp
	here := int64(0)
	if len(x.Outcomes) <= x.Step {
		here = min(time.Since(r.at).Milliseconds(), r.steps[x.Step].weightMS())
	}
	x.Progress = math.Min(1, float64(r.done+here)/math.Max(1, float64(r.total)))
}

func (r *runner) step(s *Step, o *Outcome) error {
	switch {
	case s.Set != nil:
		res, err := r.command(s.Set.Command, s.Set.Args)
		o.tell(res)
		return err
	case s.Wait != nil:
		if !sleep(r.ctx, time.Duration(s.Wait.MS)*time.Millisecond) {
			return context.Cause(r.ctx)
		}
		return nil
	case s.Ramp != nil:
		return r.ramp(s.Ramp, o)
	case s.Record.Stop:
		return r.stopRecord()
	}
	return r.startRecord(s.Record)
}

func (o *Outcome) tell(res *edge.CommandResult) {
	if res != nil {
		o.Outcome, o.Reply, o.TookUS = res.Outcome, res.Reply, res.TookUS
	}
}

// command gives one command. One that comes too fast was refused before it went
// out, so it is given again.
func (r *runner) command(name string, args edge.Args) (*edge.CommandResult, error) {
	spec := (*edge.CommandSpec)(nil)
	if c := r.w.cfg.Driver.Contract(r.l.device); c != nil {
		spec = c.Command(name)
	}
	if spec == nil {
		return nil, edge.Errorf(edge.CodeUnknownCommand, "%s has no command %s any more", r.l.device, name)
	}
	if args == nil {
		args = edge.Args{}
	}
	for end := time.Now().Add(3 * time.Second); ; {
		ctx, cancel := context.WithTimeout(r.ctx, time.Duration(spec.TimeoutMS)*time.Millisecond+5*time.Second)
		ans, err := r.w.cfg.Driver.Do(ctx, &edge.Ask{Verb: edge.VerbCommand, Device: r.l.device, Actor: r.actor, Fence: r.fence,
			Command: &edge.Command{Name: name, Args: args, Key: r.key(), Tick: r.w.cfg.Driver.Tick()}})
		cancel()
		if edge.CodeOf(err) == edge.CodeRate && time.Now().Before(end) && sleep(r.ctx, lookEvery) {
			continue
		}
		switch {
		case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
			return nil, edge.Errorf(edge.CodeUnknownOutcome, "nobody knows what came of %s", name)
		case err != nil:
			return nil, err
		case ans == nil || ans.Result == nil:
			return nil, edge.Errorf(edge.CodeInternal, "no result in the owner's answer")
		}
		return ans.Result, nil
	}
}

// key is a new one for each command of an experiment.
func (r *runner) key() string {
	r.w.mu.Lock()
	defer r.w.mu.Unlock()
	r.w.seq++
	return r.j.e.Exp.ID + "-" + strconv.FormatUint(r.w.seq, 10)
}

// ramp lets the value follow the clock; it ends with To.
func (r *runner) ramp(s *Ramp, o *Outcome) error {
	c := r.w.cfg.Driver.Contract(r.l.device)
	var spec *edge.CommandSpec
	if c != nil {
		spec = c.Command(s.Command)
	}
	if spec == nil || param(spec, s.Param) == nil {
		return edge.Errorf(edge.CodeUnknownCommand, "%s has no command %s with %s any more", r.l.device, s.Command, s.Param)
	}
	whole := param(spec, s.Param).Type == edge.ParamInt
	over, every := time.Duration(s.OverMS)*time.Millisecond, time.Duration(float64(time.Second)/rampRate(spec))
	args := edge.Args{}
	for k, v := range s.Args {
		args[k] = v
	}
	begin, last, part := time.Now(), math.NaN(), 0.0
	for {
		x := s.From + (s.To-s.From)*part
		if part == 1 {
			x = s.To
		}
		if whole {
			x = math.Round(x)
		}
		if x != last {
			args[s.Param] = edge.Number(x)
			res, err := r.command(s.Command, args)
			o.tell(res)
			if err != nil {
				return err
			}
			o.Commands++
			last = x
		}
		if part == 1 {
			return nil
		}
		gone := time.Since(begin)
		next := min(over, (gone/every+1)*every)
		if !sleep(r.ctx, next-gone) {
			return context.Cause(r.ctx)
		}
		part = math.Min(1, float64(time.Since(begin))/float64(over))
	}
}
