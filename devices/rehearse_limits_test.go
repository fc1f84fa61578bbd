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

// A rehearsal has the limits that its device has at the moment, also those that a
// teacher narrows or gives back while it goes on.
func TestRehearsalHasTheLimitsOfTheMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, _, end := owning(t, &memKV{m: map[string]string{}}, "one")
		defer func() { _ = end() }()
		time.Sleep(3 * time.Second)
		ask := func(q edge.Ask) *edge.Answer {
			q.Tick = o.Tick()
			ans, err := o.Do(t.Context(), &q)
			if err != nil {
				t.Fatalf("%s %s: %v", q.Verb, q.Device, err)
			}
			return ans
		}
		narrow := func(limits map[string]edge.Limit) {
			ask(edge.Ask{Verb: edge.VerbNarrow, Device: "p", Actor: tea, Limits: limits})
		}
		narrow(within("duty.duty", 0, 50))
		twin := ask(edge.Ask{Verb: edge.VerbRehearse, Device: "p", Actor: ann}).Device
		time.Sleep(5 * time.Second)
		fence := ask(edge.Ask{Verb: edge.VerbTake, Device: twin, Actor: ann}).Lease.Fence
		duty := func(x float64) error {
			_ = ask(edge.Ask{Verb: edge.VerbBeat, Device: twin, Actor: ann, Fence: fence})
			_, err := o.Do(t.Context(), &edge.Ask{Verb: edge.VerbCommand, Device: twin, Actor: ann, Fence: fence,
				Command: &edge.Command{Name: "duty", Args: edge.Args{"duty": edge.Number(x)}, Tick: o.Tick()}})
			return err
		}
		code(t, duty(40), "")
		code(t, duty(60), edge.CodeOutOfRange)
		narrow(within("duty.duty", 0, 30))
		for code := edge.CodeSafing; code == edge.CodeSafing; time.Sleep(100 * time.Millisecond) { // it stood at 40
			code = edge.CodeOf(duty(20))
		}
		code(t, duty(20), "")
		code(t, duty(40), edge.CodeOutOfRange)
		narrow(nil)
		code(t, duty(60), "")
	})
}

// What is asked of a rehearsal that has just ended does not bring it back.
func TestRehearsalThatEndedStaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := slog.New(slog.NewTextHandler(io.Discard, nil))
		bus := &heardBus{deadBus: deadBus{end: make(chan struct{})}, last: map[string]edge.Status{}}
		o := NewOwner(OwnerConfig{Box: "b", Bus: bus, Shared: &memKV{m: map[string]string{}}, Clock: edge.NewSystemClock(), Logger: log})
		rg := newRig(t, mem.Options{}, nil)
		twin, err := o.twin("practice-x", rg.Supervisor, ann)
		if err != nil {
			t.Fatal(err)
		}
		o.twinOver(twin)
		twin.Beat(edge.Tick{Owner: 1, N: 1}, true)
		_, _ = twin.Stop(t.Context(), ann)
		end := make(chan struct{})
		close(end)
		o.out.run(context.Background(), end)
		if st := bus.status("practice-x"); st.Rehearsal == nil || !st.Rehearsal.Over {
			t.Errorf("it is back: %+v", st.Rehearsal)
		}
	})
}
