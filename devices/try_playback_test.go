package devices

import (
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"labbox/devices/capture"
)

// What a trial sees of any type of the catalogue, a playback of its capture sees
// again: the same messages, the same values.
func TestPlayWhatWasCaptured(t *testing.T) {
	for _, name := range catalogNames(t) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				typ := catalogType(t, name)
				opener, err := SimOpener(typ, "sim", 1)
				if err != nil {
					t.Fatal(err)
				}
				var b strings.Builder
				w, err := capture.NewWriter(&b, capture.Header{Type: name})
				if err != nil {
					t.Fatal(err)
				}
				_, live := tried(t, Trial{Type: typ, Opener: opener, Note: func(c capture.Chunk) { _ = w.Add(c) }}, typ.Connect.Boot+2*time.Second)
				r, err := capture.NewReader(strings.NewReader(b.String()))
				if err != nil {
					t.Fatal(err)
				}
				rows := uint64(0)
				rep, err := (&Player{Type: typ, Row: func(Row) { rows++ }}).Play(r)
				if err != nil {
					t.Fatal(err)
				}
				if !rep.Proved || rep.Misfits > 0 || rep.Missing > 0 || rows != rep.Samples || rep.Samples+1 < live.Samples {
					t.Errorf("%d rows, %+v; live %+v", rows, rep, live)
				}
				for i := range live.Channels {
					a, b := &live.Channels[i], &rep.Channels[i]
					if a.N != b.N || a.N > 0 && (math.Abs(a.Min-b.Min) > 1e-9 || math.Abs(a.Max-b.Max) > 1e-9) {
						t.Errorf("live %+v, played %+v", a, b)
					}
				}
			})
		})
	}
}

// Damaged files end in a report or an error, whatever the type.
func FuzzPlay(f *testing.F) {
	f.Add("1 < \"{\\\"n\\\":1}\\r\\n\"\n2 > \"T\\r\"\n3 < \"T=1 C\\r\\n\"\n")
	f.Add("1 > \"\\x01\\x04\\x00\\x00\\x00\\x02\\x71\\xcb\"\n9 < \"\\x01\\x84\\x02\\xc2\\xc1\"\n")
	f.Add("1 <b \"\\x00\\x00\\x80\\x3f\"\n2 <t \"Hola desde el ESP32\"\n")
	reg, err := NewRegistry()
	if err != nil {
		f.Fatal(err)
	}
	var types []*Type
	for _, name := range []string{"plate", "plotter", "aeropendulum", "firmata-plain", "labwire"} {
		typ, err := reg.Type(name, "")
		if err != nil {
			f.Fatal(err)
		}
		types = append(types, typ)
	}
	for _, text := range []string{bath, psu, controller} {
		typ, ps := ParseType("t.yaml", []byte(text))
		if err := ps.Err(); err != nil {
			f.Fatal(err)
		}
		types = append(types, typ)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, typ := range types {
			r, err := capture.NewReader(strings.NewReader("# labbox capture 1\n" + text))
			if err != nil {
				return
			}
			_, _ = (&Player{Type: typ}).Play(r)
		}
	})
}
