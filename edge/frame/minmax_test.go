package frame_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"labbox/edge/frame"
)

func TestMinMaxKeepsExtremesOrderAndGaps(t *testing.T) {
	src := frame.NewBuilder(5, 3, 0, cols[:1], true)
	for i := range 2000 {
		x := 0.0
		switch {
		case i == 250:
			x = 9 // peak first, then dip
		case i == 260:
			x = -7
		case i >= 1800:
			x = nan
		}
		if i == 1000 {
			src.Lose(40)
		}
		src.Add(time.Duration(i)*time.Millisecond, float64(i), []float64{x})
	}
	d := frame.NewDecimator(10)
	for _, v := range parseAll(t, src.AppendFrame(nil)) {
		d.Add(v)
	}
	vs := parseAll(t, d.AppendFrame(nil, time.Second)) // the bucket at 1.9 s is still open
	vs = append(vs, parseAll(t, d.AppendFrame(nil, 1999*time.Millisecond))...)
	vs = append(vs, parseAll(t, d.AppendFrame(nil, 2*time.Second))...)
	if len(vs) != 3 {
		t.Fatalf("%d frames", len(vs))
	}
	a, b, c := vs[0].Header(), vs[1].Header(), vs[2].Header()
	if !a.MinMax() || a.Samples != 20 || a.Seq != 0 || a.Next != 1000 || a.Lost != 0 {
		t.Errorf("before the gap: %+v", a)
	}
	if b.Samples != 18 || b.Seq != 1040 || b.Next != 1940 || b.Lost != 40 {
		t.Errorf("after the gap: %+v", b)
	}
	if c.Samples != 2 || c.Seq != 1940 || c.Next != 2040 || c.Lost != 0 {
		t.Errorf("the last bucket: %+v", c)
	}
	if x, y := vs[0].Value(0, 4), vs[0].Value(0, 5); x != 9 || y != -7 {
		t.Errorf("extremes %v, %v; want 9, -7 as they came", x, y)
	}
	if t0, t1 := vs[0].BoxTime(4), vs[0].BoxTime(5); t0 != 200*time.Millisecond || t1 != 299*time.Millisecond {
		t.Errorf("times %v, %v", t0, t1)
	}
	if us, ok := vs[0].DeviceTime(5); !ok || us != 299 {
		t.Errorf("device time %v", us)
	}
	if x := vs[2].Value(0, 0); !math.IsNaN(x) {
		t.Errorf("a bucket without values shows %v", x)
	}
}

func TestMinMaxSeesWhatTheFeedDropped(t *testing.T) {
	src := frame.NewBuilder(5, 3, 0, cols[:1], false)
	d := frame.NewDecimator(1000)
	for i := range 4 {
		src.Add(time.Duration(i)*time.Second, nan, []float64{1})
		v := parseAll(t, src.AppendFrame(nil))[0]
		if i != 2 { // this frame never arrives
			d.Add(v)
		}
	}
	vs := parseAll(t, d.AppendFrame(nil, time.Hour))
	if len(vs) != 2 || vs[1].Header().Lost != 1 || vs[1].Header().Seq != 3 {
		t.Fatalf("%d frames", len(vs))
	}
	src.Restart(4, cols[:2], false)
	src.Add(time.Hour, nan, []float64{1, 2})
	d.Add(parseAll(t, src.AppendFrame(nil))[0])
	vs = parseAll(t, d.AppendFrame(nil, 2*time.Hour))
	if h := vs[0].Header(); h.Epoch != 4 || h.Channels != 2 || h.Lost != 0 {
		t.Fatalf("new epoch: %+v", h)
	}
}

// TestMinMaxProperty: at most maxHz buckets a second plus one per gap, and the
// extremes over everything are the extremes of the view.
func TestMinMaxProperty(t *testing.T) {
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 2))
		src := frame.NewBuilder(1, 1, 0, cols[1:2], false)
		d := frame.NewDecimator(20)
		lo, hi, gaps, n := math.Inf(1), math.Inf(-1), 0, 3000
		for i := range n {
			if r.IntN(200) == 0 {
				src.Lose(1)
				gaps++
			}
			x := r.NormFloat64()
			lo, hi = min(lo, x), max(hi, x)
			src.Add(time.Duration(i)*time.Millisecond, nan, []float64{x})
			if r.IntN(50) == 0 {
				for _, v := range parseAll(t, src.AppendFrame(nil)) {
					d.Add(v)
				}
			}
		}
		for _, v := range parseAll(t, src.AppendFrame(nil)) {
			d.Add(v)
		}
		gotLo, gotHi, pairs, covered, lost := math.Inf(1), math.Inf(-1), 0, uint64(0), 0
		for _, v := range parseAll(t, d.AppendFrame(nil, time.Hour)) {
			h := v.Header()
			pairs += h.Samples / 2
			covered += h.Next - h.Seq
			lost += int(h.Lost)
			for i := range h.Samples {
				gotLo, gotHi = min(gotLo, v.Value(0, i)), max(gotHi, v.Value(0, i))
			}
		}
		if gotLo != lo || gotHi != hi || covered != uint64(n) || lost != gaps {
			t.Fatalf("seed %d: extremes %v %v, want %v %v; covered %d, lost %d of %d", seed, gotLo, gotHi, lo, hi, covered, lost, gaps)
		}
		if pairs > 3*20+1+gaps {
			t.Fatalf("seed %d: %d buckets in 3 s with %d gaps", seed, pairs, gaps)
		}
	}
}
