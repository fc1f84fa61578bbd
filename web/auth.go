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

// join is POST seats: a nickname opens a seat; who has one already is renamed.
func (s *Server) join(q *call) error {
	var body struct {
		Nickname string `json:"nickname"`
	}
	if err := q.body(&body); err != nil {
		return err
	}
	token := s.tokenOf(q.r)
	if token != "" {
		seat, err := s.cfg.Seats.Rename(q.r.Context(), token, body.Nickname)
		if err == nil {
			s.renamed(seat)
			s.setCookie(q.w, q.r, token, int(class.Keep.Seconds()))
			return q.json(http.StatusOK, seat)
		}
		if edge.CodeOf(err) != edge.CodeNoSeat {
			return err
		}
	}
	if err := s.joins.allow(q.r.RemoteAddr, s.mono()); err != nil {
		return err
	}
	seat, token, err := s.cfg.Seats.Join(q.r.Context(), body.Nickname)
	if err != nil {
		return err
	}
	s.setCookie(q.w, q.r, token, int(class.Keep.Seconds()))
	return q.json(http.StatusCreated, seat)
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
	s.seatGone(q.actor.Seat)
	// The other web processes have sockets of it too, perhaps.
	_ = s.cfg.Bus.Publish(q.r.Context(), edge.Subject(s.cfg.Box, edge.OwnerName, edge.KindSeat), []byte(q.actor.Seat))
	s.setCookie(q.w, q.r, "", -1)
	q.w.WriteHeader(http.StatusNoContent)
	return nil
}

// seatGone ends what is left of a seat in this process.
func (s *Server) seatGone(seat string) {
	s.seats.gone(seat)
	for _, c := range s.seatClients(seat) {
		c.bid(closeSeat, "the seat was given up")
	}
}

// seatClients returns the connections of a seat to this process.
func (s *Server) seatClients(seat string) []*client {
	var list []*client
	for _, c := range s.hub.snapshot() {
		c.mu.Lock()
		mine := c.actor.Seat == seat && c.ready && !c.over
		c.mu.Unlock()
		if mine {
			list = append(list, c)
		}
	}
	return list
}

func (s *Server) renamed(seat class.Seat) {
	for _, c := range s.seatClients(seat.ID) {
		c.mu.Lock()
		c.actor.Name = seat.Name
		c.mu.Unlock()
	}
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
	a, err := s.cfg.Seats.Lookup(ctx, token)
	switch edge.CodeOf(err) {
	case "":
		s.seats.put(token, a)
	case edge.CodeNoSeat:
		s.seats.drop(token)
	default:
		if ok {
			return known, nil
		}
	}
	return a, err
}
