package devices

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"labbox/devices/transport"
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

// A port that takes no more bytes is found after a second: quarantine, with the
// reason, logged by the minute, and a stop that is pressed meanwhile is answered.
func TestPortThatTakesNoBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		talk := func(p transport.Port) { // it never receives
			_ = p.Send([]byte(`{"id":"labbox-plate"}`+"\n"), transport.Stream)
			for p.Send([]byte(`{"n":1,"t":1,"temp":1,"duty":5,"fan":0,"safe":0}`+"\n"), transport.Stream) == nil {
				time.Sleep(50 * time.Millisecond)
			}
		}
		logs, clock := &tally{n: map[string]int{}}, edge.NewSystemClock()
		ledger, err := NewLedger(t.Context(), "b", &memKV{m: map[string]string{}}, nil, slog.New(logs))
		if err != nil {
			t.Fatal(err)
		}
		sink := &logSink{}
		sup, err := New(Config{Box: "b", ID: "p", Type: catalogType(t, "plate"), Clock: clock, Ledger: ledger, Logger: slog.New(logs),
			Sinks: []edge.Sink{sink}, Baud: 115200,
			Opener: mem.NewOpener(mem.Options{Baud: 115200, Buffer: 6}, func(d *mem.Port) { go talk(d) })})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan struct{})
		go func() { sup.Run(ctx); close(ended) }()
		defer func() { cancel(); <-ended; time.Sleep(time.Second) }()
		time.Sleep(1500 * time.Millisecond)
		began := time.Now()
		res, err := sup.Stop(t.Context(), bob)
		if err != nil || res.Confirmed || !res.Latched || time.Since(began) > 5*time.Second {
			t.Errorf("%+v, %v after %v", res, err, time.Since(began))
		}
		time.Sleep(20 * time.Second)
		r := &rig{Supervisor: sup, sink: sink, t: t}
		if r.count("state", "code", string(edge.CodeWriteStuck)) == 0 || r.count("safe", "outcome", "confirmed") > 0 {
			t.Errorf("%+v", sup.Status())
		}
		if n := logs.n["write stuck, safe state cannot be sent"]; n != 1 {
			t.Errorf("logged %d times", n)
		}
		_, err = sup.Take(t.Context(), ann)
		code(t, err, edge.CodeStopped)
		if err := sup.Resume(tea); err != nil {
			t.Fatal(err)
		}
		_, err = sup.Take(t.Context(), ann)
		code(t, err, edge.CodeQuarantined)
	})
}
