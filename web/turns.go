package web

import (
	"net/http"

	"labbox/edge"
)

// queue is POST devices/{id}/queue: the turn at once, or a place.
func (s *Server) queue(q *call) error {
	return s.forward(q, edge.Ask{Verb: edge.VerbTake, Wait: true}, http.StatusOK, func(a *edge.Answer) any {
		if a.Lease != nil {
			return map[string]any{"lease": a.Lease}
		}
		return map[string]any{"place": a.Place}
	})
}

// unqueue is DELETE devices/{id}/queue.
func (s *Server) unqueue(q *call) error {
	return s.forward(q, edge.Ask{Verb: edge.VerbLeave}, http.StatusOK, nothing)
}

// turn is POST devices/{id}/turn: what is done to a turn besides taking and releasing.
func (s *Server) turn(q *call) error {
	var body struct {
		Do string `json:"do"`
		To string `json:"to"`
	}
	if err := q.body(&body); err != nil {
		return err
	}
	verbs := map[string]edge.Verb{"grant": edge.VerbGrant, "pair": edge.VerbPair, "unpair": edge.VerbPair, "revoke": edge.VerbRevoke,
		"hold": edge.VerbHold, "unhold": edge.VerbUnhold}
	verb, ok := verbs[body.Do]
	if !ok {
		return edge.Errorf(edge.CodeBadValue, "do is none of grant, pair, unpair, revoke, hold, unhold").With("field", "do")
	}
	a := edge.Ask{Verb: verb}
	switch body.Do {
	case "grant", "pair":
		if body.To == "" {
			return edge.Errorf(edge.CodeMissingValue, "to is missing").With("field", "to")
		}
		a.Device = q.params["id"]
		if err := edge.Authorize(s.masked(q.actor, verb, a.Device), verb, a.Device); err != nil {
			return err // nobody else learns which seats there are
		}
		to, err := s.seatActor(q.r.Context(), body.To)
		if err != nil {
			return err
		}
		a.To = &to
		fallthrough
	case "unpair":
		var err error
		if a.Fence, err = s.fenceOf(q); err != nil {
			return err
		}
	}
	return s.forward(q, a, http.StatusOK, func(ans *edge.Answer) any {
		if ans.Stop != nil { // of a hold: whether it is safe
			return map[string]any{"stop": ans.Stop}
		}
		return nil
	})
}

// limits is PUT devices/{id}/limits: these and no others are narrowed from now on.
func (s *Server) limits(q *call) error {
	var body struct {
		Limits map[string]edge.Limit `json:"limits"`
	}
	if err := q.body(&body); err != nil {
		return err
	}
	return s.forward(q, edge.Ask{Verb: edge.VerbNarrow, Limits: body.Limits}, http.StatusOK, nothing)
}

// rules is PUT devices/{id}/rules.
func (s *Server) rules(q *call) error {
	var rules edge.TurnRules
	if err := q.body(&rules); err != nil {
		return err
	}
	return s.forward(q, edge.Ask{Verb: edge.VerbRules, Rules: &rules}, http.StatusOK, nothing)
}

// rehearse is POST devices/{id}/rehearsal: a simulated twin of the device.
func (s *Server) rehearse(q *call) error {
	return s.forward(q, edge.Ask{Verb: edge.VerbRehearse}, http.StatusOK, func(a *edge.Answer) any {
		return map[string]string{"device": a.Device}
	})
}
