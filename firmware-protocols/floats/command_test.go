package floats

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
)

type commandCase struct {
	Name      string  `json:"name"`
	Text      string  `json:"text"`
	Key       string  `json:"key"`
	Value     float64 `json:"value"`
	ParseOnly bool    `json:"parseOnly"`
	Error     bool    `json:"error"`
}

func TestCommandVectors(t *testing.T) {
	for _, c := range cases[commandCase](t, "vectors/command.json") {
		t.Run(c.Name, func(t *testing.T) {
			key, value, err := ParseCommand([]byte(c.Text))
			if c.Error {
				if !errors.Is(err, ErrCommand) || key != nil || value != 0 {
					t.Fatalf("%q, %v, %v; want a refusal", key, value, err)
				}
				return
			}
			if err != nil || string(key) != c.Key || value != c.Value {
				t.Fatalf("%q, %v, %v", key, value, err)
			}
			if got, err := AppendCommand([]byte("before|"), c.Key, c.Value); !c.ParseOnly &&
				(err != nil || string(got) != "before|"+c.Text) {
				t.Errorf("encoded as %q, %v", got, err)
			}
		})
	}
}

func TestAppendCommandRefuses(t *testing.T) {
	for _, key := range []string{"", "a b", "1a", `a":"1","b`, "a\n", strings.Repeat("k", 33), "é"} {
		if got, err := AppendCommand([]byte("x"), key, 1); !errors.Is(err, ErrCommand) || string(got) != "x" {
			t.Errorf("key %q: %q, %v", key, got, err)
		}
	}
	for _, x := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), 1e15} {
		if got, err := AppendCommand(nil, "Kp", x); !errors.Is(err, ErrCommand) || got != nil {
			t.Errorf("value %v: %q, %v", x, got, err)
		}
	}
}

func TestAppendCommandNeverWritesAnExponentOrMinusZero(t *testing.T) {
	for x, want := range map[float64]string{
		1e14: "100000000000000.0", 1e-7: "0.0", -1e-7: "0.0", math.Copysign(0, -1): "0.0", -0.000001: "-0.000001",
	} {
		if got, err := AppendCommand(nil, "k", x); err != nil || string(got) != `{"k":"`+want+`"}` {
			t.Errorf("%v: %s, %v; want %s", x, got, err, want)
		}
	}
}

func FuzzCommand(f *testing.F) {
	for _, c := range cases[commandCase](f, "vectors/command.json") {
		f.Add([]byte(c.Text))
	}
	f.Fuzz(func(t *testing.T, msg []byte) {
		key, value, err := ParseCommand(msg)
		if err != nil {
			return
		}
		var m map[string]string
		if err := json.Unmarshal(msg, &m); err != nil || len(m) != 1 {
			t.Fatalf("%q is taken, encoding/json says %v, %v", msg, m, err)
		}
		again, err := AppendCommand(nil, string(key), value)
		if math.Abs(value) >= maxPlain {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		k, v, err := ParseCommand(again)
		if err != nil || !bytes.Equal(k, key) || v != value && math.Abs(value) >= minPlain {
			t.Fatalf("%q comes back as %q %v, %v", msg, k, v, err)
		}
	})
}
