package camera

import (
	"testing"
	"testing/synctest"
	"time"

	"labbox/devices/camera/source"
	"labbox/edge"
	"labbox/edge/config"
)

// One of thirty who never comes back for more holds nobody.
func TestSlowWatcherHoldsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript()
		s.every, s.picture = time.Second/15, photo(t, 640, 480)
		r := newRig(t, nil, map[string]source.Source{"a": s}, config.Camera{ID: "a"})
		defer r.stop()
		stuck := make(chan struct{})
		var all []*watcher
		for i := range 30 {
			var fn func(edge.Picture) error
			switch i {
			case 0:
				fn = func(edge.Picture) error { <-stuck; return nil }
			case 1: // slow: it skips, and what it gets is new
				fn = func(edge.Picture) error { time.Sleep(time.Second); return nil }
			}
			all = append(all, r.watcher("a", fn))
		}
		time.Sleep(20 * time.Second)
		synctest.Wait()
		given := int64(r.Stats()[0].Pictures)
		for i, w := range all {
			switch n := w.got.Load(); {
			case i == 0 && n != 1, i == 1 && (n < 19 || n > 21), i > 1 && n < given*95/100:
				t.Errorf("watcher %d got %d of %d", i, n, given)
			}
		}
		if age := given - int64(all[1].last.Load().Seq); age > 15 {
			t.Errorf("the slow one got a picture %d behind", age)
		}
		if given < 295 {
			t.Errorf("%d pictures in 20 s", given)
		}
		close(stuck)
		for _, w := range all {
			w.leave(t)
		}
	})
}

// BenchmarkWatchers is what one picture costs with thirty who watch.
func BenchmarkWatchers(b *testing.B) {
	s := newScript()
	r := newRig(b, nil, map[string]source.Source{"a": s}, config.Camera{ID: "a", Rate: 1e9})
	defer r.stop()
	var all []*watcher
	for range 30 {
		all = append(all, r.watcher("a", nil))
	}
	p := photo(b, 640, 480)
	h := r.hubs[0]
	s.pictures <- p // open
	b.ResetTimer()
	for b.Loop() {
		a, err := h.admit(b.Context(), p)
		if err != nil {
			b.Fatal(err)
		}
		h.show(b.Context(), a)
	}
	b.StopTimer()
	for _, w := range all {
		w.leave(b)
	}
}

func BenchmarkMask(b *testing.B) {
	p := photo(b, 640, 480)
	for b.Loop() {
		if _, err := mask(b.Context(), p, []config.Mask{{Width: 50, Height: 50}}); err != nil {
			b.Fatal(err)
		}
	}
}
