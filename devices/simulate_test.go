package devices

import (
	"context"
	"io"
	"log/slog"
	"testing"
	"time"

	"labbox/devices/transport/mem"
	"labbox/edge"
	"labbox/edge/config"
)

// bench runs a type's simulated device behind a real supervisor.
type simRig struct {
	*Supervisor
	t      *testing.T
	typ    *Type
	opener *mem.Opener
	sink   *logSink
	fence  uint64
}

func newSimRig(t *testing.T, name string) *simRig {
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
	return runSimRig(t, typ)
}

func runSimRig(t *testing.T, typ *Type) *simRig {
	t.Helper()
	opener, err := SimOpener(typ, "simulated "+typ.Name, 1)
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	ledger, err := NewLedger(t.Context(), "b", &memKV{m: map[string]string{}}, nil, log)
	if err != nil {
		t.Fatal(err)
	}
	clock := edge.NewSystemClock()
	r := &simRig{t: t, typ: typ, opener: opener, sink: &logSink{}}
	r.Supervisor, err = New(Config{Box: "b", ID: "d", Type: typ, Opener: opener, Baud: 0, Clock: clock, Ledger: ledger,
		Sinks: []edge.Sink{r.sink}, Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { r.Run(ctx); close(done) }()
	beating := make(chan struct{})
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
	end := time.Now().Add(15 * time.Second)
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

// shows waits until a channel's shown value satisfies ok.
func (r *simRig) shows(what, channel string, ok func(float64) bool) {
	r.t.Helper()
	r.until(what, func(edge.Status) bool { return ok(r.stream.shown(channel)) })
}

func (r *simRig) drive(name string, args edge.Args) (*edge.CommandResult, error) {
	return r.Command(r.t.Context(), ann, r.fence, &edge.Command{Name: name, Args: args, Tick: r.Status().Tick})
}

// seize takes the device and keeps it.
func (r *simRig) seize() {
	r.t.Helper()
	l, err := r.Take(r.t.Context(), ann)
	if err != nil {
		r.t.Fatal(err)
	}
	r.fence = l.Fence
	stop := make(chan struct{})
	ended := make(chan struct{})
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
	r.t.Cleanup(func() { close(stop); <-ended })
}

func TestSimulatedTypesGoLive(t *testing.T) {
	reg, err := NewRegistry()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range reg.Names() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newSimRig(t, name)
			st := r.until("live", live)
			if st.Safe == edge.SafeUnconfirmed || st.Safe == edge.SafePending {
				t.Fatalf("safe %s", st.Safe)
			}
		})
	}
}
