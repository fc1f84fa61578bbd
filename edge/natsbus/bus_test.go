package natsbus

import (
	"testing"

	"labbox/edge"
	"labbox/edge/bustest"
)

func newBus(t *testing.T, srv *Server) *Bus {
	t.Helper()
	b, err := New(srv, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b
}

func TestContract(t *testing.T) {
	bustest.Run(t, func(t *testing.T) bustest.Harness {
		dir := t.TempDir()
		srv := startServer(t, dir)
		bus := newBus(t, srv)
		return bustest.Harness{
			Bus:          bus,
			Second:       func(t *testing.T) edge.Bus { return newBus(t, srv) },
			NobodyAtOnce: true,
			Reopen: func(t *testing.T) edge.Bus {
				if err := bus.Close(); err != nil {
					t.Fatal(err)
				}
				srv.Close()
				return newBus(t, startServer(t, dir))
			},
		}
	})
}
