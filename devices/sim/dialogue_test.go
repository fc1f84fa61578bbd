package sim

import (
	"fmt"
	"math"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"labbox/devices/transport"
	"labbox/devices/transport/mem"
	"labbox/firmware-protocols/floats"
	"labbox/firmware-protocols/lines"
)

// oven is a spec of most that there is.
func oven(f lines.Format) Spec {
	return Spec{Format: f, RateHz: 100, Count: "n", CountMax: 99, Time: &Clock{Field: "t", Unit: time.Millisecond, Wrap: 700},
		Banner: []Pair{{"id", "oven"}},
		Params: []Param{{ID: "heat.duty"}, {ID: "lamp.state"}},
		Channels: []Channel{
			{Field: "temp", Wave: Follow, Param: "heat.duty", Mean: 20, Gain: 0.5, Lag: 0.4, Resolution: 0.01, Scale: 0.1, Offset: 5},
			{Field: "duty", Wave: Follow, Param: "heat.duty"},
			{Field: "wave", Wave: Sine, Mean: 1, Amplitude: 2, Period: 0.5},
			{Field: "walk", Wave: Walk, Mean: 50, Amplitude: 3, Limits: &[2]float64{0, 100}},
			{Field: "lamp", Wave: Follow, Param: "lamp.state", Words: map[float64]string{0: "dark", 1: "bright"}},
			{Field: "state", Noise: 0.5},
		},
		Messages: []Message{
			{Pattern: []Pair{{"cmd", "duty"}, {"param", Slot{Param: "heat.duty", Scale: 10}}}, Reply: []Pair{{"ok", "duty"}, {"param", Slot{Param: "heat.duty"}}}},
			{Pattern: []Pair{{"cmd", "lamp"}, {"to", Slot{Param: "lamp.state", Words: map[string]float64{"off": 0, "on": 1}}}}, Reply: []Pair{{"ok", "lamp"}}},
			{Pattern: []Pair{{"cmd", "safe"}}, Reply: []Pair{{"ok", true}}, Reset: true, Shows: []Effect{{Channel: 5, Value: 7}}},
			{Pattern: []Pair{{"", "V"}, {"", Slot{Param: "heat.duty"}}, {"", ";x"}}, Reply: []Pair{{"ok", Slot{Param: "heat.duty"}}}},
		}}
}

func startOven(t *testing.T, s Spec) *talk {
	t.Helper()
	d, err := New(s, 1)
	if err != nil {
		t.Fatal(err)
	}
	return plug(t, d, mem.Options{Messages: s.Floats})
}

func TestDialogue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := startOven(t, oven(lines.JSON))
		all := texts(k.after(2*time.Second + time.Millisecond))
		if len(all) != 201 || all[0] != "{\"id\":\"oven\"}\r\n" {
			t.Fatalf("%d lines, first %q", len(all), all[0])
		}
		if !strings.HasPrefix(all[1], `{"n":1,"t":10,"temp":150,"duty":0,`) || !strings.Contains(all[1], `"lamp":"dark"`) {
			t.Errorf("%q", all[1])
		}
		if !strings.HasPrefix(all[100], `{"n":0,"t":300,`) { // both have wrapped
			t.Errorf("%q", all[100])
		}
		say := func(in, want string) {
			t.Helper()
			k.say(in + "\n")
			if got := texts(k.after(time.Millisecond)); len(got) == 0 || got[0] != want+"\r\n" {
				t.Errorf("%s: %q, want %s", in, got, want)
			}
		}
		say(`{"cmd":"duty","param":400}`, `{"ok":"duty","param":400}`)
		say(`{"to":"on","cmd":"lamp"}`, `{"ok":"lamp"}`)
		say(`{"cmd":"lamp","to":"half"}`, `{"error":"unknown command"}`)
		say(`{"cmd":"lamp","to":1}`, `{"error":"unknown command"}`)
		say(`{"cmd":"duty"}`, `{"error":"unknown command"}`)
		say(`{"cmd":"duty","param":"x"}`, `{"error":"unknown command"}`)
		say(`what?`, `{"error":"unknown command"}`)
		k.after(398 * time.Millisecond)
		got := texts(k.after(4 * time.Second))
		// 20 + 0.5*40*(1-1/e) shown, as (shown-5)/0.1 on the wire
		if want := (20 + 20*(1-math.Exp(-1)) - 5) * 10; math.Abs(value(t, got[0], "temp")-want) > 4 {
			t.Errorf("after one lag %q, want %g", got[0], want)
		}
		if x := value(t, got[len(got)-1], "temp"); math.Abs(x-350) > 1 || !strings.Contains(got[0], `"lamp":"bright"`) {
			t.Errorf("at last %q", got[len(got)-1])
		}
		low, high := 9.0, -9.0
		for _, l := range got {
			low, high = math.Min(low, value(t, l, "wave")), math.Max(high, value(t, l, "wave"))
		}
		if math.Abs(low+1) > 0.05 || math.Abs(high-3) > 0.05 {
			t.Errorf("wave from %g to %g", low, high)
		}
		say("V12.5;x", `{"ok":"12.5"}`)
		say(`{"cmd":"safe"}`, `{"ok":true}`)
		got = texts(k.after(200 * time.Millisecond))
		if l := got[len(got)-1]; value(t, l, "duty") != 0 || !strings.Contains(l, `"lamp":"dark"`) || value(t, l, "state") != 7 {
			t.Errorf("safe: %q", l)
		}
	})
}

func value(t *testing.T, line, key string) float64 {
	t.Helper()
	m := regexp.MustCompile(`"` + key + `":(-?[0-9.e-]+)`).FindStringSubmatch(line)
	if m == nil {
		t.Fatalf("no %s in %q", key, line)
	}
	var x float64
	if _, err := fmt.Sscan(m[1], &x); err != nil {
		t.Fatal(err)
	}
	return x
}

// What it prints is what the decoder of its format reads.
func TestDialogueFormats(t *testing.T) {
	for _, f := range []lines.Format{lines.JSON, lines.Relaxed, lines.Plotter, lines.CSV} {
		synctest.Test(t, func(t *testing.T) {
			s := oven(f)
			s.Banner = nil
			k := startOven(t, s)
			dec, err := lines.New(lines.Options{Format: f})
			if err != nil {
				t.Fatal(err)
			}
			n := 0
			for _, l := range texts(k.after(500 * time.Millisecond)) {
				dec.Feed([]byte(l), func(r *lines.Record) {
					if r.Kind == lines.Garbage || r.Kind == lines.Overlong {
						t.Fatalf("%v: %q %s", f, r.Raw, r.Why)
					}
					if x, ok := r.Get("temp"); r.Kind == lines.Values && ok && x.Num == 150 {
						n++
					}
				})
			}
			if n < 49 {
				t.Errorf("%v: %d records", f, n)
			}
		})
	}
}

func TestDialogueFloats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := Spec{Floats: true, Fields: []string{"t", "gone", "speed"}, Hello: "hello", Time: &Clock{Field: "t", Unit: time.Second},
			Params: []Param{{ID: "speed.v"}}, Channels: []Channel{{Field: "speed", Wave: Follow, Param: "speed.v"}},
			Messages: []Message{{Pattern: []Pair{{"speed", Slot{Param: "speed.v"}}}}, {Pattern: []Pair{{"event", 4.0}}, Reset: true}}}
		k := startOven(t, s)
		read := func() []float64 {
			all := k.after(200 * time.Millisecond)
			h := all[len(all)-1]
			v, err := floats.Decode(nil, []byte(h.text), 3)
			if err != nil || h.kind != transport.Binary {
				t.Fatal(h.kind, err)
			}
			return v
		}
		if v := read(); v[1] != 0 || v[2] != 0 || k.all[0].text != "hello" {
			t.Errorf("%v", v)
		}
		k.say(`{"speed":"2.5"}`)
		if v := read(); v[2] != 2.5 {
			t.Errorf("%v", v)
		}
		k.say(`{"event":"3.0"}`)
		k.say(`{"speed":2}`)
		if v := read(); v[2] != 2.5 {
			t.Errorf("%v", v)
		}
		k.say(`{"event":"4.0"}`)
		if v := read(); v[2] != 0 {
			t.Errorf("%v", v)
		}
	})
}

func TestSpecsThatMakeNoDevice(t *testing.T) {
	for name, s := range map[string]Spec{
		"no channels": {}, "a rate below zero": {Channels: []Channel{{}}, RateHz: -1},
		"follows nothing": {Channels: []Channel{{Field: "x", Wave: Follow, Param: "a.b"}}},
		"two keys":        {Floats: true, Channels: []Channel{{}}, Messages: []Message{{Pattern: []Pair{{"a", 1.0}, {"b", 1.0}}}}},
	} {
		if _, err := New(s, 1); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
