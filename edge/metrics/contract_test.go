package metrics_test

import (
	"testing"

	"labbox/edge"
	"labbox/edge/bustest"
	"labbox/edge/kvtest"
	"labbox/edge/metrics"
	"labbox/edge/minikv"
	"labbox/edge/natsbus"
)

// What is measured keeps its contract.
func TestMeasuredBusKeepsItsContract(t *testing.T) {
	bustest.Run(t, func(t *testing.T) bustest.Harness {
		srv, err := natsbus.Start(t.Context(), natsbus.Config{Dir: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(srv.Close)
		open := func(t *testing.T) edge.Bus {
			b, err := natsbus.New(srv, natsbus.Options{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = b.Close() })
			return metrics.New("bench", "v1", edge.NewSystemClock()).Bus(b)
		}
		return bustest.Harness{Bus: open(t), Second: open, NobodyAtOnce: true}
	})
}

func TestMeasuredKVKeepsItsContract(t *testing.T) {
	kvtest.Run(t, func(t *testing.T) kvtest.Harness {
		s, err := minikv.Open(t.Context(), minikv.Config{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return kvtest.Harness{Open: func(testing.TB) edge.KV {
			return metrics.New("bench", "v1", edge.NewSystemClock()).KV(s.KV())
		}, Down: func(testing.TB) { _ = s.Close() }}
	})
}

// What is asked by the Bus is counted like what Do is asked.
func TestAsksByTheBusAreCounted(t *testing.T) {
	m, _ := newMetrics(t)
	m.Status(edge.Status{Device: "pendulum"})
	fb := &fakeBus{}
	b := m.Bus(fb)
	reply, refused := []byte(`{"result":{"outcome":"sent"}}`), error(nil)
	if _, err := b.Serve("lab.bench.*.do", serveWith(&reply, &refused)); err != nil {
		t.Fatal(err)
	}
	send := func(body string) {
		got, err := fb.serve(t.Context(), edge.Msg{Subject: "lab.bench.pendulum.do", Data: []byte(body)})
		if string(got) != string(reply) || err != refused { //nolint:errorlint // the very same
			t.Fatalf("%s %v", got, err)
		}
	}
	send(`{"verb":"cmd","device":"pendulum","command":{"name":"drive"}}`)
	send(`not JSON`)
	reply, refused = nil, edge.Errorf(edge.CodeNotHolder, "no")
	send(`{"verb":"cmd","device":"pendulum","command":{"name":"drive"}}`)
	wantLines(t, m, `labbox_command_duration_seconds_count{box="bench",device="pendulum",outcome="sent"} 1`,
		`labbox_command_duration_seconds_count{box="bench",device="pendulum",outcome="not_holder"} 1`,
		`labbox_asks_total{box="bench",code="ok",device="pendulum",verb="cmd"} 1`)
}
