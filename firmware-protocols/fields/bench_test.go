package fields

import (
	"fmt"
	"regexp"
	"testing"
	"time"

	"labbox/firmware-protocols/decimal"
)

func reply(t testing.TB) (*Pattern, []byte) {
	return compile(t, Part{Field: "volts"}, Part{Text: " V, "}, Part{Field: "amps"}, Part{Text: " A, "},
			Part{Field: "mode", As: "choice", Choices: []Choice{{ID: "voltage", Wire: "CV"}, {ID: "current", Wire: "CC"}}}),
		[]byte("+1.234567E+01 V, 0.12345 A, CV")
}

func frame(t testing.TB) (*Pattern, []byte) {
	p := compile(t, Part{Text: "\xaa\x55"}, Part{Field: "n", As: "u8"}, Part{List: &Part{Field: "w", As: "i16", Order: "little", Scale: 0.1}, Count: 8},
		Part{As: "bits", Of: "u8", Bits: []Bit{{Field: "on"}, {Field: "mode", At: 4, Size: 3}}}, Part{Checksum: "crc16-modbus", Order: "little"})
	msg, err := p.Append(nil, lookup(map[string]Value{"n": Num(7), "w": Nums([]float64{1, 2, 3, -4, 5, 6, 7.5, 8}), "on": Num(1)}))
	if err != nil {
		t.Fatal(err)
	}
	return p, msg
}

func TestNoAllocation(t *testing.T) {
	for name, f := range map[string]func(testing.TB) (*Pattern, []byte){"reply": reply, "frame": frame} {
		p, msg := f(t)
		var v Values
		if n := testing.AllocsPerRun(1000, func() {
			if !p.Match(msg, &v, nil) {
				t.Fatalf("%+v", p.Explain(msg, nil))
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
		buf := make([]byte, 0, 256)
		get := v.Lookup
		if n := testing.AllocsPerRun(1000, func() { buf, _ = p.Append(buf[:0], get) }); n > 1 { // the text of the choice
			t.Errorf("%s: %v allocations to print", name, n)
		}
	}
}

func BenchmarkMatch(b *testing.B) {
	for name, f := range map[string]func(testing.TB) (*Pattern, []byte){"reply": reply, "frame": frame} {
		b.Run(name, func(b *testing.B) {
			p, msg := f(b)
			var v Values
			b.SetBytes(int64(len(msg)))
			b.ReportAllocs()
			for b.Loop() {
				p.Match(msg, &v, nil)
			}
		})
	}
}

func BenchmarkAppend(b *testing.B) {
	p, msg := reply(b)
	var v Values
	p.Match(msg, &v, nil)
	vals := map[string]Value{}
	for _, f := range p.Fields() {
		vals[f.Name], _ = v.Lookup(f.Name)
	}
	get, buf := lookup(vals), make([]byte, 0, 256)
	b.ReportAllocs()
	for b.Loop() {
		buf, _ = p.Append(buf[:0], get)
	}
}

// BenchmarkRatio reads one reply by turns with this package, with fmt.Sscanf and
// with a regular expression whose groups are then parsed.
func BenchmarkRatio(b *testing.B) {
	p, msg := reply(b)
	re := regexp.MustCompile(`^\s*([-+0-9.eE]+) V, \s*([-+0-9.eE]+) A, (CV|CC)$`)
	var v Values
	var ours, scanf, regex time.Duration
	const turn = 100
	for b.Loop() {
		t0 := time.Now()
		for range turn {
			p.Match(msg, &v, nil)
		}
		t1 := time.Now()
		for range turn {
			var volts, amps float64
			var mode string
			if n, err := fmt.Sscanf(string(msg), "%f V, %f A, %s", &volts, &amps, &mode); n != 3 {
				b.Fatal(err)
			}
		}
		t2 := time.Now()
		for range turn {
			m := re.FindSubmatch(msg)
			_, n, _ := decimal.Parse(m[1], '.')
			_, k, _ := decimal.Parse(m[2], '.')
			if n == 0 || k == 0 {
				b.Fatal("no number")
			}
		}
		ours, scanf, regex = ours+t1.Sub(t0), scanf+t2.Sub(t1), regex+time.Since(t2)
	}
	b.ReportMetric(float64(scanf)/float64(ours), "times-fmt.Sscanf")
	b.ReportMetric(float64(regex)/float64(ours), "times-regexp")
	b.ReportMetric(float64(ours.Nanoseconds())/float64(b.N*turn), "ns/message")
	b.ReportMetric(0, "ns/op")
}

// TestConcurrent shares one pattern; run with -race it shows that nothing of it
// is written to.
func TestConcurrent(t *testing.T) {
	for _, f := range []func(testing.TB) (*Pattern, []byte){reply, frame} {
		p, msg := f(t)
		done := make(chan bool)
		for range 4 {
			go func() {
				var v Values
				ok := true
				for range 200 {
					ok = ok && p.Match(msg, &v, nil) && p.Explain(msg, nil).OK
					_, err := p.Append(nil, v.Lookup)
					ok = ok && err == nil
				}
				done <- ok
			}()
		}
		for range 4 {
			if !<-done {
				t.Error("a shared pattern does not match")
			}
		}
	}
}
