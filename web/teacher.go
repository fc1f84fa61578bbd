package web

import (
	"context"
	"net/http"
	"net/netip"

	"labbox/edge"
	"labbox/edge/class"
)

// getTeacher is GET teacher: how this browser may come in.
func (s *Server) getTeacher(q *call) error {
	set, err := s.cfg.Accounts.Exist(q.r.Context())
	if err != nil {
		return err
	}
	return q.json(http.StatusOK, map[string]bool{"set": set, "open_bench": !set && s.atBench(q.r), "open": s.cfg.Open})
}

// signIn is POST teacher: with a password, or with a one-time code that makes an
// account.
func (s *Server) signIn(q *call) error {
	var body struct {
		Code     string `json:"code"`
		Name     string `json:"name"`
		Password string `json:"password"`
	}
	if err := q.body(&body); err != nil {
		return err
	}
	ctx, from := q.r.Context(), address(q.r.RemoteAddr)
	var acc class.Account
	var err error
	if body.Code != "" {
		acc, err = s.cfg.Accounts.SignUp(ctx, from, body.Code, body.Name, body.Password)
	} else {
		acc, err = s.cfg.Accounts.SignIn(ctx, from, body.Name, body.Password)
	}
	what := map[bool]string{true: "account", false: "signin"}[body.Code != ""]
	if err != nil {
		s.audit(what, nil, map[string]any{"what": "refused", "code": string(edge.CodeOf(err)), "name": clip(body.Name), "from": from})
		return err
	}
	seat, over, err := s.session(q, acc)
	if err != nil {
		return err
	}
	defer over()
	s.audit(what, &edge.Actor{Seat: seat.ID, Name: seat.Name, Role: seat.Role, Via: viaAPI}, map[string]any{"what": "ok", "from": from})
	return q.json(http.StatusCreated, seat)
}

// session gives a browser the seat of an account; the one it had is given up. over is
// called once the answer is written: the browser has its new cookie by the time that
// connections with the old one end.
func (s *Server) session(q *call, acc class.Account) (seat class.Seat, over func(), err error) {
	ctx := q.r.Context()
	seat, token, err := s.cfg.Seats.Session(ctx, acc)
	if err != nil {
		return seat, nil, err
	}
	was := ""
	if old := s.tokenOf(q.r); old != "" {
		if a, err := s.actorOf(q.r, old); err == nil && s.cfg.Seats.Leave(ctx, old) == nil {
			was = a.Seat
			s.seats.gone(was)
		}
	}
	s.setCookie(q.w, q.r, token, int(class.SessionMost.Seconds()))
	return seat, func() {
		_ = http.NewResponseController(q.w).Flush() // a test's recorder cannot
		if was != "" {
			s.expel(ctx, was)
		}
		s.rolesChanged(ctx)
	}, nil
}

// rolesChanged looks again who may what: an account was made or removed, or has
// another password.
func (s *Server) rolesChanged(ctx context.Context) {
	s.reseat(ctx, true, map[string]bool{everySeat: true})
	s.say(ctx, edge.KindClass, everySeat)
}

// account is the name of who has signed in; a bench seat has none.
func (s *Server) account(q *call) (string, error) {
	f, err := s.cfg.Seats.Lookup(q.r.Context(), s.tokenOf(q.r))
	if err != nil {
		return "", err
	}
	if f.Kind != class.KindAccount {
		return "", edge.Errorf(edge.CodeForbidden, "this seat has no account").With("verb", string(edge.VerbBox)).With("role", string(f.Role)).
			WithHint("make an account first, with the code that labbox prints when it starts")
	}
	return f.Name, nil
}

// setPassword is POST teacher/password: all other sessions of the account end; this
// browser gets a new one.
func (s *Server) setPassword(q *call) error {
	var body struct {
		Old string `json:"old"`
		New string `json:"new"`
	}
	if err := q.body(&body); err != nil {
		return err
	}
	name, err := s.account(q)
	if err != nil {
		return err
	}
	acc, err := s.cfg.Accounts.SetPassword(q.r.Context(), address(q.r.RemoteAddr), name, body.Old, body.New)
	if err != nil {
		s.audit("account", &q.actor, map[string]any{"what": "password refused", "code": string(edge.CodeOf(err))})
		return err
	}
	s.audit("account", &q.actor, map[string]any{"what": "password"})
	seat, over, err := s.session(q, acc)
	if err != nil {
		return err
	}
	defer over()
	return q.json(http.StatusOK, seat)
}

// listTeachers is GET teachers.
func (s *Server) listTeachers(q *call) error {
	all, err := s.cfg.Accounts.List(q.r.Context())
	if err != nil {
		return err
	}
	type teacher struct {
		Name string    `json:"name"`
		Role edge.Role `json:"role"`
	}
	list := make([]teacher, len(all))
	for i, a := range all {
		list[i] = teacher{a.Name, a.Role}
	}
	return q.json(http.StatusOK, map[string]any{"teachers": list})
}

// invite is POST teachers: a one-time code for a colleague. Nobody gives more than she
// has.
func (s *Server) invite(q *call) error {
	body := struct {
		Role edge.Role `json:"role"`
	}{edge.RoleTeacher}
	if err := q.body(&body); err != nil {
		return err
	}
	if _, err := s.account(q); err != nil {
		return err
	}
	if !q.actor.Role.AtLeast(body.Role) {
		return edge.Errorf(edge.CodeForbidden, "a %s may not make an operator", q.actor.Role).
			With("role", string(q.actor.Role)).With("verb", string(edge.VerbBox))
	}
	code, err := s.cfg.Accounts.NewCode(q.r.Context(), body.Role)
	if err != nil {
		return err
	}
	s.audit("account", &q.actor, map[string]any{"what": "invite", "role": body.Role})
	return q.json(http.StatusCreated, map[string]any{"code": code, "expires_ms": class.CodeKeep.Milliseconds()})
}

// removeTeacher is DELETE teachers/{name}: the account and its sessions are gone.
func (s *Server) removeTeacher(q *call) error {
	name := q.params["name"]
	if err := s.cfg.Accounts.Remove(q.r.Context(), name, q.actor.Role); err != nil {
		return err
	}
	s.audit("account", &q.actor, map[string]any{"what": "remove", "name": clip(name)})
	s.rolesChanged(q.r.Context())
	q.w.WriteHeader(http.StatusNoContent)
	return nil
}

// atBench says whether a request comes from a browser or program on this machine
// itself, that calls it by a local name, with no proxy between. Where there are proxies
// by the flags, nobody is: one that hides its headers would make everybody a teacher.
func (s *Server) atBench(r *http.Request) bool {
	if len(s.cfg.TrustedProxies)+len(s.cfg.ProxyNames) > 0 {
		return false
	}
	for _, h := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip", "Via"} {
		if r.Header.Get(h) != "" {
			return false
		}
	}
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && peer.Addr().Unmap().IsLoopback() && local(r.Host)
}
