package experiment

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"labbox/edge"
)

// load reads the local store. What was started and has no end was running when
// the box was killed: it never runs again.
func (w *Worker) load(ctx context.Context) error {
	keys, err := w.cfg.Local.Keys(ctx, localKey(w.cfg.Box, ""))
	if err != nil {
		return fmt.Errorf("experiment: read own store: %w", err)
	}
	var found []*job
	for part := range slices.Chunk(keys, 100) {
		values, err := w.cfg.Local.GetMany(ctx, part...)
		if err != nil {
			return fmt.Errorf("experiment: read own store: %w", err)
		}
		for i, raw := range values {
			var e entry
			if raw == nil {
				continue
			}
			if err := json.Unmarshal(raw, &e); err != nil || e.V != version {
				w.log.Error("own record not readable", "key", part[i], "error", err)
				continue
			}
			if w.lanes[e.Exp.Device] != nil { // not that of a device that is gone
				found = append(found, &job{e: &e, local: raw})
			}
		}
	}
	slices.SortFunc(found, func(a, b *job) int { return cmp.Compare(a.e.Seq, b.e.Seq) })
	for _, j := range found {
		w.seq = max(w.seq, j.e.Seq)
		switch j.e.Phase {
		case accepted:
			w.mu.Lock()
			w.jobs[j.e.Exp.ID] = j
			w.lanes[j.e.Exp.Device].addLocked(j)
			w.mu.Unlock()
		case started:
			w.interrupted(ctx, j)
		case ended:
			w.jobs[j.e.Exp.ID] = j
		default:
			continue
		}
		w.changed(j)
	}
	return nil
}

// interrupted ends an experiment that an earlier life of this worker started.
func (w *Worker) interrupted(ctx context.Context, j *job) {
	w.mu.Lock()
	w.jobs[j.e.Exp.ID] = j
	x := &j.e.Exp
	x.State, x.EndedMS = Interrupted, w.cfg.Clock.Wall().UnixMilli()
	x.Reason = errStopped(x.Step)
	w.mu.Unlock()
	_ = w.finish(ctx, j) // kept in memory, and found again after the next start
}

func errStopped(step int) *edge.Error {
	return edge.Errorf(edge.CodeUnknownOutcome, "the box stopped while step %d was under way", step+1).With("step", step).
		WithHint("the device was made safe; look at what was recorded, then submit it again")
}
