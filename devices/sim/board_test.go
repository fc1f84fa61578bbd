package sim

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"labbox/devices/transport"
	"labbox/devices/transport/mem"
	"labbox/firmware-protocols/lines"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestRunEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := Pendulum(Options{Seed: 1})
		box, device := mem.Pipe(mem.Options{})
		done := make(chan error, 1)
		go func() { done <- d.Run(t.Context(), device) }()
		time.Sleep(time.Second)
		box.Unplug()
		if err := <-done; !errors.Is(err, transport.ErrLost) {
			t.Errorf("after an unplug %v", err)
		}
		k := plug(t, d, mem.Options{})
		k.after(time.Second)
		if err := k.stop(); !errors.Is(err, context.Canceled) {
			t.Errorf("when cancelled %v", err)
		}
	})
}

// A line that takes nothing holds the board up, and neither the end of the line
// nor that of ctx waits for it.
func TestRunEndsWhenNobodyReads(t *testing.T) {
	for _, how := range []string{"cancel", "close"} {
		synctest.Test(t, func(t *testing.T) {
			box, device := mem.Pipe(mem.Options{Buffer: 100})
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			done := make(chan error, 1)
			go func() { done <- Pendulum(Options{Seed: 1}).Run(ctx, device) }()
			time.Sleep(time.Minute)
			if how == "cancel" {
				cancel()
			} else {
				_ = box.Close()
			}
			<-done
			_ = box.Close()
		})
	}
}

// A second Run waits for the first: one device hangs on one line.
func TestOneLineAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := Pendulum(Options{Seed: 1})
		one := plug(t, d, mem.Options{})
		one.after(100 * time.Millisecond)
		two := plug(t, d, mem.Options{})
		if got := two.after(time.Second); len(got) > 0 {
			t.Errorf("%d lines on the second line", len(got))
		}
		one.box.Unplug()
		if got := two.after(time.Second); len(got) < 90 {
			t.Errorf("%d lines on the second line once the first is gone", len(got))
		}
	})
}

// sink is a port that takes everything.
type sink struct{ transport.Port }

func (sink) Send([]byte, transport.Kind) error { return nil }
func (sink) Pending() int                      { return 0 }

// everyProgram is every plant, and dialogues in each format.
func everyProgram(t testing.TB) map[string]program {
	all := map[string]program{}
	for _, name := range Plants() {
		d, err := Plant(name, Options{Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		all[name] = d.(*board).prog
	}
	specs := map[string]Spec{"json": oven(lines.JSON), "relaxed": oven(lines.Relaxed), "csv": oven(lines.CSV), "plotter lines": oven(lines.Plotter)}
	f := oven(lines.JSON)
	f.Floats, f.Messages = true, []Message{{Pattern: []Pair{{"duty", Slot{Param: "heat.duty"}}}}}
	specs["floats"] = f
	for name, s := range specs {
		d, err := New(s, 1)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = d.(*board).prog
	}
	return all
}

// FuzzCommands sends arbitrary bytes to every device: none falls over, and each
// still moves and prints finite numbers.
func FuzzCommands(f *testing.F) {
	for _, s := range seeds(f) {
		f.Add([]byte(s), uint8(len(s)))
	}
	for _, s := range []string{"{\"cmd\":\"drive\",\"param\":1e308}\n", "{\"cmd\":\"stop\"}\n", "{\"set\":\"position\",\"to\":-1e-300}\n",
		`{"Kp":"99999999999999999999"}`, "{\"set\":\"parameters\",\"kp\":100,\"ki\":100,\"kd\":100}\n", "V1e999;x\n", "V;x\n"} {
		f.Add([]byte(s), uint8(3))
	}
	f.Fuzz(func(t *testing.T, b []byte, cut uint8) {
		for name, p := range everyProgram(t) {
			out := &output{ctx: t.Context(), port: sink{}}
			now := time.Unix(1e9, 0)
			p.open(now, out)
			at := min(int(cut), len(b))
			for _, part := range [][]byte{b[:at], b[at:], []byte("\n")} {
				now = now.Add(30 * time.Millisecond)
				p.receive(now, append([]byte(nil), part...), out)
				p.tick(now, out)
			}
			now = now.Add(100 * time.Millisecond)
			p.tick(now, out)
			if out.err != nil || !p.wake().After(now.Add(-time.Minute)) {
				t.Fatalf("%s: %v, wakes at %v", name, out.err, p.wake())
			}
			checkFinite(t, name, p)
		}
	})
}

func checkFinite(t *testing.T, name string, p program) {
	var y state
	switch p := p.(type) {
	case *penduino:
		y = p.plant.y
	case *aeropendulum:
		y = p.plant.y
	case *spinner:
		y = p.plant.y
	}
	for _, x := range y {
		if x != x || x > 1e9 || x < -1e9 {
			t.Fatalf("%s: flew away: %v", name, y)
		}
	}
}

// seeds are all the texts in the codecs' vectors.
func seeds(t testing.TB) []string {
	files, err := filepath.Glob("../../firmware-protocols/*/vectors/*.json")
	if err != nil || len(files) < 5 {
		t.Fatalf("%d vector files, %v", len(files), err)
	}
	var out []string
	var walk func(any)
	walk = func(v any) {
		switch x := v.(type) {
		case string:
			out = append(out, x)
		case []any:
			for _, e := range x {
				walk(e)
			}
		case map[string]any:
			for _, e := range x {
				walk(e)
			}
		}
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		var v any
		if err := json.Unmarshal(data, &v); err != nil {
			t.Fatal(f, err)
		}
		walk(v)
	}
	return out
}
