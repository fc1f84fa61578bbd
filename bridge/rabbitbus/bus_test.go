//go:build linux

package rabbitbus

import (
	"os"
	"sync"
	"testing"
	"time"

	"labbox/bridge/rabbitbus/rabbittest"
	"labbox/edge"
	"labbox/edge/bustest"
	"labbox/edge/minikv"
)

// shared is the broker of the tests that do it no harm; it starts when first asked for.
var shared struct {
	once sync.Once
	srv  *rabbittest.Server
	err  error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if shared.srv != nil {
		shared.srv.Close()
	}
	os.Exit(code)
}

func sharedServer(t testing.TB) *rabbittest.Server {
	t.Helper()
	shared.once.Do(func() { shared.srv, shared.err = rabbittest.Launch() })
	if shared.err != nil {
		rabbittest.Missing(t, shared.err)
	}
	return shared.srv
}

func open(t testing.TB, cfg Config) *Bus {
	t.Helper()
	b, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b
}

// newBus returns a Bus that has reached the broker.
func newBus(t testing.TB, cfg Config) *Bus {
	t.Helper()
	b := open(t, cfg)
	until(t, "the broker", func() bool { return b.Health() == nil })
	return b
}

// until polls until ok holds.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	untilWithin(t, 20*time.Second, what, ok)
}

func untilWithin(t testing.TB, d time.Duration, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(d); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// memory is a store that outlives every Bus of a test, as Redis does.
func memory(t testing.TB) edge.KV {
	t.Helper()
	s, err := minikv.Open(t.Context(), minikv.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s.KV()
}

func TestContract(t *testing.T) {
	srv := sharedServer(t)
	bustest.Run(t, func(t *testing.T) bustest.Harness {
		cfg := Config{URL: srv.URL(), Memory: memory(t)}
		bus := newBus(t, cfg)
		return bustest.Harness{
			Bus:          bus,
			Second:       func(t *testing.T) edge.Bus { return newBus(t, cfg) },
			NobodyAtOnce: true,
			Reopen: func(t *testing.T) edge.Bus {
				if err := bus.Close(); err != nil {
					t.Fatal(err)
				}
				if err := srv.Restart(); err != nil {
					t.Fatal(err)
				}
				return newBus(t, cfg)
			},
		}
	})
}
