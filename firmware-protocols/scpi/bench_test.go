package scpi

import (
	"strconv"
	"strings"
	"testing"
	"time"
)

// benchReplies are what instruments answer in a poll.
var benchReplies = []struct{ name, reply string }{
	{"number", "+1.23456700E+00\n"},
	{"three", "1.2345,0.5012,ON\r\n"},
	{"chain", "12.003;0.5012;1;+9.91000000E+37\n"},
}

func sum(r Response, total *float64) {
	for d := range r.Data() {
		if d.Kind.Number() {
			*total += d.Num
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	replies := benchReplies
	replies = append(replies[:len(replies):len(replies)], struct{ name, reply string }{"block64k", "#565536" + strings.Repeat("\n", 65536) + "\n"})
	for _, c := range replies {
		b.Run(c.name, func(b *testing.B) {
			d := decoder(b, Options{})
			line := []byte(c.reply)
			var total float64
			emit := func(r Response) { sum(r, &total) }
			b.SetBytes(int64(len(line)))
			b.ReportAllocs()
			for b.Loop() {
				d.Feed(line, emit)
			}
		})
	}
}

// split is what a driver does without a codec.
func split(line string) (total float64) {
	for _, u := range strings.Split(strings.TrimRight(line, "\r\n"), ";") {
		for _, s := range strings.Split(u, ",") {
			if x, err := strconv.ParseFloat(s, 64); err == nil {
				total += x
			}
		}
	}
	return total
}

// BenchmarkRatio runs the decoder and strings.Split with strconv in turns, and prints
// how many times faster the decoder is.
func BenchmarkRatio(b *testing.B) {
	for _, c := range benchReplies {
		b.Run(c.name, func(b *testing.B) {
			d := decoder(b, Options{})
			line := []byte(c.reply)
			var total float64
			emit := func(r Response) { sum(r, &total) }
			var ours, peers time.Duration
			const turn = 200
			for b.Loop() {
				start := time.Now()
				for range turn {
					d.Feed(line, emit)
				}
				middle := time.Now()
				for range turn {
					total += split(string(line))
				}
				ours += middle.Sub(start)
				peers += time.Since(middle)
			}
			b.ReportMetric(float64(peers)/float64(ours), "times-strings.Split")
			b.ReportMetric(float64(ours.Nanoseconds())/float64(b.N*turn), "ns/reply")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// TestNoAllocations holds the promise of none per message in steady state.
func TestNoAllocations(t *testing.T) {
	for _, c := range benchReplies {
		d := decoder(t, Options{})
		line := []byte(c.reply)
		var total float64
		emit := func(r Response) { sum(r, &total) }
		for _, cut := range []int{len(line), 3} { // also where a message comes in two parts
			if n := testing.AllocsPerRun(100, func() { d.Feed(line[:cut], emit); d.Feed(line[cut:], emit) }); n > 0 {
				t.Errorf("%s cut at %d: %v allocations", c.name, cut, n)
			}
		}
	}
	w := NewWriter(Options{}, 0)
	if n := testing.AllocsPerRun(100, func() {
		w.Begin()
		w.Header("VOLT").Number(1.5, 3).Text("a").Word("MAX")
		if _, err := w.End(); err != nil {
			t.Error(err)
		}
	}); n > 0 {
		t.Errorf("writer: %v allocations", n)
	}
}
