package camera

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"labbox/devices/camera/source"
	"labbox/edge"
	"labbox/edge/config"
)

func recording(t *testing.T) (*rig, *script) {
	t.Helper()
	s := newScript()
	s.every, s.picture = time.Second/15, photo(t, 64, 48)
	return newRig(t, nil, map[string]source.Source{"a": s, "b": s, "c": s}, config.Camera{ID: "a", Devices: []string{"pendulum"}},
		config.Camera{ID: "b", Record: config.CameraRecord{Rate: 5}}, config.Camera{ID: "c", Devices: []string{"other"}}), s
}

// A run keeps pictures of the cameras that show its device, at a rate of its own.
func TestRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, s := recording(t)
		defer r.stop()
		var kept [2]atomic.Int64
		keep := func(c edge.Camera, p edge.Picture) error {
			if len(p.JPEG) == 0 || c.Name != c.ID {
				t.Error(c, p)
			}
			kept[c.ID[0]-'a'].Add(1)
			return nil
		}
		ids, stop, err := r.Record(edge.Run{ID: "r1", Device: "pendulum"}, edge.PictureAsk{}, keep)
		if err != nil || len(ids) != 2 || ids[0] != "a" || ids[1] != "b" {
			t.Fatal(ids, err)
		}
		time.Sleep(10*time.Second + 50*time.Millisecond)
		synctest.Wait()
		if c := r.word(t, "a"); len(c.Runs) != 1 || c.Runs[0] != "r1" {
			t.Fatal(c)
		}
		stop()
		a, b := kept[0].Load(), kept[1].Load()
		if a < 19 || a > 21 || b < 48 || b > 51 {
			t.Fatal(a, b)
		}
		time.Sleep(2 * Grace)
		if kept[0].Load() != a || r.word(t, "a").Runs != nil || s.open.Load() != 0 {
			t.Fatal(kept[0].Load(), r.word(t, "a"), s.open.Load())
		}
		_, stop, err = r.Record(edge.Run{ID: "r2", Device: "pendulum"}, edge.PictureAsk{Cameras: []string{"a"}, RateHz: 10}, keep)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		stop()
		if n := kept[0].Load() - a; n < 97 || n > 101 || kept[1].Load() != b {
			t.Fatal(n)
		}
	})
}

func TestRecordIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, s := recording(t)
		defer r.stop()
		keep := func(edge.Camera, edge.Picture) error { return nil }
		for _, c := range []struct {
			ask  edge.PictureAsk
			code edge.Code
		}{{edge.PictureAsk{Cameras: []string{"a", "nobody"}}, edge.CodeUnknownCamera}, {edge.PictureAsk{RateHz: -1}, edge.CodeOutOfRange},
			{edge.PictureAsk{RateHz: 1000}, edge.CodeOutOfRange}} {
			if _, _, err := r.Record(edge.Run{ID: "r"}, c.ask, keep); edge.CodeOf(err) != c.code {
				t.Error(c, err)
			}
		}
		synctest.Wait()
		if s.opened.Load() != 0 {
			t.Fatal("opened all the same")
		}
		r.stop()
		if _, _, err := r.Record(edge.Run{ID: "r"}, edge.PictureAsk{}, keep); err == nil {
			t.Fatal("recorded after the end")
		}
	})
}

// A full store ends a camera's recording, a passing trouble does not, and of a covered
// camera nothing is kept.
func TestRecordMeetsTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, s := recording(t)
		defer r.stop()
		var fail atomic.Pointer[edge.Error]
		var asked atomic.Int64
		one := edge.PictureAsk{Cameras: []string{"a"}, RateHz: 5}
		keep := func(edge.Camera, edge.Picture) error {
			asked.Add(1)
			if e := fail.Load(); e != nil {
				return e
			}
			return nil
		}
		_, stop, err := r.Record(edge.Run{ID: "r1"}, one, keep)
		if err != nil {
			t.Fatal(err)
		}
		defer stop()
		time.Sleep(2 * time.Second)
		fail.Store(edge.Errorf(edge.CodeStoreDown, "away"))
		time.Sleep(2 * time.Second)
		if n := asked.Load(); n < 18 {
			t.Fatal(n)
		}
		fail.Store(nil)
		if _, err := r.Cover(t.Context(), "a", teacher(), true); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		n := asked.Load()
		time.Sleep(time.Minute)
		if asked.Load() != n || s.open.Load() != 0 {
			t.Fatal(asked.Load(), n, s.open.Load())
		}
		if _, err := r.Cover(t.Context(), "a", teacher(), false); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		if asked.Load() < n+9 {
			t.Fatal(asked.Load(), n)
		}
		// A disk that is full may have room again.
		fail.Store(edge.Errorf(edge.CodeStoreFull, "full"))
		n = asked.Load()
		time.Sleep(2 * time.Second)
		if asked.Load() < n+9 || r.word(t, "a").Runs == nil {
			t.Fatal(asked.Load(), n, r.word(t, "a"))
		}
		fail.Store(edge.Errorf(edge.CodeTooLarge, "full"))
		time.Sleep(time.Second)
		n = asked.Load()
		time.Sleep(time.Minute)
		if asked.Load() != n || r.word(t, "a").Runs != nil || s.open.Load() != 0 {
			t.Fatal(asked.Load(), n, r.word(t, "a"))
		}
	})
}

// The end of the set waits for the picture that is being kept, and then none comes.
func TestEndWaitsForTheKeeper(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := recording(t)
		var keeping, kept atomic.Int64
		_, _, err := r.Record(edge.Run{ID: "r1"}, edge.PictureAsk{Cameras: []string{"a"}}, func(edge.Camera, edge.Picture) error {
			keeping.Add(1)
			time.Sleep(time.Minute)
			kept.Add(1)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if keeping.Load() != 1 {
			t.Fatal(keeping.Load())
		}
		r.stop()
		if kept.Load() != 1 {
			t.Fatal("the end did not wait")
		}
	})
}
