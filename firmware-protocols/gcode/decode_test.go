package gcode

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

type vector struct {
	Name  string
	Max   int
	Input string
	Lines []string
}

func readVectors[T any](t testing.TB, name string) []T {
	t.Helper()
	b, err := os.ReadFile("vectors/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Cases []T }
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Cases) == 0 {
		t.Fatal("no cases")
	}
	return file.Cases
}

func decoder(t testing.TB, o Options) *Decoder {
	t.Helper()
	d, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// show writes a line as the vectors do.
func show(l *Line) string {
	var b strings.Builder
	b.WriteString(l.Kind.String())
	if l.Code != 0 || len(l.Text) > 0 {
		fmt.Fprint(&b, " ", l.Code)
	}
	if len(l.Text) > 0 {
		fmt.Fprintf(&b, " %s", l.Text)
	}
	for _, f := range l.Fields {
		fmt.Fprintf(&b, " %s=", f.Key)
		switch f.Key {
		case "state", "pins", "accessories":
			b.Write(f.Text)
		default:
			if math.IsNaN(f.Num) {
				fmt.Fprintf(&b, "nan:%s", f.Text)
			} else {
				fmt.Fprint(&b, f.Num)
			}
		}
	}
	return b.String()
}

// feed gives in to the decoder in chunks, in memory that is spoilt afterwards.
func feed(d *Decoder, in []byte, chunk int) (got []string) {
	for len(in) > 0 {
		n := min(chunk, len(in))
		c := append([]byte(nil), in[:n]...)
		d.Feed(c, func(l *Line) { got = append(got, show(l)) })
		for i := range c {
			c[i] = 'o'
		}
		in = in[n:]
	}
	return got
}

func TestVectors(t *testing.T) {
	for _, v := range readVectors[vector](t, "lines") {
		t.Run(v.Name, func(t *testing.T) {
			for _, chunk := range []int{1, 2, 3, 7, 1 << 20} {
				d := decoder(t, Options{MaxLine: v.Max})
				if got := feed(d, []byte(v.Input), chunk); !slices.Equal(got, v.Lines) {
					t.Fatalf("in chunks of %d:\n got %q\nwant %q", chunk, got, v.Lines)
				}
			}
		})
	}
}

func TestWindow(t *testing.T) {
	w := NewWindow(20)
	line := []byte("G0X1\n") // 5 bytes
	for i := range 4 {
		if id, ok := w.Push(line); !ok || id != uint64(i+1) {
			t.Fatal(i, id, ok)
		}
	}
	if _, ok := w.Push([]byte("\n")); ok || w.Used() != 20 || w.Free() != 0 || w.Lines() != 4 {
		t.Fatal("a full window takes more", w)
	}
	if id, ok := w.Ok(); !ok || id != 1 {
		t.Error(id, ok)
	}
	if id, ok := w.Error(); !ok || id != 2 {
		t.Error(id, ok)
	}
	if id, ok := w.Push([]byte("G1 X123\n\n\n")); !ok || id != 5 || w.Free() != 0 {
		t.Error(id, ok, w.Free())
	}
	if lost := w.Reset(); lost != 3 || w.Free() != 20 {
		t.Error(lost, w.Free())
	}
	if _, ok := w.Ok(); ok || w.Unexpected() != 1 {
		t.Error("an answer to nothing", w.Unexpected())
	}
	for range 1000 { // the ring goes round
		if _, ok := w.Push([]byte("M5\n")); !ok {
			t.Fatal("no room")
		}
		if w.Lines() == 6 {
			w.Ok()
		}
	}
	if _, ok := w.Push(make([]byte, 21)); ok || NewWindow(0).Free() != DefaultBuffer {
		t.Error("too long, or the default size")
	}
}

func TestCheckAndWords(t *testing.T) {
	for _, s := range []string{"G0 X1\n", "$J=G91 X1 F100\n", "(a comment)\n"} {
		if err := Check([]byte(s), 127); err != nil {
			t.Error(err)
		}
	}
	for _, s := range []string{"", "\n", "G0", "G0\nG1\n", "G0?\n", "G0!\n", "G0~\n", "\x18\n", "G0\x85\n", "G0\r\n", "G0\x00\n", strings.Repeat("G", 127) + "\n"} {
		if err := Check([]byte(s), 127); !errors.Is(err, ErrLine) {
			t.Errorf("%q: %v", s, err)
		}
	}
	for _, c := range []struct {
		x        float64
		decimals int
		want     string
	}{{1.5, 3, "X1.500"}, {-0.0001, 3, "X0.000"}, {10, -1, "X10"}, {0.1, -1, "X0.1"}, {-1e-9, -1, "X0"}, {100, 0, "X100"}} {
		if got, err := AppendWord(nil, 'X', c.x, c.decimals); err != nil || string(got) != c.want {
			t.Errorf("%v: %s, %v", c, got, err)
		}
	}
	for _, x := range []float64{math.NaN(), math.Inf(-1), 1e9} {
		if got, err := AppendWord([]byte("a"), 'X', x, 3); !errors.Is(err, ErrLine) || string(got) != "a" {
			t.Error(x, got, err)
		}
	}
	got, err := AppendNumbered(nil, 5, []byte("G1 X1"))
	if err != nil || string(got) != "N5 G1 X1*100\n" {
		t.Errorf("%q %v", got, err)
	}
	if n, line, err := ParseNumbered(got); n != 5 || string(line) != "G1 X1" || err != nil {
		t.Error(n, line, err)
	}
	for _, s := range []string{"", "N5 G1 X1*38", "N5 G1 X1", "G1*1", "N G1*73", "N5*"} {
		if _, _, err := ParseNumbered([]byte(s)); !errors.Is(err, ErrLine) {
			t.Errorf("%q: %v", s, err)
		}
	}
}

func TestNumbers(t *testing.T) {
	var n Numbers
	for i := range 100 {
		if _, err := n.Append(nil, fmt.Appendf(nil, "G0 X%d", i+1)); err != nil {
			t.Fatal(err)
		}
	}
	for _, i := range []int{37, 64, 100} {
		line, ok := n.Again(i)
		if number, text, err := ParseNumbered(line); !ok || number != i || string(text) != fmt.Sprintf("G0 X%d", i) || err != nil {
			t.Errorf("%d: %q, %v, %v", i, line, ok, err)
		}
	}
	for _, i := range []int{-1, 0, 36, 101} {
		if line, ok := n.Again(i); ok {
			t.Errorf("%d: %q", i, line)
		}
	}
	if b, err := n.Append([]byte("a"), []byte("G0*1")); !errors.Is(err, ErrLine) || string(b) != "a" || n.Last() != 100 {
		t.Error(b, err, n.Last())
	}
	n.Reset()
	if b, err := n.Append(nil, []byte("M110")); err != nil || !strings.HasPrefix(string(b), "N1 M110*") {
		t.Error(string(b), err)
	}
}

func TestOptionsRefused(t *testing.T) {
	for _, o := range []Options{{Buffer: 3}, {MaxLine: -1}, {Poll: time.Nanosecond}, {Status: "M114\nG0"}, {Status: "A?"}} {
		if _, err := New(o); !errors.Is(err, ErrOptions) {
			t.Errorf("%+v: %v", o, err)
		}
	}
	if _, err := New(Options{Status: "M114"}); err != nil {
		t.Error(err)
	}
	d := decoder(t, Options{})
	feed(d, []byte("<Idle|WCO:1,1,1|MPos:0,0,0>\n<Idl"), 100)
	d.Reset()
	if got := feed(d, []byte("<Idle|MPos:0,0,0>\n"), 100); got[0] != "status state=Idle pins= x=0 y=0 z=0" || d.Stats().Cut != 1 {
		t.Error(got, d.Stats())
	}
}

func TestTexts(t *testing.T) {
	for n := 1; n <= 38; n++ {
		if has := ErrorText(n) != ""; has == (n == 18 || n == 19) {
			t.Error("error", n, ErrorText(n))
		}
	}
	for n := 1; n <= 10; n++ {
		if AlarmText(n) == "" {
			t.Error("alarm", n)
		}
	}
	if ErrorText(0)+AlarmText(0)+ErrorText(99) != "" {
		t.Error("a text for no code")
	}
}
