package gcode

import (
	"math"
	"slices"
	"testing"
)

// FuzzDecode feeds arbitrary bytes in arbitrary chunks: the chunks change nothing,
// nothing grows, and the next good line is read.
func FuzzDecode(f *testing.F) {
	for _, v := range readVectors[vector](f, "lines") {
		f.Add([]byte(v.Input), uint8(3))
	}
	f.Fuzz(func(t *testing.T, b []byte, chunk uint8) {
		o := Options{MaxLine: 64}
		d, e := decoder(t, o), decoder(t, o)
		whole, cut := feed(d, b, len(b)+1), feed(e, b, int(chunk)+1)
		if !slices.Equal(whole, cut) || d.Stats() != e.Stats() {
			t.Fatalf("in chunks of %d:\n%q\n%q\n%+v\n%+v", chunk+1, whole, cut, d.Stats(), e.Stats())
		}
		if s := d.Stats(); uint64(len(whole)) != s.Lines+s.Overlong {
			t.Fatalf("%d lines, %+v", len(whole), s)
		}
		if cap(d.buf) > 256 || len(d.names) > maxNames || len(d.fields) > maxFields {
			t.Fatalf("holds %d bytes, %d names, %d fields", cap(d.buf), len(d.names), len(d.fields))
		}
		feed(d, []byte("\n"), 1)
		d.Feed([]byte("<Idle|MPos:1.5,0,-2|WCO:0,0,0>\r\n"), func(l *Line) {
			if x, ok := l.Get("x"); l.Kind != Status || !ok || x.Num != 1.5 {
				t.Fatalf("the next good line reads as %s", show(l))
			}
		})
	})
}

func FuzzNumbered(f *testing.F) {
	f.Add([]byte("N5 G1 X1*100"))
	f.Add([]byte("N*78"))
	f.Fuzz(func(t *testing.T, b []byte) {
		n, line, err := ParseNumbered(b)
		if err != nil {
			return
		}
		again, err := AppendNumbered(nil, n, line)
		if err != nil {
			return
		}
		if m, l, err := ParseNumbered(again); m != n || string(l) != string(line) || err != nil {
			t.Fatalf("%q: %d %q %v", b, m, l, err)
		}
	})
}

func FuzzWord(f *testing.F) {
	f.Add(1.5, 3)
	f.Add(-1e-9, -1)
	f.Fuzz(func(t *testing.T, x float64, decimals int) {
		b, err := AppendWord(nil, 'X', x, decimals)
		if err != nil {
			return
		}
		y, ok := whole(b[1:])
		if tolerance := math.Pow(10, -float64(max(decimals, 0))); !ok || decimals >= 0 && math.Abs(x-y) > tolerance || decimals < 0 && math.Abs(x-y) > 1e-6 {
			t.Fatalf("%v becomes %s, %v", x, b, y)
		}
	})
}
