package devices

import (
	"context"
	"testing"
	"time"

	"labbox/devices/transport/mem"
	"labbox/edge"
)

// homing is the plate with a known state: fan off, then the heater at 7.
func homing(typ *Type) {
	typ.Between = &Between{Steps: []Step{{Command: "duty", Args: map[string]any{"duty": 7}}},
		Shows: []Show{{Channel: "duty", Equals: 7}}, Within: time.Second, Tries: 2}
}

const homeLine = `{"cmd":"duty","param":7}`

// known are the outcomes on the way to the known state.
func (r *rig) known() (out []string) {
	r.sink.mu.Lock()
	defer r.sink.mu.Unlock()
	for i := range r.sink.events {
		if e := &r.sink.events[i]; e.Code == "known" {
			out = append(out, e.Args["outcome"].(string))
		}
	}
	return out
}

func (r *rig) home() bool {
	r.plate.mu.Lock()
	defer r.plate.mu.Unlock()
	return r.plate.duty == 7
}

// Between two turns the device is in its known state, whatever ended the first;
// while a turn goes on it is left as it is.
func TestKnownStateBetweenTurns(t *testing.T) {
	inBubble(t, mem.Options{}, homing, func(t *testing.T, r *rig) {
		free := func(st edge.Status) bool { return live(st) && st.Lease == nil }
		r.until("live", free)
		if !r.home() {
			t.Error("not in its known state at the start of the box")
		}
		for name, end := range map[string]func(f uint64){
			"release": func(f uint64) { _ = r.Release(ann, f) },
			"expiry":  func(uint64) { time.Sleep(r.t2().Keep + 100*time.Millisecond) },
			"revoke":  func(uint64) { _ = r.Revoke(tea) },
			"replug": func(f uint64) {
				r.opener.Unplug()
				_ = r.Release(ann, f)
				r.until("absent", func(st edge.Status) bool { return st.State == edge.StateAbsent })
				r.opener.Plug()
			},
		} {
			f := r.take(ann)
			code(t, r.duty(ann, f, 40), "")
			end(f)
			r.until(name, free)
			if !r.home() {
				t.Errorf("%s: live, and not in its known state", name)
			}
			lines := r.plate.lines()
			if len(lines) < 2 || lines[len(lines)-1] != homeLine || lines[len(lines)-2] != safeLine {
				t.Errorf("%s: the device got %q", name, lines)
			}
		}
		f := r.take(ann)
		defer r.beats(ann, f)()
		code(t, r.duty(ann, f, 40), "")
		if _, err := r.Stop(t.Context(), bob); err != nil {
			t.Fatal(err)
		}
		_ = r.Resume(tea)
		r.until("live", live)
		if r.home() {
			t.Error("the state of who still drives was changed")
		}
		code(t, r.duty(ann, f, 40), "")
	})
}

// An emergency stop interrupts the way there; nothing moves until it is taken off.
func TestStopInterruptsTheKnownState(t *testing.T) {
	change := func(typ *Type) {
		homing(typ)
		typ.Between.Steps = append([]Step{{Wait: 30 * time.Second}}, typ.Between.Steps...)
	}
	inBubble(t, mem.Options{}, change, func(t *testing.T, r *rig) {
		r.until("on its way", func(st edge.Status) bool { return st.Reason != nil && st.Reason.Message == errBetween.Message })
		if _, err := r.Take(t.Context(), ann); edge.CodeOf(err) != edge.CodeSafing {
			t.Errorf("taken meanwhile: %v", err)
		}
		time.Sleep(time.Second)
		n := len(r.plate.lines())
		at := time.Now()
		res, err := r.Stop(t.Context(), bob)
		if err != nil || !res.Confirmed {
			t.Fatalf("%+v, %v", res, err)
		}
		if lines := r.plate.lines(); len(lines) != n+1 || lines[n] != safeLine || r.plate.offAt.Sub(at) > 20*time.Millisecond {
			t.Errorf("after the stop came %q, %v after it", lines[n:], r.plate.offAt.Sub(at))
		}
		time.Sleep(time.Minute)
		if r.home() || len(r.plate.lines()) != n+1 {
			t.Errorf("stopped, and it got %q", r.plate.lines())
		}
		if err := r.Resume(tea); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Take(t.Context(), ann); edge.CodeOf(err) != edge.CodeSafing {
			t.Errorf("taken before the known state: %v", err)
		}
		time.Sleep(35 * time.Second)
		r.until("live", live)
		if !r.home() {
			t.Error("live, and not in its known state")
		}
		r.take(ann)
	})
}

// The box stops on the way there: the last word is the safe sequence, at once.
func TestBoxStopsOnTheWayToTheKnownState(t *testing.T) {
	change := func(typ *Type) {
		homing(typ)
		typ.Between.Steps = append(typ.Between.Steps, Step{Wait: 30 * time.Second})
	}
	inBubble(t, mem.Options{}, change, func(t *testing.T, r *rig) {
		r.until("on its way", func(edge.Status) bool { return r.home() })
		at := time.Now()
		r.cancel()
		<-r.done
		lines := r.plate.lines()
		if took := time.Since(at); took > time.Second || lines[len(lines)-1] != safeLine || !r.plate.duty0() {
			t.Errorf("%v, %q", took, lines)
		}
	})
}

// A device that does not get there is made safe where it is and quarantined;
// clearing is the teacher's, and goes through both.
func TestKnownStateNotReached(t *testing.T) {
	change := func(typ *Type) { homing(typ); typ.Between.Shows = []Show{{Channel: "fan", Equals: "on"}} }
	inBubble(t, mem.Options{}, change, func(t *testing.T, r *rig) {
		st := r.until("quarantined", func(st edge.Status) bool { return st.State == edge.StateQuarantined })
		if st.Safe != edge.SafeConfirmed || !r.plate.duty0() {
			t.Errorf("quarantined, safe %s", st.Safe)
		}
		home := 0
		for _, l := range r.plate.lines() {
			if l == homeLine {
				home++
			}
		}
		if home != 2 {
			t.Errorf("tried %d times, want 2", home)
		}
		code(t, r.Clear(t.Context(), ann), edge.CodeForbidden)
		code(t, r.Clear(t.Context(), bob), edge.CodeForbidden)
		code(t, r.Clear(t.Context(), tea), edge.CodeQuarantined)
		// Somebody has mended it: the fan turns by hand.
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go func() {
			for ctx.Err() == nil {
				r.plate.set(func(p *plate) { p.fan = map[bool]float64{true: 1}[p.duty == 7] })
				time.Sleep(time.Millisecond)
			}
		}()
		if err := r.Clear(t.Context(), tea); err != nil {
			t.Fatal(err)
		}
		r.until("live", live)
		if got := r.known(); got[len(got)-1] != "confirmed" {
			t.Errorf("%q", got)
		}
	})
}

// What an interlock forbids is not sent on the way to the known state either.
func TestInterlocksHoldOnTheWayToTheKnownState(t *testing.T) {
	change := func(typ *Type) {
		homing(typ)
		typ.Interlocks = []Interlock{{When: []When{{Channel: "temp", Above: ptr(60)}}, Forbid: []string{"duty"}}}
	}
	inBubble(t, mem.Options{}, change, func(t *testing.T, r *rig) {
		r.until("live", live)
		f := r.take(ann)
		r.plate.set(func(p *plate) { p.warmer = 50 })
		time.Sleep(50 * time.Millisecond)
		n := len(r.plate.lines())
		_ = r.Release(ann, f)
		time.Sleep(500 * time.Millisecond)
		r.plate.set(func(p *plate) { p.warmer = 0 })
		r.until("live", live)
		lines := r.plate.lines()[n:]
		if len(lines) != 2 || lines[0] != safeLine || lines[1] != homeLine || !r.home() {
			t.Errorf("the device got %q", lines)
		}
	})
}

// A known state is checked when the file is read.
func TestCheckBetween(t *testing.T) {
	for between, want := range map[string]string{
		`{steps: [{command: duty, args: {duty: 7}}]}`:                                    "",
		`{steps: [{command: duty, args: {duty: 101}}]}`:                                  "out_of_range",
		`{steps: [{command: heat}]}`:                                                     "unknown_command",
		`{steps: [{send: {json: {cmd: beat}}, reply: {ok: {ok: beat}}}]}`:                "bad_value",
		`{steps: [{wait: 1s}]}`:                                                          "unconfirmed",
		`{steps: []}`:                                                                    "missing",
		`{steps: [{wait: 10m}], shows: [{channel: duty, equals: 0}]}`:                    "bad_range",
		`{steps: [{wait: 1m}], shows: [{channel: duty, equals: 0}], within: 2m}`:         "",
		`{steps: [{wait: 1m}], shows: [{channel: dutty, equals: 0}], within: 2m}`:        "unknown_channel",
		`{shows: [{channel: duty, equals: 0}], tries: 11}`:                               "bad_range",
		`{shows: [{channel: duty, equals: 0, tolerance: .nan}], tries: 1}`:               "bad_range",
		`{steps: [{command: duty, args: {duty: [7]}}], shows: [], tries: 1}`:             "bad_value",
		`{steps: [{command: duty, args: {duty: 7}, anyway: true}], shows: [], tries: 1}`: "bad_value",
	} {
		data, err := catalogFS.ReadFile("catalog/plate.yaml")
		if err != nil {
			t.Fatal(err)
		}
		_, ps := ParseType("plate.yaml", append(data, []byte("between: "+between+"\n")...))
		got := ""
		if len(ps) > 0 {
			got = ps[0].Code
		}
		if got != want {
			t.Errorf("%s: %s, want %q", between, ps, want)
		}
	}
}
