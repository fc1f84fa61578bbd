package bustest

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"labbox/edge"
)

func closeParts() []part {
	return []part{
		{"SubscriptionWaits", closeWaits}, {"SubscriptionInside", closeInside}, {"BusWaits", busCloseWaits},
		{"BusInside", busCloseInside}, {"After", afterClose}, {"Health", health},
	}
}

// kinds starts a handler of each kind on b that calls fn, and pokes it once by
// from, which may be b.
func kinds(t *testing.T, b, from edge.Bus) map[string]func(t *testing.T, fn func()) edge.Subscription {
	t.Helper()
	return map[string]func(t *testing.T, fn func()) edge.Subscription{
		"subscribe": func(t *testing.T, fn func()) edge.Subscription {
			subject := unique()
			s := subscribe(t, b, subject, func(edge.Msg) { fn() })
			must(t, from.Publish(t.Context(), subject, nil))
			return s
		},
		"serve": func(t *testing.T, fn func()) edge.Subscription {
			subject := unique()
			s := serve(t, b, subject, func(context.Context, edge.Msg) ([]byte, error) { fn(); return nil, nil })
			ctx := within(t, patience)
			go func() { _, _ = from.Request(ctx, subject, nil) }()
			return s
		},
		"consume": func(t *testing.T, fn func()) edge.Subscription {
			q := declare(t, b, nil)
			s := consume(t, b, q.Name, func(context.Context, edge.Job) error { fn(); return nil })
			enqueue(t, from, q.Name, "1", "")
			return s
		},
	}
}

// Close returns when the handler runs no more.
func closeWaits(t *testing.T, h Harness) {
	for kind, start := range kinds(t, h.Bus, h.Bus) {
		t.Run(kind, func(t *testing.T) {
			here, release := make(chan struct{}), make(chan struct{})
			var over atomic.Bool
			s := start(t, func() { close(here); <-release; over.Store(true) })
			receive(t, here, "the handler")
			closed := make(chan bool, 1)
			go func() { _ = s.Close(); closed <- over.Load() }()
			quiet(t, closed, 50*time.Millisecond, "Close returned while the handler ran")
			close(release)
			if !receive(t, closed, "Close") {
				t.Fatal("Close returned before the handler")
			}
			returns(t, "a second Close", s.Close)
		})
	}
}

// Close from the handler itself does not wait for it, and nothing follows.
func closeInside(t *testing.T, h Harness) {
	for kind, start := range kinds(t, h.Bus, h.Bus) {
		t.Run(kind, func(t *testing.T) {
			var s edge.Subscription
			ready, done := make(chan struct{}), make(chan error, 1)
			s = start(t, func() { <-ready; done <- s.Close() })
			close(ready)
			must(t, receive(t, done, "Close inside the handler"))
			returns(t, "Close outside", s.Close)
		})
	}
	subject := unique()
	var calls atomic.Int64
	var s edge.Subscription
	ready := make(chan struct{})
	s = subscribe(t, h.Bus, subject, func(edge.Msg) { <-ready; calls.Add(1); _ = s.Close() })
	for range 10 {
		must(t, h.Bus.Publish(t.Context(), subject, nil))
	}
	close(ready)
	eventually(t, "the handler", func() bool { return calls.Load() > 0 })
	returns(t, "Close", s.Close)
	if calls.Load() != 1 {
		t.Fatalf("%d calls after Close", calls.Load()-1)
	}
}

func busCloseWaits(t *testing.T, h Harness) {
	var running, started atomic.Int64
	release := make(chan struct{})
	for _, start := range kinds(t, h.Bus, h.Bus) {
		start(t, func() { running.Add(1); started.Add(1); <-release; running.Add(-1) })
	}
	eventually(t, "all handlers", func() bool { return started.Load() == 3 })
	closed := make(chan int64, 1)
	go func() { _ = h.Bus.Close(); closed <- running.Load() }()
	quiet(t, closed, 50*time.Millisecond, "Close returned while handlers ran")
	close(release)
	if n := receive(t, closed, "Close"); n != 0 {
		t.Fatalf("%d handlers run after Close", n)
	}
	returns(t, "a second Close", h.Bus.Close)
}

func busCloseInside(t *testing.T, h Harness) {
	if h.Second == nil {
		t.Skip("the harness has no second connection")
	}
	for _, kind := range []string{"subscribe", "serve", "consume"} {
		b := h.Second(t)
		done := make(chan error, 1)
		// h.Bus pokes: a call on b may find it closed by the handler.
		kinds(t, b, h.Bus)[kind](t, func() { done <- b.Close() })
		must(t, receive(t, done, "Close of the bus inside "+kind))
		returns(t, "Close outside", b.Close)
	}
}

func afterClose(t *testing.T, h Harness) {
	b := h.Bus
	q := declare(t, b, nil)
	s := subscribe(t, b, unique(), func(edge.Msg) {})
	must(t, b.Close())
	returns(t, "Close of a subscription of a closed bus", s.Close)
	ctx := within(t, patience)
	wantCode(t, b.Publish(ctx, unique(), nil), edge.CodeBusDown)
	_, err := b.Subscribe(unique(), func(edge.Msg) {})
	wantCode(t, err, edge.CodeBusDown)
	_, err = b.Request(ctx, unique(), nil)
	wantCode(t, err, edge.CodeBusDown)
	_, err = b.Serve(unique(), func(context.Context, edge.Msg) ([]byte, error) { return nil, nil })
	wantCode(t, err, edge.CodeBusDown)
	wantCode(t, b.Enqueue(ctx, q.Name, "1", nil), edge.CodeBusDown)
	wantCode(t, b.Declare(ctx, q), edge.CodeBusDown)
	_, err = b.Consume(q.Name, func(context.Context, edge.Job) error { return nil })
	wantCode(t, err, edge.CodeBusDown)
	_, err = b.Dead(ctx, q.Name, 1)
	wantCode(t, err, edge.CodeBusDown)
}

func health(t *testing.T, h Harness) {
	must(t, h.Bus.Health())
	must(t, h.Bus.Close())
	if h.Bus.Health() == nil {
		t.Fatal("a closed bus is well")
	}
}

// noLeak uses everything and looks for goroutines left behind.
func noLeak(t *testing.T, open func(t *testing.T) Harness) {
	before := goleak.IgnoreCurrent()
	t.Run("use", func(t *testing.T) {
		h := open(t)
		var calls atomic.Int64
		for _, start := range kinds(t, h.Bus, h.Bus) {
			start(t, func() { calls.Add(1) })
		}
		eventually(t, "all handlers", func() bool { return calls.Load() == 3 })
		must(t, h.Bus.Close())
	})
	if err := goleak.Find(before); err != nil {
		t.Fatal(err)
	}
}
