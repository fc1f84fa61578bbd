package sim

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"labbox/devices/transport/mem"
)

type spinFrame struct {
	D, V, T, Y, C, E []float64
	M                string
	P                float64 `json:"p_sig"`
	I                float64 `json:"i_sig"`
}

func spin(t *testing.T, h heard) (f spinFrame) {
	t.Helper()
	if err := json.Unmarshal([]byte(h.text), &f); err != nil {
		t.Fatalf("%q: %v", h.text, err)
	}
	return f
}

func lastSpin(t *testing.T, k *talk, d time.Duration) spinFrame {
	t.Helper()
	all := k.after(d)
	return spin(t, all[len(all)-1])
}

func TestSpinnerFrames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := plug(t, Spinner(Options{Seed: 1}), mem.Options{})
		all := k.after(10*time.Second + time.Millisecond)
		if len(all) < 499 || len(all) > 501 {
			t.Errorf("%d frames in 10 s", len(all))
		}
		next := 5.0
		for _, h := range all {
			f := spin(t, h)
			if len(f.D) != 4 || len(f.V) != 4 || len(f.Y) != 4 || len(f.C) != 4 || len(f.E) != 4 || f.M != "s" {
				t.Fatalf("%q", h.text)
			}
			for _, at := range f.T {
				if at != next {
					t.Fatalf("sample at %g ms, want %g", at, next)
				}
				next += 5
			}
		}
	})
}

func TestSpinnerControls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := plug(t, Spinner(Options{Seed: 1}), mem.Options{})
		k.say("{\"set\":\"mode\",\"to\":\"motor\"}\n{\"set\":\"volts\",\"to\":5}\n")
		k.after(diskLag * 1000 * time.Millisecond)
		top := diskGain*5 - diskDry
		if v := lastSpin(t, k, 40*time.Millisecond).V[3]; v < 0.5*top || v > 0.75*top {
			t.Errorf("after one time constant %g rad/s of %g", v, top)
		}
		if f := lastSpin(t, k, 5*time.Second); math.Abs(f.V[3]-top) > 1 || f.C[3] != 5 || f.M != "m" {
			t.Errorf("at 5 V %+v, want %g rad/s", f, top)
		}
		k.say("{\"set\":\"mode\",\"to\":\"velocity\"}\n{\"set\":\"velocity\",\"to\":-12}\n")
		if f := lastSpin(t, k, 5*time.Second); math.Abs(f.V[3]+12) > 0.7 || f.Y[3] != -12 || f.M != "v" || f.I >= 0 {
			t.Errorf("speed control: %+v", f)
		}
		k.say("{\"set\":\"mode\",\"to\":\"stop\"}\n")
		k.after(3 * time.Second)
		k.say("{\"set\":\"mode\",\"to\":\"position\"}\n{\"set\":\"position\",\"to\":2}\n")
		if f := lastSpin(t, k, 20*time.Second); math.Abs(f.D[3]-2) > 0.2 || f.M != "p" {
			t.Errorf("angle control: %+v", f)
		}
		k.say("{\"set\":\"mode\",\"to\":\"wait\"}\n")
		if f := lastSpin(t, k, time.Second); f.M != "s" || f.C[3] != 0 {
			t.Errorf("waiting: %+v", f)
		}
	})
}

func TestSpinnerErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := plug(t, Spinner(Options{Seed: 1}), mem.Options{})
		odd := func(in string) string {
			k.say(in + "\n")
			for _, h := range k.after(5 * time.Millisecond) {
				if !strings.Contains(h.text, `"p_sig"`) {
					return h.text
				}
			}
			return ""
		}
		for _, set := range []string{"volts", "velocity", "position"} {
			if got := odd(`{"set":"` + set + `","to":1000}`); !strings.HasPrefix(got, "{\xE2\x80\x8B\"error\":\"") {
				t.Errorf("%s beyond its limit: %q", set, got)
			}
		}
		if got := odd(`{"set":"parameters","kp":1,"ki":0.5,"kd":0}`); got != "{\"info\",\"pid\",1.00,0.50,0}\r\n" {
			t.Errorf("parameters: %q", got)
		}
		if got := odd(`{"set":`); got != "{\"error\":\"parse\"}\r\n" {
			t.Errorf("half a command: %q", got)
		}
		for _, in := range []string{`{"set":"volts","to":1}`, `{"set":"mode","to":"fly"}`, `{"set":"mode"}`, `{"set":"volts"}`, `{}`, ``} {
			if got := odd(in); got != "" {
				t.Errorf("%s: %q", in, got)
			}
		}
		if f := lastSpin(t, k, 100*time.Millisecond); f.M != "s" || f.Y[3] != 0 {
			t.Errorf("%+v", f)
		}
	})
}

// It gives up 90 s after the last command that it accepted, however many it
// refused since.
func TestSpinnerGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := plug(t, Spinner(Options{Seed: 1}), mem.Options{})
		k.say("{\"set\":\"mode\",\"to\":\"motor\"}\n{\"set\":\"volts\",\"to\":3}\n")
		k.after(60 * time.Second)
		k.say("{\"set\":\"volts\",\"to\":1000}\n")
		if f := lastSpin(t, k, 29*time.Second); f.M != "m" {
			t.Errorf("after 89 s: %+v", f)
		}
		if f := lastSpin(t, k, 2*time.Second); f.M != "s" || f.C[3] != 0 {
			t.Errorf("after 91 s: %+v", f)
		}
	})
}

func TestOldSpinnerRepeatsAKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := plug(t, Spinner(Options{Seed: 1, Old: true}), mem.Options{})
		if got := k.after(30 * time.Millisecond)[0].text; strings.Count(got, `"y":[`) != 2 || strings.Contains(got, `"c"`) {
			t.Errorf("%q", got)
		}
	})
}

func TestPlotterLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, err := Plant("plotter", Options{Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		all := plug(t, d, mem.Options{Baud: 115200}).after(60 * time.Second)
		if len(all) < 2990 || len(all) > 3000 {
			t.Errorf("%d lines in a minute", len(all))
		}
		low, high, rough, smooth, before := 1e9, -1e9, 0.0, 0.0, [2]float64{}
		for i, h := range all {
			var raw, filtered float64
			if n, err := scan(h.text, &raw, &filtered); n != 2 || err != nil || raw < 0 || raw > 1023 {
				t.Fatalf("%q: %v", h.text, err)
			}
			if i > 0 {
				rough += math.Abs(raw - before[0])
				smooth += math.Abs(filtered - before[1])
			}
			before = [2]float64{raw, filtered}
			low, high = math.Min(low, raw), math.Max(high, raw)
		}
		if high-low < 200 || rough < 2*smooth {
			t.Errorf("from %g to %g, %g rough, %g smooth", low, high, rough, smooth)
		}
	})
}

func TestUnknownPlant(t *testing.T) {
	if _, err := Plant("perpetuum", Options{}); err == nil {
		t.Error("no error")
	}
	for _, name := range Plants() {
		if _, err := Plant(name, Options{}); err != nil {
			t.Error(err)
		}
	}
}
