package devices

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"labbox/devices/transport/mem"
	"labbox/edge"
	"labbox/edge/config"
)

func within(key string, min, max float64) map[string]edge.Limit {
	return map[string]edge.Limit{key: {Min: &min, Max: &max}}
}

// sent says whether a duty reached the device.
func (r *rig) sent(x string) bool {
	return slices.Contains(r.plate.lines(), `{"cmd":"duty","param":`+x+`}`)
}

// Limits narrow while the device runs, and are taken back.
func TestNarrow(t *testing.T) {
	inBubble(t, mem.Options{}, nil, func(t *testing.T, r *rig) {
		r.until("live", live)
		f := r.take(ann)
		defer r.beats(ann, f)()
		code(t, r.duty(ann, f, 40), "")
		before, epoch := r.Status(), r.Status().Stream.Epoch
		code(t, r.Narrow(t.Context(), ann, within("duty.duty", 0, 50)), edge.CodeForbidden)
		code(t, r.Narrow(t.Context(), tea, within("duty.duty", 0, 50)), "")
		st := r.Status()
		if st.Contract == before.Contract || *st.Limits["duty.duty"].Max != 50 || r.Contract().Command("duty").Params[0].Max != 50 || r.Contract().Hash != st.Contract {
			t.Errorf("%+v", st)
		}
		if st.Stream.Epoch != epoch {
			t.Error("a new epoch, though the frames mean the same")
		}
		code(t, r.duty(ann, f, 51), edge.CodeOutOfRange)
		code(t, r.duty(ann, f, 50), "")
		if why := r.lastSafe(); why != "connected" {
			t.Errorf("made safe for %v though nothing stood outside", why)
		}
		for name, c := range map[string]struct {
			limits map[string]edge.Limit
			want   edge.Code
		}{
			"wider":       {within("duty.duty", 0, 101), edge.CodeOutOfRange},
			"nan":         {within("duty.duty", math.NaN(), 50), edge.CodeOutOfRange},
			"inf":         {within("duty.duty", 0, math.Inf(1)), edge.CodeOutOfRange},
			"turned":      {within("duty.duty", 60, 50), edge.CodeOutOfRange},
			"unknown":     {within("duty.duti", 0, 50), edge.CodeBadValue},
			"of a choice": {within("fan.state", 0, 0), edge.CodeBadValue},
			"nothing":     {map[string]edge.Limit{"duty.duty": {}}, edge.CodeBadValue},
			"too many":    {many(mostLimits + 1), edge.CodeTooLarge},
		} {
			if err := r.Narrow(t.Context(), tea, c.limits); edge.CodeOf(err) != c.want {
				t.Errorf("%s: %v (%s), want %s", name, err, edge.CodeOf(err), c.want)
			}
		}
		code(t, r.duty(ann, f, 51), edge.CodeOutOfRange) // what was refused has changed nothing
		code(t, r.Narrow(t.Context(), tea, nil), "")
		if got := r.Status(); got.Contract != before.Contract || len(got.Limits) != 0 {
			t.Errorf("%+v", got)
		}
		code(t, r.duty(ann, f, 100), "")
	})
}

func many(n int) map[string]edge.Limit {
	m := map[string]edge.Limit{}
	for i := range n {
		m[strings.Repeat("x", i+1)] = edge.Limit{Max: ptr(1)}
	}
	return m
}

// What stands outside the new limits is made safe, whether it was written or is
// shown; the turn goes on.
func TestNarrowedBelowWhereItStands(t *testing.T) {
	inBubble(t, mem.Options{}, nil, func(t *testing.T, r *rig) {
		f := r.driven(80)
		defer r.beats(ann, f)()
		at := time.Now()
		code(t, r.Narrow(t.Context(), tea, within("duty.duty", 0, 50)), "")
		r.until("off", func(edge.Status) bool { return r.plate.duty0() })
		if took := r.plate.offAt.Sub(at); took > 20*time.Millisecond {
			t.Errorf("safe after %v", took)
		}
		r.until("live", live)
		if why := r.lastSafe(); why != "limits narrowed" {
			t.Errorf("made safe for %v", why)
		}
		code(t, r.duty(ann, f, 50), "")
		// A channel's range, too.
		code(t, r.Narrow(t.Context(), tea, within("temp", 0, 20)), "")
		r.until("off", func(edge.Status) bool { return r.plate.duty0() })
		r.until("live", live)
		code(t, r.duty(ann, f, 10), edge.CodeInterlock)
		code(t, r.Narrow(t.Context(), tea, within("temp", 0, 30)), "")
		code(t, r.duty(ann, f, 10), "")
	})
}

// A command that was accepted under wider limits and waits for the line does not
// go out; one that is inside the new ones does.
func TestNarrowedBetweenAcceptanceAndWriting(t *testing.T) {
	change := func(typ *Type) { typ.command("duty").Rate = 0 }
	inBubble(t, mem.Options{}, change, func(t *testing.T, r *rig) {
		r.until("live", live)
		f := r.take(ann)
		defer r.beats(ann, f)()
		r.plate.set(func(p *plate) { p.slow = 300 * time.Millisecond }) // each answer holds the line
		errs := map[float64]chan error{}
		for _, x := range []float64{10, 80, 20} {
			done := make(chan error, 1)
			errs[x] = done
			go func() { done <- r.duty(ann, f, x) }()
			time.Sleep(time.Millisecond)
		}
		code(t, r.Narrow(t.Context(), tea, within("duty.duty", 0, 50)), "")
		for x, want := range map[float64]edge.Code{10: "", 20: "", 80: edge.CodeOutOfRange} {
			if err := <-errs[x]; edge.CodeOf(err) != want {
				t.Errorf("%g: %v", x, err)
			}
		}
		if r.sent("80") || !r.sent("10") || !r.sent("20") {
			t.Errorf("the device got %q", r.plate.lines())
		}
	})
}

// Limits that the safe sequence or the known state does not fit are refused.
func TestNarrowedAwayFromSafe(t *testing.T) {
	change := func(typ *Type) {
		homing(typ)
		typ.Safe.Steps = []Step{{Command: "duty"}}
	}
	inBubble(t, mem.Options{}, change, func(t *testing.T, r *rig) {
		r.until("live", live)
		for _, c := range []struct {
			min, max float64
			says     string
		}{{1, 50, "safe sequence"}, {0, 6, "known state"}} {
			err := r.Narrow(t.Context(), tea, within("duty.duty", c.min, c.max))
			if edge.CodeOf(err) != edge.CodeOutOfRange || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%g to %g: %v", c.min, c.max, err)
			}
		}
		code(t, r.Narrow(t.Context(), tea, within("duty.duty", 0, 7)), "")
	})
}

// Narrowed limits outlive the box, a store that was full, and are applied before
// anything is obeyed. What cannot be read lets nothing pass.
func TestNarrowedLimitsAreKept(t *testing.T) {
	inBubble(t, mem.Options{}, nil, func(t *testing.T, r *rig) {
		restart := func() {
			r.cancel()
			<-r.done
			time.Sleep(time.Second)
			typ, err := catalogType(t, "plate").narrowed(&config.Device{ID: "p", Limits: limits(nil, ptr(90), nil)})
			if err != nil {
				t.Fatal(err)
			}
			typ.Grace, typ.Keep = 300*time.Millisecond, 2*time.Second
			r.start(typ, 0)
			r.until("live", live)
		}
		r.until("live", live)
		r.kv.on(func(_ context.Context, op, key string) error {
			if op == "set" && strings.Contains(key, "limits") {
				return errors.New("disk full")
			}
			return nil
		})
		code(t, r.Narrow(t.Context(), tea, within("duty.duty", 0, 50)), "") // it holds
		r.kv.on(nil)
		time.Sleep(3 * time.Second) // and is saved when it can be
		restart()
		f := r.take(ann)
		code(t, r.duty(ann, f, 51), edge.CodeOutOfRange)
		code(t, r.duty(ann, f, 50), "")
		code(t, r.Release(ann, f), "")
		code(t, r.Narrow(t.Context(), tea, nil), "")
		restart()
		f = r.take(ann)
		code(t, r.duty(ann, f, 91), edge.CodeOutOfRange)
		code(t, r.duty(ann, f, 90), "")
		code(t, r.Release(ann, f), "")
		_ = r.kv.Set(t.Context(), limitsKey("b", "p"), []byte(`{"duty.duty`), 0)
		restart()
		f = r.take(ann)
		code(t, r.duty(ann, f, 1), edge.CodeNotReady)
		code(t, r.Narrow(t.Context(), tea, within("duty.duty", 0, 10)), "")
		code(t, r.duty(ann, f, 1), "")
	})
}
