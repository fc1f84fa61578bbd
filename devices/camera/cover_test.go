package camera

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"labbox/devices/camera/source"
	"labbox/edge"
	"labbox/edge/config"
)

// A covered camera is closed at once, ends whoever watches, and stays so over a restart.
func TestCover(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript()
		s.every, s.picture = time.Second/10, photo(t, 64, 48)
		one := map[string]source.Source{"a": s}
		r := newRig(t, nil, one, config.Camera{ID: "a"})
		w := r.watcher("a", nil)
		time.Sleep(time.Second)
		for _, by := range []edge.Actor{{}, {Seat: "s", Role: edge.RoleStudent}} {
			if _, err := r.Cover(t.Context(), "a", by, true); err == nil {
				t.Fatalf("%v covers a camera", by)
			}
		}
		c, err := r.Cover(t.Context(), "a", teacher(), true)
		if err != nil || c.State != edge.CameraCovered || c.Covered == nil || c.Covered.By != teacher() {
			t.Fatal(c, err)
		}
		if err := <-w.err; edge.CodeOf(err) != edge.CodeCovered {
			t.Fatal(err)
		}
		synctest.Wait()
		if s.open.Load() != 0 {
			t.Fatal("the source is open")
		}
		called := func(edge.Picture) error { t.Error("a picture of a covered camera"); return nil }
		if err := r.Watch(t.Context(), "a", called); edge.CodeOf(err) != edge.CodeCovered {
			t.Fatal(err)
		}
		if len(r.events) != 1 || r.events[0].Code != "camera" || r.events[0].Args["what"] != "cover" || r.events[0].Actor.Seat != "t1" {
			t.Fatal(r.events)
		}
		r.stop()

		r = newRig(t, r.kv, one, config.Camera{ID: "a"})
		if c := r.word(t, "a"); c.State != edge.CameraCovered || c.Covered.By.Name != "Ada" {
			t.Fatal(c)
		}
		if err := r.Watch(t.Context(), "a", called); edge.CodeOf(err) != edge.CodeCovered {
			t.Fatal(err)
		}
		if _, err := r.Cover(t.Context(), "a", teacher(), false); err != nil {
			t.Fatal(err)
		}
		w = r.watcher("a", nil)
		time.Sleep(time.Second)
		if w.got.Load() == 0 {
			t.Fatal("nothing to see")
		}
		w.leave(t)
		r.stop()
		r = newRig(t, r.kv, one, config.Camera{ID: "a"})
		if c := r.word(t, "a"); c.State != edge.CameraIdle {
			t.Fatal(c)
		}
		r.stop()
	})
}

// Where the store does not say, a camera is covered; where it does not take it, too.
func TestCoverWithoutStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript()
		one := map[string]source.Source{"a": s}
		kv := &memory{m: map[string][]byte{}, fail: edge.Errorf(edge.CodeStoreDown, "away")}
		r := newRig(t, kv, one, config.Camera{ID: "a"})
		if c := r.word(t, "a"); c.State != edge.CameraCovered {
			t.Fatal(c)
		}
		if c, err := r.Cover(t.Context(), "a", teacher(), false); edge.CodeOf(err) != edge.CodeStoreDown || c.State != edge.CameraCovered {
			t.Fatal(c, err)
		}
		kv.fail = nil
		if _, err := r.Cover(t.Context(), "a", teacher(), false); err != nil {
			t.Fatal(err)
		}
		kv.fail = edge.Errorf(edge.CodeStoreDown, "away")
		c, err := r.Cover(t.Context(), "a", teacher(), true)
		if edge.CodeOf(err) != edge.CodeStoreDown || c.State != edge.CameraCovered {
			t.Fatal(c, err)
		}
		kv.fail = nil
		if _, err := r.Cover(t.Context(), "a", teacher(), true); err != nil || len(kv.m) != 1 {
			t.Fatal(err, kv.m)
		}
		r.stop()
		kv.m[edge.Key("bench", "camera", "a")] = []byte("{")
		r = newRig(t, kv, one, config.Camera{ID: "a"})
		if c := r.word(t, "a"); c.State != edge.CameraCovered {
			t.Fatal(c)
		}
		r.stop()
	})
}

// Who watches is the union of what processes say, each seat once, for a while.
func TestSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil, nil, config.Camera{ID: "a"})
		defer r.stop()
		ctx := t.Context()
		see := func(by string, ids ...string) {
			t.Helper()
			var seats []edge.SeatRef
			for _, id := range ids {
				seats = append(seats, edge.SeatRef{ID: id, Name: "N" + id})
			}
			if err := r.Seen(ctx, "a", by, seats); err != nil {
				t.Fatal(err)
			}
		}
		names := func() (s string) {
			for _, v := range r.word(t, "a").Viewers {
				s += v.Name
			}
			return s
		}
		see("p", "2", "1")
		time.Sleep(edge.SeenFor / 2)
		see("q", "3", "2")
		if got := names(); got != "N1N2N3" {
			t.Fatal(got)
		}
		time.Sleep(edge.SeenFor/2 + time.Millisecond)
		if got := names(); got != "N2N3" {
			t.Fatal(got)
		}
		see("q")
		if got := names(); got != "" {
			t.Fatal(got)
		}
		if err := r.Seen(ctx, "b", "p", nil); edge.CodeOf(err) != edge.CodeUnknownCamera {
			t.Fatal(err)
		}
		for i := range maxProcesses {
			see(string(rune('A'+i)), "1")
		}
		if err := r.Seen(ctx, "a", "more", []edge.SeatRef{{ID: "1"}}); edge.CodeOf(err) != edge.CodeTooMany {
			t.Fatal(err)
		}
	})
}

// fn's error ends a watch, ctx's too.
func TestWatchEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript()
		s.every, s.picture = time.Second/10, photo(t, 64, 48)
		r := newRig(t, nil, map[string]source.Source{"a": s}, config.Camera{ID: "a"})
		defer r.stop()
		enough := errors.New("enough")
		if err := r.Watch(t.Context(), "a", func(edge.Picture) error { return enough }); !errors.Is(err, enough) {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		n := 0
		if err := r.Watch(ctx, "a", func(edge.Picture) error { n++; return nil }); !errors.Is(err, context.DeadlineExceeded) || n < 590 {
			t.Fatal(err, n)
		}
	})
}
