package camera

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"labbox/devices/camera/source"
	"labbox/edge/config"
)

// A source of a thousand pictures a second is shown at its rate, evenly.
func TestFloodIsEven(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript()
		s.every, s.picture = time.Millisecond, photo(t, 32, 32)
		r := newRig(t, nil, map[string]source.Source{"a": s}, config.Camera{ID: "a", Rate: 10})
		defer r.stop()
		w := r.watcher("a", nil)
		defer w.leave(t)
		time.Sleep(time.Second)
		before := w.got.Load()
		time.Sleep(10 * time.Second)
		if n := w.got.Load() - before; n < 90 || n > 110 {
			t.Errorf("%d pictures in 10 s, want 100", n)
		}
	})
}

// A camera that comes and goes is logged by the minute.
func TestFlappingIsLoggedByTheMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript()
		r := newRig(t, nil, map[string]source.Source{"a": s}, config.Camera{ID: "a"})
		var log bytes.Buffer
		r.hubs[0].log = slog.New(slog.NewTextHandler(&log, nil))
		w := r.watcher("a", nil)
		p := photo(t, 32, 32)
		for range 120 { // two minutes
			s.pictures <- p
			time.Sleep(time.Second / 2)
			s.failures <- source.Lost(source.Ended, "it ended")
			time.Sleep(time.Second / 2)
		}
		w.leave(t)
		r.stop()
		if n := strings.Count(log.String(), "\n"); n < 2 || n > 8 {
			t.Errorf("%d lines in two minutes:\n%.600s", n, log.String())
		}
	})
}
