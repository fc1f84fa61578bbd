package web

import (
	"slices"
	"time"

	"labbox/edge"
)

// How often an owner hears who of its queues is connected here, and how lately they
// were heard themselves. Watchers are pinged every second.
const (
	presentEvery = 2 * time.Second
	waiterAlive  = 4 * time.Second
)

// toldOf is what an owner was last told of a queue.
type toldOf struct {
	at    time.Duration
	seats []string
}

// present tells the owners who of those that wait is connected here; at once when
// somebody new is.
func (s *Server) present(seats map[string][]*client, told map[string]toldOf) {
	now := s.mono()
	for _, d := range s.hub.all() {
		st := d.state()
		if st.Rehearsal != nil {
			continue
		}
		var here []string
		for i := range st.Queue {
			if id := st.Queue[i].Seat.ID; alive(seats[id], now, waiterAlive) != nil {
				here = append(here, id)
			}
		}
		if len(here) == 0 {
			delete(told, d.id)
			continue
		}
		last := told[d.id]
		if now-last.at < presentEvery && !slices.ContainsFunc(here, func(id string) bool { return !slices.Contains(last.seats, id) }) {
			continue
		}
		a := edge.Ask{Verb: edge.VerbPresent, Device: d.id, Seats: here,
			Actor: edge.Actor{Seat: presenter, Name: presenter, Role: edge.RoleStudent, Via: presenter}}
		if s.tell(a, d.id+" queue", "owner not told who waits") {
			told[d.id] = toldOf{at: now, seats: here}
		}
	}
}

// presenter stands for this process; no seat's id is so short.
const presenter = "web"
