package web

import (
	"net"
	"net/http"
	"net/netip"

	"labbox/edge"
	"labbox/edge/class"
)

// classJSON is the class as somebody is told of it; fields beyond one's role are
// missing.
type classJSON struct {
	Open   bool   `json:"open"`
	Title  string `json:"title"`
	Locked bool   `json:"locked"`
	Joined int    `json:"joined"`
	// Names: there is a list of names to pick from; POST class/names tells it.
	Names bool `json:"names"`

	*studentPart
	*teacherPart
}

type studentPart struct {
	Message   string    `json:"message"`
	May       class.May `json:"may"`
	HideNames bool      `json:"hide_names"`
}

type teacherPart struct {
	Code     string          `json:"code"`
	URL      string          `json:"url"`
	Alias    string          `json:"alias"`
	Roster   []string        `json:"roster"`
	Rules    *edge.TurnRules `json:"rules,omitempty"`
	OpenedMS int64           `json:"opened_ms"`
	Seats    []memberJSON    `json:"seats"`
}

type memberJSON struct {
	Seat      string    `json:"seat"`
	Name      string    `json:"name"`
	Alias     string    `json:"alias"`
	Role      edge.Role `json:"role"`
	Connected bool      `json:"connected"` // to this web process
	JoinedMS  int64     `json:"joined_ms"`
}

// classFor is what a role is told of the class.
func (s *Server) classFor(role edge.Role) any { return s.classView(role, nil) }

func (s *Server) classView(role edge.Role, r *http.Request) classJSON {
	c, members := s.room.now()
	if c == nil {
		return classJSON{}
	}
	v := classJSON{Open: true, Title: c.Title, Locked: c.Locked, Joined: len(members), Names: len(c.Roster) > 0}
	if role != "" {
		v.studentPart = &studentPart{Message: c.Message, May: c.May, HideNames: c.HideNames}
	}
	if !role.AtLeast(edge.RoleTeacher) {
		return v
	}
	here := s.connected()
	t := &teacherPart{Code: c.Code, URL: s.joinURL(c, r), Alias: c.Alias, Roster: c.Roster, Rules: c.Rules, OpenedMS: c.OpenedMS,
		Seats: make([]memberJSON, 0, len(members))}
	if t.Roster == nil {
		t.Roster = []string{}
	}
	for _, m := range members {
		role := edge.RoleStudent
		if !c.May.Drive {
			role = edge.RoleObserver
		}
		t.Seats = append(t.Seats, memberJSON{Seat: m.Seat, Name: m.Name, Alias: m.Alias, Role: role, Connected: here[m.Seat], JoinedMS: m.JoinedMS})
	}
	v.teacherPart = t
	return v
}

// connected are the seats that have a connection to this process.
func (s *Server) connected() map[string]bool {
	here := map[string]bool{}
	for _, c := range s.hub.snapshot() {
		c.mu.Lock()
		if c.actor.Seat != "" && c.ready && !c.over {
			here[c.actor.Seat] = true
		}
		c.mu.Unlock()
	}
	return here
}

// joinURL is where a browser in the room joins the class: by the address that the
// teacher's browser uses, unless that is this machine's own.
func (s *Server) joinURL(c *class.Class, r *http.Request) string {
	base := ""
	if s.cfg.Info != nil {
		if info := s.cfg.Info(); len(info.Addresses) > 0 {
			base = info.Addresses[0]
		}
	}
	if r != nil && (base == "" || !local(r.Host)) {
		base = "http://" + r.Host + s.cfg.BasePath
		if secure(r) {
			base = "https://" + r.Host + s.cfg.BasePath
		}
	}
	return base + "/join/" + c.Code
}

// JoinURL is where a browser in the room joins the class that is open; "" while none
// is, or while nobody else can reach this box.
func (s *Server) JoinURL() string {
	c, _ := s.room.now()
	if c == nil || s.cfg.Info == nil || len(s.cfg.Info().Addresses) == 0 {
		return ""
	}
	return s.joinURL(c, nil)
}

// local says whether a Host header names this machine itself.
func local(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	if host == "localhost" {
		return true
	}
	if len(host) > 2 && host[0] == '[' {
		host = host[1 : len(host)-1]
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback()
}
