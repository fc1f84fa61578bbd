package web

import "labbox/edge"

// seenBy says whether a device is there for a seat: a rehearsal is for its own
// only.
func (d *device) seenBy(seat string) bool {
	r := d.state().Rehearsal
	return r == nil || r.Seat == seat && seat != ""
}

// toSeat queues a framed message for the connections of one seat.
func (h *hub) toSeat(seat string, msg []byte) {
	for _, c := range h.snapshot() {
		c.mu.Lock()
		mine := c.actor.Seat == seat
		c.mu.Unlock()
		if mine {
			c.push(msg, false)
		}
	}
}

// tell queues news of a device for everybody whom it concerns.
func (h *hub) tell(r *edge.Rehearsal, msg []byte, passing bool) {
	if r == nil {
		h.toAll(msg, passing)
		return
	}
	h.toSeat(r.Seat, msg)
}

// over forgets a rehearsal that has ended, and those who watch it.
func (h *hub) over(d *device) {
	h.mu.Lock()
	delete(h.devices, d.id)
	h.mu.Unlock()
	for _, c := range d.watchers() {
		c.unsubscribe(d.id)
	}
}

// needs is the verb whose role an ask needs: of a rehearsal its own seat is the
// teacher.
func needs(d *device, a *edge.Ask) edge.Verb {
	if own := a.Verb == edge.VerbResume || a.Verb == edge.VerbClear; own && d != nil && d.state().Rehearsal != nil && d.seenBy(a.Actor.Seat) {
		return edge.VerbRehearse
	}
	return a.Verb
}
