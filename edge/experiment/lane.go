package experiment

import (
	"context"
	"slices"
	"strings"
	"time"

	"labbox/edge"
)

// lane runs the experiments of one device, in the order in which the worker took
// them. Worker.mu guards it.
type lane struct {
	w      *Worker
	device string
	wake   chan struct{}

	open    []*job // pending, in order
	running *job
	ended   []place              // whose records the shared store has since the line was last written
	gone    map[string]bool      // ids in the line that are nobody's
	seen    map[string]time.Time // ids in the line that this worker does not have: since when
	free    time.Time            // before then people come first
}

func newLane(w *Worker, device string) *lane {
	return &lane{w: w, device: device, wake: make(chan struct{}, 1), gone: map[string]bool{}, seen: map[string]time.Time{}}
}

func (l *lane) addLocked(j *job) {
	l.open = append(l.open, j)
	l.w.mirror.markLine(l.device)
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// claimLocked takes a pending job out of the queue, for the one who gets true.
func (l *lane) claimLocked(j *job) bool {
	i := slices.Index(l.open, j)
	if i < 0 {
		return false
	}
	l.open = slices.Delete(l.open, i, i+1)
	l.w.mirror.markLine(l.device)
	return true
}

func (l *lane) removeLocked(j *job) {
	l.claimLocked(j)
	if l.running == j {
		l.running = nil
	}
	l.w.mirror.markLine(l.device)
}

func (l *lane) head() *job {
	l.w.mu.Lock()
	defer l.w.mu.Unlock()
	if len(l.open) == 0 {
		return nil
	}
	return l.open[0]
}

func (l *lane) run(ctx context.Context) {
	for ctx.Err() == nil {
		j := l.head()
		if j == nil {
			select {
			case <-ctx.Done():
			case <-l.wake:
			}
			continue
		}
		why := l.obstacle()
		if why == nil {
			if left := time.Until(l.free); left > 0 {
				sleep(ctx, min(left, lookEvery))
				continue
			}
			why = l.attempt(ctx, j)
		}
		if why != nil {
			l.waits(j, why)
			sleep(ctx, lookEvery)
		}
	}
}

// waits tells what the next one waits for.
func (l *lane) waits(j *job, why *edge.Error) {
	l.w.mu.Lock()
	old := j.e.Exp.Reason
	same := old != nil && old.Code == why.Code && old.Message == why.Message
	if same || j.e.Exp.State != Pending {
		l.w.mu.Unlock()
		return
	}
	j.e.Exp.Reason = why
	l.w.mu.Unlock()
	l.w.changed(j)
}

// SeatPrefix marks the worker's own leases; no seat's id has a colon.
const SeatPrefix = "experiment:"

func actorOf(e *entry) edge.Actor {
	return edge.Actor{Seat: SeatPrefix + e.Exp.ID, Name: "experiment of " + e.Actor.Name, Role: edge.RoleStudent, Via: "experiment"}
}

// obstacle says why nothing can start now.
func (l *lane) obstacle() *edge.Error {
	st, ok := l.w.cfg.Driver.Status(l.device)
	switch {
	case !ok:
		return edge.Errorf(edge.CodeUnknownDevice, "no device %s here", l.device)
	case st.Stopped != nil:
		// Whoever resumes has hands in the plant perhaps: nothing starts at once.
		l.free = time.Now().Add(l.w.cfg.MaxGap)
		return edge.Errorf(edge.CodeStopped, "the emergency stop is on").WithHint("resume first")
	case st.State == edge.StateQuarantined:
		l.free = time.Now().Add(l.w.cfg.MaxGap)
		return edge.Errorf(edge.CodeQuarantined, "the safe state could not be confirmed").WithHint("look at the device, then clear the quarantine")
	case st.Lease != nil && strings.HasPrefix(st.Lease.Holder.ID, SeatPrefix):
		// Of a take whose answer was lost, or of an earlier life.
		left := edge.Actor{Seat: st.Lease.Holder.ID, Name: st.Lease.Holder.Name, Role: edge.RoleStudent, Via: "experiment"}
		l.release(left, st.Lease.Fence)
		return edge.Errorf(edge.CodeLeaseTaken, "%s still drives", st.Lease.Holder.Name)
	case st.Lease != nil:
		return edge.Errorf(edge.CodeLeaseTaken, "%s drives %s", st.Lease.Holder.Name, l.device).With("holder", st.Lease.Holder.Name)
	case st.State != edge.StateLive:
		return edge.Errorf(edge.CodeNotReady, "the device is %s", st.State).With("state", string(st.State))
	}
	return nil
}

// attempt runs the next experiment if it gets the lease.
func (l *lane) attempt(ctx context.Context, j *job) *edge.Error {
	if l.settledElsewhere(ctx, j) {
		return nil
	}
	a := actorOf(j.e)
	tctx, cancel := context.WithTimeout(ctx, 2*storeTimeout)
	ans, err := l.w.cfg.Driver.Do(tctx, &edge.Ask{Verb: edge.VerbTake, Device: l.device, Actor: a, Tick: l.w.cfg.Driver.Tick()})
	cancel()
	if err != nil {
		return edge.AsError(err)
	}
	if ans == nil || ans.Lease == nil {
		return edge.Errorf(edge.CodeInternal, "no lease in the owner's answer")
	}
	r := newRunner(l, j, a, ans.Lease.Fence)
	if err := r.begin(ctx); err != nil {
		l.release(a, ans.Lease.Fence)
		return edge.AsError(err)
	}
	begun := time.Now()
	r.run(ctx)
	l.free = time.Now().Add(min(max(time.Since(begun)/10, l.w.cfg.MinGap), l.w.cfg.MaxGap))
	return nil
}

// settledElsewhere asks the shared store, if it answers, whether the experiment
// may still start: it was perhaps cancelled while this worker was away, or an own
// store that is gone had it already.
func (l *lane) settledElsewhere(ctx context.Context, j *job) bool {
	tctx, cancel := context.WithTimeout(ctx, storeTimeout/2)
	had, _, err := readEntry(tctx, l.w.cfg.Shared, recordKey(l.w.cfg.Box, j.e.Exp.ID))
	cancel()
	if err != nil || had == nil {
		return false
	}
	if had.Cancel != nil && j.e.mayCancel(*had.Cancel) == nil {
		_ = l.w.cancelJob(ctx, j, *had.Cancel)
		return true
	}
	if had.Exp.State == Pending {
		return false
	}
	l.w.mu.Lock()
	if !l.claimLocked(j) {
		l.w.mu.Unlock()
		return true
	}
	had.Phase, had.Seq = ended, j.e.Seq
	if had.Exp.State == Running {
		had.Exp.State, had.Exp.EndedMS = Interrupted, l.w.cfg.Clock.Wall().UnixMilli()
		had.Exp.Reason = errStopped(had.Exp.Step)
	}
	j.e = had
	l.w.mu.Unlock()
	_ = l.w.finish(ctx, j)
	return true
}

func (l *lane) release(a edge.Actor, fence uint64) {
	ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
	defer cancel()
	_, err := l.w.cfg.Driver.Do(ctx, &edge.Ask{Verb: edge.VerbRelease, Device: l.device, Actor: a, Fence: fence})
	if err != nil {
		l.w.log.Debug("lease of an experiment not released", "device", l.device, "error", err)
	}
}
