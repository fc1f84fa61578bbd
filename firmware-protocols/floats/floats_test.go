package floats

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math"
	"os"
	"testing"
)

type decodeCase struct {
	Name  string `json:"name"`
	N     int    `json:"n"`
	Hex   string `json:"hex"`
	Zeros int    `json:"zeros"`
	Want  []any  `json:"want"`
	Error string `json:"error"`
}

func (c decodeCase) message(t testing.TB) []byte {
	if c.Hex == "" {
		return make([]byte, c.Zeros)
	}
	b, err := hex.DecodeString(c.Hex)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func cases[T any](t testing.TB, path string) []T {
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		About string `json:"about"`
		Cases []T    `json:"cases"`
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&file); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return file.Cases
}

func TestDecodeVectors(t *testing.T) {
	for _, c := range cases[decodeCase](t, "vectors/decode.json") {
		t.Run(c.Name, func(t *testing.T) {
			got, err := Decode([]float64{1, 2, 3}, c.message(t), c.N)
			if c.Error != "" {
				var length *LengthError
				if !errors.As(err, &length) || err.Error() != c.Error || len(got) != 0 {
					t.Fatalf("%v, %v; want %q", got, err, c.Error)
				}
				if length.Declared != c.N || length.Bytes != len(c.message(t)) {
					t.Fatalf("%+v", length)
				}
				return
			}
			if err != nil || len(got) != len(c.Want) {
				t.Fatalf("%v, %v", got, err)
			}
			for i, w := range c.Want {
				if !same(got[i], number(w)) {
					t.Errorf("value %d is %v, want %v", i, got[i], w)
				}
			}
			if back := Append(nil, got); !bytes.Equal(back, c.message(t)) && !hasNaN(got) {
				t.Errorf("appended again: %x", back)
			}
		})
	}
}

func number(w any) float64 {
	switch w {
	case "nan":
		return math.NaN()
	case "inf":
		return math.Inf(1)
	case "-inf":
		return math.Inf(-1)
	}
	return w.(float64)
}

func same(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) }

func hasNaN(v []float64) bool {
	for _, x := range v {
		if math.IsNaN(x) {
			return true
		}
	}
	return false
}

func TestAppendRoundsToFloat32(t *testing.T) {
	got, err := Decode(nil, Append([]byte(nil), []float64{0.1, 1e300, -1e300, math.NaN(), 1e-60}), 5)
	if err != nil {
		t.Fatal(err)
	}
	want := []float64{0.10000000149011612, math.Inf(1), math.Inf(-1), math.NaN(), 0}
	for i := range want {
		if !same(got[i], want[i]) {
			t.Errorf("value %d is %v, want %v", i, got[i], want[i])
		}
	}
}

func TestHello(t *testing.T) {
	for msg, want := range map[string]bool{
		Hello: true, Hello + "\r\n": true, "hola desde el esp32": false, `{"event":"1.0"}`: false, "": false,
	} {
		if IsHello([]byte(msg)) != want {
			t.Errorf("%q: not %v", msg, want)
		}
	}
}

func TestWithoutAllocation(t *testing.T) {
	vals := make([]float64, 16)
	msg := Append(nil, vals)
	cmd := make([]byte, 0, 64)
	if n := testing.AllocsPerRun(100, func() {
		vals, _ = Decode(vals, msg, 16)
		msg = Append(msg[:0], vals)
		cmd, _ = AppendCommand(cmd[:0], "vel_man", -599.5)
	}); n != 0 {
		t.Errorf("%v allocations a message", n)
	}
}

func FuzzDecode(f *testing.F) {
	for _, c := range cases[decodeCase](f, "vectors/decode.json") {
		if c.Zeros < 4096 {
			f.Add(c.message(f), c.N)
		}
	}
	f.Fuzz(func(t *testing.T, msg []byte, n int) {
		vals, err := Decode(nil, msg, n)
		if (err == nil) != (n >= 0 && n <= len(msg) && len(msg) == 4*n) {
			t.Fatalf("%d bytes, %d declared: %v", len(msg), n, err)
		}
		if err == nil && !hasNaN(vals) && !bytes.Equal(Append(nil, vals), msg) {
			t.Fatalf("%x comes back as %x", msg, Append(nil, vals))
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	msg := make([]byte, 64)
	vals := make([]float64, 16)
	b.SetBytes(64)
	b.ReportAllocs()
	for b.Loop() {
		vals, _ = Decode(vals, msg, 16)
	}
}
