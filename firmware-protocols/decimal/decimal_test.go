package decimal

import (
	"math"
	"strconv"
	"strings"
	"testing"
)

// FuzzParse compares with strconv, to the last bit.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"0", "-0", "1.5", "+1.23456789E-03", "9007199254740993", "123456789012345678901234567890", "0.1e-400",
		"1e400", ".5", "5.", "1e", "1e+", "nan", "-inf", "1.7976931348623157e308", "2.2250738585072011e-308", "5e-324",
		"0.000000000000000000000000000001", "100000000000000016777215", "1844674407370955161600000", "1.00000000000000011102230246251565e0", "5eV", "--5", "1_0", "0x10"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		x, n, ok := Parse([]byte(s), '.')
		if n < 0 || n > len(s) {
			t.Fatalf("%q: %d bytes", s, n)
		}
		if !ok {
			if y, err := strconv.ParseFloat(s, 64); err == nil && plainNumber(s) {
				t.Fatalf("%q is refused, strconv says %v", s, y)
			}
			return
		}
		head := s[:n]
		y, err := strconv.ParseFloat(head, 64)
		if strings.EqualFold(strings.TrimLeft(head, "+-"), "ovf") || math.IsNaN(x) {
			return
		}
		if err != nil && !math.IsInf(y, 0) {
			t.Fatalf("%q reads %v, strconv says %v", head, x, err)
		}
		if math.Float64bits(x) != math.Float64bits(y) {
			t.Fatalf("%q reads %v, strconv %v", head, x, y)
		}
		if strings.Contains(head, ".") {
			z, m, ok := Parse([]byte(strings.Replace(head, ".", ",", 1)), ',')
			if !ok || m != n || z != x {
				t.Fatalf("%q with a comma reads %v", head, z)
			}
		}
	})
}

func plainNumber(s string) bool {
	return s != "" && strings.Trim(s, "+-.eE0123456789") == ""
}

func TestNumeric(t *testing.T) {
	for s, want := range map[string]float64{"-1.5": -1.5, "+.5": 0.5, "12345678901234567890": 12345678901234567890} {
		if x, ok := Numeric([]byte(s)); !ok || x != want {
			t.Errorf("%q: %v, %v", s, x, ok)
		}
	}
	for _, s := range []string{"", "-", "1e3", "nan", "1 ", "1.2.3", "0x1"} {
		if x, ok := Numeric([]byte(s)); ok {
			t.Errorf("%q is taken for %v", s, x)
		}
	}
}

// What instruments print for no number, as a double and as the float32 next to it.
func TestSCPI(t *testing.T) {
	for _, x := range []float64{NaN, float64(float32(NaN)), 9.99999e37} {
		if !math.IsNaN(SCPI(x)) {
			t.Errorf("%g is taken for a value", x)
		}
	}
	for _, x := range []float64{Inf, float64(float32(Inf))} {
		if !math.IsInf(SCPI(x), 1) || !math.IsInf(SCPI(-x), -1) {
			t.Errorf("%g is taken for a value", x)
		}
	}
	for _, x := range []float64{0, -1.5, 9.8e37, 1.1e38} {
		if SCPI(x) != x {
			t.Errorf("%g is taken for none", x)
		}
	}
}

func TestParseAllocatesNothing(t *testing.T) {
	b := []byte("-1234.5678e-3 V")
	if n := testing.AllocsPerRun(100, func() { Parse(b, '.') }); n > 0 {
		t.Errorf("%g allocations", n)
	}
}
