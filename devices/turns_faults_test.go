package devices

import (
	"errors"
	"testing"
	"time"

	"labbox/devices/transport/mem"
	"labbox/edge"
)

// What the type file has sent after a missing answer leaves a frozen device alone,
// also while it is stale.
func TestNothingIsMendedWhileFrozen(t *testing.T) {
	change := func(typ *Type) {
		typ.On.Timeout = []Step{{Command: "duty", Args: map[string]any{"duty": 33}}}
		safe := *typ.Safe
		safe.Shows = nil // it is confirmed by its reply, though there is no telemetry
		typ.Safe = &safe
	}
	inBubble(t, mem.Options{}, change, func(t *testing.T, r *rig) {
		f := r.driven(60)
		defer r.beats(ann, f)()
		if res, err := r.Hold(t.Context(), tea); err != nil || !res.Confirmed {
			t.Fatalf("%+v, %v", res, err)
		}
		r.plate.set(func(p *plate) { p.frozen = true })
		r.until("stale", func(st edge.Status) bool { return st.State == edge.StateStale })
		time.Sleep(time.Second)
		r.mu.Lock()
		l := r.link
		r.mu.Unlock()
		r.recover(l, edge.CodeNoAnswer)
		if r.sent("33") {
			t.Errorf("a frozen device was sent %q", r.plate.lines())
		}
		code(t, r.Unhold(tea), "")
		if r.recover(l, edge.CodeNoAnswer); !r.sent("33") {
			t.Error("never mended")
		}
	})
}

// Whose device comes into quarantine has no turn any more, whatever brought it
// there, and the store and the log say so.
func TestQuarantineEndsTheTurn(t *testing.T) {
	for name, jail := range map[string]func(r *rig){
		"unconfirmed": func(r *rig) {
			r.plate.set(func(p *plate) { p.mute = true })
			_, _ = r.Stop(r.t.Context(), bob)
		},
		"stuck": func(r *rig) {
			r.mu.Lock()
			l := r.link
			r.mu.Unlock()
			r.writeStuck(l)
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, mem.Options{}, nil, func(t *testing.T, r *rig) {
				f := r.driven(60)
				defer r.beats(ann, f)()
				time.Sleep(time.Second)
				jail(r)
				r.until("no turn", func(st edge.Status) bool { return st.Lease == nil })
				if err := r.HeartBeat(ann, f); edge.CodeOf(err) != edge.CodeNotHolder {
					t.Error(err)
				}
				if r.count("lease", "what", "quarantined") != 1 {
					t.Error("the log does not say that the turn has ended")
				}
				time.Sleep(time.Second)
				if got := r.kv.at(turnsKey("b", "p")); got != "{}" {
					t.Errorf("kept: %s", got)
				}
			})
		})
	}
}

// A clear that comes while the device is being told again to be safe waits for a
// self-test of its own, known state and all.
func TestClearDuringARetry(t *testing.T) {
	change := func(typ *Type) { homing(typ); typ.Between.Shows = []Show{{Channel: "fan", Equals: "on"}} }
	inBubble(t, mem.Options{}, change, func(t *testing.T, r *rig) {
		r.plate.set(func(p *plate) { p.mute = true })
		r.until("quarantined", func(st edge.Status) bool { return st.State == edge.StateQuarantined })
		r.plate.set(func(p *plate) { p.mute, p.slow = false, 200*time.Millisecond })
		for serving := false; !serving; time.Sleep(time.Millisecond) {
			r.mu.Lock()
			serving = r.serving
			r.mu.Unlock()
		}
		code(t, r.Clear(t.Context(), tea), edge.CodeQuarantined)
	})
}

// A command that is judged anew because the limits have changed is still one from
// before the safe sequence that came meanwhile.
func TestJudgedAnewIsNotAcceptedAnew(t *testing.T) {
	inBubble(t, mem.Options{}, nil, func(t *testing.T, r *rig) {
		f := r.driven(60)
		defer r.beats(ann, f)()
		spec, c := r.typ().command("duty"), &edge.Command{Name: "duty", Args: edge.Args{"duty": edge.Number(40)}, Tick: r.Status().Tick}
		var accepted chan struct{}
		code(t, r.Narrow(t.Context(), tea, within("duty.duty", 0, 90)), "")
		_, err := r.carryOutOnce(t.Context(), ann, f, c, spec, r.clock.Mono(), &accepted)
		if !errors.Is(err, errNarrowed) || accepted == nil {
			t.Fatal(err)
		}
		if res, err := r.Stop(t.Context(), bob); err != nil || !res.Confirmed {
			t.Fatalf("%+v, %v", res, err)
		}
		code(t, r.Resume(tea), "")
		_, err = r.carryOutOnce(t.Context(), ann, f, c, r.typ().command("duty"), r.clock.Mono(), &accepted)
		code(t, err, edge.CodeSafing)
		if code(t, r.duty(ann, f, 30), ""); r.sent("40") {
			t.Error("it was sent")
		}
	})
}

// A box that stops right after its store has come back keeps what a teacher has
// narrowed while it was away.
func TestLimitsAreSavedAtTheEnd(t *testing.T) {
	inBubble(t, mem.Options{}, nil, func(t *testing.T, r *rig) {
		r.until("live", live)
		r.kv.on(stuck)
		done := make(chan error, 1)
		go func() { done <- r.Narrow(t.Context(), tea, within("duty.duty", 0, 90)) }()
		time.Sleep(100 * time.Millisecond)
		code(t, r.Narrow(t.Context(), tea, within("duty.duty", 0, 80)), "")
		r.kv.on(nil)
		code(t, <-done, "")
		typ := r.narrow.base
		r.cancel()
		<-r.done
		r.start(typ, 0)
		if st := r.until("live", live); st.Limits["duty.duty"].Max == nil || *st.Limits["duty.duty"].Max != 80 {
			t.Errorf("limits %+v", st.Limits)
		}
	})
}
