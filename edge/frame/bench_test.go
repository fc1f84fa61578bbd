package frame_test

import (
	"encoding/json"
	"testing"
	"time"

	"labbox/edge/frame"
)

var four = []frame.Column{
	{Index: 0, Format: frame.F32}, {Index: 1, Format: frame.F32},
	{Index: 2, Format: frame.F32}, {Index: 3, Format: frame.F32},
}

// One operation is 50 samples of 4 channels: a display batch at 1 kHz.
func batch(b *frame.Builder, dst []byte, vals []float64) []byte {
	for i := range 50 {
		b.Add(time.Duration(i)*time.Millisecond, float64(i)*1000, vals)
	}
	return b.AppendFrame(dst)
}

func BenchmarkEncode(b *testing.B) {
	fb := frame.NewBuilder(1, 1, 0, four, true)
	vals := []float64{1, 2, 3, 4}
	buf := batch(fb, nil, vals)
	b.SetBytes(int64(len(buf)))
	b.ReportAllocs()
	for b.Loop() {
		buf = batch(fb, buf[:0], vals)
	}
}

// BenchmarkEncodeJSON is the peer: one JSON object per sample.
func BenchmarkEncodeJSON(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		for i := range 50 {
			if _, err := json.Marshal(map[string]any{"t": i, "v": []float64{1, 2, 3, 4}}); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkParse(b *testing.B) {
	buf := batch(frame.NewBuilder(1, 1, 0, four, true), nil, []float64{1, 2, 3, 4})
	var vals []float64
	b.SetBytes(int64(len(buf)))
	b.ReportAllocs()
	for b.Loop() {
		v, _, err := frame.Parse(buf)
		if err != nil {
			b.Fatal(err)
		}
		for ch := range 4 {
			vals = v.AppendValues(vals[:0], ch)
		}
	}
}

func BenchmarkSelect(b *testing.B) {
	v := frameOf(b, batch(frame.NewBuilder(1, 1, 0, four, true), nil, []float64{1, 2, 3, 4}))
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = frame.Select(buf[:0], v, []int{2, 0})
	}
}

func BenchmarkMinMax(b *testing.B) {
	v := frameOf(b, batch(frame.NewBuilder(1, 1, 0, four, true), nil, []float64{1, 2, 3, 4}))
	d := frame.NewDecimator(100)
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		d.Add(v)
		buf = d.AppendFrame(buf[:0], time.Hour)
	}
}

// TestNoAllocations keeps the hot path free of garbage.
func TestNoAllocations(t *testing.T) {
	fb := frame.NewBuilder(1, 1, 0, four, true)
	vals := []float64{1, 2, 3, 4}
	buf := batch(fb, nil, vals)
	v := frameOf(t, append([]byte{}, buf...))
	d := frame.NewDecimator(100)
	var sel, mm []byte
	var xs []float64
	step := func() {
		buf = batch(fb, buf[:0], vals)
		fb.Lose(1)
		p, _, err := frame.Parse(buf)
		if err != nil {
			t.Fatal(err)
		}
		xs = p.AppendValues(xs[:0], 3)
		sel = frame.Select(sel[:0], v, []int{1, 2})
		d.Add(v)
		mm = d.AppendFrame(mm[:0], time.Hour)
	}
	step()
	step()
	if n := testing.AllocsPerRun(100, step); n != 0 {
		t.Errorf("%v allocations per batch", n)
	}
}
