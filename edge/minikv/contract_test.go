package minikv_test

import (
	"testing"

	"go.uber.org/goleak"

	"labbox/edge"
	"labbox/edge/kvtest"
	"labbox/edge/minikv"
	"labbox/edge/natsbus"
)

func TestContractInMemory(t *testing.T) {
	defer goleak.VerifyNone(t)
	kvtest.Run(t, func(t *testing.T) kvtest.Harness {
		s, err := minikv.Open(t.Context(), minikv.Config{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return kvtest.Harness{Open: func(testing.TB) edge.KV { return s.KV() }, Down: func(testing.TB) { _ = s.Close() }}
	})
}

// box is a broker and a store on one directory, as a box has them.
type box struct {
	dir string
	cfg minikv.Config
	srv *natsbus.Server
	*minikv.Store
}

func (b *box) start(t testing.TB) {
	t.Helper()
	var err error
	if b.srv, err = natsbus.Start(t.Context(), natsbus.Config{Dir: b.dir}); err != nil {
		t.Fatal(err)
	}
	cfg := b.cfg
	cfg.Server = b.srv
	if b.Store, err = minikv.Open(t.Context(), cfg); err != nil {
		b.srv.Close()
		t.Fatal(err)
	}
}

func (b *box) stop() {
	if b.Store != nil {
		_ = b.Close()
		b.srv.Close()
		b.Store = nil
	}
}

func newBox(t testing.TB, cfg minikv.Config) *box {
	b := &box{dir: t.TempDir(), cfg: cfg}
	t.Cleanup(b.stop)
	b.start(t)
	return b
}

func TestContractDurable(t *testing.T) {
	defer goleak.VerifyNone(t)
	kvtest.Run(t, func(t *testing.T) kvtest.Harness {
		b := newBox(t, minikv.Config{})
		return kvtest.Harness{
			Open: func(testing.TB) edge.KV { return b.KV() },
			Restart: func(t testing.TB) {
				b.stop()
				b.start(t)
			},
			Down: func(testing.TB) { b.stop() },
		}
	})
}
