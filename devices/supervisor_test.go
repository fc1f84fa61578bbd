package devices

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"

	"labbox/devices/transport"
	"labbox/devices/transport/mem"
	"labbox/edge"
	"labbox/edge/config"
	"labbox/edge/frame"
)

// memKV is as much of a KV as the ledger needs.
type memKV struct {
	edge.KV
	mu   sync.Mutex
	m    map[string]string
	hook func(ctx context.Context, op, key string) error // what goes wrong
}

func (k *memKV) on(hook func(ctx context.Context, op, key string) error) {
	k.mu.Lock()
	k.hook = hook
	k.mu.Unlock()
}

func (k *memKV) before(ctx context.Context, op, key string) error {
	k.mu.Lock()
	hook := k.hook
	k.mu.Unlock()
	if hook == nil {
		return nil
	}
	return hook(ctx, op, key)
}

func (k *memKV) Get(ctx context.Context, key string) ([]byte, bool, error) {
	if err := k.before(ctx, "get", key); err != nil {
		return nil, false, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	v, ok := k.m[key]
	return []byte(v), ok, nil
}

func (k *memKV) Set(ctx context.Context, key string, v []byte, _ time.Duration) error {
	if err := k.before(ctx, "set", key); err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.m[key] = string(v)
	return nil
}

func (k *memKV) Delete(ctx context.Context, keys ...string) (int, error) {
	if err := k.before(ctx, "delete", keys[0]); err != nil {
		return 0, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, key := range keys {
		delete(k.m, key)
	}
	return len(keys), nil
}

func (k *memKV) Raise(ctx context.Context, key string, n uint64) (uint64, error) {
	if err := k.before(ctx, "raise", key); err != nil {
		return 0, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	var have uint64
	fmt.Sscan(k.m[key], &have)
	have = max(have, n)
	k.m[key] = fmt.Sprint(have)
	return have, nil
}

func (k *memKV) Keys(_ context.Context, prefix string) ([]string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	var out []string
	for key := range k.m {
		if len(key) > len(prefix) && key[:len(prefix)] == prefix {
			out = append(out, key)
		}
	}
	return out, nil
}

// logSink keeps what a supervisor says.
type logSink struct {
	mu      sync.Mutex
	events  []edge.Event
	samples int
	lost    int
}

func (s *logSink) Stream(string, uint32, *edge.Contract) {}
func (s *logSink) Frame(_ string, b []byte) {
	v, _, err := frame.Parse(b)
	if err != nil {
		panic(err)
	}
	s.mu.Lock()
	s.samples += v.Header().Samples
	s.lost += int(v.Header().Lost)
	s.mu.Unlock()
}
func (s *logSink) Event(_ string, e *edge.Event) {
	s.mu.Lock()
	s.events = append(s.events, *e)
	s.mu.Unlock()
}

// plate is the thermal plate as a device on a line, with faults on demand.
type plate struct {
	mu       sync.Mutex
	duty     float64
	fan      float64
	mute     bool // no reply to safe
	frozen   bool // no telemetry
	deaf     bool // obeys nothing
	got      []string
	offAt    time.Time // when it was last made safe
	n        uint64
	interval time.Duration
	boot     time.Duration // until its banner
	slow     time.Duration // until its reply
	hides    bool          // reports neither duty nor fan
	babbles  bool          // sends garbage for telemetry
	nonsense bool          // answers the safe sequence with something else
	warmer   float64       // than 25.31
	saw      func(line string, stands float64)
}

func (p *plate) set(f func(*plate)) { p.mu.Lock(); f(p); p.mu.Unlock() }

func (p *plate) pause() time.Duration { p.mu.Lock(); defer p.mu.Unlock(); return p.interval }

func (p *plate) lines() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.got...)
}

type portReader struct{ transport.Port }

func (r portReader) Read(b []byte) (int, error) {
	n, _, err := r.Receive(b)
	return n, err
}

func (p *plate) run(port transport.Port) {
	var out sync.Mutex
	say := func(s string) { out.Lock(); _ = port.Send([]byte(s+"\r\n"), transport.Stream); out.Unlock() }
	stop := make(chan struct{})
	p.mu.Lock()
	boot := p.boot
	p.mu.Unlock()
	go func() {
		time.Sleep(boot)
		say(`{"id":"labbox-plate","fw":"1.0"}`)
		for {
			select {
			case <-stop:
				return
			case <-time.After(p.pause()):
			}
			p.mu.Lock()
			frozen := p.frozen
			p.n++
			safe := 0
			if p.duty == 0 && p.fan == 0 {
				safe = 1
			}
			line := fmt.Sprintf(`{"n":%d,"t":%d,"temp":%g,"duty":%g,"fan":%g,"safe":%d}`, p.n, p.n*10, 25.31+p.warmer, p.duty, p.fan, safe)
			if p.hides {
				line = fmt.Sprintf(`{"n":%d,"t":%d,"temp":25.31,"safe":0}`, p.n, p.n*10)
			}
			if p.babbles {
				line = "\x00\xff}{"
			}
			p.mu.Unlock()
			if !frozen {
				say(line)
			}
		}
	}()
	defer close(stop)
	sc := bufio.NewScanner(portReader{port})
	for sc.Scan() {
		var c struct {
			Cmd   string
			Param float64
		}
		if sc.Text() == "" {
			continue
		}
		p.mu.Lock()
		p.got = append(p.got, sc.Text())
		if p.saw != nil {
			p.saw(sc.Text(), p.duty)
		}
		deaf, mute, nonsense := p.deaf, p.mute, p.nonsense
		p.mu.Unlock()
		if deaf {
			continue
		}
		if json.Unmarshal(sc.Bytes(), &c) != nil {
			say(`{"error":"parse"}`)
			continue
		}
		p.set(func(p *plate) {
			switch c.Cmd {
			case "duty":
				p.duty = c.Param
			case "fan":
				p.fan = c.Param
			case "safe":
				p.duty, p.fan, p.offAt = 0, 0, time.Now()
			}
		})
		p.mu.Lock()
		slow := p.slow
		p.mu.Unlock()
		time.Sleep(slow)
		switch c.Cmd {
		case "duty", "fan":
			say(fmt.Sprintf(`{"ok":%q,"param":%g}`, c.Cmd, c.Param))
		case "safe", "beat":
			if nonsense {
				say(`{"ok":"perhaps","duty":0}`)
			} else if !mute {
				say(fmt.Sprintf(`{"ok":%q}`, c.Cmd))
			}
		}
	}
}

type rig struct {
	*Supervisor
	t      *testing.T
	plate  *plate
	opener *mem.Opener
	line   transport.Opener // opener, unless a test says otherwise
	plugs  <-chan struct{}  // hot plug, where a test has it
	sink   *logSink
	kv     *memKV
	clock  edge.Clock
	cancel context.CancelFunc
	done   chan struct{}
}

func newRig(t *testing.T, o mem.Options, change func(*Type)) *rig {
	t.Helper()
	reg, err := NewRegistry()
	if err != nil {
		t.Fatal(err)
	}
	typ, err := reg.Type("plate", "")
	if err != nil {
		t.Fatal(err)
	}
	typ, err = typ.narrowed(&config.Device{ID: "p"})
	if err != nil {
		t.Fatal(err)
	}
	typ.Grace, typ.Keep = 300*time.Millisecond, 2*time.Second
	typ.Stale = 400 * time.Millisecond
	if change != nil {
		change(typ)
	}
	r := &rig{t: t, plate: &plate{interval: 5 * time.Millisecond}, sink: &logSink{}, clock: edge.NewSystemClock(), kv: &memKV{m: map[string]string{}}}
	r.opener = mem.NewOpener(o, func(d *mem.Port) { go r.plate.run(d) })
	r.line = r.opener
	r.start(typ, o.Baud)
	t.Cleanup(func() { r.cancel(); <-r.done })
	return r
}

func (r *rig) start(typ *Type, baud int) { r.begin(typ, baud, func(*Supervisor) {}) }

// begin is start, with a change before the supervisor runs.
func (r *rig) begin(typ *Type, baud int, change func(*Supervisor)) {
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	ledger, err := NewLedger(r.t.Context(), "b", r.kv, nil, log)
	if err != nil {
		r.t.Fatal(err)
	}
	r.Supervisor, err = New(Config{Box: "b", ID: "p", Type: typ, Opener: r.line, Baud: baud, Clock: r.clock, Ledger: ledger,
		Sinks: []edge.Sink{r.sink}, Logger: log, Plugged: r.plugs})
	if err != nil {
		r.t.Fatal(err)
	}
	change(r.Supervisor)
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel, r.done = cancel, make(chan struct{})
	sup, ended, done := r.Supervisor, make(chan struct{}), r.done
	go func() { sup.Run(ctx); close(ended) }()
	go func() {
		defer close(done)
		for n := uint64(1); ; n++ {
			sup.Beat(edge.Tick{Owner: 1, N: n, MonoMS: r.clock.Mono().Milliseconds()}, n%20 == 0)
			select {
			case <-time.After(50 * time.Millisecond):
			case <-ended:
				return
			}
		}
	}()
}

func (r *rig) until(what string, ok func(edge.Status) bool) edge.Status {
	r.t.Helper()
	end := time.Now().Add(10 * time.Second)
	for {
		st := r.Status()
		if ok(st) {
			return st
		}
		if time.Now().After(end) {
			r.t.Fatalf("%s: never; state %s, safe %s, reason %v, device got %q", what, st.State, st.Safe, st.Reason, r.plate.lines())
		}
		time.Sleep(2 * time.Millisecond)
	}
}

func live(st edge.Status) bool { return st.State == edge.StateLive && st.Tick.N > 0 }

var ann = edge.Actor{Seat: "a", Name: "Ann", Role: edge.RoleStudent, Via: "panel"}
var bob = edge.Actor{Seat: "b", Name: "Bob", Role: edge.RoleStudent, Via: "panel"}
var tea = edge.Actor{Seat: "t", Name: "Tea", Role: edge.RoleTeacher, Via: "panel"}

func (r *rig) take(a edge.Actor) uint64 {
	r.t.Helper()
	l, err := r.Take(r.t.Context(), a)
	if err != nil {
		r.t.Fatal(err)
	}
	return l.Fence
}

func (r *rig) cmd(a edge.Actor, fence uint64, name string, args edge.Args) (*edge.CommandResult, error) {
	return r.Command(r.t.Context(), a, fence, &edge.Command{Name: name, Args: args, Tick: r.Status().Tick})
}

func (r *rig) duty(a edge.Actor, fence uint64, x float64) error {
	_, err := r.cmd(a, fence, "duty", edge.Args{"duty": edge.Number(x)})
	return err
}

func (r *rig) beats(a edge.Actor, fence uint64) (stop func()) {
	quit := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			_ = r.HeartBeat(a, fence)
			select {
			case <-quit:
				return
			case <-time.After(30 * time.Millisecond):
			}
		}
	})
	return sync.OnceFunc(func() { close(quit); wg.Wait() })
}

func code(t *testing.T, err error, want edge.Code) {
	t.Helper()
	if edge.CodeOf(err) != want {
		t.Fatalf("error %v (%s), want %s", err, edge.CodeOf(err), want)
	}
}

func TestSafeSequenceIsSentAndConfirmedAtBoot(t *testing.T) {
	r := newRig(t, mem.Options{}, nil)
	r.plate.set(func(p *plate) { p.duty = 80 }) // left running by a box that died
	st := r.until("live", live)
	if st.Safe != edge.SafeConfirmed {
		t.Fatalf("safe %s", st.Safe)
	}
	r.plate.set(func(p *plate) {
		if p.duty != 0 {
			t.Errorf("duty %g after boot", p.duty)
		}
	})
}

func TestDriveConfirmRelease(t *testing.T) {
	r := newRig(t, mem.Options{}, nil)
	r.until("live", live)
	code(t, r.duty(ann, 0, 10), edge.CodeNotHolder)
	f := r.take(ann)
	stop := r.beats(ann, f)
	defer stop()
	res, err := r.cmd(ann, f, "duty", edge.Args{"duty": edge.Number(40)})
	if err != nil || res.Outcome != edge.OutcomeConfirmed || res.Reply != `{"ok":"duty","param":40}` {
		t.Fatalf("%+v, %v", res, err)
	}
	code(t, r.duty(ann, f, 101), edge.CodeOutOfRange)
	code(t, r.duty(ann, f, -1), edge.CodeOutOfRange)
	code(t, r.duty(bob, f, 10), edge.CodeNotHolder)
	code(t, r.duty(ann, f+1, 10), edge.CodeStaleFence)
	_, err = r.Take(t.Context(), bob)
	code(t, err, edge.CodeLeaseTaken)
	if err := r.Release(ann, f); err != nil {
		t.Fatal(err)
	}
	r.until("safe again", func(st edge.Status) bool { return live(st) && r.plate.duty0() })
	g := r.take(bob)
	if g <= f {
		t.Fatalf("fence went from %d to %d", f, g)
	}
	code(t, r.duty(ann, f, 10), edge.CodeStaleFence)
}

func (p *plate) duty0() bool { p.mu.Lock(); defer p.mu.Unlock(); return p.duty == 0 }

func TestHeartbeatGoneMakesSafe(t *testing.T) {
	inBubble(t, mem.Options{}, nil, func(t *testing.T, r *rig) {
		r.until("live", live)
		f := r.take(ann)
		stop := r.beats(ann, f)
		if err := r.duty(ann, f, 50); err != nil {
			t.Fatal(err)
		}
		stop()
		gone := time.Now()
		r.until("safe", func(st edge.Status) bool { return r.plate.duty0() })
		if d := time.Since(gone); d > 550*time.Millisecond {
			t.Errorf("safe %v after the last heartbeat, grace 300ms", d)
		}
		st := r.until("turn kept", live)
		if st.Lease == nil || !st.Lease.Away {
			t.Fatalf("lease %+v, want it kept and away", st.Lease)
		}
		code(t, r.duty(ann, f, 50), edge.CodeLate)
		stop = r.beats(ann, f)
		defer stop()
		r.until("back", func(st edge.Status) bool { return st.Lease != nil && !st.Lease.Away })
		if err := r.duty(ann, f, 20); err != nil {
			t.Fatal(err)
		}
		stop()
		r.until("turn over", func(st edge.Status) bool { return live(st) && st.Lease == nil && r.plate.duty0() })
	})
}

func TestStopLatchesOverRestart(t *testing.T) {
	r := newRig(t, mem.Options{}, nil)
	r.until("live", live)
	f := r.take(ann)
	stop := r.beats(ann, f)
	if err := r.duty(ann, f, 50); err != nil {
		t.Fatal(err)
	}
	res, err := r.Stop(t.Context(), edge.Actor{Seat: "x", Name: "Zed", Role: edge.RoleObserver})
	if err != nil || !res.Confirmed || !res.Latched {
		t.Fatalf("%+v, %v", res, err)
	}
	if !r.plate.duty0() {
		t.Fatal("confirmed, but the heater is on")
	}
	code(t, r.duty(ann, f, 50), edge.CodeStopped)
	stop()
	r.cancel()
	<-r.done
	r.start(r.t2(), 0)
	r.until("live", live)
	_, err = r.Take(t.Context(), ann)
	code(t, err, edge.CodeStopped)
	if err := r.Resume(tea); err != nil {
		t.Fatal(err)
	}
	r.take(ann)
}

func (r *rig) t2() *Type { return r.Supervisor.typ() }

func TestUnconfirmedSafeIsQuarantine(t *testing.T) {
	inBubble(t, mem.Options{}, func(typ *Type) { typ.Safe.Tries = 2 }, func(t *testing.T, r *rig) {
		r.until("live", live)
		f := r.take(ann)
		defer r.beats(ann, f)()
		if err := r.duty(ann, f, 50); err != nil {
			t.Fatal(err)
		}
		r.plate.set(func(p *plate) { p.deaf = true })
		res, err := r.Stop(t.Context(), ann)
		if err != nil || res.Confirmed {
			t.Fatalf("confirmed by a deaf device: %+v, %v", res, err)
		}
		r.until("quarantine", func(st edge.Status) bool { return st.State == edge.StateQuarantined })
		if err := r.Resume(tea); err != nil {
			t.Fatal(err)
		}
		_, err = r.Take(t.Context(), bob)
		code(t, err, edge.CodeQuarantined)
		r.plate.set(func(p *plate) { p.deaf = false })
		r.opener.Unplug()
		r.opener.Plug()
		r.until("still quarantined", func(st edge.Status) bool { return st.State == edge.StateQuarantined && st.Safe == edge.SafeConfirmed })
		if err := r.Clear(t.Context(), tea); err != nil {
			t.Fatal(err)
		}
		r.until("live", live)
		r.take(bob)
	})
}

func TestUnplugAndBack(t *testing.T) {
	inBubble(t, mem.Options{}, nil, func(t *testing.T, r *rig) {
		r.until("live", live)
		f := r.take(ann)
		defer r.beats(ann, f)()
		for i := range 20 {
			if err := r.duty(ann, f, 50); err != nil {
				t.Fatal(i, err)
			}
			r.opener.Unplug()
			r.until("absent", func(st edge.Status) bool { return st.State == edge.StateAbsent })
			code(t, r.duty(ann, f, 50), edge.CodeNotReady)
			r.opener.Plug()
			r.until("safe and live", func(st edge.Status) bool { return live(st) && st.Safe == edge.SafeConfirmed })
			if !r.plate.duty0() {
				t.Fatal("live again, and the heater is on")
			}
		}
	})
}

func TestFrozenTelemetry(t *testing.T) {
	inBubble(t, mem.Options{}, func(typ *Type) { typ.Safe.Shows = nil }, func(t *testing.T, r *rig) {
		r.until("live", live)
		r.plate.set(func(p *plate) { p.frozen = true; p.duty = 30 })
		r.until("stale and safe", func(st edge.Status) bool { return st.State == edge.StateStale && r.plate.duty0() })
		_, err := r.Take(t.Context(), ann)
		code(t, err, edge.CodeNotReady)
		r.plate.set(func(p *plate) { p.frozen = false })
		r.until("live", live)
	})
}

func TestOldTickAndReusedKey(t *testing.T) {
	r := newRig(t, mem.Options{}, nil)
	r.until("live", live)
	f := r.take(ann)
	defer r.beats(ann, f)()
	c := &edge.Command{Name: "duty", Args: edge.Args{"duty": edge.Number(5)}, Key: "k1", Tick: edge.Tick{Owner: 9, N: 1}}
	_, err := r.Command(t.Context(), ann, f, c)
	code(t, err, edge.CodeStaleTick)
	c.Tick = r.Status().Tick
	if _, err = r.Command(t.Context(), ann, f, c); err != nil {
		t.Fatal(err)
	}
	n := len(r.plate.lines())
	res, err := r.Command(t.Context(), ann, f, c)
	if err != nil || !res.Again || len(r.plate.lines()) > n {
		t.Fatalf("%+v %v, device got %q", res, err, r.plate.lines()[n:])
	}
	c2 := *c
	c2.Args = edge.Args{"duty": edge.Number(6)}
	_, err = r.Command(t.Context(), ann, f, &c2)
	code(t, err, edge.CodeDuplicate)
}

// At 9600 baud with commands queued up, a stop overtakes them all.
func TestStopOvertakesQueue(t *testing.T) {
	inBubble(t, mem.Options{Baud: 9600}, func(typ *Type) { typ.Commands[0].Rate = 0 }, func(t *testing.T, r *rig) {
		r.plate.set(func(p *plate) { p.interval = 200 * time.Millisecond })
		r.until("live", live)
		f := r.take(ann)
		defer r.beats(ann, f)()
		if err := r.duty(ann, f, 99); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for i := range 50 {
			wg.Go(func() { _ = r.duty(ann, f, float64(i)) })
		}
		time.Sleep(60 * time.Millisecond)
		began := time.Now()
		go r.Stop(context.Background(), bob)
		r.until("off", func(edge.Status) bool {
			lines := r.plate.lines()
			return lines[len(lines)-1] == `{"cmd":"safe"}`
		})
		if d := time.Since(began); d > 150*time.Millisecond {
			t.Errorf("stop reached the device after %v", d)
		}
		wg.Wait()
		r.until("safe", live)
		lines := r.plate.lines()
		seen := false
		for _, l := range lines[3:] {
			if l == `{"cmd":"safe"}` {
				seen = true
			} else if seen {
				t.Errorf("%s after the safe sequence", l)
			}
		}
	})
}
