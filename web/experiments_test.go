package web_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"labbox/edge"
	"labbox/edge/experiment"
	"labbox/web"
)

// withDesk gives a lab a desk whose queue nobody works off.
func withDesk(t *testing.T, limits experiment.Limits) *lab {
	t.Helper()
	return newLab(t, func(c *web.Config) {
		c.Experiments = experiment.NewDesk(boxName, c.Bus, c.KV, c.Clock, limits)
	})
}

const drive = `{"device":"pendulum","name":"first","steps":[{"set":{"command":"drive","args":{"power":40}}},{"wait":{"ms":500}}]}`

// one reads the experiment of an answer.
func (a answer) one(t *testing.T, status int) experiment.Experiment {
	t.Helper()
	var v struct{ Experiment experiment.Experiment }
	if a.json(t, &v); a.status != status {
		t.Fatalf("%d %s", a.status, a.body)
	}
	return v.Experiment
}

func TestExperiments(t *testing.T) {
	l := withDesk(t, experiment.Limits{})
	_, code := l.teach(`{}`)
	ana, ben := l.student(code, "Ana"), l.student(code, "Ben")
	a := ana.send("POST", "/api/v1/experiments", drive, "Idempotency-Key", "k1")
	x := a.one(t, 202)
	if x.ID == "" || x.State != experiment.Pending || x.Place != 1 || x.By.Name != "Ana" || x.LengthMS != 500 || a.header.Get("Location") != "/api/v1/experiments/"+x.ID {
		t.Fatalf("%+v %v", x, a.header)
	}
	if again := ana.send("POST", "/api/v1/experiments", drive, "Idempotency-Key", "k1").one(t, 202); again.ID != x.ID {
		t.Fatal("another id for the same key")
	}
	if a := ana.send("POST", "/api/v1/experiments", strings.Replace(drive, "40", "41", 1), "Idempotency-Key", "k1"); a.status != 409 || a.code() != edge.CodeDuplicate {
		t.Fatal(a)
	}
	y := ben.send("POST", "/api/v1/experiments", drive, "Idempotency-Key", "k1").one(t, 202)
	if y.ID == x.ID || y.Place != 2 {
		t.Fatalf("%+v", y)
	}
	if got := ben.send("GET", "/api/v1/experiments/"+x.ID, "").one(t, 200); got.State != experiment.Pending || len(got.Steps) != 2 {
		t.Fatalf("%+v", got)
	}
	var list struct{ Experiments []experiment.Experiment }
	for _, q := range []string{"?device=pendulum", ""} {
		ben.send("GET", "/api/v1/experiments"+q, "").json(t, &list)
		if len(list.Experiments) != 2 || list.Experiments[1].ID != y.ID {
			t.Fatalf("%+v", list)
		}
	}
	if a := ben.send("DELETE", "/api/v1/experiments/"+x.ID, ""); a.status != 403 || a.code() != edge.CodeForbidden {
		t.Fatal(a)
	}
	if x := ana.send("DELETE", "/api/v1/experiments/"+x.ID, "").one(t, 200); x.State != experiment.Cancelled || x.CancelledBy.Name != "Ana" {
		t.Fatalf("%+v", x)
	}
}

func TestExperimentsNeedASeat(t *testing.T) {
	l := withDesk(t, experiment.Limits{})
	for _, c := range [][2]string{{"POST", ""}, {"GET", ""}, {"GET", "/x"}, {"DELETE", "/x"}} {
		if a := l.send(c[0], "/api/v1/experiments"+c[1], ""); a.status != 401 || a.code() != edge.CodeNoSeat {
			t.Errorf("%v: %d %s", c, a.status, a.body)
		}
	}
	s := newLab(t).join("Ana") // a process without experiments
	for _, c := range [][2]string{{"POST", ""}, {"GET", ""}, {"GET", "/x"}, {"DELETE", "/x"}} {
		if a := s.send(c[0], "/api/v1/experiments"+c[1], drive); a.status != 503 || a.code() != edge.CodeNotReady {
			t.Errorf("%v: %d %s", c, a.status, a.body)
		}
	}
}

func TestExperimentsBadInput(t *testing.T) {
	l := withDesk(t, experiment.Limits{PerSeat: 2})
	s := l.join("Ana")
	steps := func(list string) string { return `{"device":"pendulum","steps":[` + list + `]}` }
	wait := `{"wait":{"ms":1}}`
	for name, c := range map[string]struct {
		body   string
		status int
		code   edge.Code
	}{
		"no JSON":         {"wait 5", 400, edge.CodeBadRequest},
		"no object":       {"[1]", 400, edge.CodeBadRequest},
		"empty":           {"", 422, edge.CodeMissingValue},
		"NaN":             {steps(`{"set":{"command":"drive","args":{"power":NaN}}}`), 400, edge.CodeBadRequest},
		"infinite":        {steps(`{"set":{"command":"drive","args":{"power":1e999}}}`), 422, edge.CodeBadValue},
		"unknown key":     {steps(`{"wait":{"ms":1},"goto":0}`), 400, edge.CodeBadRequest},
		"unknown field":   {`{"device":"pendulum","priority":9,"steps":[` + wait + `]}`, 400, edge.CodeBadRequest},
		"negative wait":   {steps(`{"wait":{"ms":-5}}`), 422, edge.CodeOutOfRange},
		"out of range":    {steps(`{"set":{"command":"drive","args":{"power":101}}}`), 422, edge.CodeOutOfRange},
		"unknown command": {steps(`{"set":{"command":"fly"}}`), 404, edge.CodeUnknownCommand},
		"too long":        {steps(`{"wait":{"ms":3600000}},` + wait), 413, edge.CodeTooLarge},
		"10,000 steps":    {steps(strings.Repeat(wait+",", 9999) + wait), 413, edge.CodeTooLarge},
		"too many steps":  {steps(strings.Repeat(wait+",", 200) + wait), 413, edge.CodeTooLarge},
		"deep":            {strings.Repeat("[", 20000), 400, edge.CodeBadRequest},
		"unknown device":  {`{"device":"nope","steps":[` + wait + `]}`, 404, edge.CodeUnknownDevice},
		"a device's path": {`{"device":"../x","steps":[` + wait + `]}`, 400, edge.CodeBadName},
	} {
		a := s.send("POST", "/api/v1/experiments", c.body)
		if a.status != c.status || a.code() != c.code {
			t.Errorf("%s: %d %.200s", name, a.status, a.body)
		}
	}
	if a := s.send("POST", "/api/v1/experiments", drive, "Idempotency-Key", strings.Repeat("k", 65)); a.code() != edge.CodeTooLarge {
		t.Error(a)
	}
	for _, id := range []string{"nope", "..%2f..%2fseat", strings.Repeat("e", 25), "%00"} {
		for _, m := range []string{"GET", "DELETE"} {
			if a := s.send(m, "/api/v1/experiments/"+id, ""); a.status != 404 {
				t.Errorf("%s %s: %d %s", m, id, a.status, a.body)
			}
		}
	}
	if a := s.send("GET", "/api/v1/experiments?device=..", ""); a.status != 400 {
		t.Error(a)
	}
	for range 2 {
		s.send("POST", "/api/v1/experiments", drive).one(t, 202)
	}
	var e struct{ Error edge.Error }
	a := s.send("POST", "/api/v1/experiments", drive)
	if a.json(t, &e); a.status != 429 || e.Error.Code != edge.CodeTooMany || e.Error.Hint == "" {
		t.Error(a)
	}
	l.kv.down.Store(true)
	if a := s.send("POST", "/api/v1/experiments", drive); a.status != 503 || a.code() != edge.CodeStoreDown {
		t.Error(a)
	}
}

// 100 MB are refused without being read.
func TestExperimentsHugeBody(t *testing.T) {
	l := withDesk(t, experiment.Limits{})
	s := l.join("Ana")
	unaffected(t, l, func() {
		req, err := http.NewRequest("POST", "http://"+l.addr+"/api/v1/experiments", io.LimitReader(blanks{}, 100<<20))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Cookie", s.cookie)
		req.Header.Set("Content-Type", "application/json")
		resp, err := l.http.RoundTrip(req)
		if err != nil {
			return // cut while it was still sending: as good
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("status %d", resp.StatusCode)
		}
	})
}

type blanks struct{}

func (blanks) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = ' '
	}
	return len(b), nil
}

// News of an experiment reaches those who watch the device and whoever submitted
// it, each once, and nobody else.
func TestExperimentPush(t *testing.T) {
	l := withDesk(t, experiment.Limits{})
	ana, ben, cem := l.join("Ana"), l.join("Ben"), l.join("Cem")
	pa, _ := l.open(ana)
	pb, _ := l.open(ben)
	pc, _ := l.open(cem)
	pb.ok(map[string]any{"op": "subscribe", "device": "pendulum"})
	pa.ok(map[string]any{"op": "subscribe", "device": "pendulum"}) // watches and submitted
	pa2, _ := l.open(ana)                                          // submitted only
	send := func(step int) {
		b, err := json.Marshal(experiment.Experiment{ID: "e1", Device: "pendulum", By: edge.SeatRef{ID: ana.ID, Name: "Ana"}, State: experiment.Running, Step: step})
		if err != nil {
			t.Fatal(err)
		}
		_ = l.bus.Publish(context.Background(), edge.Subject(boxName, "pendulum", edge.KindExperiment), b)
	}
	send(1)
	_ = l.bus.Publish(context.Background(), edge.Subject(boxName, "pendulum", edge.KindExperiment), []byte("junk"))
	send(2)
	for _, p := range []*panel{pa, pb, pa2} {
		for want := 1; want <= 2; want++ {
			x, _ := p.until("experiment")["experiment"].(map[string]any)
			if x["id"] != "e1" || x["state"] != "running" || x["step"] != float64(want) {
				t.Fatalf("%v", x)
			}
		}
	}
	pc.ok(map[string]any{"op": "ping"})
	b, _ := json.Marshal(experiment.Experiment{ID: "e2", Device: "pendulum", By: edge.SeatRef{ID: cem.ID}, State: experiment.Done})
	_ = l.bus.Publish(context.Background(), edge.Subject(boxName, "pendulum", edge.KindExperiment), b)
	if x := pc.until("experiment")["experiment"].(map[string]any); x["id"] != "e2" {
		t.Fatalf("news of others: %v", x)
	}
}
