package web

import (
	"net/http"

	"rsc.io/qr"

	"labbox/edge"
	"labbox/edge/class"
)

// getClass is GET class: what the caller's role may know.
func (s *Server) getClass(q *call) error {
	return q.json(http.StatusOK, s.classView(s.roleOf(q), q.r))
}

// roleOf is the role of who asks an anonymous endpoint, "" without a seat.
func (s *Server) roleOf(q *call) edge.Role {
	a, err := s.actorOf(q.r, s.tokenOf(q.r))
	if err != nil {
		return ""
	}
	return a.Role
}

// classNames is POST class/names: the list of names, for who has the code.
func (s *Server) classNames(q *call) error {
	var body struct {
		Code string `json:"code"`
	}
	if err := q.body(&body); err != nil {
		return err
	}
	c, err := s.byCode(q, body.Code)
	if err != nil {
		return err
	}
	names, err := s.cfg.Seats.Names(q.r.Context(), c)
	if err != nil {
		return err
	}
	return q.json(http.StatusOK, map[string]any{"names": names})
}

// byCode is the class that has this code. Who guesses waits.
func (s *Server) byCode(q *call, code string) (*class.Class, error) {
	if err := s.guesses.allow(q.r.RemoteAddr, s.mono()); err != nil {
		return nil, err
	}
	c, err := s.cfg.Seats.Class(q.r.Context())
	if err != nil {
		return nil, err
	}
	if !c.Fits(code) {
		if err := s.guesses.wrong(q.r.RemoteAddr, s.mono()); err != nil {
			return nil, err
		}
		return nil, edge.Errorf(edge.CodeNoClass, "no class with this code").WithHint("ask the teacher for the code")
	}
	return c, nil
}

// openClass is POST class.
func (s *Server) openClass(q *call) error {
	var ch class.Change
	if err := q.body(&ch); err != nil {
		return err
	}
	c, err := s.cfg.Seats.Open(q.r.Context(), &ch, s.wallMS())
	if err != nil {
		return err
	}
	s.changed(q.r.Context(), "")
	s.applyRules(q.actor, ch.Rules)
	s.audit("class", &q.actor, map[string]any{"what": "open", "class": c.ID, "title": c.Title})
	return q.json(http.StatusCreated, s.classView(q.actor.Role, q.r))
}

// changeClass is PATCH class.
func (s *Server) changeClass(q *call) error {
	var ch class.Change
	if err := q.body(&ch); err != nil {
		return err
	}
	before, _ := s.room.now()
	c, err := s.cfg.Seats.Change(q.r.Context(), &ch)
	if err != nil {
		return err
	}
	s.changed(q.r.Context(), "")
	s.applyRules(q.actor, ch.Rules)
	if before != nil && before.May.Drive && !c.May.Drive {
		s.endTurns(nil) // of all students
	}
	s.audit("class", &q.actor, map[string]any{"what": "change", "class": c.ID, "locked": c.Locked, "hide_names": c.HideNames,
		"may": c.May, "title": c.Title, "message": c.Message, "new_code": ch.NewCode, "names": len(c.Roster)})
	return q.json(http.StatusOK, s.classView(q.actor.Role, q.r))
}

// closeClass is DELETE class: its seats are gone, their connections end, their turns too.
func (s *Server) closeClass(q *call) error {
	c, _ := s.room.now()
	gone, err := s.cfg.Seats.Close(q.r.Context())
	if err != nil {
		return err
	}
	seats := map[string]bool{}
	for _, m := range gone {
		seats[m.Seat] = true
	}
	s.endTurns(seats)
	s.endExperiments(q.actor, seats)
	s.endPictures(q.actor, seats)
	s.changed(q.r.Context(), "")
	if c != nil {
		s.audit("class", &q.actor, map[string]any{"what": "close", "class": c.ID, "seats": len(gone)})
	}
	q.w.WriteHeader(http.StatusNoContent)
	return nil
}

// renameSeat is PATCH class/seats/{seat}.
func (s *Server) renameSeat(q *call) error {
	var body struct {
		Name string `json:"name"`
	}
	if err := q.body(&body); err != nil {
		return err
	}
	id := q.params["seat"]
	before, err := s.member(q, id)
	if err != nil {
		return err
	}
	seat, err := s.cfg.Seats.RenameSeat(q.r.Context(), id, body.Name)
	if err != nil {
		return err
	}
	s.changed(q.r.Context(), id)
	s.audit("seat", &q.actor, map[string]any{"what": "rename", "seat": id, "from": before.Name, "name": seat.Name})
	return q.json(http.StatusOK, seat)
}

// removeSeat is DELETE class/seats/{seat}.
func (s *Server) removeSeat(q *call) error {
	id := q.params["seat"]
	if _, err := s.member(q, id); err != nil {
		return err
	}
	seat, err := s.cfg.Seats.Remove(q.r.Context(), id)
	if err != nil {
		return err
	}
	s.expel(q.r.Context(), id)
	s.endExperiments(q.actor, map[string]bool{id: true})
	s.endPictures(q.actor, map[string]bool{id: true})
	s.changed(q.r.Context(), "")
	s.audit("seat", &q.actor, map[string]any{"what": "remove", "seat": id, "name": seat.Name})
	q.w.WriteHeader(http.StatusNoContent)
	return nil
}

// member is a seat that a teacher may rename and remove: no other teacher's.
func (s *Server) member(q *call, id string) (class.Found, error) {
	f, err := s.cfg.Seats.Find(q.r.Context(), id)
	if err == nil && f.Kind == class.KindAccount {
		err = edge.Errorf(edge.CodeUnknownSeat, "no such seat in this class").With("seat", clip(id))
	}
	return f, err
}

// classQR is GET class/qr.svg: the join address, for a projector.
func (s *Server) classQR(q *call) error {
	c, _ := s.room.now()
	if c == nil {
		return edge.Errorf(edge.CodeNoClass, "no class is open")
	}
	code, err := qr.Encode(s.joinURL(c, q.r), qr.M)
	if err != nil {
		return edge.Errorf(edge.CodeTooLarge, "the address does not fit into a QR code: %w", err)
	}
	h := q.w.Header()
	h.Set("Content-Type", "image/svg+xml")
	h.Set("Cache-Control", "no-store")
	_, _ = q.w.Write(svg(code)) // the browser is gone: nobody to tell
	return nil
}
