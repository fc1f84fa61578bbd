package web_test

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// BenchmarkCommand is a command's way through the websocket, the hub and back,
// with an owner that answers at once, while ten panels watch 1 kHz.
//
//	go test -run '^$' -bench Command -benchtime 2000x ./web
func BenchmarkCommand(b *testing.B) {
	l := newLab(b)
	p, _ := l.open(l.join("Ana"))
	p.ok(map[string]any{"op": "take", "device": "pendulum"})
	for range 10 {
		q, _ := l.open(nil)
		q.ok(map[string]any{"op": "subscribe", "device": "pendulum"})
		reading := q.keepReading()
		defer func() {
			_ = q.ws.Close()
			<-reading
		}()
	}
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		t := time.NewTicker(10 * time.Millisecond)
		defer t.Stop()
		for n := 0; ; n += 10 {
			select {
			case <-stop:
				return
			case <-t.C:
				l.owner.sample("pendulum", n, 10)
			}
		}
	}()
	var took []time.Duration
	for i := 0; b.Loop(); i++ {
		time.Sleep(6 * time.Millisecond) // below the 200 messages a second
		begun := time.Now()
		p.ok(map[string]any{"op": "cmd", "device": "pendulum", "name": "drive", "args": map[string]any{"power": 1},
			"key": fmt.Sprint("k", i), "fence": 1, "tick": map[string]any{"owner": 7, "n": 1}})
		took = append(took, time.Since(begun))
	}
	close(stop)
	<-done
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-us")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-us")
	b.ReportMetric(0, "ns/op")
}
