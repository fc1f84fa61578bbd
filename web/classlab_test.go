package web_test

import (
	"encoding/json"
	"testing"

	"labbox/web"
)

// classAnswer is what GET class answers.
type classAnswer struct {
	Open, Locked, Names bool
	Title, Message      string
	Joined              int
	May                 *struct{ Drive, Record, Experiment, Rehearse bool }
	HideNames           bool `json:"hide_names"`
	Code, URL, Alias    string
	Roster              []string
	Seats               []struct {
		Seat, Name, Alias, Role string
		Connected               bool
	}
}

// teach opens a class as somebody at the bench and returns her and its code.
func (l *lab) teach(body string) (*seat, string) {
	l.t.Helper()
	ms := l.join("Ms Frizzle")
	a := ms.send("POST", "/api/v1/class", body)
	if a.status != 201 {
		l.t.Fatalf("open class: %d %s", a.status, a.body)
	}
	var c classAnswer
	a.json(l.t, &c)
	return ms, c.Code
}

// student joins a class by its code.
func (l *lab) student(code, name string) *seat {
	l.t.Helper()
	a := l.enter(code, name)
	if a.status != 201 {
		l.t.Fatalf("join by code: %d %s", a.status, a.body)
	}
	return l.seatOf(a)
}

func (l *lab) enter(code, name string, headers ...string) answer {
	l.t.Helper()
	b, _ := json.Marshal(map[string]string{"nickname": name, "code": code})
	return l.send("POST", "/api/v1/seats", string(b), headers...)
}

// class is what a seat sees of the class; nil: nobody's browser.
func (l *lab) class(s *seat) (c classAnswer) {
	l.t.Helper()
	a := l.get("/api/v1/class")
	if s != nil {
		a = s.send("GET", "/api/v1/class", "")
	}
	if a.status != 200 {
		l.t.Fatal(a)
	}
	a.json(l.t, &c)
	return c
}

// newOpenLab is a lab where anybody may take a student's seat.
func newOpenLab(t testing.TB, with ...func(*web.Config)) *lab {
	t.Helper()
	return newLab(t, append(with, func(c *web.Config) { c.Open = true })...)
}
