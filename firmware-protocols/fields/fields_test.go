package fields

import (
	"errors"
	"math"
	"testing"
)

func compile(t testing.TB, parts ...Part) *Pattern {
	t.Helper()
	p, err := Compile(parts, Options{Forbidden: []byte(";")})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func lookup(m map[string]Value) Lookup {
	return func(name string) (Value, bool) { v, ok := m[name]; return v, ok }
}

func TestReads(t *testing.T) {
	def := []Part{{Text: "T="}, {Field: "t", Default: ".nan"}, {Text: ","}, {Field: "u", Default: 7}}
	def[1].Default = math.NaN()
	for _, c := range []struct {
		parts []Part
		msg   string
		want  map[string]float64 // nil: no match
	}{
		{[]Part{{Field: "t"}}, " \t+1.5e3", map[string]float64{"t": 1500}},
		{[]Part{{Field: "t"}}, "nan", map[string]float64{"t": math.NaN()}},
		{[]Part{{Field: "t"}}, "-INF", map[string]float64{"t": math.Inf(-1)}},
		{[]Part{{Field: "t", SCPI: true}}, "+9.91000000E+37", map[string]float64{"t": math.NaN()}},
		{[]Part{{Field: "t", SCPI: true}}, "-9.9E37", map[string]float64{"t": math.Inf(-1)}},
		{[]Part{{Field: "t"}}, "9.91E37", map[string]float64{"t": 9.91e37}},
		{[]Part{{Field: "t"}, {Text: "eV"}}, "5eV", map[string]float64{"t": 5}},
		{[]Part{{Field: "t"}}, "5 ", nil},
		{[]Part{{Field: "t", Blanks: new(bool)}}, " 5", nil},
		{def, "T=----,8", map[string]float64{"t": math.NaN(), "u": 8}},
		{def, "T=1,OL", map[string]float64{"t": 1, "u": 7}},
		{def, "U=1,2", nil},
		{[]Part{{Field: "t", As: "auto"}}, "0x1F", map[string]float64{"t": 31}},
		{[]Part{{Field: "t", As: "auto"}}, "-017", map[string]float64{"t": -15}},
		{[]Part{{Field: "t", As: "auto"}}, "0", map[string]float64{"t": 0}},
		{[]Part{{Field: "t", Width: 5}}, " 1.5 ", map[string]float64{"t": 1.5}},
		{[]Part{{Field: "t", Width: 5}}, "1.5x ", nil},
		{[]Part{{Field: "t", Width: 5}}, "     ", nil},
		{[]Part{{Skip: true, As: "hex", Width: 2, Default: 0}, {Field: "t", As: "int"}}, "ff3", map[string]float64{"t": 3}},
		{[]Part{{Field: "t", As: "int"}}, "18446744073709551616", nil},
		{[]Part{{Field: "a", As: "choice", AnyCase: true, Choices: []Choice{{ID: "on"}, {ID: "off"}}}}, "OFF", map[string]float64{"a": 1}},
	} {
		var v Values
		p := compile(t, c.parts...)
		if ok := p.Match([]byte(c.msg), &v, nil); ok != (c.want != nil) || len(v.Entries) != len(c.want) {
			t.Errorf("%q: %v, %+v", c.msg, ok, v.Entries)
			continue
		}
		for name, want := range c.want {
			if e, ok := v.Get(name); !ok || !e.NumOK || !sameNum(e.Num, want) {
				t.Errorf("%q: %+v, want %v", c.msg, e, want)
			}
		}
	}
}

func TestPrintRefuses(t *testing.T) {
	for _, c := range []struct {
		part Part
		v    Value
	}{
		{Part{Width: 4}, Num(12345)},
		{Part{MaxWidth: 4}, Num(12345)},
		{Part{}, Num(math.NaN())},
		{Part{}, Num(1e-60)},
		{Part{}, Str("5")},
		{Part{As: "u8"}, Num(256)},
		{Part{As: "u8"}, Num(-1)},
		{Part{As: "i8"}, Num(-129)},
		{Part{As: "i64"}, Num(1e18)},
		{Part{As: "i64"}, Str("9223372036854775808")},
		{Part{As: "f32"}, Num(1e39)},
		{Part{As: "hex"}, Num(-1)},
		{Part{As: "text"}, Str("a\nb")},
		{Part{As: "text"}, Str("a;b")},
		{Part{As: "text"}, Str("caf\xc3\xa9")},
		{Part{As: "text"}, Str("a b,c")},
		{Part{As: "word"}, Str("a b")},
		{Part{As: "word"}, Str("")},
		{Part{As: "text", Width: 3}, Str("ab")},
		{Part{As: "text", Width: 3, Pad: " "}, Str("a ")},
		{Part{As: "chars", Set: "a-c"}, Str("abd")},
		{Part{As: "choice", Choices: []Choice{{ID: "a"}}}, Str("b")},
	} {
		c.part.Field = "x"
		p := compile(t, c.part, Part{Text: ","})
		b, err := p.Append([]byte("kept"), lookup(map[string]Value{"x": c.v}))
		var ve *ValueError
		if !errors.As(err, &ve) || ve.Field != "x" || !errors.Is(err, ErrValue) || string(b) != "kept" {
			t.Errorf("%+v %+v: %q, %v", c.part.As, c.v, b, err)
		}
	}
}

// Instruments that hold their numbers as float32 print neighbours of those that
// SCPI has for no number.
func TestSCPINumbersThatAreNone(t *testing.T) {
	p, err := Compile([]Part{{Field: "x"}}, Options{SCPI: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{"9.91E37", "9.91000036E+37", "9.99999E+37"} {
		var v Values
		if !p.Match([]byte(s), &v, nil) || !math.IsNaN(v.Entries[0].Num) {
			t.Errorf("%s is read as %+v", s, v.Entries)
		}
	}
}
