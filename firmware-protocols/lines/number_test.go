package lines

import (
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
)

// TestNumbersAreRoundedRight compares with strconv over many lengths and
// exponents: the fast path must never be a bit off.
func TestNumbersAreRoundedRight(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	check := func(s string) {
		want, _ := strconv.ParseFloat(s, 64)
		if got, n := number([]byte(s)); n != len(s) || math.Float64bits(got) != math.Float64bits(want) {
			t.Fatalf("%s is %v (%d bytes), strconv says %v", s, got, n, want)
		}
	}
	for range 100000 {
		digits := strconv.FormatUint(r.Uint64()>>r.IntN(64), 10)
		if r.IntN(2) == 0 {
			digits += strconv.FormatUint(r.Uint64(), 10)
		}
		s := digits
		if dot := r.IntN(len(digits) + 1); r.IntN(2) == 0 {
			s = digits[:dot] + "." + digits[dot:]
		}
		if r.IntN(2) == 0 {
			s = "-" + s
		}
		if r.IntN(2) == 0 {
			s += "e" + strconv.Itoa(r.IntN(80)-40)
		}
		check(s)
	}
	for _, s := range []string{"-0", "0e999999999999", "1e-999999999999", "-1e999999999999", "18446744073709551617", "00000000000000000000001"} {
		check(s)
	}
}

func FuzzNumber(f *testing.F) {
	for _, s := range []string{"1", "-1.5e3", "+.5", "5.", "nan", "-inf", "ovf", "1e", ".", "-", "0x1p3", "1_0", "infinity"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		x, n := number(b)
		if n < 0 || n > len(b) || n == 0 && x != 0 {
			t.Fatalf("%q: %v, %d bytes", b, x, n)
		}
		s := string(b[:n])
		if n == 0 || s == "ovf" {
			return
		}
		want, err := strconv.ParseFloat(s, 64)
		if err != nil && !math.IsInf(want, 0) {
			if k := max(0, n-3); strings.EqualFold(string(b[k:n]), "ovf") || strings.EqualFold(string(b[k:n]), "nan") && n > 3 {
				return // signed nan and ovf are ours
			}
			t.Fatalf("%q is taken, strconv says %v", s, err)
		}
		if x != want && !(math.IsNaN(x) && math.IsNaN(want)) {
			t.Fatalf("%q is %v, strconv says %v", s, x, want)
		}
	})
}
