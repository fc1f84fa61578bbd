package web_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"labbox/web"
)

// Pictures do not delay a stop: thirty viewers get 15 pictures of 60 kB a second, and the
// websocket answers as it does without them.
func TestPicturesDoNotDelayAStop(t *testing.T) {
	l, f := withCameras(t, web.CameraTimes{}, "demo")
	ms, code := l.teach(`{}`)
	p, _ := l.open(ms)
	const rounds = 120
	measure := func() (ping, stop []time.Duration) {
		for range rounds {
			<-time.After(11 * time.Millisecond) // below the 200 messages a second
			begun := time.Now()
			p.ok(map[string]any{"op": "ping"})
			ping = append(ping, time.Since(begun))
			begun = time.Now()
			p.ok(map[string]any{"op": "estop", "device": "pendulum"})
			stop = append(stop, time.Since(begun))
		}
		slices.Sort(ping)
		slices.Sort(stop)
		return ping, stop
	}
	ping, stop := measure()
	var reading sync.WaitGroup
	var streams []*stream
	for i := range 5 {
		s := l.student(code, fmt.Sprint("S", i))
		for range 6 {
			st := s.watch(demoStream)
			streams = append(streams, st)
			reading.Go(func() {
				for {
					if _, _, err := st.r.Next(); err != nil {
						return
					}
				}
			})
		}
	}
	f.keep(t, "demo", 60_000, time.Second/15)
	pingWith, stopWith := measure()
	for _, st := range streams {
		st.close()
	}
	reading.Wait()
	const at = rounds * 99 / 100
	t.Logf("p99 without viewers: ping %v, stop %v; with 30: ping %v, stop %v", ping[at], stop[at], pingWith[at], stopWith[at])
	// Generous: the viewers run on the same machine, beside other tests.
	if half, worst := stopWith[rounds/2], max(pingWith[at], stopWith[at]); half > 250*time.Millisecond || worst > 2*time.Second {
		t.Errorf("p50 is %v, p99 %v", half, worst)
	}
}
