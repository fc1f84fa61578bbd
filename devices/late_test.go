package devices

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"labbox/devices/transport/mem"
	"labbox/edge"
)

// A command that follows a heartbeat of too long ago was held up on its way,
// whatever its sender's clock says.
func TestCommandAfterAnOldTick(t *testing.T) {
	inBubble(t, mem.Options{}, nil, func(t *testing.T, r *rig) {
		f := r.driven(5)
		defer r.beats(ann, f)()
		old := r.Status().Tick
		ask := func(tick edge.Tick) error {
			_, err := r.Command(t.Context(), ann, f, &edge.Command{Name: "duty", Args: edge.Args{"duty": edge.Number(7)}, Tick: tick})
			return err
		}
		time.Sleep(r.cfg.TickAge - 100*time.Millisecond)
		code(t, ask(old), "")
		time.Sleep(200 * time.Millisecond)
		code(t, ask(old), edge.CodeStaleTick)
		young := old
		young.MonoMS = r.clock.Mono().Milliseconds() // what the sender says of it does not count
		code(t, ask(young), edge.CodeStaleTick)
		time.Sleep(10 * time.Second)
		code(t, ask(old), edge.CodeStaleTick)
		code(t, ask(r.Status().Tick), "")
	})
}

// A command waits for the line until its deadline, and is never sent after it.
func TestCommandIsNotSentAfterItsDeadline(t *testing.T) {
	inBubble(t, mem.Options{}, nil, func(t *testing.T, r *rig) {
		f := r.driven(5)
		defer r.beats(ann, f)()
		r.plate.set(func(p *plate) { p.slow = 200 * time.Millisecond })
		var first sync.WaitGroup
		first.Go(func() { _ = r.duty(ann, f, 10) })
		time.Sleep(10 * time.Millisecond)
		began := time.Now()
		_, err := r.Command(t.Context(), ann, f, &edge.Command{Name: "duty", Args: edge.Args{"duty": edge.Number(99)},
			Tick: r.Status().Tick, WithinMS: 50})
		code(t, err, edge.CodeLate)
		if d := time.Since(began); d < 50*time.Millisecond || d > 60*time.Millisecond {
			t.Errorf("answered after %v", d)
		}
		first.Wait()
		time.Sleep(time.Second)
		for _, l := range r.plate.lines() {
			if l == `{"cmd":"duty","param":99}` {
				t.Error("sent after its deadline")
			}
		}
	})
}

// What others ask with keys of theirs does not make the owner forget the
// driver's, whether it is refused or carried out, and keys are not unbounded.
func TestKeysOfOthersDisplaceNothing(t *testing.T) {
	inBubble(t, mem.Options{}, func(typ *Type) { typ.command("duty").Rate = 0 }, func(t *testing.T, r *rig) {
		f := r.driven(5)
		defer r.beats(ann, f)()
		ask := func(a edge.Actor, key string, x float64) (*edge.CommandResult, error) {
			return r.Command(t.Context(), a, f, &edge.Command{Name: "duty", Args: edge.Args{"duty": edge.Number(x)}, Key: key, Tick: r.Status().Tick})
		}
		if _, err := ask(ann, "mine", 11); err != nil {
			t.Fatal(err)
		}
		for i := range 3 * memorySize {
			_, err := ask(bob, fmt.Sprint("junk", i), 1)
			code(t, err, edge.CodeNotHolder)
		}
		if res, err := ask(ann, "mine", 11); err != nil || !res.Again {
			t.Errorf("%+v, %v: carried out twice", res, err)
		}
		for range 3 { // refused, then allowed: one entry
			_, err := ask(ann, "again", 500)
			code(t, err, edge.CodeOutOfRange)
		}
		for i := range memorySize - 1 {
			if _, err := ask(ann, fmt.Sprint("k", i), 12); err != nil {
				t.Fatal(err)
			}
		}
		if res, err := ask(ann, "mine", 11); err != nil || !res.Again {
			t.Errorf("%+v, %v: forgotten too soon", res, err)
		}
		if n := len(r.memory.of); n != memorySize {
			t.Errorf("%d keys remembered, want %d", n, memorySize)
		}
		_, err := ask(ann, string(make([]byte, maxKey+1)), 1)
		code(t, err, edge.CodeTooLarge)
	})
}

// Names and arguments that somebody makes up do not fill the log.
func TestRefusalsAreNotedByTheMinute(t *testing.T) {
	inBubble(t, mem.Options{}, nil, func(t *testing.T, r *rig) {
		r.until("live", live)
		for i := range 10_000 {
			_, _ = r.Command(t.Context(), bob, 1, &edge.Command{Name: fmt.Sprint("x", i), Args: edge.Args{fmt.Sprint(i): edge.Word(string(make([]byte, 1000)))}})
		}
		r.sink.mu.Lock()
		defer r.sink.mu.Unlock()
		n := 0
		for _, e := range r.sink.events {
			if e.Code == "refused" {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%d events", n)
		}
	})
}
