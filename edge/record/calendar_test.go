package record

import (
	"testing"
	"testing/synctest"
	"time"

	"labbox/edge"
)

// A calendar that is set a year forward makes nothing old that an earlier process
// has recorded minutes ago; time that passes does.
func TestCalendarAgesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, clock := t.TempDir(), edge.NewSystemClock()
		s := open(t, Config{Dir: dir, Clock: clock, KeepFor: time.Hour})
		check(t, s.Contract("pendulum", info))
		f := newFeed(t, s)
		for range 20 {
			f.frame(s.cfg.Clock.Mono())
			time.Sleep(time.Second)
		}
		check(t, s.Close())
		time.Sleep(time.Minute)
		s = open(t, Config{Dir: dir, Clock: clock, KeepFor: time.Hour})
		count := func() int {
			s.mu.Lock()
			defer s.mu.Unlock()
			return len(s.tracks["pendulum"].segments)
		}
		had := count()
		for _, off := range []time.Duration{365 * 24 * time.Hour, -365 * 24 * time.Hour} {
			clock.SetOffset(off)
			time.Sleep(10 * time.Minute)
			if n := count(); n != had || had == 0 {
				t.Errorf("%d of %d segments after a jump of %v", n, had, off)
			}
		}
		time.Sleep(time.Hour)
		if n := count(); n != 0 {
			t.Errorf("%d segments after an hour", n)
		}
	})
}
