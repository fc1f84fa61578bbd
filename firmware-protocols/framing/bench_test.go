package framing

import (
	"bytes"
	"testing"
)

func benchFrame(t testing.TB, i int) (*Encoder, *Decoder, []byte, []byte) {
	w := ways[i]
	body := []byte(w.body)
	if w.o.Size == 0 {
		body = bytes.Repeat(body, 4)
	}
	e := encoder(t, w.o)
	frame, err := e.Append(nil, body)
	if err != nil {
		t.Fatal(w.name, err)
	}
	return e, decoder(t, w.o), body, frame
}

func TestNoAllocation(t *testing.T) {
	for i, w := range ways {
		if w.name == "length in digits" {
			continue // measured by its kin; the repeated body would not differ
		}
		e, d, body, frame := benchFrame(t, i)
		buf := make([]byte, 0, 1024)
		good, bad := 0, 0
		emit := func(m *Message) {
			if m.Why == OK {
				good++
			} else {
				bad++
			}
		}
		stream := append(append(bytes.Clone(frame), frame...), frame...)
		round := func() {
			p, err := e.Append(buf, body)
			if err != nil || !bytes.Equal(p, frame) {
				t.Error(w.name, err)
			}
			d.Feed(stream, emit)
			d.Feed(stream[:7], emit)
			d.Feed(stream[7:], emit)
			d.Silent(emit)
		}
		round()
		if n := testing.AllocsPerRun(50, round); n != 0 {
			t.Errorf("%s: %v allocations", w.name, n)
		}
		if d.l.way != silent && (bad > 0 || good != 52*6) {
			t.Errorf("%s: %d good, %d bad", w.name, good, bad)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	for i, w := range ways {
		b.Run(w.name, func(b *testing.B) {
			_, d, _, frame := benchFrame(b, i)
			n := 0
			emit := func(*Message) { n++ }
			b.SetBytes(int64(len(frame)))
			b.ReportAllocs()
			for b.Loop() {
				d.Feed(frame, emit)
				if d.l.way == silent {
					d.Silent(emit)
				}
			}
		})
	}
}

// BenchmarkHostile is the worst that can be fed: start marks with lengths that
// lie, each one summed in vain.
func BenchmarkHostile(b *testing.B) {
	d := decoder(b, Options{Start: "\u00aa", Length: &Length{At: 1, Size: 1}, Checksum: &Checksum{Kind: "crc16-modbus"}})
	junk := bytes.Repeat([]byte{0xAA}, 4096)
	emit := func(*Message) {}
	b.SetBytes(int64(len(junk)))
	b.ReportAllocs()
	for b.Loop() {
		d.Feed(junk, emit)
	}
}

func BenchmarkAppend(b *testing.B) {
	for i, w := range ways {
		b.Run(w.name, func(b *testing.B) {
			e, _, body, frame := benchFrame(b, i)
			dst := make([]byte, 0, len(frame))
			b.SetBytes(int64(len(frame)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := e.Append(dst, body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
