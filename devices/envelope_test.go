package devices

import (
	"context"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"labbox/devices/transport/mem"
	"labbox/edge"
)

// In any second at most a second's worth of commands more than the rate goes
// out, and in the long run the rate.
func TestRate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rate := rapid.SampledFrom([]float64{0.5, 1, 3, 20}).Draw(t, "rate")
		c, e, now := &Command{ID: "c", Rate: rate}, newEnvelope(), time.Duration(0)
		var passed []time.Duration
		for range rapid.IntRange(1, 300).Draw(t, "n") {
			now += time.Duration(rapid.Int64Range(0, int64(400*time.Millisecond)).Draw(t, "dt"))
			if e.admit(now, c, nil, nil, true) == nil {
				passed = append(passed, now)
			}
		}
		for i := range passed {
			for j := i; j < len(passed); j++ {
				window := (passed[j] - passed[i]).Seconds()
				if most := math.Max(1, rate) + rate*window + 1e-6; float64(j-i+1) > most {
					t.Fatalf("%d commands in %.3f s at %g per second", j-i+1, window, rate)
				}
			}
		}
	})
}

// Over any window the value moves no farther than a second's worth and the slew
// rate, whatever became of the commands, and starting from what is read back.
func TestSlew(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const slew = 10.0
		p := &Param{ID: "p", Range: &Range{-1000, 1000}, Slew: slew}
		stands := rapid.Float64Range(-50, 50).Draw(t, "stands")
		if rapid.Bool().Draw(t, "shown") {
			p.Channel = "ch"
		} else {
			p.Rest = ptr(stands)
		}
		c, e, now := &Command{ID: "c"}, newEnvelope(), time.Duration(0)
		type place struct {
			at time.Duration
			x  float64
		}
		was := []place{{0, stands}}
		for range rapid.IntRange(1, 60).Draw(t, "n") {
			now += time.Duration(rapid.Int64Range(0, int64(time.Second)).Draw(t, "dt"))
			x := stands + rapid.Float64Range(-25, 25).Draw(t, "x")
			if e.admit(now, c, []argument{{param: p, num: x}}, func(string) float64 { return stands }, true) != nil {
				continue
			}
			var err error
			switch rapid.IntRange(0, 3).Draw(t, "outcome") {
			case 0:
				err = edge.Errorf(edge.CodeDeviceRefused, "no")
			case 1:
				err = edge.Errorf(edge.CodeNoAnswer, "?")
				if rapid.Bool().Draw(t, "taken") {
					stands = x
				}
			default:
				stands = x
			}
			was = append(was, place{now, stands})
			e.settle(c, []argument{{param: p, num: x}}, err)
		}
		for i := range was {
			for j := i; j < len(was); j++ {
				if d, most := math.Abs(was[j].x-was[i].x), slew+slew*(was[j].at-was[i].at).Seconds()+1e-6; d > most {
					t.Fatalf("moved by %g in %v, slew is %g per second", d, was[j].at-was[i].at, slew)
				}
			}
		}
	})
}

func TestSlewNeedsToKnowWhereItStands(t *testing.T) {
	p := &Param{ID: "p", Range: &Range{0, 100}, Slew: 10, Channel: "ch"}
	e, c, shown := newEnvelope(), &Command{ID: "c"}, math.NaN()
	ask := func(x float64) error {
		return e.admit(0, c, []argument{{param: p, num: x}}, func(string) float64 { return shown }, false)
	}
	code(t, ask(5), edge.CodeNotReady)
	shown = 80
	code(t, ask(5), edge.CodeSlew)
	code(t, ask(75), "")
}

// After a reconnect the slew limit starts from what the device shows, not from
// what was last asked; a channel that is not reported any more tells nothing.
func TestSlewBaselineAfterReconnect(t *testing.T) {
	change := func(typ *Type) { typ.command("duty").Params[0].Slew = 20; typ.Keep = time.Minute }
	inBubble(t, mem.Options{}, change, func(t *testing.T, r *rig) {
		r.until("live", live)
		f := r.take(ann)
		defer r.beats(ann, f)()
		code(t, r.duty(ann, f, 50), edge.CodeSlew)
		for _, x := range []float64{20, 40, 60} {
			code(t, r.duty(ann, f, x), "")
			code(t, r.duty(ann, f, x+20), edge.CodeSlew)
			time.Sleep(time.Second)
		}
		r.opener.Unplug()
		r.until("absent", func(st edge.Status) bool { return st.State == edge.StateAbsent })
		r.opener.Plug()
		r.until("live again", live)
		code(t, r.duty(ann, f, 70), edge.CodeSlew) // the safe sequence left 0
		code(t, r.duty(ann, f, 20), "")
	})
}

// A late answer is the answer to nothing that was asked later.
func TestLateAnswerIsNotTheNextCommands(t *testing.T) {
	change := func(typ *Type) {
		typ.command("duty").Reply = &Reply{OK: Fields{"ok": "duty"}, Within: 100 * time.Millisecond}
	}
	inBubble(t, mem.Options{}, change, func(t *testing.T, r *rig) {
		f := r.driven(5)
		defer r.beats(ann, f)()
		r.plate.set(func(p *plate) { p.slow = 150 * time.Millisecond })
		code(t, r.duty(ann, f, 10), edge.CodeNoAnswer)
		r.plate.set(func(p *plate) { p.slow, p.deaf = 0, true }) // the answer to 10 is on its way; 20 gets none
		code(t, r.duty(ann, f, 20), edge.CodeNoAnswer)
	})
}

// Telemetry of before the safe sequence confirms nothing, and neither does a
// value that the device has stopped to report.
func TestOldTelemetryConfirmsNothing(t *testing.T) {
	change := func(typ *Type) {
		typ.Safe.Steps[0].Reply, typ.Safe.Tries, typ.Safe.Within = nil, 1, 200*time.Millisecond
		typ.channel("duty").Optional, typ.channel("fan").Optional = true, true
	}
	t.Run("in flight", func(t *testing.T) {
		inBubble(t, mem.Options{}, change, func(t *testing.T, r *rig) {
			r.until("live", live) // duty 0 is on its way in two samples when this is asked
			r.plate.set(func(p *plate) { p.duty, p.deaf = 30, true })
			if res, err := r.Stop(context.Background(), bob); err != nil || res.Confirmed {
				t.Errorf("%+v, %v", res, err)
			}
		})
	})
	t.Run("no longer reported", func(t *testing.T) {
		inBubble(t, mem.Options{}, change, func(t *testing.T, r *rig) {
			r.until("live", live)
			r.plate.set(func(p *plate) { p.hides, p.deaf, p.duty = true, true, 30 })
			time.Sleep(50 * time.Millisecond)
			if res, err := r.Stop(context.Background(), bob); err != nil || res.Confirmed {
				t.Errorf("%+v, %v", res, err)
			}
		})
	})
}
