package experimenttest

import (
	"context"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"

	"labbox/edge/experiment"
)

// 200 experiments by 20 seats on 4 devices, while everything that can be
// restarted is restarted twice: each ends exactly once, none is lost, none runs
// twice.
func testMany(t *testing.T, l *lab) {
	const seats, each = 20, 10
	l.twice.Store(true)
	var mu sync.Mutex
	ids := map[string]bool{}
	var reopen sync.RWMutex
	var wg sync.WaitGroup
	for s := range seats {
		wg.Go(func() {
			who := seat("S" + strconv.Itoa(s))
			for n := range each {
				device := "d" + strconv.Itoa((s+n)%4)
				r := l.request(device, `[{"set":{"command":"first"}},{"wait":{"ms":20}},{"set":{"command":"move"}}]`, "k"+strconv.Itoa(n))
				for { // as a client does: again, with the same key, until it is acknowledged
					reopen.RLock()
					x, err := l.desk.Submit(context.Background(), who, contract(), r)
					reopen.RUnlock()
					if err == nil {
						mu.Lock()
						ids[x.ID] = true
						mu.Unlock()
						break
					}
					time.Sleep(time.Duration(20+rand.IntN(50)) * time.Millisecond)
				}
				time.Sleep(time.Duration(rand.IntN(100)) * time.Millisecond)
			}
		})
	}
	busy := func(n int) { // in the middle of the work
		l.until("work under way", func() bool { return l.own.reachedAll() >= n })
	}
	for i := range 2 {
		busy(20 + 80*i)
		l.work.kill()
		l.work = l.start()
		busy(40 + 80*i)
		if l.h.RestartBroker != nil {
			l.h.RestartBroker(t)
		}
		busy(60 + 80*i)
		if l.h.RestartStore != nil {
			l.h.RestartStore(t)
		}
		if l.h.Reopen != nil {
			reopen.Lock()
			l.work.kill()
			l.h.Reopen(t)
			l.connect()
			l.work = l.start()
			reopen.Unlock()
		}
	}
	wg.Wait()
	if len(ids) != seats*each {
		t.Fatalf("%d ids, want %d", len(ids), seats*each)
	}
	states := map[experiment.State]int{}
	end := time.Now().Add(90 * time.Second)
	for id := range ids {
		for {
			x, err := l.desk.Get(context.Background(), id)
			if err == nil && x.State.Final() {
				states[x.State]++
				switch n := l.own.reachedBy(id); {
				case n > 1, x.State == experiment.Done && n != 1:
					t.Errorf("%s is %s and ran %d times", id, x.State, n)
				case x.State != experiment.Done && x.State != experiment.Interrupted:
					t.Errorf("%s is %s: %+v", id, x.State, x.Reason)
				}
				break
			}
			if time.Now().After(end) {
				t.Fatalf("%s did not end: %+v, %v; so far %v", id, x, err, states)
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	t.Log("ends:", states)
}
