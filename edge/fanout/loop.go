package fanout

import (
	"context"
	"time"
)

// Loop is a subscription with one goroutine that takes its messages, as those of
// a queue. It drops none.
type Loop struct {
	group  *Group
	gate   *Gate
	ctx    context.Context
	cancel context.CancelFunc
	over   chan struct{} // run has returned
}

var _ Ender = (*Loop)(nil)

// Go adds a Loop and starts run, which passes the Loop's gate for every handler
// call and returns when the Loop's context ends; nil when g is closed.
func (g *Group) Go(run func(l *Loop)) *Loop {
	l := &Loop{group: g, gate: NewGate(), over: make(chan struct{})}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	if !g.Add(l) {
		l.cancel()
		return nil
	}
	go func() {
		defer close(l.over)
		run(l)
	}()
	return l
}

// Context ends with Close.
func (l *Loop) Context() context.Context { return l.ctx }

// Pause waits for d or Close.
func (l *Loop) Pause(d time.Duration) {
	select {
	case <-l.ctx.Done():
	case <-time.After(d):
	}
}

// Gate implements Ender.
func (l *Loop) Gate() *Gate { return l.gate }

// Dropped implements edge.Subscription.
func (l *Loop) Dropped() uint64 { return 0 }

// Close implements edge.Subscription. It waits for run, unless it is called from
// inside the handler.
func (l *Loop) Close() error {
	inside := l.gate.Holds(GoroutineID())
	l.cancel()
	l.group.Remove(l)
	l.gate.Close()
	if !inside {
		<-l.over
	}
	return nil
}
