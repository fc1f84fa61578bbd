package web_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"labbox/edge"
	"labbox/edge/frame"
	"labbox/web"
)

// station is an owner's own listener with a store that tells of it.
type station struct {
	*httptest.Server
	kv    *fakeKV
	stops atomic.Int32
	runs  *fakeRuns
}

func newStation(t *testing.T, kv *fakeKV, token string) *station {
	t.Helper()
	s := &station{kv: kv, runs: &fakeRuns{run: edge.Run{ID: "r1", Device: "pendulum", Name: "first"}}}
	h := web.NewListener(web.ListenerConfig{Box: boxName, Version: "v", Ready: func(context.Context) []edge.Error { return nil },
		Mount: map[string]http.Handler{"/dial/a": http.NotFoundHandler()},
		Owner: web.OwnerConfig{Token: "secret", Runs: s.runs, Stop: func(_ context.Context, a *edge.Ask) (*edge.Answer, error) {
			if a.Device != "pendulum" {
				return nil, edge.Errorf(edge.CodeUnknownDevice, "no device %q", a.Device)
			}
			s.stops.Add(1)
			return &edge.Answer{Stop: &edge.StopResult{Latched: true, Confirmed: true}}, nil
		}}})
	s.Server = httptest.NewServer(h)
	t.Cleanup(s.Close)
	s.tell(t, token)
	return s
}

func (s *station) tell(t *testing.T, token string) {
	t.Helper()
	b, _ := json.Marshal(edge.Presence{Box: boxName, Instance: "i", Owner: 7, URL: s.URL, Token: token})
	if err := s.kv.Set(t.Context(), edge.PresenceKey(boxName), b, edge.PresenceTTL); err != nil {
		t.Fatal(err)
	}
}

// peerOf returns a peer that knows where the owner is.
func peerOf(t *testing.T, kv edge.KV) *web.Peer {
	t.Helper()
	p := web.NewPeer(boxName, kv)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); p.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return p
}

func TestPeerAsksTheOwner(t *testing.T) {
	kv := newKV()
	s := newStation(t, kv, "secret")
	p := peerOf(t, kv)
	ctx := t.Context()

	a, err := p.Stop(ctx, &edge.Ask{Verb: edge.VerbStop, Device: "pendulum"})
	if err != nil || !a.Stop.Confirmed || s.stops.Load() != 1 {
		t.Fatalf("%+v, %v", a, err)
	}
	if _, err := p.Stop(ctx, &edge.Ask{Verb: edge.VerbStop, Device: "other"}); edge.CodeOf(err) != edge.CodeUnknownDevice {
		t.Fatalf("the owner's own error: %v", err)
	}
	if list, err := p.List(ctx, "pendulum"); err != nil || len(list) != 1 || list[0].Name != "first" {
		t.Fatalf("%v, %v", list, err)
	}
	if run, err := p.Get(ctx, "r1"); err != nil || run.Device != "pendulum" {
		t.Fatalf("%v, %v", run, err)
	}
	if _, err := p.Get(ctx, "../r1?x"); edge.CodeOf(err) != edge.CodeUnknownRun {
		t.Fatalf("an id with signs: %v", err)
	}
	var here, there bytes.Buffer
	if err := s.runs.CSV(ctx, "r1", "fr", &here); err != nil {
		t.Fatal(err)
	}
	if err := p.CSV(ctx, "r1", "fr", &there); err != nil || !bytes.Equal(here.Bytes(), there.Bytes()) || here.Len() == 0 {
		t.Fatalf("csv %q, %v, want %q", there.String(), err, here.String())
	}
	b := frame.NewBuilder(1, 1, 0, []frame.Column{{Format: frame.F64}}, false)
	for i := range 5 {
		b.Add(time.Duration(i)*time.Second, 0, []float64{float64(i)})
		s.runs.frames = append(s.runs.frames, b.AppendFrame(nil))
	}
	n := 0
	err = p.Frames(ctx, "r1", edge.FramesAsk{}, func(f []byte) error {
		if !bytes.Equal(f, s.runs.frames[n]) {
			t.Errorf("frame %d differs", n)
		}
		n++
		return nil
	})
	if err != nil || n != 5 {
		t.Fatalf("%d frames, %v", n, err)
	}
	enough := errors.New("enough")
	if err := p.Frames(ctx, "r1", edge.FramesAsk{}, func([]byte) error { return enough }); !errors.Is(err, enough) {
		t.Fatalf("the walk's own end: %v", err)
	}
	if err := p.Delete(ctx, "r1"); err != nil {
		t.Fatal(err)
	}

	kv.down.Store(true) // the last word counts
	if _, err := p.Stop(ctx, &edge.Ask{Verb: edge.VerbStop, Device: "pendulum"}); err != nil {
		t.Fatalf("without a store: %v", err)
	}
	s.Close()
	if _, err := p.Stop(ctx, &edge.Ask{Verb: edge.VerbStop, Device: "pendulum"}); edge.CodeOf(err) != edge.CodeNoAnswer {
		t.Fatalf("without an owner: %v", err)
	}
}

func TestPeerLearnsANewToken(t *testing.T) {
	kv := newKV()
	s := newStation(t, kv, "old")
	p := web.NewPeer(boxName, kv)
	if _, err := p.List(t.Context(), ""); edge.CodeOf(err) != edge.CodeNoAnswer {
		t.Fatalf("with a stale token: %v", err)
	}
	s.tell(t, "secret")
	_, _ = p.List(t.Context(), "")
	if _, err := p.List(t.Context(), ""); err != nil {
		t.Fatalf("after the owner told anew: %v", err)
	}
	if _, err := web.NewPeer("nobody", kv).List(t.Context(), ""); edge.CodeOf(err) != edge.CodeNotReady {
		t.Fatalf("of a box nobody owns: %v", err)
	}
}

func TestListenerRefuses(t *testing.T) {
	s := newStation(t, newKV(), "secret")
	do := func(method, path, token, origin, body string) (int, string) {
		r, _ := http.NewRequest(method, s.URL+path, strings.NewReader(body))
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		if origin != "" {
			r.Header.Set("Origin", origin)
		}
		res, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		b, _ := io.ReadAll(res.Body)
		return res.StatusCode, string(b)
	}
	stop := `{"verb":"estop","device":"pendulum"}`
	for _, c := range []struct {
		method, path, token, origin, body string
		want                              int
	}{
		{"POST", "/owner/v1/ask", "", "", stop, 401},
		{"POST", "/owner/v1/ask", "wrong", "", stop, 401},
		{"POST", "/owner/v1/ask", "secret", "http://evil.example", stop, 403},
		{"POST", "/owner/v1/ask", "secret", "", `{"verb":"cmd","device":"pendulum"}`, 400},
		{"POST", "/owner/v1/ask", "secret", "", `junk`, 400},
		{"POST", "/owner/v1/ask", "secret", "", `{"x":"` + strings.Repeat("x", 100_000) + `"}`, 400},
		{"GET", "/owner/v1/runs", "", "", "", 401},
		{"GET", "/owner/v1/runs/nope", "secret", "", "", 404},
		{"DELETE", "/owner/v1/runs/r1", "", "", "", 401},
		{"GET", "/dial/a", "", "http://evil.example", "", 403},
		{"GET", "/", "", "", "", 404},
		{"GET", "/api/v1/devices", "", "", "", 404},
		{"GET", "/healthz", "", "", "", 200},
		{"GET", "/readyz", "", "", "", 200},
		{"POST", "/owner/v1/ask", "secret", "", stop, 200},
	} {
		got, body := do(c.method, c.path, c.token, c.origin, c.body)
		if got != c.want || got >= 400 && !strings.Contains(body, `"code"`) && !strings.HasPrefix(c.path, "/dial") {
			t.Errorf("%s %s token %q origin %q: %d %s, want %d", c.method, c.path, c.token, c.origin, got, body, c.want)
		}
	}
	if s.stops.Load() != 1 {
		t.Errorf("%d stops reached the owner, want 1", s.stops.Load())
	}
}

func TestEmergencyStopNeedsNoBroker(t *testing.T) {
	var way atomic.Pointer[func(*edge.Ask) (*edge.Answer, error)]
	set := func(fn func(*edge.Ask) (*edge.Answer, error)) { way.Store(&fn) }
	set(func(*edge.Ask) (*edge.Answer, error) { return nil, edge.Errorf(edge.CodeNoAnswer, "away") })
	l := newLab(t, func(c *web.Config) {
		c.Stop = func(_ context.Context, a *edge.Ask) (*edge.Answer, error) { return (*way.Load())(a) }
	})
	ada := l.join("Ada")
	p, _ := l.open(ada)

	if a := ada.send("POST", "/api/v1/devices/pendulum/estop", ""); a.status != 200 {
		t.Fatalf("by the broker alone: %d %s", a.status, a.body)
	}
	l.bus.down.Store(true)
	l.kv.down.Store(true)
	if a := ada.send("POST", "/api/v1/devices/pendulum/estop", ""); a.status < 400 {
		t.Fatalf("no way is left, yet: %d %s", a.status, a.body)
	}
	var asked atomic.Int32
	set(func(a *edge.Ask) (*edge.Answer, error) {
		if a.Actor.Name == "Ada" && a.Device == "pendulum" && a.Verb == edge.VerbStop {
			asked.Add(1)
		}
		return &edge.Answer{Stop: &edge.StopResult{Latched: true, Confirmed: true}}, nil
	})
	// Neither broker nor store: the seat is known to this process, the owner is asked.
	if a := ada.send("POST", "/api/v1/devices/pendulum/estop", ""); a.status != 200 || !strings.Contains(a.body, `"confirmed":true`) {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if r := p.ask(map[string]any{"op": "estop", "device": "pendulum"}); r["op"] != "ok" {
		t.Fatalf("by the websocket: %v", r)
	}
	if a := l.send("POST", "/api/v1/devices/pendulum/estop", ""); a.status != 401 {
		t.Fatalf("without a seat: %d %s", a.status, a.body)
	}
	if asked.Load() != 2 {
		t.Fatalf("the owner was asked %d times, want 2", asked.Load())
	}
}

func TestPanelsHearWhatIsAway(t *testing.T) {
	l := newLab(t)
	p, _ := l.open(nil)
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() { // the owner beats all the time
		defer close(done)
		for {
			select {
			case <-stop:
				return
			case <-time.After(100 * time.Millisecond):
				l.owner.beatTick()
			}
		}
	}()
	defer func() { close(stop); <-done }()
	l.bus.down.Store(true)
	l.kv.down.Store(true)
	for {
		m := p.until("notice")
		args, _ := m["args"].(map[string]any)
		parts, _ := args["parts"].([]any)
		if len(parts) < 2 {
			continue // the store is looked at less often
		}
		first, second := parts[0].(map[string]any), parts[1].(map[string]any)
		if first["part"] != "broker" || second["part"] != "store" || args["part"] != "broker" {
			t.Fatalf("parts %v", parts)
		}
		if first["for_ms"].(float64) < second["for_ms"].(float64) {
			t.Fatalf("since when: %v", parts)
		}
		break
	}
	l.bus.down.Store(false)
	l.kv.down.Store(false)
	for p.until("notice")["code"] != "" {
	}
}

// The owner started anew with another token while the broker is away: the first
// press counts.
func TestStopFindsARestartedOwner(t *testing.T) {
	kv := newKV()
	s := newStation(t, kv, "old")
	p := web.NewPeer(boxName, kv)
	if _, err := p.Get(t.Context(), "r1"); edge.CodeOf(err) != edge.CodeNoAnswer { // it knows the old token now
		t.Fatal(err)
	}
	s.tell(t, "older still")
	_, _ = p.List(t.Context(), "")
	s.tell(t, "secret")
	a, err := p.Stop(t.Context(), &edge.Ask{Verb: edge.VerbStop, Device: "pendulum"})
	if err != nil || !a.Stop.Confirmed {
		t.Fatalf("%+v, %v", a, err)
	}
}

// A seat that is given up here drives nowhere.
func TestSeatGivenUpElsewhere(t *testing.T) {
	l := newLab(t)
	other, err := web.New(l.cfg)
	if err != nil {
		t.Fatal(err)
	}
	o := l.serve(other)
	ada := l.join("Ada")
	res := l.get("/api/v1/seats", "Cookie", ada.cookie)
	if res.status != 200 {
		t.Fatal(res)
	}
	_, token, _ := strings.Cut(ada.cookie, "=")
	p, _ := o.open(nil, "token", token)
	if a := l.send("DELETE", "/api/v1/seats", "", "Cookie", ada.cookie); a.status != 204 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if code := p.closed(); code != 4401 {
		t.Fatalf("close code %d", code)
	}
	l.kv.down.Store(true)
	if a := o.send("POST", "/api/v1/devices/pendulum/estop", "", "Authorization", "Bearer "+token); a.status == 200 {
		t.Fatal("a seat that was given up is still known")
	}
}
