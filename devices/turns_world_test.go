package devices

import (
	"context"
	"flag"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"labbox/edge"
)

// TestNoOrderOfCallsBreaksARule with a queue: seats wait and are called, turns end
// by the clock, are handed on, revoked and taken over, and the device is frozen.
// The same device judges every line.
func TestNoTurnInheritsARunningDevice(t *testing.T) {
	drove, called := 0, 0
	if f := flag.Lookup("rapid.checks"); f.Value.String() == f.DefValue {
		_ = f.Value.Set("100")
		defer func() { _ = f.Value.Set(f.DefValue) }()
	}
	rapid.Check(t, func(rt *rapid.T) {
		keep := rapid.SampledFrom([]time.Duration{300 * time.Millisecond, time.Second}).Draw(rt, "keep")
		var stopped any // rapid ends a run by a panic, which must not end the bubble
		synctest.Test(t, func(t *testing.T) {
			w, end := newWorld(t, rt, keep)
			end = sync.OnceFunc(end)
			defer func() { stopped = recover(); end() }()
			called += w.queueSteps(rt)
			end()
			w.check(rt)
			drove += w.driven
		})
		if stopped != nil {
			panic(stopped)
		}
	})
	t.Logf("%d commands reached the device, %d turns out of the queue", drove, called)
	if drove < 50 || called < 50 {
		t.Error("the test drives too little to tell anything")
	}
}

func (w *world) queueSteps(rt *rapid.T) (called int) {
	rules := edge.TurnRules{TurnMS: 900, WarnMS: 100, IdleMS: 500}
	ends := func() { w.set(func() { w.mustBy = w.clock.Mono() + 250*time.Millisecond }) }
	do := map[string]func(*rapid.T){"take": w.take1, "beat": w.beat, "command": w.command, "release": w.release, "stop": w.stop,
		"resume": w.resume, "plug": w.plug, "fault": w.fault, "sleep": w.sleep, "drive": w.drive,
		"well": func(rt *rapid.T) { _ = w.sup.Unhold(tea); w.well(rt) },
		"wait": func(rt *rapid.T) {
			a := w.who(rt)
			if l, _, err := w.sup.Wait(context.Background(), a); err == nil && l != nil {
				w.lives(a)
			}
		},
		"hand": func(rt *rapid.T) {
			a, to := w.who(rt), w.who(rt)
			if w.sup.Grant(a, 0, &to) == nil {
				ends()
			}
		},
		"revoke": func(*rapid.T) {
			if w.sup.Revoke(tea) == nil {
				ends()
			}
		},
		"hold": func(*rapid.T) {
			ends()
			w.set(func() { w.stoppedAt = w.clock.Mono() })
			ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
			defer cancel()
			_, _ = w.sup.Hold(ctx, tea)
		},
		"go on": func(*rapid.T) {
			if w.sup.Unhold(tea) == nil && w.sup.Status().Stopped == nil {
				w.set(func() { w.stoppedAt = -1 })
			}
		},
	}
	// A stop outlives the end of a hold, and a hold the end of a stop.
	do["resume"] = func(rt *rapid.T) {
		if w.sup.Resume(tea) == nil && w.sup.Status().Hold == nil {
			w.set(func() { w.stoppedAt = -1 })
		}
	}
	names := []string{"drive", "wait", "sleep", "drive", "command", "wait", "drive", "sleep", "beat", "take", "command", "release", "drive",
		"hand", "well", "revoke", "hold", "go on", "go on", "plug", "fault", "resume", "stop", "well"}
	w.well(rt)
	if err := w.sup.SetRules(tea, &rules); err != nil {
		rt.Fatal(err)
	}
	seen := w.last
	for range rapid.IntRange(10, 60).Draw(rt, "steps") {
		do[rapid.SampledFrom(names).Draw(rt, "step")](rt)
		w.present()
		if w.learn(rt); w.last != seen {
			seen = w.last
			called++
		}
		w.check(rt)
	}
	return called
}

// present is what web processes say.
func (w *world) present() {
	var ids []string
	for _, a := range w.seats {
		ids = append(ids, a.Seat)
	}
	_ = w.sup.Present(edge.Actor{Seat: "web", Role: edge.RoleStudent}, ids)
}

// learn tells the seats of turns that they were called to.
func (w *world) learn(rt *rapid.T) {
	l := w.sup.Status().Lease
	if l == nil || w.fences[l.Holder.ID] == l.Fence {
		return
	}
	if by, again := w.given[l.Fence]; again && by != l.Holder.ID || !again && l.Fence <= w.last {
		rt.Fatalf("number %d for %s, it was %q's, the newest was %d", l.Fence, l.Holder.Name, by, w.last)
	}
	w.fences[l.Holder.ID], w.given[l.Fence], w.last = l.Fence, l.Holder.ID, l.Fence
	w.set(func() {
		w.alive[l.Holder.ID] = time.Duration(l.SinceMS) * time.Millisecond
		w.mustBy = w.clock.Mono() + w.grace + 250*time.Millisecond
	})
}
