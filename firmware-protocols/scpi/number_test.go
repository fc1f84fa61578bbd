package scpi

import (
	"math"
	"strconv"
	"testing"
)

// FuzzDecimal compares with strconv where both read a number.
func FuzzDecimal(f *testing.F) {
	for _, s := range []string{"9.91E37", "9.90000000E+37", "-1.5e-3", "123456789012345678901234567890", "0.000000000000000000000000000001", "1e23", "5.", "1e400", "991e35", "-9.91E37"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		x, kind, n := number([]byte(s))
		if n == 0 {
			return
		}
		if n > len(s) || kind > NR3 {
			t.Fatalf("%q: %d bytes, kind %v", s, n, kind)
		}
		y, err := strconv.ParseFloat(s[:n], 64)
		if err != nil && !math.IsInf(y, 0) {
			t.Fatalf("%q: strconv says %v", s[:n], err)
		}
		if x != y {
			t.Fatalf("%q: %v, strconv %v", s[:n], x, y)
		}
	})
}
