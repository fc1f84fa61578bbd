package devices

import (
	"context"
	"slices"
	"testing"
	"time"

	"labbox/devices/transport/mem"
	"labbox/edge"
)

// off is when the heater went off, after a moment.
func (r *rig) off(since time.Time) time.Duration {
	r.t.Helper()
	r.until("off", func(edge.Status) bool { return r.plate.duty0() })
	r.plate.mu.Lock()
	defer r.plate.mu.Unlock()
	return r.plate.offAt.Sub(since)
}

// How long after each cause the safe message is obeyed by a device that needs no
// time itself, at 115200 baud and at 9600 baud with commands waiting. What it
// logs stands in docs/ref/safety.md.
func TestTimesToTheWire(t *testing.T) {
	for name, baud := range map[string]int{"115200 baud": 115200, "9600 baud": 9600} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, mem.Options{Baud: baud}, func(typ *Type) { typ.command("duty").Rate, typ.channel("temp").Trip = 0, true }, func(t *testing.T, r *rig) {
				r.plate.set(func(p *plate) { p.interval = time.Second * 1000 / time.Duration(baud) }) // what the line carries
				line := time.Duration(16*10) * time.Second / time.Duration(baud)                      // the resync and the safe message; what was under way is dropped
				causes := map[string]struct {
					most time.Duration
					do   func(f uint64) time.Time
				}{
					"stop": {20*time.Millisecond + line, func(uint64) time.Time {
						now := time.Now()
						go func() { _, _ = r.Stop(context.Background(), bob) }()
						return now
					}},
					"release": {20*time.Millisecond + line, func(f uint64) time.Time {
						now := time.Now()
						if err := r.Release(ann, f); err != nil {
							t.Error(err)
						}
						return now
					}},
					"limits narrowed": {20*time.Millisecond + line, func(uint64) time.Time {
						now := time.Now()
						if err := r.Narrow(context.Background(), tea, within("duty.duty", 0, 50)); err != nil {
							t.Error(err)
						}
						return now
					}},
					"value outside its range": {20*time.Millisecond + line + 2*time.Second*1000/time.Duration(baud), func(uint64) time.Time {
						r.plate.set(func(p *plate) { p.warmer = 200 })
						return time.Now()
					}},
					"silence": {r.t2().Grace + 250*time.Millisecond, func(f uint64) time.Time {
						if err := r.HeartBeat(ann, f); err != nil {
							t.Error(err)
						}
						return time.Now()
					}},
				}
				for cause, c := range causes {
					var took []time.Duration
					for range 30 {
						f := r.driven(77)
						for x := range 5 { // they wait for the line
							go func() { _ = r.duty(ann, f, 70+float64(x)) }()
						}
						time.Sleep(time.Duration(len(took)) * time.Millisecond)
						took = append(took, r.off(c.do(f)))
						_ = r.Resume(tea)
						_ = r.Release(ann, f)
						_ = r.Narrow(context.Background(), tea, nil)
						r.plate.set(func(p *plate) { p.warmer = 0 })
						r.until("live", live)
						if st := r.Status(); st.Lease != nil {
							t.Fatalf("%+v", st.Lease)
						}
					}
					slices.Sort(took)
					t.Logf("%s: %v median, %v at most", cause, took[len(took)/2], took[len(took)-1])
					if took[len(took)-1] > c.most {
						t.Errorf("%s: %v, want %v at most", cause, took[len(took)-1], c.most)
					}
				}
			})
		})
	}
}
