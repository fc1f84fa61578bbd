package web_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"labbox/edge"
	"labbox/edge/class"
	"labbox/web"
)

const password = "correct horse"

// direct is a request from another machine.
func (l *lab) direct(remote, method, path, body string, headers ...string) answer {
	r := httptest.NewRequest(method, "http://192.168.1.5:8080"+path, strings.NewReader(body))
	r.RemoteAddr = remote
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		}
	}
	w := httptest.NewRecorder()
	l.srv.ServeHTTP(w, r)
	return answer{w.Code, w.Header(), w.Body.String()}
}

// account makes a teacher's account and signs in with it.
func (l *lab) account(name string, role edge.Role) *seat {
	l.t.Helper()
	a := class.NewAccounts(class.AccountsConfig{KV: l.kv, Box: boxName, Mono: l.cfg.Clock.Mono})
	code, err := a.NewCode(context.Background(), role)
	if err != nil {
		l.t.Fatal(err)
	}
	r := l.send("POST", "/api/v1/teacher", fmt.Sprintf(`{"code":%q,"name":%q,"password":%q}`, code, name, password))
	if r.status != 201 {
		l.t.Fatal(r)
	}
	return l.seatOf(r)
}

// bodies that calls need to come as far as the question who asks.
var bodies = map[string]string{"POST /api/v1/class/freeze": `{"on":true}`}

func filled(pattern string) string {
	return regexp.MustCompile(`\{[a-z]+\}`).ReplaceAllStringFunc(pattern, func(p string) string {
		return map[string]string{"{id}": "pendulum", "{name}": "Bob", "{seat}": "sbcdfghj"}[p]
	})
}

// A student tries every call that is a teacher's.
func TestSeatTriesEveryTeacherCall(t *testing.T) {
	l := newLab(t)
	_, code := l.teach(`{}`)
	eve := l.student(code, "Eve")
	n := 0
	for _, rt := range web.Routes() {
		if rt.Verb == "" {
			continue
		}
		n++
		a := eve.send(rt.Method, filled(rt.Pattern), bodies[rt.Method+" "+rt.Pattern])
		if a.status != 403 || a.code() != edge.CodeForbidden {
			t.Errorf("%s %s: %d %s", rt.Method, rt.Pattern, a.status, a.body)
		}
		if a := l.send(rt.Method, filled(rt.Pattern), bodies[rt.Method+" "+rt.Pattern]); a.status != 401 {
			t.Errorf("%s %s without a seat: %d", rt.Method, rt.Pattern, a.status)
		}
	}
	if n < 15 {
		t.Fatalf("only %d calls tried", n)
	}
	for _, do := range []string{"revoke", "hold", "unhold"} {
		if a := eve.send("POST", "/api/v1/devices/pendulum/turn", `{"do":"`+do+`"}`); a.status != 403 {
			t.Errorf("%s: %d %s", do, a.status, a.body)
		}
	}
	p, _ := l.open(eve)
	for _, op := range []string{"resume", "clear", "revoke", "hold", "unhold", "narrow", "rules"} {
		r := p.ask(map[string]any{"op": op, "device": "pendulum", "limits": map[string]any{}, "rules": map[string]any{}})
		if r["op"] != "error" || r["code"] != string(edge.CodeForbidden) {
			t.Errorf("op %s: %v", op, r)
		}
	}
	l.owner.mu.Lock()
	defer l.owner.mu.Unlock()
	if len(l.owner.asks) != 0 {
		t.Errorf("the owner was asked %+v", l.owner.asks)
	}
}

// The endpoints that need no seat are those that security.md lists.
func TestAnonymousEndpointsAreListed(t *testing.T) {
	b, err := os.ReadFile("../docs/ref/security.md")
	if err != nil {
		t.Fatal(err)
	}
	var have, want []string
	for _, m := range regexp.MustCompile("(?m)^\\| `((?:GET|POST) /[^`]*)` \\|").FindAllStringSubmatch(string(b), -1) {
		have = append(have, m[1])
	}
	for _, rt := range web.Routes() {
		if rt.Anonymous {
			want = append(want, rt.Method+" "+rt.Pattern)
		}
	}
	slices.Sort(have)
	slices.Sort(want)
	if !slices.Equal(have, want) {
		t.Errorf("security.md lists\n%v\nthe code has\n%v", have, want)
	}
}

// Other sites' pages and forms, in browsers new and old.
func TestCrossSiteWrites(t *testing.T) {
	l := newLab(t)
	s := l.join("Ana")
	estop := "/api/v1/devices/pendulum/estop"
	type try struct {
		headers []string
		body    string
		ok      bool
	}
	own := "http://" + l.addr
	for name, c := range map[string]try{
		"the panel":                    {[]string{"Origin", own, "Content-Type", "application/json"}, "{}", true},
		"the panel, without a body":    {[]string{"Origin", own}, "", true},
		"a browser without Origin":     {[]string{"Sec-Fetch-Site", "same-origin"}, "", true},
		"curl --json":                  {[]string{"Content-Type", "application/json; charset=utf-8"}, "{}", true},
		"curl -X POST":                 {nil, "", true},
		"another origin":               {[]string{"Origin", "http://evil.example"}, "", false},
		"another scheme and port":      {[]string{"Origin", "https://127.0.0.1:1"}, "", false},
		"null":                         {[]string{"Origin", "null"}, "", false},
		"cross-site":                   {[]string{"Sec-Fetch-Site", "cross-site"}, "", false},
		"same-site":                    {[]string{"Sec-Fetch-Site", "same-site"}, "", false},
		"an old browser's form":        {[]string{"Content-Type", "application/x-www-form-urlencoded"}, "a=1", false},
		"an old browser's empty form":  {[]string{"Content-Type", "application/x-www-form-urlencoded"}, "", false},
		"an old browser's text":        {[]string{"Content-Type", "text/plain"}, "{}", false},
		"an old browser's upload":      {[]string{"Content-Type", "multipart/form-data; boundary=x"}, "--x--", false},
		"a body of no type":            {[]string{"Content-Type", ""}, "{}", false},
		"a name that was pointed here": {[]string{"Host", "evil.example", "Origin", "http://evil.example"}, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			a := s.send("POST", estop, c.body, c.headers...)
			if c.ok && a.status != 200 || !c.ok && (a.status != 403 || a.code() != edge.CodeBadOrigin) {
				t.Errorf("%d %s", a.status, a.body)
			}
			if a := l.send("POST", "/api/v1/teacher", `{"name":"x","password":"wrong password"}`, c.headers...); !c.ok && a.code() != edge.CodeBadOrigin {
				t.Errorf("sign-in: %d %s", a.status, a.body)
			}
		})
	}
	// Who sends a token is a program.
	_, token, _ := strings.Cut(s.cookie, "=")
	if a := l.send("POST", estop, "a=1", "Authorization", "Bearer "+token, "Content-Type", "text/plain"); a.status == 403 {
		t.Error(a)
	}
}

func TestPreflightNeverAllowsCookies(t *testing.T) {
	l := newLab(t, func(c *web.Config) { c.Origins = []string{"https://lab.example.org"} })
	for _, origin := range []string{"https://lab.example.org", "https://evil.example", "null"} {
		for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} {
			a := l.send("OPTIONS", "/api/v1/class", "", "Origin", origin, "Access-Control-Request-Method", method)
			if a.header.Get("Access-Control-Allow-Credentials") != "" || (a.header.Get("Access-Control-Allow-Origin") != "") != (origin == "https://lab.example.org") {
				t.Errorf("%s %s: %v", origin, method, a.header)
			}
		}
	}
}

// Without a code a seat is had at the box itself only, and while there is no teacher.
func TestWhoSitsAtTheBench(t *testing.T) {
	const join = `{"nickname":"Eve"}`
	l := newLab(t)
	for name, a := range map[string]answer{
		"another machine":          l.direct("192.168.1.9:5", "POST", "/api/v1/seats", join),
		"that calls it localhost":  l.direct("192.168.1.9:5", "POST", "/api/v1/seats", join, "Host", "localhost"),
		"a proxy on this machine":  l.send("POST", "/api/v1/seats", join, "X-Forwarded-For", "192.168.1.9"),
		"another kind of proxy":    l.send("POST", "/api/v1/seats", join, "Forwarded", "for=192.168.1.9"),
		"a proxy that tells Via":   l.send("POST", "/api/v1/seats", join, "Via", "1.1 x"),
		"by the address in a room": l.send("POST", "/api/v1/seats", join, "Host", "192.168.1.5:8080"),
	} {
		if a.status != 404 || a.code() != edge.CodeNoClass {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	var how struct {
		Set, Open bool
		Bench     bool `json:"open_bench"`
	}
	l.get("/api/v1/teacher").json(t, &how)
	if how.Set || !how.Bench || how.Open {
		t.Fatal(how)
	}
	bench := l.join("Ana")
	p, _ := l.open(bench)
	if bench.Role != "teacher" {
		t.Fatal(bench)
	}
	l.account("Ms F", edge.RoleTeacher)
	if m := p.until("you")["you"].(map[string]any); m["role"] != "student" {
		t.Fatal(m)
	}
	if a := bench.send("GET", "/api/v1/teachers", ""); a.status != 403 {
		t.Fatal(a)
	}
	if a := l.send("POST", "/api/v1/seats", join); a.code() != edge.CodeNoClass {
		t.Fatal(a)
	}
	proxied := newLab(t, func(c *web.Config) { c.TrustedProxies, c.ProxyNames, _ = web.ParseProxies([]string{"10.9.8.7"}) })
	if a := proxied.send("POST", "/api/v1/seats", join); a.code() != edge.CodeNoClass {
		t.Fatal("behind a proxy that hides itself:", a)
	}
	anybody := newOpenLab(t)
	if a := anybody.direct("192.168.1.9:5", "POST", "/api/v1/seats", join); a.status != 201 || !strings.Contains(a.body, `"student"`) {
		t.Fatal(a)
	}
}

// Cookies that are over: signed out, another password, the account removed.
func TestReplayedTeacherCookies(t *testing.T) {
	l := newLab(t)
	boss := l.account("Boss", edge.RoleOperator)
	ann := l.account("Ann", edge.RoleTeacher)
	p, _ := l.open(ann)
	a := ann.send("POST", "/api/v1/teacher/password", `{"old":"wrong password","new":"battery staple"}`)
	if a.status != 401 || a.code() != edge.CodeBadLogin {
		t.Fatal(a)
	}
	a = ann.send("POST", "/api/v1/teacher/password", fmt.Sprintf(`{"old":%q,"new":"battery staple"}`, password))
	if a.status != 200 {
		t.Fatal(a)
	}
	now := l.seatOf(a)
	if code := p.closed(); code != 4401 {
		t.Fatal(code)
	}
	if a := ann.send("GET", "/api/v1/seats", ""); a.status != 401 {
		t.Fatal("the cookie from before:", a)
	}
	p, _ = l.open(now)
	if a := boss.send("DELETE", "/api/v1/teachers/Ann", ""); a.status != 204 {
		t.Fatal(a)
	}
	if code := p.closed(); code != 4401 {
		t.Fatal(code)
	}
	if a := now.send("GET", "/api/v1/seats", ""); a.status != 401 {
		t.Fatal("a removed account's cookie:", a)
	}
	if a := boss.send("DELETE", "/api/v1/seats", ""); a.status != 204 {
		t.Fatal(a)
	}
	if a := boss.send("GET", "/api/v1/teachers", ""); a.status != 401 {
		t.Fatal("after signing out:", a)
	}
}

func TestTeacherCookie(t *testing.T) {
	l := newLab(t)
	l.account("Ann", edge.RoleTeacher)
	a := l.send("POST", "/api/v1/teacher", fmt.Sprintf(`{"name":"ann","password":%q}`, password))
	c := (&http.Response{Header: a.header}).Cookies()[0]
	if a.status != 201 || !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Secure || c.MaxAge != 7*24*3600 || strings.Contains(a.body, c.Value) {
		t.Fatalf("%+v %s", c, a.body)
	}
	if a := l.send("GET", "/api/v1/teachers", "", "Cookie", c.Name+"="+c.Value); a.status != 200 || strings.Contains(a.body, "argon2") {
		t.Fatal(a)
	}
	if a := l.send("POST", "/api/v1/seats", `{"nickname":"Other"}`, "Cookie", c.Name+"="+c.Value); a.status != 403 {
		t.Fatal("a teacher goes by another name:", a)
	}
}

// A teacher does not make an operator, nor remove one.
func TestNobodyGivesMoreThanShehas(t *testing.T) {
	l := newLab(t)
	boss, ann := l.account("Boss", edge.RoleOperator), l.account("Ann", edge.RoleTeacher)
	if a := ann.send("POST", "/api/v1/teachers", `{"role":"operator"}`); a.status != 403 {
		t.Fatal(a)
	}
	if a := ann.send("DELETE", "/api/v1/teachers/Boss", ""); a.status != 403 {
		t.Fatal(a)
	}
	if a := boss.send("POST", "/api/v1/teachers", `{"role":"operator"}`); a.status != 201 || !strings.Contains(a.body, "expires_ms") {
		t.Fatal(a)
	}
	bench := newLab(t).join("Ana") // has no account whose codes these would be
	if a := bench.send("POST", "/api/v1/teachers", `{}`); a.status != 403 {
		t.Fatal(a)
	}
}

// The calendar jumps by a year, both ways: seats, sessions, codes and delays stay.
func TestCalendarJumps(t *testing.T) {
	clock := edge.NewSystemClock()
	l := newLab(t, func(c *web.Config) {
		c.Clock = clock
		c.SetClock = func(_ context.Context, wall time.Time) error {
			clock.SetOffset(time.Until(wall).Round(time.Second))
			return nil
		}
	})
	_, code := l.teach(`{}`)
	ana := l.student(code, "Ana")
	ann := l.account("Ann", edge.RoleTeacher)
	p, _ := l.open(ana)
	p.ok(map[string]any{"op": "take", "device": "pendulum"})
	invite := func() string {
		var c struct{ Code string }
		ann.send("POST", "/api/v1/teachers", `{}`).json(t, &c)
		return c.Code
	}
	for i, jump := range []time.Duration{365 * 24 * time.Hour, -2 * 365 * 24 * time.Hour} {
		one := invite()
		a := ann.send("POST", "/api/v1/clock", fmt.Sprintf(`{"wall_ms":%d}`, time.Now().Add(jump).UnixMilli()))
		if a.status != 200 || clock.Offset().Round(time.Hour) != jump {
			t.Fatal(a, clock.Offset())
		}
		for _, s := range []*seat{ana, ann} {
			if a := s.send("GET", "/api/v1/box", ""); a.status != 200 {
				t.Fatal(a)
			}
		}
		if a := l.enter(code, "Late"); a.status != 201 {
			t.Fatal(a)
		}
		p.ok(map[string]any{"op": "ping"})
		if a := l.send("POST", "/api/v1/teacher", fmt.Sprintf(`{"code":%q,"name":"T%d","password":%q}`, one, i, password)); a.status != 201 {
			t.Fatal(a)
		}
	}
	if !strings.Contains(l.get("/api/v1/devices/pendulum").body, `"lease"`) {
		t.Fatal("the turn is over")
	}
}

// What people do is told for the record, without what is secret.
func TestAudit(t *testing.T) {
	var mu sync.Mutex
	var all []string
	l := newLab(t, func(c *web.Config) {
		c.Audit = func(e edge.Event) {
			mu.Lock()
			defer mu.Unlock()
			who := "-"
			if e.Actor != nil {
				who = e.Actor.Name
			}
			all = append(all, fmt.Sprintf("%s %v by %s %v", e.Code, e.Args["what"], who, e.Args))
		}
	})
	ms, code := l.teach(`{}`)
	ana := l.student(code, "Ana")
	ms.send("PATCH", "/api/v1/class/seats/"+ana.ID, `{"name":"Anouk"}`)
	ms.send("PATCH", "/api/v1/class", `{"locked":true}`)
	ms.send("POST", "/api/v1/class/stop", "")
	ms.send("POST", "/api/v1/class/freeze", `{"on":true}`)
	ms.send("DELETE", "/api/v1/class/seats/"+ana.ID, "")
	ms.send("DELETE", "/api/v1/class", "")
	l.account("Ann", edge.RoleTeacher)
	ann := l.seatOf(l.send("POST", "/api/v1/teacher", fmt.Sprintf(`{"name":"Ann","password":%q}`, password)))
	l.send("POST", "/api/v1/teacher", `{"name":"Ann","password":"wrong password"}`)
	ann.send("POST", "/api/v1/teachers", `{}`)
	text := strings.Join(all, "\n")
	for _, want := range []string{"seat join by Ms Frizzle", "class open by Ms Frizzle", "seat join by Ana", "seat rename by Ms Frizzle", "class change by Ms Frizzle",
		"all stop by Ms Frizzle", "all freeze by Ms Frizzle", "seat remove by Ms Frizzle", "class close by Ms Frizzle", "account ok by Ann", "signin ok by Ann",
		"signin refused by -", "account invite by Ann"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	for _, secret := range []string{password, "wrong password", code} {
		if strings.Contains(text, secret) {
			t.Errorf("%q is in the record:\n%s", secret, text)
		}
	}
}
