package devices

import (
	"context"
	"io"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"labbox/devices/transport/mem"
	"labbox/edge"
)

// Where the grace and the turn end at once, the device is made safe before the
// next one drives, however quick they are.
func TestNobodyInheritsARunningDevice(t *testing.T) {
	change := func(typ *Type) { typ.Keep = typ.Grace }
	inBubble(t, mem.Options{}, change, func(t *testing.T, r *rig) {
		for range 50 {
			r.driven(60)
			for {
				l, err := r.Take(t.Context(), bob)
				if err != nil {
					time.Sleep(time.Millisecond)
					continue
				}
				if !r.plate.duty0() {
					t.Fatal("taken while the heater is on")
				}
				if err := r.Release(bob, l.Fence); err != nil {
					t.Fatal(err)
				}
				break
			}
		}
	})
}

// A heartbeat that comes when the grace is over does not hide that it was.
func TestLateHeartbeatDoesNotHideTheGrace(t *testing.T) {
	inBubble(t, mem.Options{}, nil, func(t *testing.T, r *rig) {
		f := r.driven(60)
		for r.count("lease", "what", "back") == 0 {
			time.Sleep(r.t2().Grace + time.Microsecond)
			_ = r.HeartBeat(ann, f)
		}
		if r.count("lease", "what", "away") == 0 {
			t.Error("back, and was never away")
		}
		time.Sleep(50 * time.Millisecond)
		if !r.plate.duty0() {
			t.Error("not made safe")
		}
	})
}

// Between the last safe sequence and the end of the line nobody gets in.
func TestNothingIsObeyedOnceTheBoxStops(t *testing.T) {
	inBubble(t, mem.Options{}, nil, func(t *testing.T, r *rig) {
		f := r.driven(60)
		defer r.beats(ann, f)()
		r.cancel()
		for {
			if l, err := r.Take(context.Background(), bob); err == nil {
				t.Fatalf("granted %d while the box stops", l.Fence)
			}
			_, off := r.lastDuty()
			if err := r.duty(ann, f, 33); err == nil && off {
				t.Fatal("obeyed after the last safe sequence")
			}
			select {
			case <-r.done:
				if !r.plate.duty0() {
					t.Fatal("left running")
				}
				return
			case <-time.After(100 * time.Microsecond):
			}
		}
	})
}

// lastDuty is the last line that the device got, and whether it was safe.
func (r *rig) lastDuty() (line string, safe bool) {
	lines := r.plate.lines()
	if len(lines) == 0 {
		return "", false
	}
	line = lines[len(lines)-1]
	return line, line == safeLine
}

const safeLine = `{"cmd":"safe"}`

// A self-test that the device did not live to see does not clear it when it is
// plugged in again.
func TestUnfinishedSelfTestClearsNothing(t *testing.T) {
	inBubble(t, mem.Options{}, func(typ *Type) { typ.Safe.Tries = 1 }, func(t *testing.T, r *rig) {
		r.until("live", live)
		r.plate.set(func(p *plate) { p.mute = true })
		if res, _ := r.Stop(t.Context(), bob); res.Confirmed {
			t.Fatal("confirmed by a device that does not answer")
		}
		r.until("quarantine", func(st edge.Status) bool { return st.State == edge.StateQuarantined })
		if err := r.Resume(tea); err != nil {
			t.Fatal(err)
		}
		cleared := make(chan error, 1)
		go func() { cleared <- r.Clear(context.Background(), tea) }()
		time.Sleep(100 * time.Millisecond)
		r.opener.Unplug()
		if err := <-cleared; err == nil {
			t.Fatal("cleared by a device that was unplugged")
		}
		r.plate.set(func(p *plate) { p.mute = false })
		r.opener.Plug()
		st := r.until("safe", func(st edge.Status) bool { return st.Safe == edge.SafeConfirmed && st.State != edge.StateSafing })
		if st.State != edge.StateQuarantined {
			t.Fatalf("%s by being plugged in again", st.State)
		}
		if err := r.Clear(t.Context(), tea); err != nil {
			t.Fatal(err)
		}
		r.until("live", live)
	})
}

// A type whose safe state needs no message can be cleared too, and does not
// flap when its data stops.
func TestNothingToSend(t *testing.T) {
	inBubble(t, mem.Options{}, func(typ *Type) { typ.Safe = &Safe{} }, func(t *testing.T, r *rig) {
		r.until("live", live)
		r.mu.Lock()
		l := r.link
		r.mu.Unlock()
		r.writeStuck(l)
		r.until("absent", func(st edge.Status) bool { return st.State == edge.StateAbsent })
		r.until("quarantined", func(st edge.Status) bool { return st.State == edge.StateQuarantined })
		if err := r.Clear(t.Context(), tea); err != nil {
			t.Fatal(err)
		}
		r.until("live", live)
		before := r.count("state", "state", string(edge.StateStale))
		r.plate.set(func(p *plate) { p.frozen = true })
		time.Sleep(5 * time.Second)
		if n := r.count("state", "state", string(edge.StateStale)) - before; n > 2 { // before and after it was looked after
			t.Errorf("stale %d times", n)
		}
	})
}

// deadBus takes nothing and never returns.
type deadBus struct {
	edge.Bus
	end chan struct{}
}

func (b deadBus) Publish(context.Context, string, []byte) error { <-b.end; return nil }
func (b deadBus) Serve(string, func(context.Context, edge.Msg) ([]byte, error)) (edge.Subscription, error) {
	return b, nil
}
func (b deadBus) Close() error    { return nil }
func (b deadBus) Dropped() uint64 { return 0 }

// A broker and a store that hang hold up nothing: the device boots safe, is
// driven, and is made safe when its driver is gone.
func TestOwnerWithoutBrokerAndStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		t.Cleanup(func() { time.Sleep(2 * storeTimeout) })
		bus, shared := deadBus{end: make(chan struct{})}, &memKV{m: map[string]string{}}
		shared.on(stuck)
		log := slog.New(slog.NewTextHandler(io.Discard, nil))
		clock := edge.NewSystemClock()
		ledger, err := NewLedger(t.Context(), "b", &memKV{m: map[string]string{}}, nil, log)
		if err != nil {
			t.Fatal(err)
		}
		owner := NewOwner(OwnerConfig{Box: "b", Bus: bus, Shared: shared, Clock: clock, Logger: log})
		pl := &plate{interval: 5 * time.Millisecond, duty: 80}
		typ := catalogType(t, "plate")
		typ.Grace = 300 * time.Millisecond
		sup, err := New(Config{Box: "b", ID: "p", Type: typ, Clock: clock, Ledger: ledger, Sinks: []edge.Sink{owner}, Logger: log,
			Opener: mem.NewOpener(mem.Options{}, func(d *mem.Port) { go pl.run(d) })})
		if err != nil {
			t.Fatal(err)
		}
		owner.Add(sup)
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan struct{})
		go func() { _ = owner.Run(ctx); close(ended) }()
		defer func() { cancel(); <-ended; close(bus.end) }()

		time.Sleep(600 * time.Millisecond)
		if !pl.duty0() {
			t.Fatal("not safe at boot")
		}
		r := &rig{Supervisor: sup, t: t, plate: pl}
		r.driven(50)
		time.Sleep(typ.Grace + 50*time.Millisecond)
		if !pl.duty0() {
			t.Error("not safe after the grace")
		}
	})
}
