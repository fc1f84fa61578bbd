package devices

import (
	"context"
	"io"
	"log/slog"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"labbox/devices/transport"
	"labbox/devices/transport/mem"
	"labbox/edge"
	"labbox/edge/config"
)

// simRig is a type's simulated device behind the real supervisor, in a synctest
// bubble: the time it takes costs none.
type simRig struct {
	*Supervisor
	t      *testing.T
	typ    *Type
	opener *mem.Opener
	sink   *logSink
	fence  uint64
}

// catalogType is a type of the catalogue, for this test alone.
func catalogType(t *testing.T, name string) *Type {
	t.Helper()
	reg, err := NewRegistry()
	if err != nil {
		t.Fatal(err)
	}
	typ, err := reg.Type(name, "")
	if err != nil {
		t.Fatal(err)
	}
	if typ, err = typ.narrowed(&config.Device{ID: "d"}); err != nil {
		t.Fatal(err)
	}
	return typ
}

func catalogNames(t *testing.T) []string {
	t.Helper()
	reg, err := NewRegistry()
	if err != nil {
		t.Fatal(err)
	}
	return reg.Names()
}

func inSimulation(t *testing.T, typ *Type, test func(t *testing.T, r *simRig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := newSimRig(t, typ)
		r.until("live", live)
		test(t, r)
	})
}

func newSimRig(t *testing.T, typ *Type) *simRig {
	t.Helper()
	opener, err := SimOpener(typ, "simulated "+typ.Name, 1)
	if err != nil {
		t.Fatal(err)
	}
	r := newSimRigOn(t, typ, opener)
	r.opener = opener
	return r
}

// newSimRigOn is a rig on any line.
func newSimRigOn(t *testing.T, typ *Type, opener transport.Opener) *simRig {
	t.Helper()
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	ledger, err := NewLedger(t.Context(), "b", &memKV{m: map[string]string{}}, nil, log)
	if err != nil {
		t.Fatal(err)
	}
	clock := edge.NewSystemClock()
	r := &simRig{t: t, typ: typ, sink: &logSink{}}
	r.Supervisor, err = New(Config{Box: "b", ID: "d", Type: typ, Opener: opener, Clock: clock, Ledger: ledger,
		Sinks: []edge.Sink{r.sink}, Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done, beating := make(chan struct{}), make(chan struct{})
	go func() { r.Run(ctx); close(done) }()
	go func() {
		defer close(beating)
		for n := uint64(1); ; n++ {
			r.Beat(edge.Tick{Owner: 1, N: n, MonoMS: clock.Mono().Milliseconds()}, false)
			select {
			case <-time.After(50 * time.Millisecond):
			case <-done:
				return
			}
		}
	}()
	t.Cleanup(func() { cancel(); <-done; <-beating })
	return r
}

func (r *simRig) until(what string, ok func(edge.Status) bool) edge.Status {
	r.t.Helper()
	end := time.Now().Add(30 * time.Second)
	for {
		st := r.Status()
		if ok(st) {
			return st
		}
		if time.Now().After(end) {
			r.t.Fatalf("%s: never; state %s, safe %s, reason %v, counts %+v", what, st.State, st.Safe, st.Reason, st.Counts)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// shows waits until a channel's shown value is x.
func (r *simRig) shows(channel string, x float64) {
	r.t.Helper()
	r.until(channel, func(edge.Status) bool { return math.Abs(r.stream.shown(channel)-x) < 1e-6 })
}

// mode waits until an enumeration shows a choice.
func (r *simRig) mode(channel, choice string) {
	r.t.Helper()
	r.shows(channel, r.choice(channel, choice))
}

func (r *simRig) choice(channel, choice string) float64 {
	r.t.Helper()
	for i, c := range r.typ.channel(channel).Choices {
		if c.ID == choice {
			return c.value(i)
		}
	}
	r.t.Fatalf("%s has no %s", channel, choice)
	return 0
}

// seize takes the device and keeps it until the test ends or let is called.
func (r *simRig) seize() (let func()) {
	r.t.Helper()
	l, err := r.Take(r.t.Context(), ann)
	if err != nil {
		r.t.Fatal(err)
	}
	r.fence = l.Fence
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			_ = r.HeartBeat(ann, r.fence)
			select {
			case <-stop:
				return
			case <-time.After(100 * time.Millisecond):
			}
		}
	}()
	let = func() {
		if stop != nil {
			close(stop)
			<-ended
			stop = nil
		}
	}
	r.t.Cleanup(let)
	return let
}

// ask gives a command, with number, word or no argument for its first parameters.
func (r *simRig) ask(name string, values ...any) (*edge.CommandResult, error) {
	r.t.Helper()
	args := edge.Args{}
	for i, v := range values {
		id := r.typ.command(name).Params[i].ID
		if s, ok := v.(string); ok {
			args[id] = edge.Word(s)
		} else if x, ok := number(v); ok {
			args[id] = edge.Number(x)
		}
	}
	return r.Command(r.t.Context(), ann, r.fence, &edge.Command{Name: name, Args: args, Tick: r.Status().Tick})
}

// do is ask, confirmed.
func (r *simRig) do(name string, values ...any) {
	r.t.Helper()
	if res, err := r.ask(name, values...); err != nil || res.Outcome != edge.OutcomeConfirmed {
		r.t.Fatalf("%s %v: %+v, %v", name, values, res, err)
	}
}

// said finds an event with the device's own words.
func (r *simRig) said(words string) bool {
	r.sink.mu.Lock()
	defer r.sink.mu.Unlock()
	for _, e := range r.sink.events {
		if text, _ := e.Args["text"].(string); e.Code == "text" && strings.Contains(text, words) {
			return true
		}
	}
	return false
}
