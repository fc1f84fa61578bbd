package devices

import (
	"math"
	"testing"
	"time"

	"labbox/devices/transport/mem"
	"labbox/edge"
)

// calming makes the fan's command one that is always allowed.
func calming(typ *Type) { typ.command("fan").Calming = true }

func (r *rig) fan(a edge.Actor, fence uint64) error {
	_, err := r.cmd(a, fence, "fan", edge.Args{"state": edge.Word("on")})
	return err
}

// lastSafe is why the newest safe sequence came.
func (r *rig) lastSafe() (why any) {
	r.sink.mu.Lock()
	defer r.sink.mu.Unlock()
	for i := range r.sink.events {
		if e := &r.sink.events[i]; e.Code == "safe" && e.Args["outcome"] == "confirmed" {
			why = e.Args["why"]
		}
	}
	return why
}

// A device that has run as long as it may is made safe, rests, and is driven on
// under the same turn.
func TestLongestRun(t *testing.T) {
	for name, change := range map[string]func(*Type){
		"type":    func(typ *Type) { typ.LongestRun = 5 * time.Second },
		"command": func(typ *Type) { typ.command("duty").LongestRun = 5 * time.Second },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, mem.Options{}, func(typ *Type) { calming(typ); change(typ); typ.Rest = 2 * time.Second }, func(t *testing.T, r *rig) {
				r.until("live", live)
				f := r.take(ann)
				defer r.beats(ann, f)()
				code(t, r.fan(ann, f), "") // calming: no run begins
				time.Sleep(3 * time.Second)
				code(t, r.duty(ann, f, 40), "")
				began := time.Now()
				time.Sleep(3 * time.Second)
				code(t, r.duty(ann, f, 60), "") // that does not begin it anew
				r.until("off", func(edge.Status) bool { return r.plate.duty0() })
				ran := r.plate.offAt.Sub(began)
				t.Logf("safe after %v", ran)
				if ran < 5*time.Second || ran > 5*time.Second+100*time.Millisecond {
					t.Errorf("ran for %v, want 5s", ran)
				}
				r.until("live again", live)
				if why := r.lastSafe(); why != "longest run" {
					t.Errorf("made safe for %v", why)
				}
				err := r.duty(ann, f, 40)
				code(t, err, edge.CodeTooLong)
				if left, _ := edge.AsError(err).Args["left_ms"].(int64); left < 1500 || left > 2000 {
					t.Errorf("left_ms %v", edge.AsError(err).Args)
				}
				code(t, r.fan(ann, f), "") // calming
				time.Sleep(2 * time.Second)
				code(t, r.duty(ann, f, 40), "")
				if st := r.Status(); st.Lease == nil || st.Lease.Fence != f {
					t.Errorf("the turn has ended: %+v", st.Lease)
				}
			})
		})
	}
}

// The writer checks once more: a command that waited for the line until the time
// was over does not go out.
func TestLongestRunAtTheWriter(t *testing.T) {
	e := newEnvelope().of(&Type{LongestRun: 10 * time.Second, Rest: time.Second})
	c := &Command{ID: "c"}
	code(t, e.admit(time.Second, c, nil, nil, true), "")
	code(t, e.admit(10*time.Second, c, nil, nil, true), "")
	code(t, e.admit(11*time.Second, c, nil, nil, true), edge.CodeTooLong)
	code(t, e.admit(11*time.Second, &Command{ID: "c", Calming: true}, nil, nil, true), "")
	e.forget() // a sequence that was not confirmed, or a reconnect
	code(t, e.admit(12*time.Second, c, nil, nil, true), edge.CodeTooLong)
	e.ran.calmed(12 * time.Second)
	code(t, e.admit(12*time.Second, c, nil, nil, true), "")
}

// A step larger than max_step is refused, from where the parameter stands.
func TestMaxStep(t *testing.T) {
	change := func(typ *Type) { typ.command("duty").Params[0].MaxStep = 20 }
	inBubble(t, mem.Options{}, change, func(t *testing.T, r *rig) {
		r.until("live", live)
		f := r.take(ann)
		defer r.beats(ann, f)()
		code(t, r.duty(ann, f, 21), edge.CodeSlew)
		for _, x := range []float64{20, 40, 60} { // at once: it is no speed
			code(t, r.duty(ann, f, x), "")
			code(t, r.duty(ann, f, x+21), edge.CodeSlew)
		}
		code(t, r.duty(ann, f, 39), edge.CodeSlew)
	})
	p := &Param{ID: "p", Range: &Range{0, 100}, MaxStep: 10, Channel: "ch"}
	err := newEnvelope().admit(0, &Command{ID: "c"}, []argument{{param: p, num: 5}}, func(string) float64 { return math.NaN() }, false)
	code(t, err, edge.CodeNotReady) // nobody knows where it stands
}

// A value outside its range makes the device safe, and keeps it from obeying
// what is not calming until it is inside again.
func TestValueOutsideItsRange(t *testing.T) {
	change := func(typ *Type) {
		calming(typ)
		ch := typ.channel("temp")
		ch.Range, ch.Trip, ch.TripBeyond = &Range{0, 60}, true, 1
	}
	inBubble(t, mem.Options{}, change, func(t *testing.T, r *rig) {
		f := r.driven(40)
		defer r.beats(ann, f)()
		r.plate.set(func(p *plate) { p.warmer = 35.5 }) // 60.81: tolerated
		time.Sleep(200 * time.Millisecond)
		if r.plate.duty0() {
			t.Fatal("safe though the value is tolerated")
		}
		at := time.Now()
		r.plate.set(func(p *plate) { p.warmer = 36 })
		r.until("off", func(edge.Status) bool { return r.plate.duty0() })
		if took := r.plate.offAt.Sub(at); took > 50*time.Millisecond {
			t.Errorf("safe after %v", took)
		}
		r.until("live again", live)
		if why := r.lastSafe(); why != "out of range" {
			t.Errorf("made safe for %v", why)
		}
		code(t, r.duty(ann, f, 10), edge.CodeInterlock)
		code(t, r.fan(ann, f), "") // calming
		r.plate.set(func(p *plate) { p.warmer = math.NaN() })
		time.Sleep(100 * time.Millisecond) // a device that says NaN has not said that it is inside
		code(t, r.duty(ann, f, 10), edge.CodeInterlock)
		r.plate.set(func(p *plate) { p.warmer = 0 })
		time.Sleep(50 * time.Millisecond)
		code(t, r.duty(ann, f, 10), "")
		r.plate.set(func(p *plate) { p.warmer = math.NaN() })
		time.Sleep(100 * time.Millisecond)
		if r.plate.duty0() {
			t.Error("NaN made it safe")
		}
	})
}
