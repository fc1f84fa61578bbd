package fanout

import (
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"labbox/edge"
)

// TestGroup closes from outside: that waits for the handlers, then ends once.
func TestGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, table := NewGroup(), New(4, 100)
		hold, ends := make(chan struct{}), 0
		s := table.Subscribe("a", func(edge.Msg) { <-hold })
		if !g.Add(s) || g.Closed() {
			t.Fatal("a new group is closed")
		}
		table.Deliver(edge.Msg{Subject: "a"})
		synctest.Wait()
		closed := make(chan error, 2)
		for range 2 {
			go func() { closed <- g.Close(func() { ends++ }) }()
		}
		synctest.Wait()
		if len(closed) != 0 || ends != 0 || !g.Closed() || g.Add(s) {
			t.Errorf("with a handler at work %d returned, %d ends", len(closed), ends)
		}
		close(hold)
		synctest.Wait()
		if len(closed) != 2 || ends != 1 {
			t.Errorf("%d returned, %d ends", len(closed), ends)
		}
		if g.Go(func(*Loop) { t.Error("runs") }) != nil {
			t.Error("a closed group starts a loop")
		}
	})
}

// TestGroupFromInside closes from inside a handler: the end waits for that only.
func TestGroupFromInside(t *testing.T) {
	defer goleak.VerifyNone(t)
	g := NewGroup()
	ended := make(chan struct{})
	at := make(chan string, 3)
	l := g.Go(func(l *Loop) {
		id := GoroutineID()
		l.Gate().Enter(id)
		_ = g.Close(func() { at <- "end"; close(ended) })
		at <- "close"
		select {
		case <-ended:
		case <-time.After(20 * time.Millisecond):
		}
		at <- "handler"
		l.Gate().Leave(id)
	})
	<-ended
	if a, b, c := <-at, <-at, <-at; a != "close" || b != "handler" || c != "end" {
		t.Errorf("in the order %s, %s, %s", a, b, c)
	}
	_ = l.Close()
}

// TestLoop: Close ends the context and a pause, and waits for run.
func TestLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		over := false
		l := NewGroup().Go(func(l *Loop) {
			l.Pause(time.Minute)
			if l.Context().Err() != nil {
				t.Error("ended by itself")
			}
			l.Pause(time.Hour)
			time.Sleep(time.Second)
			over = true
		})
		time.Sleep(2 * time.Minute)
		start := time.Now()
		_, _ = l.Close(), l.Close()
		if !over || l.Context().Err() == nil || time.Since(start) != time.Second {
			t.Errorf("closed after %v, run is over: %v", time.Since(start), over)
		}
	})
}
