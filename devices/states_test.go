package devices

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"labbox/devices/transport"
	"labbox/devices/transport/mem"
	"labbox/devices/transport/serial"
	"labbox/edge"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// states are those that the device went through, in order.
func (r *rig) states() (out []string) {
	r.sink.mu.Lock()
	defer r.sink.mu.Unlock()
	for _, e := range r.sink.events {
		if e.Code == "state" {
			out = append(out, e.Args["state"].(string))
		}
	}
	return out
}

func (r *rig) went(t *testing.T, from int, want string) {
	t.Helper()
	if got := strings.Join(r.states()[from:], " "); got != want {
		t.Errorf("went %q, want %q", got, want)
	}
}

func TestEveryStateOnItsWay(t *testing.T) {
	change := func(typ *Type) {
		typ.Safe.Shows, typ.Safe.Tries, typ.Connect.IdentifyIn = nil, 1, 300*time.Millisecond
	}
	inBubble(t, mem.Options{}, change, func(t *testing.T, r *rig) {
		is := func(s edge.State) { t.Helper(); r.until(string(s), func(st edge.Status) bool { return st.State == s }) }
		r.until("live", live)
		r.went(t, 0, "opening booting identifying safing live")
		r.plate.set(func(p *plate) { p.frozen = true })
		is(edge.StateStale)
		time.Sleep(time.Second)
		r.plate.set(func(p *plate) { p.frozen = false })
		is(edge.StateLive)
		r.went(t, 5, "stale safing stale safing live")

		r.opener.Unplug()
		is(edge.StateAbsent)
		time.Sleep(10 * time.Second) // one state, however often it is tried
		r.plate.set(func(p *plate) { p.frozen = true })
		r.opener.Plug()
		is(edge.StateFault)
		r.plate.set(func(p *plate) { p.frozen = false })
		is(edge.StateLive)
		if got := strings.Join(r.states()[10:], " "); got != "absent absent booting identifying fault safing live" { // lost, then missing
			t.Errorf("went %q", got)
		}

		r.plate.set(func(p *plate) { p.mute = true })
		n := len(r.states())
		_, _ = r.Stop(t.Context(), bob)
		is(edge.StateQuarantined)
		r.plate.set(func(p *plate) { p.mute = false })
		_ = r.Resume(tea)
		if err := r.Clear(t.Context(), tea); err != nil {
			t.Fatal(err)
		}
		is(edge.StateLive)
		r.went(t, n, "safing quarantined safing live")
	})
}

// dial is an opener that waits, as one does for a device that dials in.
type dial struct{}

func (dial) Open(ctx context.Context) (transport.Port, error) { <-ctx.Done(); return nil, ctx.Err() }
func (dial) String() string                                   { return "nobody" }

// Whatever state the device is in, the box stops within the time of a safe
// sequence, leaves nothing behind, and the device safe where it can be told.
func TestShutdownInEveryState(t *testing.T) {
	change := func(typ *Type) {
		typ.Safe.Tries, typ.Connect.Boot, typ.Connect.IdentifyIn = 2, 500*time.Millisecond, 500*time.Millisecond
	}
	reach := map[edge.State]func(r *rig){
		edge.StateAbsent:      func(r *rig) { r.opener.Unplug() },
		edge.StateOpening:     func(r *rig) { r.cancel(); <-r.done; r.line = dial{}; r.start(r.t2(), 0) },
		edge.StateBooting:     func(r *rig) { r.plate.set(func(p *plate) { p.frozen, p.boot = true, 3*time.Second }); r.replug() },
		edge.StateIdentifying: func(r *rig) { r.plate.set(func(p *plate) { p.frozen = true }); r.replug() },
		edge.StateFault:       func(r *rig) { r.plate.set(func(p *plate) { p.frozen = true }); r.replug() },
		edge.StateLive:        func(*rig) {},
		edge.StateStale:       func(r *rig) { r.t2().Safe.Shows = nil; r.plate.set(func(p *plate) { p.frozen = true }) },
		edge.StateSafing:      func(r *rig) { r.plate.set(func(p *plate) { p.mute = true }); go r.Stop(context.Background(), bob) },
		edge.StateQuarantined: func(r *rig) { r.plate.set(func(p *plate) { p.mute = true }); go r.Stop(context.Background(), bob) },
	}
	for state, how := range reach {
		t.Run(string(state), func(t *testing.T) {
			inBubble(t, mem.Options{}, change, func(t *testing.T, r *rig) {
				r.until("live", live)
				how(r)
				r.until(string(state), func(st edge.Status) bool { return st.State == state })
				r.plate.set(func(p *plate) { p.mute = false; p.duty = 66; p.boot = 0 })
				began := time.Now()
				r.cancel()
				<-r.done
				if d := time.Since(began); d > 4*time.Second {
					t.Errorf("the box took %v to stop", d)
				}
				told := slices.Contains([]edge.State{edge.StateLive, edge.StateStale, edge.StateSafing, edge.StateQuarantined}, state)
				if told && !r.plate.duty0() {
					t.Error("left running")
				}
				if st := r.Status().State; st != edge.StateAbsent {
					t.Errorf("ended %s", st)
				}
			})
		})
	}
}

func (r *rig) replug() { r.opener.Unplug(); time.Sleep(50 * time.Millisecond); r.opener.Plug() }

// Unplugged and plugged in again a hundred times while it is driven and watched:
// safe each time before it is live, and nothing is left behind.
func TestHundredReplugs(t *testing.T) {
	inBubble(t, mem.Options{}, func(typ *Type) { typ.Keep = time.Hour; typ.command("duty").Rate = 0 }, func(t *testing.T, r *rig) {
		r.until("live", live)
		f := r.take(ann)
		defer r.beats(ann, f)()
		quit := make(chan struct{})
		var load sync.WaitGroup
		for range 3 {
			load.Go(func() {
				for x := 1.0; ; x++ {
					_ = r.duty(ann, f, float64(int(x)%100))
					select {
					case <-quit:
						return
					case <-time.After(8 * time.Millisecond):
					}
				}
			})
		}
		defer func() { close(quit); load.Wait() }()
		before := 0
		for round := range 100 {
			time.Sleep(time.Duration(round%7) * 3 * time.Millisecond)
			r.opener.Unplug()
			r.until("absent", func(st edge.Status) bool { return st.State == edge.StateAbsent })
			n := len(r.plate.lines())
			r.opener.Plug()
			r.until("live", live)
			if first := r.plate.lines()[n]; first != safeLine {
				t.Fatalf("round %d: first came %s", round, first)
			}
			if got := runtime.NumGoroutine(); before == 0 {
				before = got
			} else if got > before+10 {
				t.Fatalf("round %d: %d goroutines, at first %d", round, got, before)
			}
		}
		if r.opener.Opens() != 101 {
			t.Errorf("%d opens", r.opener.Opens())
		}
	})
}

// tally counts log lines by message.
type tally struct {
	slog.Handler
	mu sync.Mutex
	n  map[string]int
}

func (h *tally) Enabled(context.Context, slog.Level) bool { return true }
func (h *tally) Handle(_ context.Context, r slog.Record) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	key := r.Message
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "code" || a.Key == "state" {
			key += " " + a.Value.String()
		}
		return true
	})
	h.n[key]++
	return nil
}
func (h *tally) WithAttrs([]slog.Attr) slog.Handler { return h }
func (h *tally) WithGroup(string) slog.Handler      { return h }

// bench runs a device that talks as talk does beside a healthy one.
func badly(t *testing.T, talk func(p transport.Port), test func(t *testing.T, bad *Supervisor, logs *tally, good *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		good := newRig(t, mem.Options{}, nil)
		logs := &tally{n: map[string]int{}}
		typ := catalogType(t, "plate")
		typ.Connect.Boot, typ.Connect.IdentifyIn = 100*time.Millisecond, 500*time.Millisecond
		sup, err := New(Config{Box: "b", ID: "bad", Type: typ, Clock: good.clock, Ledger: good.cfg.Ledger, Sinks: []edge.Sink{&logSink{}},
			Logger: slog.New(logs), Opener: mem.NewOpener(mem.Options{}, func(d *mem.Port) { go talk(d) })})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan struct{})
		go func() { sup.Run(ctx); close(ended) }()
		defer func() { cancel(); <-ended; time.Sleep(time.Second) }()
		test(t, sup, logs, good)
		good.until("live", live)
		if st := good.Status(); st.Counts.Lost+st.Counts.Garbage > 0 {
			t.Errorf("the device beside it: %+v", st.Counts)
		}
	})
}

func TestDeviceThatTalksNonsense(t *testing.T) {
	repeat := func(s string, every time.Duration) func(p transport.Port) {
		return func(p transport.Port) {
			for p.Send([]byte(s), transport.Stream) == nil {
				time.Sleep(every)
			}
		}
	}
	long := strings.Repeat("x", 1<<20)
	for name, c := range map[string]struct {
		talk  func(p transport.Port)
		code  edge.Code
		state edge.State
	}{
		"garbage":       {repeat("\x00\xff\xfe garbage }{\n", 10*time.Millisecond), edge.CodeGarbage, edge.StateFault},
		"10k lines/s":   {repeat(strings.Repeat("?!%\n", 100), 10*time.Millisecond), edge.CodeGarbage, edge.StateFault},
		"half a line":   {func(p transport.Port) { _ = p.Send([]byte(`{"n":1,"t":1,"te`), transport.Stream) }, edge.CodeNotReady, edge.StateFault},
		"no newline":    {repeat(long, 100*time.Millisecond), edge.CodeLineTooLong, edge.StateFault},
		"nan only":      {repeat(`{"n":1,"t":1,"temp":NaN,"duty":NaN,"fan":NaN,"safe":NaN}`+"\n", 10*time.Millisecond), edge.CodeQuarantined, edge.StateQuarantined},
		"another model": {repeat(`{"enc":5,"time":7}`+"\n", 10*time.Millisecond), edge.CodeGarbage, edge.StateFault},
		"silence":       {func(transport.Port) {}, edge.CodeNotReady, edge.StateFault},
	} {
		t.Run(name, func(t *testing.T) {
			badly(t, c.talk, func(t *testing.T, bad *Supervisor, logs *tally, _ *rig) {
				time.Sleep(2 * time.Second)
				var m runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&m)
				before := m.HeapAlloc
				time.Sleep(10 * time.Second)
				runtime.GC()
				runtime.ReadMemStats(&m)
				if m.HeapAlloc > before+2<<20 {
					t.Errorf("memory grew by %d bytes", m.HeapAlloc-before)
				}
				st := bad.Status()
				if st.State != c.state || st.Reason == nil || st.Reason.Code != c.code || st.Reason.Hint == "" {
					t.Errorf("%s, %+v; want %s, %s and a hint", st.State, st.Reason, c.state, c.code)
				}
				logs.mu.Lock()
				defer logs.mu.Unlock()
				for msg, n := range logs.n {
					if n > 2 { // why it was wanted, and why it is tried again
						t.Errorf("logged %d times: %s", n, msg)
					}
				}
			})
		})
	}
}

// A device that was right and then talks nonsense is stale, with the reason.
func TestLiveDeviceThatBeginsToTalkNonsense(t *testing.T) {
	inBubble(t, mem.Options{}, func(typ *Type) { typ.Safe.Shows = nil }, func(t *testing.T, r *rig) {
		f := r.driven(50)
		defer r.beats(ann, f)()
		r.plate.set(func(p *plate) { p.babbles = true })
		st := r.until("stale", func(st edge.Status) bool { return st.State == edge.StateStale })
		if st.Reason.Code != edge.CodeGarbage || st.Reason.Hint == "" {
			t.Errorf("%+v", st.Reason)
		}
		if !r.plate.duty0() {
			t.Error("not safe")
		}
		time.Sleep(10 * time.Second)
		r.sink.mu.Lock()
		n := len(r.sink.events)
		r.sink.mu.Unlock()
		if n > 40 {
			t.Errorf("%d events", n)
		}
		r.plate.set(func(p *plate) { p.babbles = false })
		r.until("live", live)
	})
}

// NaN in telemetry is a value that is missing: it confirms nothing and is no
// place to move from.
func TestNaNConfirmsNothing(t *testing.T) {
	e := newShows(&Type{Channels: []Channel{{ID: "x"}}}, []Show{{Channel: "x", Range: &Range{-1e300, 1e300}}}, nil)
	w := &watchers{}
	w.add(e)
	w.arm(e, 0)
	s := newStream("b", "d", nil)
	s.restart(1, (&Type{Channels: []Channel{{ID: "x", Scale: 1}}}).contract(nil), false)
	for i := range 10 {
		s.add(time.Duration(i)*time.Second, 0, []float64{[]float64{5}[0] * nan(i > 0)})
		w.sample(s.reading)
	}
	if e.settled {
		t.Error("confirmed by NaN")
	}
}

func nan(yes bool) float64 {
	if yes {
		var zero float64
		return zero / zero
	}
	return 1
}

// A port that is not there, that another program has, or that may not be opened
// is one state with a code and a hint, one log line, and is tried again.
func TestPortThatCannotBeOpened(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("no port"), 0o600); err != nil {
		t.Fatal(err)
	}
	busy := mem.NewOpener(mem.Options{}, func(*mem.Port) {})
	held, err := busy.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	missing, err := serial.New(serial.Options{Path: filepath.Join(dir, "ttyUSB9")})
	if err != nil {
		t.Fatal(err)
	}
	notSerial, err := serial.New(serial.Options{Path: file})
	if err != nil {
		t.Fatal(err)
	}
	forbidden := refused{edge.Errorf(edge.CodePortForbidden, "no").WithHint("join the dialout group")}
	for name, c := range map[string]struct {
		o    transport.Opener
		code edge.Code
	}{"missing": {missing, edge.CodePortMissing}, "no serial port": {notSerial, edge.CodePortMissing}, "busy": {busy, edge.CodePortBusy},
		"forbidden": {forbidden, edge.CodePortForbidden}} {
		t.Run(name, func(t *testing.T) {
			var buf bytes.Buffer
			log := slog.New(slog.NewTextHandler(&buf, nil))
			sink := &logSink{}
			ledger, err := NewLedger(t.Context(), "b", &memKV{m: map[string]string{}}, nil, log)
			if err != nil {
				t.Fatal(err)
			}
			sup, err := New(Config{Box: "b", ID: "p", Type: catalogType(t, "plate"), Opener: c.o, Clock: edge.NewSystemClock(), Ledger: ledger,
				Sinks: []edge.Sink{sink}, Logger: log})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 800*time.Millisecond) // three tries
			defer cancel()
			var last edge.Status
			sup.OnChange(func(st edge.Status) {
				if st.Reason != nil {
					last = st
				}
			})
			sup.Run(ctx)
			if last.State != edge.StateAbsent || last.Reason == nil || last.Reason.Code != c.code || c.code != edge.CodePortBusy && last.Reason.Hint == "" {
				t.Errorf("%s: %+v", last.State, last.Reason)
			}
			if n := strings.Count(buf.String(), "code="+string(c.code)); n != 1 {
				t.Errorf("logged %d times:\n%s", n, &buf)
			}
			if len(sink.events) > 3 { // opening, absent, and absent at the end
				t.Errorf("%d events", len(sink.events))
			}
		})
	}
}

type refused struct{ err error }

func (r refused) Open(context.Context) (transport.Port, error) { return nil, r.err }
func (r refused) String() string                               { return "/dev/ttyS9" }

// A safe sequence that is answered with nonsense ends in quarantine, within the
// tries that are declared, and revokes the lease.
func TestNonsenseForAnAnswerIsQuarantine(t *testing.T) {
	inBubble(t, mem.Options{}, func(typ *Type) { typ.Safe.Tries = 2 }, func(t *testing.T, r *rig) {
		f := r.driven(50)
		defer r.beats(ann, f)()
		r.plate.set(func(p *plate) { p.nonsense = true })
		n := len(r.plate.lines())
		res, err := r.Stop(t.Context(), bob)
		if err != nil || res.Confirmed || res.Reason.Code != edge.CodeQuarantined {
			t.Errorf("%+v, %v", res, err)
		}
		st := r.until("quarantine", func(st edge.Status) bool { return st.State == edge.StateQuarantined })
		if st.Lease != nil || st.Safe != edge.SafeUnconfirmed || st.Reason.Hint == "" {
			t.Errorf("%+v", st)
		}
		if got := r.plate.lines()[n:]; !slices.Equal(got, []string{safeLine, safeLine}) {
			t.Errorf("the device got %q", got)
		}
		code(t, r.duty(ann, f, 10), edge.CodeNotHolder)
	})
}
