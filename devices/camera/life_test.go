package camera

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"labbox/devices/camera/source"
	"labbox/edge"
	"labbox/edge/config"
)

// Nothing is opened while nobody watches; one reader serves all; after the last the
// source stays open for a grace.
func TestOpenedForTheFirstClosedAfterTheLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript()
		s.every, s.picture = time.Second/10, photo(t, 64, 48)
		r := newRig(t, nil, map[string]source.Source{"a": s}, config.Camera{ID: "a"})
		defer r.stop()
		time.Sleep(time.Hour)
		if n := s.opened.Load(); n != 0 {
			t.Fatalf("opened %d times for nobody", n)
		}
		if c := r.word(t, "a"); c.State != edge.CameraIdle || c.Name != "a" {
			t.Fatal(c)
		}
		one, two := r.watcher("a", nil), r.watcher("a", nil)
		synctest.Wait()
		if c := r.word(t, "a"); c.State != edge.CameraStarting {
			t.Fatal(c)
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		c := r.word(t, "a")
		if c.State != edge.CameraLive || c.Width != 64 || c.Height != 48 || c.RateHz < 9.9 || c.RateHz > 10.1 || c.NowMS-c.LastMS > 100 {
			t.Fatalf("%+v", c)
		}
		if n := one.got.Load(); n < 99 || n > 101 || two.got.Load() != n || s.opened.Load() != 1 {
			t.Fatal(n, two.got.Load(), s.opened.Load())
		}
		one.leave(t)
		time.Sleep(2 * Grace)
		if s.open.Load() != 1 {
			t.Fatal("closed under a watcher")
		}
		two.leave(t)
		time.Sleep(Grace - time.Millisecond)
		if s.open.Load() != 1 {
			t.Fatal("closed before the grace was over")
		}
		three := r.watcher("a", nil) // comes back in time
		time.Sleep(Grace)
		if s.open.Load() != 1 || s.opened.Load() != 1 || three.got.Load() == 0 {
			t.Fatal(s.open.Load(), s.opened.Load())
		}
		three.leave(t)
		time.Sleep(Grace + time.Millisecond)
		synctest.Wait()
		if c := r.word(t, "a"); s.open.Load() != 0 || c.State != edge.CameraIdle || c.RateHz != 0 || c.LastMS == 0 {
			t.Fatal(s.open.Load(), c)
		}
		// A picture of long ago is shown to nobody.
		before := three.last.Load().Seq
		four := r.watcher("a", func(p edge.Picture) error {
			if p.Seq <= before {
				t.Errorf("picture %d after %d", p.Seq, before)
			}
			return nil
		})
		time.Sleep(time.Second)
		if four.got.Load() < 9 || s.opened.Load() != 2 {
			t.Fatal(four.got.Load(), s.opened.Load())
		}
		r.stop()
		if err := <-four.err; edge.CodeOf(err) != edge.CodeNoPicture || s.open.Load() != 0 {
			t.Fatal(err, s.open.Load())
		}
	})
}

// A source that fails is tried again after pauses that grow; a picture ends the growth.
func TestPausesGrow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript()
		s.refuse = source.Lost(source.Gone, "unplugged")
		r := newRig(t, nil, map[string]source.Source{"a": s}, config.Camera{ID: "a"})
		defer r.stop()
		w := r.watcher("a", nil)
		defer w.leave(t)
		time.Sleep(100 * time.Second)
		synctest.Wait()
		if c := r.word(t, "a"); c.State != edge.CameraLost || why(c) != "gone: unplugged" {
			t.Fatal(c.State, why(c))
		}
		tries := s.tries()
		if len(tries) < 9 {
			t.Fatal(tries)
		}
		most := firstPause
		for i := 1; i < len(tries); i, most = i+1, min(2*most, longestPause) {
			if d := tries[i].Sub(tries[i-1]); d < most*4/5 || d > most {
				t.Errorf("pause %d was %v, want 4/5 of %v to that", i, d, most)
			}
		}
		s.mu.Lock()
		s.refuse = nil
		s.mu.Unlock()
		time.Sleep(longestPause)
		s.pictures <- photo(t, 32, 32)
		synctest.Wait()
		if c := r.word(t, "a"); c.State != edge.CameraLive || c.Reason != nil || w.got.Load() != 1 {
			t.Fatal(c)
		}
		n := s.opened.Load()
		s.failures <- source.Lost(source.Ended, "it ended")
		synctest.Wait()
		if c := r.word(t, "a"); c.State != edge.CameraLost || c.LastMS == 0 {
			t.Fatal(c)
		}
		time.Sleep(firstPause)
		synctest.Wait()
		if s.opened.Load() != n+1 {
			t.Fatal("the pause did not begin anew")
		}
	})
}

// A camera that refuses the password is not tried often, however many come and go.
func TestSignInIsNotTriedOften(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript()
		s.refuse = source.Lost(source.Login, "wrong password")
		r := newRig(t, nil, map[string]source.Source{"a": s}, config.Camera{ID: "a"})
		defer r.stop()
		for range 30 {
			w := r.watcher("a", nil)
			time.Sleep(time.Second)
			synctest.Wait()
			if c := r.word(t, "a"); c.State != edge.CameraLost || why(c) != "login: wrong password" {
				t.Fatal(c.State, why(c))
			}
			w.leave(t)
			time.Sleep(9 * time.Second)
		}
		if n := s.opened.Load(); n < 4 || n > 6 {
			t.Errorf("%d tries in 5 minutes", n)
		}
	})
}

// A source that is open and silent is closed and tried again.
func TestStalled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript()
		r := newRig(t, nil, map[string]source.Source{"a": s}, config.Camera{ID: "a"})
		defer r.stop()
		w := r.watcher("a", nil)
		defer w.leave(t)
		time.Sleep(firstPicture - time.Second) // some need long to begin
		s.pictures <- photo(t, 32, 32)
		synctest.Wait()
		time.Sleep(leastStall - time.Millisecond)
		if c := r.word(t, "a"); c.State != edge.CameraLive {
			t.Fatal(c)
		}
		time.Sleep(2 * time.Millisecond)
		synctest.Wait()
		if c := r.word(t, "a"); c.State != edge.CameraLost || !strings.HasPrefix(why(c), "stalled") || s.open.Load() != 0 {
			t.Fatal(c.State, why(c), s.open.Load())
		}
		// Whoever comes now gets no frozen picture.
		late := r.watcher("a", nil)
		time.Sleep(firstPause / 2)
		if late.got.Load() != 0 {
			t.Fatal("a frozen picture")
		}
		late.leave(t)
		time.Sleep(firstPause + firstPicture)
		synctest.Wait()
		if c := r.word(t, "a"); c.State != edge.CameraLost || s.opened.Load() != 2 {
			t.Fatal(c, s.opened.Load())
		}
	})
}

// A camera that this program cannot read says so.
func TestUnusable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil, nil, config.Camera{ID: "a"})
		defer r.stop()
		w := r.watcher("a", nil)
		synctest.Wait()
		if c := r.word(t, "a"); c.State != edge.CameraLost || !strings.HasPrefix(why(c), "unsupported") {
			t.Fatal(c)
		}
		w.leave(t)
		if err := r.Watch(t.Context(), "b", nil); edge.CodeOf(err) != edge.CodeUnknownCamera {
			t.Fatal(err)
		}
	})
}
