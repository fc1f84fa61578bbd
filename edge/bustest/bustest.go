// Package bustest is the contract suite for edge.Bus: every sentence of
// edge/bus.go as a test that any adapter must pass.
//
// An adapter's own test opens a fresh Bus for each part of the suite:
//
//	func TestContract(t *testing.T) {
//		bustest.Run(t, func(t *testing.T) bustest.Harness {
//			srv := startServer(t, t.TempDir())
//			return bustest.Harness{Bus: newBus(t, srv), Second: func(t *testing.T) edge.Bus { return newBus(t, srv) }}
//		})
//	}
//
// The suite knows nothing of the broker. Subjects and queue names are new for
// every part, so a broker that outlives the tests does no harm. Where the
// contract leaves time open (how soon a job comes again) the suite waits up to
// ten seconds, and where it says "not before" it measures.
package bustest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"labbox/edge"
)

// Harness is one opened Bus and what the suite may do to it.
type Harness struct {
	// Bus is under test. The suite closes it; open's cleanup may close it again.
	Bus edge.Bus
	// Second, if not nil, returns another Bus on the same broker, as a second
	// process would have. The harness closes it.
	Second func(t *testing.T) edge.Bus
	// Reopen, if not nil, closes Bus, restarts the broker on the same storage and
	// returns a new Bus on it.
	Reopen func(t *testing.T) edge.Bus
	// NobodyAtOnce says that the broker knows when nobody serves a subject.
	NobodyAtOnce bool
}

// patience is how long the suite waits for what must come.
const patience = 10 * time.Second

type part struct {
	name string
	test func(t *testing.T, h Harness)
}

// Run runs the whole suite; open is called once for each part.
func Run(t *testing.T, open func(t *testing.T) Harness) {
	for _, group := range []struct {
		name  string
		parts []part
	}{
		{"Live", liveParts()}, {"Request", requestParts()}, {"Durable", durableParts()}, {"Close", closeParts()},
	} {
		t.Run(group.name, func(t *testing.T) {
			for _, p := range group.parts {
				t.Run(p.name, func(t *testing.T) { p.test(t, open(t)) })
			}
		})
	}
	t.Run("NoLeak", func(t *testing.T) { noLeak(t, open) })
}

// unique returns a word no other test uses.
func unique() string { return "t" + strings.ToLower(rand.Text()[:12]) }

// within is a context for one call that must not hang.
func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

// must fails the test on an error.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wantCode fails unless err has the code.
func wantCode(t *testing.T, err error, code edge.Code) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want %s", code)
	}
	if !errors.Is(err, &edge.Error{Code: code}) {
		t.Fatalf("error %v (%s), want %s", err, edge.CodeOf(err), code)
	}
}

// eventually polls until ok holds.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited %v in vain: %s", patience, what)
		}
	}
}

// receive takes one value from ch.
func receive[T any](t *testing.T, ch <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(patience):
		t.Fatalf("waited %v in vain: %s", patience, what)
		panic("unreachable")
	}
}

// quiet fails if anything comes for a while.
func quiet[T any](t *testing.T, ch <-chan T, d time.Duration, what string) {
	t.Helper()
	select {
	case v := <-ch:
		t.Fatalf("%s: got %v", what, v)
	case <-time.After(d):
	}
}

// returns fails if fn does not.
func returns(t *testing.T, what string, fn func() error) {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- fn() }()
	if err := receive(t, done, what+" to return"); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

func subscribe(t *testing.T, b edge.Bus, pattern string, fn func(edge.Msg)) edge.Subscription {
	t.Helper()
	s, err := b.Subscribe(pattern, fn)
	must(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func serve(t *testing.T, b edge.Bus, pattern string, fn func(context.Context, edge.Msg) ([]byte, error)) edge.Subscription {
	t.Helper()
	s, err := b.Serve(pattern, fn)
	must(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func consume(t *testing.T, b edge.Bus, queue string, fn func(context.Context, edge.Job) error) edge.Subscription {
	t.Helper()
	s, err := b.Consume(queue, fn)
	must(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// publishers returns the Bus itself and, if there is one, a second one: what
// comes by the broker must not differ from what comes from the same process.
func publishers(t *testing.T, h Harness) map[string]edge.Bus {
	t.Helper()
	m := map[string]edge.Bus{"same": h.Bus}
	if h.Second != nil {
		m["second"] = h.Second(t)
	}
	return m
}

func num(i int) []byte { return fmt.Appendf(nil, "%d", i) }
