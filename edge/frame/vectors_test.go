package frame_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"labbox/edge/frame"
)

var update = flag.Bool("update", false, "write the fixtures in vectors/")

type vector struct {
	name  string
	bytes []byte
}

// vectors are the fixtures, made anew.
func vectors() []vector {
	step := frame.NewBuilder(1, 1, 0, []frame.Column{{Index: 0, Format: frame.F32}}, false)
	for i := range 10 {
		step.Add(2*time.Second+time.Duration(i)*time.Millisecond, nan, []float64{float64(i) / 4})
	}
	all := frame.NewBuilder(1<<53-1, 0xFFFFFFFF, 1<<40, cols, true)
	for i := range 7 {
		us := float64(i*i) * 250
		row := []float64{float64(i) - 0.5, math.Pi * float64(i), 100 + float64(i)/2, float64(i)}
		if i == 3 {
			us, row = nan, nil
		}
		all.Add(time.Duration(i*i)*250*time.Microsecond-time.Second, us, row)
	}
	gaps := frame.NewBuilder(2, 1, 100, cols[:2], true)
	for i := range 6 {
		switch i {
		case 2:
			gaps.Lose(12)
		case 4:
			gaps.Lose(frame.LostUnknown)
		case 5:
			gaps.Restart(2, cols[3:], false)
		}
		gaps.Add(time.Duration(i)*time.Second, float64(i)*1e6, []float64{float64(i), -float64(i)})
	}
	gapBytes := gaps.AppendFrame(nil)

	view := frame.NewDecimator(10)
	src := frame.NewBuilder(3, 1, 0, cols, true)
	for i := range 1000 {
		if i == 500 {
			src.Lose(20)
		}
		src.Add(time.Duration(i)*time.Millisecond, float64(i)*1000,
			[]float64{float64(i % 150), -float64(i % 70), float64(i % 33), float64(i / 300)})
	}
	for b := src.AppendFrame(nil); len(b) > 0; {
		v, rest, err := frame.Parse(b)
		if err != nil {
			panic(err)
		}
		view.Add(v)
		b = rest
	}
	return []vector{
		{"step", step.AppendFrame(nil)},
		{"all_formats", all.AppendFrame(nil)},
		{"gaps", gapBytes},
		{"minmax", view.AppendFrame(nil, time.Hour)},
	}
}

// number is a float64 that JSON can hold: NaN as null.
type number float64

func (n number) MarshalJSON() ([]byte, error) {
	if math.IsNaN(float64(n)) {
		return []byte("null"), nil
	}
	return json.Marshal(float64(n))
}

type expected struct {
	Stream, Seq, Next uint64
	Epoch, Lost       uint32
	T0ms              number
	N                 int
	MinMax            bool
	Times             []number
	DeviceTimes       []number
	Channels          []expectedChannel
}

type expectedChannel struct {
	Index  uint16
	Format frame.Format
	Values []number
}

func describe(t *testing.T, b []byte) []byte {
	var all []expected
	for _, v := range parseAll(t, b) {
		h := v.Header()
		e := expected{Stream: h.Stream, Seq: h.Seq, Next: h.Next, Epoch: h.Epoch, Lost: h.Lost,
			T0ms: number(float64(h.T0) / 1e6), N: h.Samples, MinMax: h.MinMax()}
		for i := range h.Samples {
			e.Times = append(e.Times, number(float64(v.BoxTime(i))/1e6))
			if us, ok := v.DeviceTime(i); h.Flags&frame.FlagDevice != 0 {
				if !ok {
					us = nan
				}
				e.DeviceTimes = append(e.DeviceTimes, number(us/1e3))
			}
		}
		for ch := range h.Channels {
			c := expectedChannel{Index: v.Column(ch).Index, Format: v.Column(ch).Format}
			for i := range h.Samples {
				c.Values = append(c.Values, number(v.Value(ch, i)))
			}
			e.Channels = append(e.Channels, c)
		}
		all = append(all, e)
	}
	out, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return append(out, '\n')
}

// TestVectors keeps the bytes of the format: a change here breaks every reader.
func TestVectors(t *testing.T) {
	for _, v := range vectors() {
		for ext, got := range map[string][]byte{".bin": v.bytes, ".json": describe(t, v.bytes)} {
			path := filepath.Join("vectors", v.name+ext)
			if *update {
				if err := os.WriteFile(path, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%s differs; if that is meant, run go test -update", path)
			}
		}
	}
}
