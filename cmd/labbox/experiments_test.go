package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"testing"
	"time"

	"labbox/edge"
	"labbox/edge/experiment"
)

// person is a seat as a program has one.
type person struct {
	t    *testing.T
	url  string
	http *http.Client
}

func (b *box) person(t *testing.T, name string) *person {
	t.Helper()
	return b.pupil(t, "", name)
}

// pupil is a student of the class with this code.
func (b *box) pupil(t *testing.T, code, name string) *person {
	t.Helper()
	jar, _ := cookiejar.New(nil)
	p := &person{t: t, url: b.url, http: &http.Client{Jar: jar, Timeout: 20 * time.Second}}
	if st := p.send("POST", "/api/v1/seats", `{"code":"`+code+`","nickname":"`+name+`"}`, nil); st != http.StatusCreated {
		t.Fatalf("%s has no seat: %d", name, st)
	}
	return p
}

func (p *person) send(method, path, body string, into any) (status int) {
	p.t.Helper()
	req, err := http.NewRequest(method, p.url+path, bytes.NewReader([]byte(body)))
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := p.http.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	raw, _ := io.ReadAll(res.Body)
	if into != nil {
		if err := json.Unmarshal(raw, into); err != nil {
			p.t.Fatalf("%s %s: %d %s", method, path, res.StatusCode, raw)
		}
	}
	return res.StatusCode
}

func (p *person) submit(steps string) string {
	p.t.Helper()
	var v struct{ Experiment experiment.Experiment }
	if st := p.send("POST", "/api/v1/experiments", `{"device":"pendulum","steps":`+steps+`}`, &v); st != 202 || v.Experiment.ID == "" {
		p.t.Fatalf("%d %+v", st, v)
	}
	return v.Experiment.ID
}

// until polls an experiment.
func (p *person) until(id, what string, ok func(experiment.Experiment) bool) experiment.Experiment {
	p.t.Helper()
	for end := time.Now().Add(60 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		var v struct{ Experiment experiment.Experiment }
		if st := p.send("GET", "/api/v1/experiments/"+id, "", &v); st == 200 && ok(v.Experiment) {
			return v.Experiment
		}
		if time.Now().After(end) {
			p.t.Fatalf("%s never came: %+v, reason %+v", what, v.Experiment, v.Experiment.Reason)
		}
	}
}

func is(s experiment.State) func(experiment.Experiment) bool {
	return func(x experiment.Experiment) bool { return x.State == s }
}

const pushing = `[{"record":{"name":"long"}},{"set":{"command":"drive","args":{"power":60}}},{"wait":{"ms":60000}}]`

const pendulumBox = "schema: 1\nbox: exp\ndevices:\n  - {id: pendulum, type: penduino, port: {sim: true}}\n"

// A box that is killed while an experiment runs, on the real owner and recorder:
// interrupted, its data kept, the device safe, the next one runs, nothing twice.
func TestExperimentOfAKilledBox(t *testing.T) {
	data := t.TempDir()
	b := startBox(t, data, pendulumBox)
	b.until("pendulum", "live", isLive)
	ana := b.person(t, "Ana")
	a := ana.submit(pushing)
	c := ana.submit(`[{"set":{"command":"start","args":{"power":200}}}]`)
	ana.until(a, "the wait", func(x experiment.Experiment) bool { return x.Step == 2 && x.Run != "" })
	ana.until(c, "its place", func(x experiment.Experiment) bool { return x.Place == 1 })
	b.kill()

	b = startBox(t, data, pendulumBox)
	ana.url = b.url
	again := b.person(t, "Bea")
	x := again.until(a, "the end", is(experiment.Interrupted))
	if x.Reason == nil || x.Reason.Code != edge.CodeUnknownOutcome || x.Step != 2 || x.Run == "" {
		t.Errorf("%+v %+v", x, x.Reason)
	}
	b.until("pendulum", "safe", func(st edge.Status) bool { return isLive(st) && st.Safe == edge.SafeConfirmed })
	var run struct{ Run edge.Run }
	if st := again.send("GET", "/api/v1/runs/"+x.Run, "", &run); st != 200 || run.Run.State != "interrupted" || run.Run.Samples == 0 || run.Run.By.Name != "experiment of Ana" {
		t.Errorf("%d %+v", st, run.Run)
	}
	if y := again.until(c, "the next", is(experiment.Done)); y.Outcomes[0].Outcome != edge.OutcomeConfirmed {
		t.Errorf("%+v", y)
	}
	again.until(a, "the same end", is(experiment.Interrupted))
}

// A box that is stopped does not wait for an experiment: it ends, the device is
// safe, and the box ends soon.
func TestExperimentOfAStoppedBox(t *testing.T) {
	data := t.TempDir()
	b := startBox(t, data, pendulumBox)
	b.until("pendulum", "live", isLive)
	ana := b.person(t, "Ana")
	a := ana.submit(pushing)
	ana.until(a, "the wait", func(x experiment.Experiment) bool { return x.Step == 2 })
	began := time.Now()
	if err := b.stop(); err != nil {
		t.Fatal(err)
	}
	if d := time.Since(began); d > 8*time.Second {
		t.Errorf("the box took %v to stop", d)
	}
	b = startBox(t, data, pendulumBox)
	x := b.person(t, "Bea").until(a, "the end", is(experiment.Interrupted))
	if x.EndedMS > time.Now().UnixMilli() || x.Run == "" {
		t.Errorf("%+v", x)
	}
}

// A person who drives, the emergency stop and a cancellation, on the real owner.
func TestExperimentAndPeople(t *testing.T) {
	b := startBox(t, t.TempDir(), pendulumBox)
	b.until("pendulum", "live", isLive)
	teacher := b.seat("Ms Roy")
	code := b.openClass(teacher)
	ana, ben := b.pupil(t, code, "Ana"), b.pupil(t, code, "Ben")
	var lease struct{ Lease *edge.LeaseInfo }
	if st := ben.send("POST", "/api/v1/devices/pendulum/lease", "", &lease); st != 200 {
		t.Fatal(st)
	}
	a := ana.submit(pushing)
	ana.until(a, "a reason", func(x experiment.Experiment) bool {
		return x.State == experiment.Pending && x.Place == 1 && x.Reason != nil && x.Reason.Code == edge.CodeLeaseTaken && x.Reason.Args["holder"] == "Ben"
	})
	if st := ben.send("DELETE", "/api/v1/devices/pendulum/lease", "", nil); st != 200 {
		t.Fatal(st)
	}
	ana.until(a, "the wait", func(x experiment.Experiment) bool { return x.Step == 2 })
	st := b.until("pendulum", "its lease", func(st edge.Status) bool { return st.Lease != nil })
	if st.Lease.Holder.Name != "experiment of Ana" || st.Lease.Fence <= lease.Lease.Fence {
		t.Errorf("%+v", st.Lease)
	}
	if st := ben.send("DELETE", "/api/v1/experiments/"+a, "", nil); st != 403 {
		t.Errorf("cancel of another's: %d", st)
	}
	if st := ben.send("POST", "/api/v1/devices/pendulum/estop", "", nil); st != 200 {
		t.Fatal(st)
	}
	x := ana.until(a, "the end", is(experiment.Failed))
	if x.Reason == nil || x.Reason.Code != edge.CodeStopped || x.Safe != edge.SafeConfirmed || len(x.Values) == 0 {
		t.Errorf("%+v %+v", x, x.Reason)
	}
	c := ana.submit(pushing)
	ana.until(c, "a reason", func(x experiment.Experiment) bool { return x.Reason != nil && x.Reason.Code == edge.CodeStopped })
	if st := ben.send("POST", "/api/v1/devices/pendulum/resume", "", nil); st != 403 {
		t.Fatalf("a student resumes: %d", st)
	}
	resumed := time.Now()
	b.call(teacher, "POST", "devices/pendulum/resume", "")
	ana.until(c, "the wait", func(x experiment.Experiment) bool { return x.Step == 2 })
	if d := time.Since(resumed); d < 25*time.Second {
		t.Errorf("the device moved by itself %v after the resume", d)
	}
	if st := ana.send("DELETE", "/api/v1/experiments/"+c, "", nil); st != 200 {
		t.Fatal(st)
	}
	ana.until(c, "the end", is(experiment.Cancelled))
	b.until("pendulum", "safe", func(st edge.Status) bool { return isLive(st) && st.Lease == nil && st.Safe == edge.SafeConfirmed })
}
