package experiment

import (
	"cmp"
	"context"
	"slices"
	"time"
)

// arrangeLocked puts a line into this lane's order: what runs, what waits, then
// what is on its way here. It returns the old records to remove and the ids that
// have been on their way for too long.
func (l *lane) arrangeLocked(ln *line, settle time.Duration) (drop, lost []string) {
	ln.Kept = true
	was := map[string]place{}
	for _, p := range ln.Open {
		was[p.ID] = p
	}
	var open []place
	have := map[string]bool{}
	add := func(j *job, running bool) {
		p, ok := was[j.e.Exp.ID]
		if !ok {
			p = place{ID: j.e.Exp.ID, Seat: j.e.Actor.Seat, Size: len(j.local)}
		}
		p.Running = running
		open = append(open, p)
		have[p.ID] = true
	}
	if l.running != nil {
		add(l.running, true)
	}
	for _, j := range l.open {
		add(j, false)
	}
	slices.SortStableFunc(l.ended, func(a, b place) int { return cmp.Compare(a.no, b.no) })
	for _, p := range l.ended {
		have[p.ID] = true
		if !slices.ContainsFunc(ln.Ended, func(o place) bool { return o.ID == p.ID }) {
			ln.Ended = append(ln.Ended, p)
		}
	}
	seen := map[string]time.Time{}
	for _, p := range ln.Open {
		if have[p.ID] || l.gone[p.ID] {
			continue
		}
		if l.w.jobs[p.ID] == nil { // else it ends just now
			seen[p.ID] = time.Now()
			if since, ok := l.seen[p.ID]; ok {
				seen[p.ID] = since
			}
			if time.Since(seen[p.ID]) > settle {
				lost = append(lost, p.ID)
			}
		}
		p.Running = false
		open = append(open, p)
	}
	ln.Open, l.seen = open, seen
	bytes := 0
	for i := len(ln.Ended) - 1; i >= 0; i-- {
		if bytes += ln.Ended[i].Size; bytes > keepBytes || len(ln.Ended)-i > keepMost {
			for _, p := range ln.Ended[:i+1] {
				drop = append(drop, p.ID)
			}
			ln.Ended = slices.Clone(ln.Ended[i+1:])
			break
		}
	}
	return drop, lost
}

// adopt settles an id that stands in the line and never came: the web process that
// took it ended in between, or the broker set its job aside.
func (w *Worker) adopt(ctx context.Context, l *lane, id string) {
	gone := func() {
		w.mu.Lock()
		l.gone[id] = true
		w.mu.Unlock()
		w.mirror.markLine(l.device)
	}
	e, raw, err := readEntry(ctx, w.cfg.Shared, recordKey(w.cfg.Box, id))
	if err != nil && raw == nil {
		return // later
	}
	if e == nil || e.Exp.State.Final() || e.Exp.Device != l.device {
		gone()
		return
	}
	if err := w.accept(ctx, e); err != nil {
		return
	}
	w.mu.Lock()
	_, have := w.jobs[id]
	w.mu.Unlock()
	if !have { // it ran long ago
		gone()
	}
}
