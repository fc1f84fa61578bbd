package devices

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"labbox/devices/transport/mem"
	"labbox/edge"
)

// heardBus keeps the statuses that are published.
type heardBus struct {
	deadBus
	mu   sync.Mutex
	last map[string]edge.Status
}

func (b *heardBus) Publish(_ context.Context, subject string, data []byte) error {
	if _, device, kind, _ := edge.ParseSubject(subject); kind == edge.KindState {
		var st edge.Status
		_ = json.Unmarshal(data, &st)
		b.mu.Lock()
		b.last[device] = st
		b.mu.Unlock()
	}
	return nil
}

func (b *heardBus) status(device string) edge.Status {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.last[device]
}

// A seat's rehearsal obeys that seat alone, under the limits of the device, moves
// nothing on the bench, leaves no copy in the store, and ends when it is left.
func TestRehearsal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := slog.New(slog.NewTextHandler(io.Discard, nil))
		clock, shared := edge.NewSystemClock(), &memKV{m: map[string]string{}}
		ledger, err := NewLedger(t.Context(), "b", &memKV{m: map[string]string{}}, shared, log)
		if err != nil {
			t.Fatal(err)
		}
		bus := &heardBus{deadBus: deadBus{end: make(chan struct{})}, last: map[string]edge.Status{}}
		o := NewOwner(OwnerConfig{Box: "b", Bus: bus, Shared: shared, Clock: clock, Logger: log})
		pl := &plate{interval: 50 * time.Millisecond}
		sup, err := New(Config{Box: "b", ID: "p", Type: catalogType(t, "plate"), Clock: clock, Ledger: ledger, Sinks: []edge.Sink{o}, Logger: log,
			Opener: mem.NewOpener(mem.Options{}, func(d *mem.Port) { go pl.run(d) })})
		if err != nil {
			t.Fatal(err)
		}
		o.Add(sup)
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- o.Run(ctx) }()
		defer func() { cancel(); <-ended }()
		time.Sleep(5 * time.Second)
		bob := edge.Actor{Seat: "bob", Name: "Bob", Role: edge.RoleStudent}
		ask := func(a edge.Actor, v edge.Verb, device string, more func(*edge.Ask)) (*edge.Answer, error) {
			q := &edge.Ask{Verb: v, Device: device, Actor: a, Tick: o.Tick()}
			if more != nil {
				more(q)
			}
			return o.Do(ctx, q)
		}
		got, err := ask(ann, edge.VerbRehearse, "p", nil)
		if err != nil {
			t.Fatal(err)
		}
		twin := got.Device
		if again, err := ask(ann, edge.VerbRehearse, "p", nil); err != nil || again.Device != twin {
			t.Fatalf("asked twice: %+v, %v", again, err)
		}
		time.Sleep(5 * time.Second)
		if st := bus.status(twin); st.State != edge.StateLive || st.Rehearsal == nil || st.Rehearsal.Seat != ann.Seat || st.Rehearsal.Of != "p" {
			t.Fatalf("twin %+v", st)
		}
		for _, v := range []edge.Verb{edge.VerbTake, edge.VerbStop, edge.VerbRehearse} {
			_, err := ask(bob, v, twin, nil)
			code(t, err, edge.CodeUnknownDevice)
		}
		lease, err := ask(ann, edge.VerbTake, twin, nil)
		if err != nil {
			t.Fatal(err)
		}
		duty := func(x float64) error {
			_, err := ask(ann, edge.VerbCommand, twin, func(q *edge.Ask) {
				q.Fence = lease.Lease.Fence
				q.Command = &edge.Command{Name: "duty", Args: edge.Args{"duty": edge.Number(x)}, Key: time.Now().String(), Tick: q.Tick}
			})
			return err
		}
		code(t, duty(40), "")
		code(t, duty(101), edge.CodeOutOfRange)
		if st, err := ask(ann, edge.VerbStop, twin, nil); err != nil || !st.Stop.Confirmed {
			t.Fatalf("stop: %+v, %v", st, err)
		}
		code(t, duty(40), edge.CodeStopped)
		_, err = ask(ann, edge.VerbResume, twin, nil) // nobody else can
		code(t, err, "")
		_, err = ask(ann, edge.VerbRunStart, twin, nil)
		code(t, err, edge.CodeForbidden)
		pl.mu.Lock()
		d := pl.duty
		pl.mu.Unlock()
		if d != 0 {
			t.Fatalf("the device on the bench stands at %g", d)
		}
		if st, _ := o.Status("p"); st.Lease != nil {
			t.Fatalf("a rehearsal took the device: %+v", st.Lease)
		}
		time.Sleep(twinSilence + 2*twinSweep)
		if _, err := ask(ann, edge.VerbTake, twin, nil); edge.CodeOf(err) != edge.CodeUnknownDevice || !bus.status(twin).Rehearsal.Over {
			t.Fatalf("it did not end: %v", err)
		}
		shared.mu.Lock()
		defer shared.mu.Unlock()
		for k := range shared.m {
			if strings.Contains(k, twin) {
				t.Errorf("%s is in the store", k)
			}
		}
	})
}

// Rehearsals are bounded, and one seat has one.
func TestRehearsalsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, _, end := owning(t, &memKV{m: map[string]string{}}, "one")
		defer func() {
			if err := end(); err != nil {
				t.Error(err)
			}
		}()
		time.Sleep(3 * time.Second)
		for i := range maxTwins + 1 {
			a := edge.Actor{Seat: "s" + string(rune('0'+i)), Name: "x", Role: edge.RoleStudent}
			_, err := o.Do(t.Context(), &edge.Ask{Verb: edge.VerbRehearse, Device: "p", Actor: a})
			if want := edge.CodeTooMany; i == maxTwins {
				code(t, err, want)
			} else if err != nil {
				t.Fatal(err)
			}
		}
	})
}
