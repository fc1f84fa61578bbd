package sim

import (
	"context"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"labbox/devices/transport/mem"
)

func looking(t *testing.T, d Device, names ...string) []float64 {
	t.Helper()
	values := make([]float64, len(names))
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := d.(Looker).Look(ctx, names, values); err != nil {
		t.Fatal(err)
	}
	return values
}

// What is seen of a plant is what it reports, between lines, too.
func TestLookAtThePendulum(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := Pendulum(Options{Seed: 1})
		if v := looking(t, d, "turn", "nothing"); math.Abs(v[0]-50*math.Pi/180) > 1e-9 || !math.IsNaN(v[1]) {
			t.Fatal(v)
		}
		k := plug(t, d, mem.Options{})
		time.Sleep(500 * time.Millisecond)
		before := looking(t, d, "turn", "angle", "drive")
		if math.Abs(before[0]*180/math.Pi-before[1]) > 1e-9 || before[2] != 0 {
			t.Fatal(before)
		}
		_ = k.box.Send([]byte("{\"cmd\":\"drive\",\"param\":51}\n"), 0)
		time.Sleep(700 * time.Millisecond)
		v := looking(t, d, "turn", "drive")
		if v[0] == before[0] || math.Abs(v[1]-0.2) > 1e-9 {
			t.Fatal(v, before)
		}
		_ = k.stop()
		looking(t, d, "turn")
	})
}

// Each plant has what is written of it; a device of a Spec has its channels.
func TestLookAtAll(t *testing.T) {
	for plant, names := range map[string][]string{
		"pendulum": {"turn", "angle", "drive"}, "aeropendulum": {"turn", "angle", "reference", "control", "motor1", "motor2", "mode"},
		"spinner": {"angle", "speed", "target", "volts", "mode"}, "plotter": {"raw", "filtered", "light"}, "calculator": {"display", "sums"},
	} {
		synctest.Test(t, func(t *testing.T) {
			d, err := Plant(plant, Options{Seed: 2})
			if err != nil {
				t.Fatal(err)
			}
			looking(t, d, names...)
			plug(t, d, mem.Options{})
			time.Sleep(time.Second)
			for i, v := range looking(t, d, names...) {
				if math.IsNaN(v) {
					t.Errorf("%s has no %s", plant, names[i])
				}
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		m := NewModel(Spec{Channels: []Channel{{ID: "t", Mean: 21}}}, 1)
		if m.look("t") != 21 || !math.IsNaN(m.look("u")) {
			t.Fatal(m.look("t"))
		}
	})
}
