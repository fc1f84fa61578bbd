package camera

import (
	"cmp"
	"context"
	"slices"
	"time"

	"labbox/edge"
)

// Bounds of what other processes may say.
const (
	maxProcesses = 64
	maxViewers   = 1000
)

// seen is one process's word on who watches.
type seen struct {
	seats []edge.SeatRef
	until time.Duration
}

// Seen says which seats watch a camera through the process named by; it counts for
// edge.SeenFor. None: nobody does any more.
func (s *Set) Seen(_ context.Context, id, by string, seats []edge.SeatRef) error {
	h, err := s.hub(id)
	if err != nil {
		return err
	}
	now := s.cfg.Clock.Mono()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.forget(now)
	if len(seats) == 0 {
		delete(h.seen, by)
		return nil
	}
	if _, known := h.seen[by]; !known && len(h.seen) >= maxProcesses {
		return edge.Errorf(edge.CodeTooMany, "more than %d processes show camera %s", maxProcesses, id)
	}
	h.seen[by] = seen{slices.Clone(seats[:min(len(seats), maxViewers)]), now + edge.SeenFor}
	return nil
}

func (h *hub) forget(now time.Duration) {
	for by, w := range h.seen {
		if now > w.until {
			delete(h.seen, by)
		}
	}
}

// viewers are who watches now, each seat once. With h.mu held.
func (h *hub) viewers(now time.Duration) []edge.SeatRef {
	h.forget(now)
	var all []edge.SeatRef
	for _, w := range h.seen {
		all = append(all, w.seats...)
	}
	slices.SortFunc(all, func(a, b edge.SeatRef) int { return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.Name, b.Name)) })
	all = slices.CompactFunc(all, func(a, b edge.SeatRef) bool { return a.ID == b.ID })
	slices.SortStableFunc(all, func(a, b edge.SeatRef) int { return cmp.Compare(a.Name, b.Name) })
	return all
}
