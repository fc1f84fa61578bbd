package lines

import (
	"encoding/json"
	"testing"
	"time"
)

// benchLines are one line of each kind of device.
var benchLines = []struct {
	name   string
	format Format
	line   string
}{
	{"pendulum", JSON, `{"enc":-12,"time":34567}` + "\r\n"},
	{"disk", JSON, `{"d":[0.12,0.24,0.36,0.48],"v":[1.51,1.52,1.53,1.54],"t":[34560,34565,34570,34575],` +
		`"y":[0.1,0.1,0.1,0.1],"c":[1.25,1.25,1.25,1.25],"e":[0.01,0.02,-0.01,0.00],"p_sig":0.5,"i_sig":0.01,"d_sig":0,"m":"v"}` + "\r\n"},
	{"nested", JSON, `{"valve":{"state":1,"temp":{"in":-3.5,"out":4.25}},"fans":[0,1],"mode":"run"}` + "\r\n"},
	{"escapes", JSON, `{"text":"5 \u00b0C","n\u0065w":"a\nb"}` + "\n"},
	{"relaxed", Relaxed, `{enc:-12,ok:True,'time':34567}` + "\n"},
	{"plotter", Plotter, "Min:0, raw:123, filtered:120.55\r\n"},
	{"bare", Plotter, "12.5 13.5 14.5\n"},
	{"csv", CSV, "34567,-12,0.25,,nan\r\n"},
}

func BenchmarkDecode(b *testing.B) {
	for _, c := range benchLines {
		b.Run(c.name, func(b *testing.B) {
			d := decoder(b, Options{Format: c.format})
			line := []byte(c.line)
			var sum float64
			emit := func(r *Record) { sum += r.Fields[0].Num }
			b.SetBytes(int64(len(line)))
			b.ReportAllocs()
			for b.Loop() {
				d.Feed(line, emit)
			}
		})
	}
}

// BenchmarkRatio runs this decoder and encoding/json into a map in turns, and
// prints how many times faster this one is.
func BenchmarkRatio(b *testing.B) {
	for _, c := range benchLines[:3] {
		b.Run(c.name, func(b *testing.B) {
			d := decoder(b, Options{})
			line := []byte(c.line)
			emit := func(*Record) {}
			var ours, peers time.Duration
			const turn = 200
			for b.Loop() {
				start := time.Now()
				for range turn {
					d.Feed(line, emit)
				}
				middle := time.Now()
				for range turn {
					m := map[string]any{}
					if err := json.Unmarshal(line, &m); err != nil {
						b.Fatal(err)
					}
				}
				ours += middle.Sub(start)
				peers += time.Since(middle)
			}
			b.ReportMetric(float64(peers)/float64(ours), "times-encoding/json")
			b.ReportMetric(float64(ours.Nanoseconds())/float64(b.N*turn), "ns/line")
			b.ReportMetric(0, "ns/op")
		})
	}
}
