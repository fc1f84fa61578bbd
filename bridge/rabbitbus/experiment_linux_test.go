package rabbitbus_test

import (
	"testing"
	"time"

	"labbox/bridge/rabbitbus"
	"labbox/bridge/rabbitbus/rabbittest"
	"labbox/edge"
	"labbox/edge/experiment/experimenttest"
	"labbox/edge/minikv"
	"labbox/edge/natsbus"
	"labbox/edge/rediskv"
	"labbox/edge/rediskv/redistest"
)

// TestExperiments runs the suite of package experiment on RabbitMQ and Redis, both
// restarted under it; the worker's own store is an embedded one, as in a devices
// process.
func TestExperiments(t *testing.T) {
	broker := rabbittest.Start(t)
	t.Run("Redis", func(t *testing.T) {
		store := redistest.Start(t)
		experimenttest.Run(t, func(t *testing.T) experimenttest.Harness {
			h := onRabbit(t, broker, rediskv.Config{URL: store.URL()})
			h.RestartStore = func(t *testing.T) {
				store.Kill()
				store.Restart(t)
			}
			return h
		})
	})
	t.Run("Cluster", func(t *testing.T) {
		nodes := redistest.Cluster(t)
		experimenttest.Run(t, func(t *testing.T) experimenttest.Harness {
			h := onRabbit(t, broker, rediskv.Config{URL: redistest.ClusterURL(nodes)})
			h.RestartStore = func(t *testing.T) {
				for _, n := range nodes {
					n.Kill()
					n.Restart(t)
				}
				redistest.AwaitCluster(t, nodes)
			}
			return h
		})
	})
}

func onRabbit(t *testing.T, broker *rabbittest.Server, store rediskv.Config) experimenttest.Harness {
	t.Helper()
	srv, err := natsbus.Start(t.Context(), natsbus.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Close)
	own, err := minikv.Open(t.Context(), minikv.Config{Server: srv})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = own.Close() })
	shared := func(t *testing.T) edge.KV {
		kv, err := rediskv.Dial(store)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = kv.Close() })
		return kv
	}
	return experimenttest.Harness{
		Bus: func(t *testing.T) edge.Bus {
			bus, err := rabbitbus.Open(t.Context(), rabbitbus.Config{URL: broker.URL(), Memory: shared(t)})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = bus.Close() })
			for end := time.Now().Add(10 * time.Second); bus.Health() != nil; time.Sleep(5 * time.Millisecond) {
				if time.Now().After(end) {
					t.Fatal(bus.Health())
				}
			}
			return bus
		},
		Shared: shared,
		Local:  func(*testing.T) edge.KV { return own.KV() },
		RestartBroker: func(t *testing.T) {
			broker.Kill()
			if err := broker.Restart(); err != nil {
				t.Fatal(err)
			}
		},
	}
}
