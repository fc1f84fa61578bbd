package frame_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"labbox/edge/frame"
)

var nan = math.NaN()

// cols has one column of every format.
var cols = []frame.Column{
	{Index: 0, Format: frame.F32},
	{Index: 3, Format: frame.F64},
	{Index: 4, Format: frame.I16, Scale: 0.5, Offset: 100},
	{Index: 9, Format: frame.Enum},
}

func parseAll(t testing.TB, b []byte) []frame.View {
	t.Helper()
	var vs []frame.View
	for len(b) > 0 {
		v, rest, err := frame.Parse(b)
		if err != nil {
			t.Fatal(err)
		}
		vs, b = append(vs, v), rest
	}
	return vs
}

func same(a, b float64) bool { return a == b || a != a && b != b }

func TestRoundTrip(t *testing.T) {
	rows := [][]float64{
		{1.5, math.Pi, 100, 0},
		{nan, nan, nan, nan},
		{-2.25, 1e300, -16283.5, 254},
		{float64(float32(0.1)), -0.5, 16483.5, 7},
		{1}, // short row: the rest is missing
	}
	for _, device := range []bool{false, true} {
		b := frame.NewBuilder(7, 2, 10, cols, device)
		for i, r := range rows {
			b.Add(time.Second+time.Duration(i*i)*time.Millisecond, float64(i*i)*1000.5, r)
		}
		vs := parseAll(t, b.AppendFrame(nil))
		if len(vs) != 1 || b.Len() != 0 {
			t.Fatalf("%d frames, %d left", len(vs), b.Len())
		}
		v, h := vs[0], vs[0].Header()
		if h.Stream != 7 || h.Epoch != 2 || h.Seq != 10 || h.Next != 15 || h.Samples != 5 || h.Lost != 0 || h.T0 != time.Second {
			t.Fatalf("header %+v", h)
		}
		for i, r := range rows {
			for ch := range cols {
				want := nan
				if ch < len(r) {
					want = r[ch]
				}
				if got := v.Value(ch, i); !same(got, want) {
					t.Errorf("sample %d column %d: %v, want %v", i, ch, got, want)
				}
			}
			if got, want := v.BoxTime(i), time.Second+time.Duration(i*i)*time.Millisecond; got != want {
				t.Errorf("box time %d: %v, want %v", i, got, want)
			}
			us, ok := v.DeviceTime(i)
			if ok != device || device && us != float64(i*i)*1000.5 {
				t.Errorf("device time %d: %v %v", i, us, ok)
			}
		}
		for ch, c := range cols {
			if v.Column(ch) != c && c.Format == frame.I16 {
				t.Errorf("column %d: %+v", ch, v.Column(ch))
			}
			for i, x := range v.AppendValues(nil, ch) {
				if !same(x, v.Value(ch, i)) {
					t.Errorf("AppendValues %d %d", ch, i)
				}
			}
		}
	}
}

func TestConstantStep(t *testing.T) {
	b := frame.NewBuilder(1, 1, 0, cols[:1], true)
	for i := range 100 {
		jitter := time.Duration(i%2) * 900 * time.Nanosecond
		b.Add(time.Duration(i)*time.Millisecond+jitter, float64(i)*1000, []float64{1})
	}
	v := parseAll(t, b.AppendFrame(nil))[0]
	if h := v.Header(); h.Flags != frame.FlagBoxStep|frame.FlagDevice|frame.FlagDeviceStep || h.Size != 48+16+8+16+400 {
		t.Fatalf("flags %#x size %d", h.Flags, h.Size)
	}
	for i := range 100 {
		jitter := time.Duration(i%2) * 900 * time.Nanosecond
		if d := v.BoxTime(i) - time.Duration(i)*time.Millisecond - jitter; d.Abs() > time.Microsecond {
			t.Fatalf("box time %d is off by %v", i, d)
		}
		if us, ok := v.DeviceTime(i); !ok || us != float64(i)*1000 {
			t.Fatalf("device time %d: %v", i, us)
		}
	}
	b.Add(0, 0, nil)
	b.Add(time.Millisecond, 0, nil)
	b.Add(2*time.Millisecond+1500, nan, nil) // over 1 us off, and a device time is missing
	b.Add(3*time.Millisecond, 0, nil)
	v = parseAll(t, b.AppendFrame(nil))[0]
	if h := v.Header(); h.Flags != frame.FlagDevice {
		t.Fatalf("flags %#x", h.Flags)
	}
	if _, ok := v.DeviceTime(2); ok {
		t.Fatal("a device time that is not known")
	}
}

func TestGapsAndRestartPartFrames(t *testing.T) {
	b := frame.NewBuilder(1, 1, 5, cols[:1], false)
	b.Add(0, nan, []float64{1})
	b.Lose(0)
	b.Lose(3)
	b.Lose(2)
	b.Add(1, nan, []float64{2})
	b.Lose(frame.LostUnknown)
	b.Lose(4)
	b.Add(2, nan, []float64{3})
	b.Lose(7)
	b.Restart(2, cols[:2], true)
	b.Add(3, 0, []float64{4, 5})
	b.Add(4, 0, []float64{6, 7})
	if b.Len() != 5 {
		t.Fatalf("len %d", b.Len())
	}
	type want struct {
		epoch, lost uint32
		seq         uint64
		samples     int
	}
	var got []want
	for _, v := range parseAll(t, b.AppendFrame(nil)) {
		h := v.Header()
		got = append(got, want{h.Epoch, h.Lost, h.Seq, h.Samples})
	}
	wants := []want{{1, 0, 5, 1}, {1, 5, 11, 1}, {1, frame.LostUnknown, 16, 1}, {2, 7, 0, 2}}
	if len(got) != len(wants) {
		t.Fatalf("%v", got)
	}
	for i := range wants {
		if got[i] != wants[i] {
			t.Errorf("frame %d: %v, want %v", i, got[i], wants[i])
		}
	}
	if len(b.AppendFrame(nil)) != 0 {
		t.Error("frames without samples")
	}
}

func TestTimeThatDoesNotFitPartsFrames(t *testing.T) {
	b := frame.NewBuilder(1, 1, 0, cols[:1], false)
	for _, at := range []time.Duration{time.Hour, time.Hour + time.Second, time.Minute, 3 * time.Hour} {
		b.Add(at, nan, nil)
	}
	vs := parseAll(t, b.AppendFrame(nil))
	if len(vs) != 3 || vs[1].BoxTime(0) != time.Minute || vs[2].Header().Seq != 3 || vs[2].Header().Lost != 0 {
		t.Fatalf("%d frames", len(vs))
	}
}

func TestI16AndEnumOutOfRange(t *testing.T) {
	b := frame.NewBuilder(1, 1, 0, cols, false)
	b.Add(0, nan, []float64{math.Inf(1), math.Inf(-1), 1e9, 255})
	b.Add(0, nan, []float64{0, 0, math.Inf(-1), 1.5})
	v := parseAll(t, b.AppendFrame(nil))[0]
	for i, want := range [][]float64{{math.Inf(1), math.Inf(-1), 32767*.5 + 100, nan}, {0, 0, -32767*.5 + 100, nan}} {
		for ch := range cols {
			if got := v.Value(ch, i); !same(got, want[ch]) {
				t.Errorf("sample %d column %d: %v, want %v", i, ch, got, want[ch])
			}
		}
	}
}

func TestSelectAndLost(t *testing.T) {
	b := frame.NewBuilder(1, 1, 0, cols, true)
	for i := range 11 {
		b.Add(time.Duration(i*i), float64(i*i), []float64{1, 2, 101, float64(i)})
	}
	v := parseAll(t, b.AppendFrame(nil))[0]
	pos := frame.Positions(nil, v, []uint16{9, 77, 3})
	if len(pos) != 2 || pos[0] != 3 || pos[1] != 1 {
		t.Fatalf("positions %v", pos)
	}
	prefix := len(v.Bytes())
	out := frame.Select(append([]byte{}, v.Bytes()...), v, pos)
	vs := parseAll(t, out)
	if len(vs) != 2 || len(vs[0].Bytes()) != prefix {
		t.Fatal("Select must append")
	}
	s := vs[1]
	if s.Header().Channels != 2 || s.Column(0).Index != 9 || s.Column(1).Index != 3 {
		t.Fatalf("%+v", s.Header())
	}
	for i := range 11 {
		us, _ := s.DeviceTime(i)
		if s.Value(0, i) != float64(i) || s.Value(1, i) != 2 || s.BoxTime(i) != v.BoxTime(i) || us != float64(i*i) {
			t.Fatalf("sample %d", i)
		}
	}
	l := parseAll(t, frame.AppendLost(nil, frameOf(t, frame.AppendLost(nil, v, 5)), 6))[0]
	if l.Header().Lost != 11 || v.Header().Lost != 0 {
		t.Fatalf("lost %d", l.Header().Lost)
	}
	frame.SetLost(out, frame.LostUnknown)
	if frame.AddLost(3, parseAll(t, out)[0].Header().Lost) != frame.LostUnknown {
		t.Fatal("unknown must stay unknown")
	}
}

func frameOf(t testing.TB, b []byte) frame.View { return parseAll(t, b)[0] }

// TestBuilderProperty: whatever is added comes out again, gaps included.
func TestBuilderProperty(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		b := frame.NewBuilder(1, 1, 0, cols[:2], seed%2 == 0)
		var rows [][2]float64
		var seqs []uint64
		var next uint64
		var out []byte
		for range 300 {
			switch r.IntN(20) {
			case 0:
				n := uint32(r.IntN(5))
				b.Lose(n)
				next += uint64(n)
			case 1:
				out = b.AppendFrame(out)
			default:
				x := [2]float64{float64(float32(r.NormFloat64())), r.NormFloat64()}
				b.Add(time.Duration(r.IntN(1000))*time.Microsecond, r.Float64(), x[:])
				rows, seqs = append(rows, x), append(seqs, next)
				next++
			}
		}
		out = b.AppendFrame(out)
		at := 0
		var end uint64
		for _, v := range parseAll(t, out) {
			h := v.Header()
			if h.Seq != end+uint64(h.Lost) {
				t.Fatalf("seed %d: seq %d after %d with %d lost", seed, h.Seq, end, h.Lost)
			}
			end = h.Next
			for i := range h.Samples {
				if seqs[at] != h.Seq+uint64(i) || rows[at] != [2]float64{v.Value(0, i), v.Value(1, i)} {
					t.Fatalf("seed %d: sample %d", seed, at)
				}
				at++
			}
		}
		if at != len(rows) {
			t.Fatalf("seed %d: %d of %d samples", seed, at, len(rows))
		}
	}
}

func TestParseRefuses(t *testing.T) {
	b := frame.NewBuilder(1, 1, 0, cols, true)
	b.Add(0, 0, []float64{1, 2, 3, 4})
	b.Add(1500, 5, []float64{1, 2, 3, 4})
	good := b.AppendFrame(nil)
	for name, c := range map[string]struct {
		at   int
		put  []byte
		want error
	}{
		"magic":          {0, []byte{'M'}, frame.ErrMagic},
		"version":        {1, []byte{2}, frame.ErrVersion},
		"flags":          {3, []byte{1}, frame.ErrVersion},
		"no channels":    {4, []byte{0, 0}, frame.ErrValue},
		"more channels":  {4, []byte{5}, frame.ErrValue},
		"samples":        {8, []byte{0xff, 0xff, 0xff, 0xff}, frame.ErrLength},
		"one sample":     {8, []byte{1}, frame.ErrLength},
		"size":           {12, []byte{good[12] - 8}, frame.ErrLength},
		"size not 8":     {12, []byte{good[12] - 4}, frame.ErrLength},
		"size beyond":    {12, []byte{good[12] + 8}, frame.ErrShort},
		"size huge":      {12, []byte{0, 0, 0, 0x80}, frame.ErrLength},
		"stream":         {23, []byte{1}, frame.ErrValue},
		"seq":            {39, []byte{1}, frame.ErrValue},
		"t0":             {47, []byte{0x7f}, frame.ErrValue},
		"format":         {48, []byte{9}, frame.ErrValue},
		"step, no times": {2, []byte{frame.FlagDeviceStep}, frame.ErrVersion},
	} {
		bad := append([]byte{}, good...)
		copy(bad[c.at:], c.put)
		if _, _, err := frame.Parse(bad); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	for i := range good {
		if _, _, err := frame.Parse(good[:i]); !errors.Is(err, frame.ErrShort) {
			t.Fatalf("%d bytes: %v", i, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, v := range vectors() {
		f.Add(v.bytes)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		d := frame.NewDecimator(50)
		for len(b) > 0 {
			v, rest, err := frame.Parse(b)
			if err != nil {
				return
			}
			h := v.Header()
			if len(v.Bytes())+len(rest) != len(b) || h.Size != len(v.Bytes()) {
				t.Fatal("bytes lost")
			}
			all := make([]int, h.Channels)
			for ch := range h.Channels {
				all[ch] = ch
				v.Column(ch)
				for i := range h.Samples {
					v.Value(ch, i)
				}
			}
			for i := range h.Samples {
				v.BoxTime(i)
				v.DeviceTime(i)
			}
			if s := frame.Select(nil, v, all); string(s) != string(v.Bytes()) {
				t.Fatal("selecting all columns must give the same frame")
			}
			d.Add(v)
			b = rest
		}
		for out := d.AppendFrame(nil, math.MaxInt64); len(out) > 0; {
			_, rest, err := frame.Parse(out)
			if err != nil {
				t.Fatal(err)
			}
			out = rest
		}
	})
}

// A device that makes up its counts can drive the numbers to their end. What the
// builder writes can be read all the same.
func TestNumbersBeginAnewBehindTheLast(t *testing.T) {
	for _, first := range []uint64{frame.MaxInt - 2, frame.MaxInt - 1, frame.MaxInt, frame.MaxInt + 1} {
		b := frame.NewBuilder(1, 1, first, []frame.Column{{Format: frame.F32, Scale: 1}}, false)
		for i := range 5 {
			b.Add(time.Duration(i)*time.Millisecond, 0, []float64{1})
		}
		b.Lose(frame.LostUnknown - 1)
		b.Add(time.Second, 0, []float64{1})
		n := 0
		for rest := b.AppendFrame(nil); len(rest) > 0; {
			v, more, err := frame.Parse(rest)
			if err != nil {
				t.Fatalf("from %d: %v", first, err)
			}
			n += v.Header().Samples
			rest = more
		}
		if n != 6 {
			t.Errorf("from %d: %d samples", first, n)
		}
	}
}
