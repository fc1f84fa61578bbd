package natsbus_test

import (
	"testing"

	"go.uber.org/goleak"

	"labbox/edge"
	"labbox/edge/experiment/experimenttest"
	"labbox/edge/minikv"
	"labbox/edge/natsbus"
)

// box is what an edge box has: a broker and stores in one process.
type box struct {
	dir    string
	srv    *natsbus.Server
	shared *minikv.Store
	own    *minikv.Store
}

func (b *box) open(t *testing.T) {
	t.Helper()
	var err error
	if b.srv, err = natsbus.Start(t.Context(), natsbus.Config{Dir: b.dir}); err != nil {
		t.Fatal(err)
	}
	if b.shared, err = minikv.Open(t.Context(), minikv.Config{Server: b.srv}); err != nil {
		t.Fatal(err)
	}
	if b.own, err = minikv.Open(t.Context(), minikv.Config{Server: b.srv, Name: "own"}); err != nil {
		t.Fatal(err)
	}
}

func (b *box) close() {
	_ = b.shared.Close()
	_ = b.own.Close()
	b.srv.Close()
}

func TestExperiments(t *testing.T) {
	defer goleak.VerifyNone(t)
	experimenttest.Run(t, harness)
}

// As in an edge box: the lab's store is the worker's own.
func TestExperimentsOneStore(t *testing.T) {
	defer goleak.VerifyNone(t)
	experimenttest.Run(t, func(t *testing.T) experimenttest.Harness {
		h := harness(t)
		h.Local = nil
		return h
	})
}

func harness(t *testing.T) experimenttest.Harness {
	b := &box{dir: t.TempDir()}
	b.open(t)
	t.Cleanup(func() { b.close() })
	return experimenttest.Harness{
		Bus: func(t *testing.T) edge.Bus {
			bus, err := natsbus.New(b.srv, natsbus.Options{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = bus.Close() })
			return bus
		},
		Shared: func(*testing.T) edge.KV { return b.shared.KV() },
		Local:  func(*testing.T) edge.KV { return b.own.KV() },
		Reopen: func(t *testing.T) {
			b.close()
			b.open(t)
		},
	}
}
