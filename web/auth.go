package web

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net"
	"net/http"
	"strings"

	"labbox/edge"
	"labbox/edge/class"
)

// Ways that a request can come, for the log of who did what.
const (
	viaPanel = "panel"
	viaAPI   = "api"
)

// cookieName differs between boxes on one host: browsers do not tell cookies of
// different ports apart.
func (s *Server) cookieName(r *http.Request) string {
	_, port, _ := net.SplitHostPort(r.Host)
	sum := sha256.Sum256([]byte(s.cfg.Box + "\n" + port + "\n" + s.cfg.BasePath))
	return "labbox_" + hex.EncodeToString(sum[:4])
}

func (s *Server) setCookie(w http.ResponseWriter, r *http.Request, token string, maxAge int) {
	http.SetCookie(w, &http.Cookie{Name: s.cookieName(r), Value: token, Path: s.cfg.BasePath + "/",
		MaxAge: maxAge, HttpOnly: true, SameSite: http.SameSiteStrictMode,
		Secure: secure(r)})
}

// tokenOf returns the seat's token: of a program's Authorization header, else of
// the cookie.
func (s *Server) tokenOf(r *http.Request) string {
	if h := r.Header.Get("Authorization"); h != "" {
		scheme, token, _ := strings.Cut(h, " ")
		if strings.EqualFold(scheme, "bearer") {
			return token
		}
		return ""
	}
	if c, err := r.Cookie(s.cookieName(r)); err == nil {
		return c.Value
	}
	return ""
}

// actorOf finds who asks. CodeNoSeat: nobody that is known.
func (s *Server) actorOf(r *http.Request, token string) (edge.Actor, error) {
	if token == "" {
		return edge.Actor{}, edge.Errorf(edge.CodeNoSeat, "no seat").WithHint("pick a nickname first")
	}
	a, err := s.lookup(r.Context(), token)
	if err != nil {
		return edge.Actor{}, err
	}
	a.Via = viaAPI
	if r.Header.Get("Sec-Fetch-Site") != "" && r.Header.Get("Authorization") == "" {
		a.Via = viaPanel
	}
	return a, nil
}

// join is POST seats: a nickname, and mostly the code of the class, open a seat; who
// has one already is renamed.
func (s *Server) join(q *call) error {
	var body struct {
		Code     string `json:"code"`
		Nickname string `json:"nickname"`
	}
	if err := q.body(&body); err != nil {
		return err
	}
	ctx := q.r.Context()
	old := s.tokenOf(q.r)
	was, err := s.seatOf(q, old)
	if err != nil {
		return err
	}
	if was != nil && (body.Code == "" || was.Kind == class.KindClass && was.Class.Fits(body.Code)) {
		return s.renameOwn(q, old, was, body.Nickname)
	}
	e, err := s.entry(q, body.Code)
	if err != nil {
		return err
	}
	e.Nickname, e.WallMS = body.Nickname, s.wallMS()
	if err := s.joins.allow(q.r.RemoteAddr, s.mono()); err != nil {
		return err
	}
	seat, token, err := s.cfg.Seats.Join(ctx, e)
	if err != nil {
		return err
	}
	if was != nil && s.cfg.Seats.Leave(ctx, old) == nil {
		defer s.expel(ctx, was.ID)
	}
	s.audit("seat", &edge.Actor{Seat: seat.ID, Name: seat.Name, Role: seat.Role, Via: viaAPI},
		map[string]any{"what": "join", "kind": e.Kind, "from": address(q.r.RemoteAddr)})
	if e.Class != nil {
		s.room.enter(class.Member{Seat: seat.ID, Name: seat.Name, Alias: seat.Alias, JoinedMS: e.WallMS}, e.Class)
		s.say(ctx, edge.KindClass, "") // the count has changed; this process hears it, too
	}
	s.setCookie(q.w, q.r, token, int(class.Keep.Seconds()))
	return q.json(http.StatusCreated, seat.Seat)
}

// seatOf is the seat that a browser has already, nil without one.
func (s *Server) seatOf(q *call, token string) (*class.Found, error) {
	if token == "" {
		return nil, nil //nolint:nilnil // no seat is an answer
	}
	f, err := s.cfg.Seats.Lookup(q.r.Context(), token)
	if edge.CodeOf(err) == edge.CodeNoSeat || err == nil && f.Kind == class.KindOpen && !s.cfg.Open {
		return nil, nil //nolint:nilnil // no seat is an answer
	}
	return &f, err
}

func (s *Server) renameOwn(q *call, token string, was *class.Found, nickname string) error {
	if nickname != was.Name { // each other name makes everybody look again
		if err := s.joins.allow(q.r.RemoteAddr, s.mono()); err != nil {
			return err
		}
	}
	seat, err := s.cfg.Seats.Rename(q.r.Context(), token, nickname)
	if err != nil {
		return err
	}
	if seat.Name != was.Name {
		s.changed(q.r.Context(), seat.ID)
		s.audit("seat", &edge.Actor{Seat: seat.ID, Name: seat.Name, Role: seat.Role, Via: viaAPI},
			map[string]any{"what": "rename", "seat": seat.ID, "from": was.Name, "name": seat.Name})
	}
	s.setCookie(q.w, q.r, token, int(class.Keep.Seconds()))
	return q.json(http.StatusOK, seat)
}

// entry says by which right somebody may come in. Without a code that is at the box
// itself before there are teachers, or where anybody may.
func (s *Server) entry(q *call, code string) (class.Entry, error) {
	if code != "" {
		c, err := s.byCode(q, code)
		if err == nil && c.Locked {
			err = errLocked()
		}
		return class.Entry{Kind: class.KindClass, Class: c}, err
	}
	if s.atBench(q.r) {
		set, err := s.cfg.Accounts.Exist(q.r.Context())
		if err != nil || !set {
			return class.Entry{Kind: class.KindBench}, err
		}
	}
	if !s.cfg.Open {
		return class.Entry{}, edge.Errorf(edge.CodeNoClass, "the code of the class is missing").With("field", "code").
			WithHint("ask the teacher for the code")
	}
	c, err := s.cfg.Seats.Class(q.r.Context())
	switch {
	case err != nil:
		return class.Entry{}, err
	case c == nil:
		return class.Entry{Kind: class.KindOpen}, nil
	case c.Locked:
		return class.Entry{}, errLocked()
	}
	return class.Entry{Kind: class.KindClass, Class: c}, nil
}

func errLocked() error {
	return edge.Errorf(edge.CodeClassLocked, "the teacher lets nobody in now").WithHint("ask the teacher")
}

// whoami is GET seats.
func (s *Server) whoami(q *call) error {
	return q.json(http.StatusOK, class.Seat{ID: q.actor.Seat, Name: q.actor.Name, Role: q.actor.Role})
}

// leave is DELETE seats: the seat is forgotten, its connections end.
func (s *Server) leave(q *call) error {
	if err := s.cfg.Seats.Leave(q.r.Context(), s.tokenOf(q.r)); err != nil {
		return err
	}
	s.expel(q.r.Context(), q.actor.Seat)
	if !q.actor.Role.AtLeast(edge.RoleTeacher) {
		s.endPictures(q.actor, map[string]bool{q.actor.Seat: true})
	}
	s.audit("seat", &q.actor, map[string]any{"what": "leave", "seat": q.actor.Seat})
	s.say(q.r.Context(), edge.KindClass, "")
	s.setCookie(q.w, q.r, "", -1)
	q.w.WriteHeader(http.StatusNoContent)
	return nil
}

// seatGone ends what is left of a seat in this process.
func (s *Server) seatGone(seat string) {
	s.seats.gone(seat)
	s.room.leave(seat)
	s.feeds.seatGone(seat)
	for _, c := range s.seatClients(seat) {
		c.bid(closeSeat, "the seat was given up")
	}
}

// seatClients returns the connections of a seat to this process, also those that have
// not said hello yet: they would say it afterwards.
func (s *Server) seatClients(seat string) []*client {
	var list []*client
	for _, c := range s.hub.snapshot() {
		c.mu.Lock()
		mine := c.actor.Seat == seat && !c.over
		c.mu.Unlock()
		if mine {
			list = append(list, c)
		}
	}
	return list
}

// lookup finds the seat of a token, within a time that a handshake can wait. While
// the store is away a seat that this process knows still counts.
func (s *Server) lookup(ctx context.Context, token string) (edge.Actor, error) {
	known, ok := s.seats.get(token)
	if ok && s.parts.away(partStore) {
		return known, nil // a stop does not wait for it
	}
	ctx, cancel := context.WithTimeout(ctx, storeWithin)
	defer cancel()
	f, err := s.cfg.Seats.Lookup(ctx, token)
	if err == nil && f.Kind == class.KindOpen && !s.cfg.Open {
		err = edge.Errorf(edge.CodeNoSeat, "no such seat").WithHint("join with the code of the class")
	}
	switch edge.CodeOf(err) {
	case "":
		a := actorFor(&f)
		s.seats.put(token, a, f.Alias)
		return a, nil
	case edge.CodeNoSeat:
		s.seats.drop(token)
	default:
		if ok {
			return known, nil
		}
	}
	return edge.Actor{}, err
}
