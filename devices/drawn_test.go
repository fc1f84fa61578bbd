package devices

import (
	"log/slog"
	"math"
	"testing"

	"labbox/edge"
	"labbox/edge/config"
)

// What is simulated on a bench can be looked at by its id, with faults, too.
func TestDrawn(t *testing.T) {
	reg, err := NewRegistry()
	if err != nil {
		t.Fatal(err)
	}
	box, ps := config.ParseBox("b.yaml", []byte(`schema: 1
box: b
devices:
  - {id: one, type: penduino, port: {sim: true}}
  - {id: two, type: penduino, port: {sim: true, faults: {drop: 0.01}}}
  - {id: hot, type: e5cc, port: {sim: true}}
  - {id: far, type: penduino, port: {tcp: "127.0.0.1:1"}}
`))
	if err := ps.Err(); err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	b, err := NewBench(reg, box, BenchConfig{Clock: edge.NewSystemClock(), Ledger: newMemoryLedger("b", log), Logger: log, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	for _, id := range []string{"one", "two", "hot"} {
		d, ok := b.Drawn(id)
		if !ok || len(d.Channels()) == 0 {
			t.Fatal(id, ok)
		}
		name := "turn"
		if id == "hot" {
			name = d.Channels()[0].ID
		} else if d.Shape() != "pendulum" {
			t.Fatal(d.Shape())
		}
		v := []float64{0}
		if err := d.Look(t.Context(), []string{name}, v); err != nil || math.IsNaN(v[0]) {
			t.Fatal(id, v, err)
		}
	}
	if _, ok := b.Drawn("far"); ok {
		t.Fatal("a device that is not simulated")
	}
}
