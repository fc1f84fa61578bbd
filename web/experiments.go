package web

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"sync"

	"labbox/edge"
	"labbox/edge/experiment"
)

func (s *Server) desk() (*experiment.Desk, error) {
	if s.cfg.Experiments == nil {
		return nil, edge.Errorf(edge.CodeNotReady, "this process takes no experiments")
	}
	return s.cfg.Experiments, nil
}

func ofExperiment(x experiment.Experiment) any { return map[string]any{"experiment": x} }

// submitExperiment is POST experiments: 202 once the experiment is durable.
func (s *Server) submitExperiment(q *call) error {
	desk, err := s.desk()
	if err != nil {
		return err
	}
	body := json.RawMessage(`{}`)
	if err := q.body(&body); err != nil {
		return err
	}
	r, err := experiment.ParseRequest(body, desk.Limits())
	if err != nil {
		return err
	}
	if key := q.r.Header.Get("Idempotency-Key"); key != "" {
		r.Key = key
	}
	d := s.hub.device(r.Device, false)
	if d == nil || !d.known() || d.state().Rehearsal != nil {
		return unknownDevice(r.Device)
	}
	_, contract := d.contractNow()
	x, err := desk.Submit(q.r.Context(), s.masked(q.actor, edge.VerbExperiment, r.Device), contract, r)
	if err != nil {
		return err
	}
	q.w.Header().Set("Location", s.cfg.BasePath+"/api/v1/experiments/"+x.ID)
	return q.json(http.StatusAccepted, ofExperiment(x))
}

// listExperiments is GET experiments?device=.
func (s *Server) listExperiments(q *call) error {
	desk, err := s.desk()
	if err != nil {
		return err
	}
	list, err := desk.List(q.r.Context(), q.r.URL.Query().Get("device"))
	if err != nil {
		return err
	}
	for i := range list {
		list[i].By = s.veilNow().ref(list[i].By)
	}
	return q.json(http.StatusOK, map[string]any{"experiments": list})
}

// getExperiment is GET experiments/{id}.
func (s *Server) getExperiment(q *call) error {
	desk, err := s.desk()
	if err != nil {
		return err
	}
	x, err := desk.Get(q.r.Context(), q.params["id"])
	if err != nil {
		return err
	}
	x.By = s.veilNow().ref(x.By)
	return q.json(http.StatusOK, ofExperiment(x))
}

// cancelExperiment is DELETE experiments/{id}.
func (s *Server) cancelExperiment(q *call) error {
	desk, err := s.desk()
	if err != nil {
		return err
	}
	x, err := desk.Cancel(q.r.Context(), q.actor, q.params["id"])
	if err != nil {
		return s.veilNow().refusal(err)
	}
	x.By = s.veilNow().ref(x.By)
	return q.json(http.StatusOK, ofExperiment(x))
}

// endExperiments cancels what seats that were taken away have submitted: nobody is left
// to answer for it.
func (s *Server) endExperiments(by edge.Actor, seats map[string]bool) {
	desk := s.cfg.Experiments
	if desk == nil || len(seats) == 0 || !s.begin() {
		return
	}
	go func() {
		defer s.wg.Done()
		ctx, cancel := context.WithTimeout(s.ctx, endWithin)
		defer cancel()
		list, err := desk.List(ctx, "")
		var wg sync.WaitGroup
		for _, x := range list {
			if !x.State.Final() && seats[x.By.ID] {
				wg.Go(func() {
					if _, err := desk.Cancel(ctx, by, x.ID); err != nil && s.ctx.Err() == nil {
						s.log.Warn("experiment not cancelled", "experiment", x.ID, "err", err)
					}
				})
			}
		}
		wg.Wait()
		if err != nil && s.ctx.Err() == nil {
			s.log.Warn("experiments not cancelled", "err", err)
		}
	}()
}

// onExperiment passes news of an experiment to those who watch its device and to
// whoever submitted it.
func (h *hub) onExperiment(m edge.Msg) {
	_, device, _, _ := edge.ParseSubject(m.Subject)
	var x struct {
		By edge.SeatRef `json:"by"`
	}
	if err := json.Unmarshal(m.Data, &x); err != nil {
		h.once.warn("experiment not understood", "experiment "+device, "device", device)
		return
	}
	msg := framed(opText, slices.Concat([]byte(`{"op":"experiment","experiment":`), h.hide(m.Data), []byte(`}`)))
	told := map[*client]bool{}
	if d := h.device(device, false); d != nil {
		for _, c := range d.watchers() {
			if !told[c] {
				told[c] = true
				c.push(msg, false)
			}
		}
	}
	for _, c := range h.snapshot() {
		c.mu.Lock()
		own := x.By.ID != "" && c.actor.Seat == x.By.ID
		c.mu.Unlock()
		if own && !told[c] {
			c.push(msg, false)
		}
	}
}
