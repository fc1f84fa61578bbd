package gcode

import (
	"strconv"
	"strings"
	"testing"
	"time"
)

var benchLines = []struct{ name, line string }{
	{"status", "<Run|MPos:12.345,-1.500,2.250|FS:500,8000|Ov:100,100,100|Pn:XY>\r\n"},
	{"old", "<Idle,MPos:5.529,0.560,7.000,WPos:1.529,-5.440,-0.000>\r\n"},
	{"ok", "ok\r\n"},
	{"marlin", "X:0.00 Y:1.50 Z:-2.00 E:0.00 Count X:0 Y:120 Z:-800\n"},
}

func BenchmarkDecode(b *testing.B) {
	for _, c := range benchLines {
		b.Run(c.name, func(b *testing.B) {
			d := decoder(b, Options{})
			line := []byte(c.line)
			var total float64
			emit := func(l *Line) { x, _ := l.Get("x"); total += x.Num }
			b.SetBytes(int64(len(line)))
			b.ReportAllocs()
			for b.Loop() {
				d.Feed(line, emit)
			}
		})
	}
}

// split is what a sender does without a codec.
func split(line string) map[string][]float64 {
	line = strings.Trim(line, "<>\r\n")
	out := map[string][]float64{}
	for _, f := range strings.Split(line, "|")[1:] {
		key, vals, _ := strings.Cut(f, ":")
		for _, v := range strings.Split(vals, ",") {
			if x, err := strconv.ParseFloat(v, 64); err == nil {
				out[key] = append(out[key], x)
			}
		}
	}
	return out
}

// BenchmarkRatio runs the decoder and strings.Split with strconv in turns, and prints
// how many times faster the decoder is.
func BenchmarkRatio(b *testing.B) {
	d := decoder(b, Options{})
	line := []byte(benchLines[0].line)
	var total float64
	emit := func(l *Line) { x, _ := l.Get("x"); total += x.Num }
	var ours, peers time.Duration
	const turn = 200
	for b.Loop() {
		start := time.Now()
		for range turn {
			d.Feed(line, emit)
		}
		middle := time.Now()
		for range turn {
			total += split(string(line))["MPos"][0]
		}
		ours += middle.Sub(start)
		peers += time.Since(middle)
	}
	b.ReportMetric(float64(peers)/float64(ours), "times-strings.Split")
	b.ReportMetric(float64(ours.Nanoseconds())/float64(b.N*turn), "ns/line")
	b.ReportMetric(0, "ns/op")
}

// TestNoAllocations holds the promise of none per line in steady state.
func TestNoAllocations(t *testing.T) {
	lines := benchLines
	lines = append(lines[:len(lines):len(lines)], struct{ name, line string }{"unknown field", "<Idle|MPos:0,0,0|SD:3.5|WCO:1,1,1>\n"}, struct{ name, line string }{"garbage", "<Idle|MPos:0,\x00,0>\n"})
	for _, c := range lines {
		d := decoder(t, Options{})
		line := []byte(c.line)
		n := 0
		emit := func(l *Line) { n += len(l.Fields) }
		for _, cut := range []int{len(line), 2} {
			if a := testing.AllocsPerRun(100, func() { d.Feed(line[:cut], emit); d.Feed(line[cut:], emit) }); a > 0 {
				t.Errorf("%s cut at %d: %v allocations", c.name, cut, a)
			}
		}
	}
	w := NewWindow(0)
	line := []byte("G0 X1\n")
	if a := testing.AllocsPerRun(100, func() { w.Push(line); w.Ok() }); a > 0 {
		t.Errorf("window: %v allocations", a)
	}
}
