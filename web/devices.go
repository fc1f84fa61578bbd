package web

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"strconv"

	"labbox/edge"
)

// listDevices is GET devices.
func (s *Server) listDevices(q *call) error {
	list := []edge.Status{}
	for _, d := range s.hub.all() {
		if d.seenBy(s.viewer(q, d)) {
			list = append(list, d.state())
		}
	}
	return q.json(http.StatusOK, map[string]any{"devices": list})
}

// viewer is the seat that looks at a device, "" where that makes no difference:
// endpoints for everybody have looked up nobody.
func (s *Server) viewer(q *call, d *device) string {
	if q.actor.Seat == "" && d.state().Rehearsal != nil {
		q.actor, _ = s.actorOf(q.r, s.tokenOf(q.r)) // without a seat it is not seen
	}
	return q.actor.Seat
}

// find returns the device that the path names.
func (s *Server) find(q *call) (*device, error) {
	d := s.hub.device(q.params["id"], false)
	if d == nil || !d.known() || !d.seenBy(s.viewer(q, d)) {
		return nil, unknownDevice(q.params["id"])
	}
	return d, nil
}

// getDevice is GET devices/{id}: its status and its contract.
func (s *Server) getDevice(q *call) error {
	d, err := s.find(q)
	if err != nil {
		return err
	}
	raw, _ := d.contractNow()
	return q.json(http.StatusOK, map[string]any{"status": d.state(), "contract": raw})
}

// listEvents is GET devices/{id}/events?last=N.
func (s *Server) listEvents(q *call) error {
	d, err := s.find(q)
	if err != nil {
		return err
	}
	n := uint64(maxEvents)
	if v := q.r.URL.Query().Get("last"); v != "" {
		if n, err = strconv.ParseUint(v, 10, 16); err != nil {
			return badQuery("last")
		}
	}
	events := d.lastEvents(int(n))
	for i, b := range events {
		events[i] = s.veilNow().hide(b) // some are from before names were hidden
	}
	return q.json(http.StatusOK, map[string][]json.RawMessage{"events": events})
}

func badQuery(field string) error {
	return edge.Errorf(edge.CodeBadRequest, "%s is not a whole number in range", field).With("field", field)
}

// forward asks the owner and answers with what pick takes of its answer.
func (s *Server) forward(q *call, a edge.Ask, status int, pick func(*edge.Answer) any) error {
	if a.Device == "" {
		a.Device = q.params["id"]
	}
	a.Actor = q.actor
	answer, err := s.ask(q.r.Context(), a)
	if err != nil {
		return err
	}
	if v := pick(answer); v != nil {
		return q.json(status, v)
	}
	return q.json(status, struct{}{})
}

func nothing(*edge.Answer) any { return nil }

// take is POST devices/{id}/lease. Who drives already renews the lease by it: a
// program without a websocket has no other heartbeat.
func (s *Server) take(q *call) error {
	return s.forward(q, edge.Ask{Verb: edge.VerbTake}, http.StatusOK, func(a *edge.Answer) any {
		return map[string]any{"lease": a.Lease}
	})
}

// release is DELETE devices/{id}/lease.
func (s *Server) release(q *call) error {
	fence, err := s.fenceOf(q)
	if err != nil {
		return err
	}
	return s.forward(q, edge.Ask{Verb: edge.VerbRelease, Fence: fence}, http.StatusOK, nothing)
}

// fenceOf is the fencing number that a request names (header Lab-Fence or query
// fence); without one that of the caller's own present lease.
func (s *Server) fenceOf(q *call) (uint64, error) {
	v := q.r.Header.Get("Lab-Fence")
	if v == "" {
		v = q.r.URL.Query().Get("fence")
	}
	if v != "" {
		n, err := strconv.ParseUint(v, 10, 64)
		if err != nil {
			return 0, badQuery("fence")
		}
		return n, nil
	}
	d, err := s.find(q)
	if err != nil {
		return 0, err
	}
	if l := d.state().Lease; l != nil && (l.Holder.ID == q.actor.Seat || l.Partner != nil && l.Partner.ID == q.actor.Seat) {
		return l.Fence, nil
	}
	return 0, nil
}

// command is POST devices/{id}/commands/{name}; the body holds the parameters.
func (s *Server) command(q *call) error {
	var args edge.Args
	if err := q.body(&args); err != nil {
		return err
	}
	fence, err := s.fenceOf(q)
	if err != nil {
		return err
	}
	query := q.r.URL.Query()
	within := uint64(0)
	if v := query.Get("within_ms"); v != "" {
		if within, err = strconv.ParseUint(v, 10, 16); err != nil {
			return badQuery("within_ms")
		}
	}
	key := q.r.Header.Get("Idempotency-Key")
	if key == "" {
		key = query.Get("key")
	}
	if key == "" {
		key = rand.Text()
	}
	// The sender that has heard the owner is this process.
	tick, _ := s.hub.lastTick()
	c := &edge.Command{Name: q.params["name"], Args: args, Key: key, Tick: tick, WithinMS: int(within)}
	if c.Args == nil {
		c.Args = edge.Args{}
	}
	return s.forward(q, edge.Ask{Verb: edge.VerbCommand, Fence: fence, Command: c}, http.StatusOK, func(a *edge.Answer) any {
		return map[string]any{"result": a.Result}
	})
}

// estop is POST devices/{id}/estop.
func (s *Server) estop(q *call) error {
	return s.forward(q, edge.Ask{Verb: edge.VerbStop}, http.StatusOK, func(a *edge.Answer) any {
		return map[string]any{"stop": a.Stop}
	})
}

// resume is POST devices/{id}/resume, after an emergency stop.
func (s *Server) resume(q *call) error {
	return s.forward(q, edge.Ask{Verb: edge.VerbResume}, http.StatusOK, nothing)
}

// clear is POST devices/{id}/clear, of a quarantine.
func (s *Server) clear(q *call) error {
	return s.forward(q, edge.Ask{Verb: edge.VerbClear}, http.StatusOK, nothing)
}
