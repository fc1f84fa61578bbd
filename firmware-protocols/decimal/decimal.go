// Package decimal reads decimal numbers out of what devices print, exactly to
// the last bit and without allocating for up to 15 digits and small powers of
// ten: the one reader of numbers of all text protocols.
//
//	x, n, ok := decimal.Parse([]byte("-12.5e3 V"), '.') // -12500, 7, true
//
// SCPI turns the numbers by which instruments say that they have none into NaN
// and infinities. Known limit: longer numbers are copied for strconv.
package decimal

import (
	"math"
	"strconv"
)

// Parse reads the number at the start of b, without blanks before it, and
// returns its length; on failure n is how far it got. point is the decimal point.
//
//	[+-] digits [. [digits]] [e [+-] digits]
//	[+-] . digits [e [+-] digits]
//	[+-] nan | inf | infinity | ovf      in any case
//
// An e without digits behind it is not of the number. ovf is what Arduino's print
// writes for a float that is too large for it: NaN. A number out of range is an
// infinity or zero. The words may be kept out with Numeric.
func Parse(b []byte, point byte) (x float64, n int, ok bool) {
	i := 0
	neg := false
	if i < len(b) && (b[i] == '-' || b[i] == '+') {
		neg = b[i] == '-'
		i++
	}
	start := i
	if i < len(b) && b[i]|0x20 >= 'a' {
		return word(b, i, neg)
	}
	var mant uint64
	digits, kept, exp := 0, 0, 0
	for ; i < len(b) && b[i]-'0' <= 9; i++ {
		digits++
		if kept < 19 {
			mant = mant*10 + uint64(b[i]-'0')
			if mant > 0 {
				kept++
			}
		} else {
			exp++
		}
	}
	long := kept == 19 && exp > 0
	if i < len(b) && b[i] == point {
		i++
		for ; i < len(b) && b[i]-'0' <= 9; i++ {
			digits++
			if kept < 19 {
				mant = mant*10 + uint64(b[i]-'0')
				exp--
				if mant > 0 {
					kept++
				}
			} else {
				long = true
			}
		}
	}
	if digits == 0 {
		return 0, i, false
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		if e, m := Exponent(b[i+1:]); m > 0 {
			i += 1 + m
			exp += e
		}
	}
	// Both factors are exact in a float64, so the one rounding is right
	// (Clinger, How to read floating point numbers accurately, 1990).
	switch {
	case !long && mant < 1<<53 && exp >= -22 && exp <= 22:
		x = float64(mant)
		if exp < 0 {
			x /= pow10[-exp]
		} else {
			x *= pow10[exp]
		}
	default:
		for exp > 22 && mant > 0 && mant%10 == 0 {
			mant, exp = mant/10, exp+1
		}
		switch { // the commonest numbers that are out of the range above
		case !long && mant == 991 && exp == 35:
			x = NaN
		case !long && mant == 99 && exp == 36:
			x = Inf
		default:
			x = slow(b[start:i], point)
		}
	}
	if neg {
		x = -x
	}
	return x, i, true
}

// slow is the exact way for long numbers. A number out of range is an infinity
// or zero, as wanted.
func slow(b []byte, point byte) float64 {
	if point != '.' {
		c := append([]byte(nil), b...)
		for i := range c {
			if c[i] == point {
				c[i] = '.'
			}
		}
		b = c
	}
	x, _ := strconv.ParseFloat(string(b), 64)
	return x
}

// pow10 is a constant table: the powers of ten that a float64 holds exactly.
var pow10 = [...]float64{1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
	1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22}

// Exponent reads what follows an e; n is 0 where it is no number.
func Exponent(b []byte) (e, n int) {
	i := 0
	neg := false
	if i < len(b) && (b[i] == '-' || b[i] == '+') {
		neg = b[i] == '-'
		i++
	}
	start := i
	for ; i < len(b) && b[i]-'0' <= 9; i++ {
		if e < 100000 {
			e = e*10 + int(b[i]-'0')
		}
	}
	if i == start {
		return 0, 0
	}
	if neg {
		e = -e
	}
	return e, i
}

// word reads nan, inf, infinity and ovf.
func word(b []byte, i int, neg bool) (float64, int, bool) {
	j := i
	for j < len(b) && b[j]|0x20 >= 'a' && b[j]|0x20 <= 'z' {
		j++
	}
	w := b[i:j]
	switch {
	case fold(w, "nan"), fold(w, "ovf"):
		return math.NaN(), j, true
	case fold(w, "inf"), fold(w, "infinity"):
		if neg {
			return math.Inf(-1), j, true
		}
		return math.Inf(1), j, true
	}
	return 0, i, false
}

// fold compares ASCII letters without case; word is in lower case.
func fold(b []byte, word string) bool {
	if len(b) != len(word) {
		return false
	}
	for i, c := range b {
		if c|0x20 != word[i] {
			return false
		}
	}
	return true
}

// Numeric reads the whole of b as a number in digits: no words, no exponent.
func Numeric(b []byte) (x float64, ok bool) {
	for _, c := range b {
		if c > '9' {
			return 0, false
		}
	}
	x, n, ok := Parse(b, '.')
	return x, ok && n == len(b)
}

// The numbers that stand for what no number can say (SCPI-1999 volume 1, 7.2.1).
const (
	NaN = 9.91e37
	Inf = 9.9e37
)

// SCPI maps NaN and Inf. Instruments that hold them as float32 print neighbours of
// them, so a millionth does not matter. 9.99999E+37 is what oscilloscopes answer
// for a measurement they could not make.
func SCPI(x float64) float64 {
	a := math.Abs(x)
	switch {
	case a < Inf*(1-1e-6) || math.IsInf(x, 0):
		return x
	case a <= Inf*(1+1e-6):
		return math.Copysign(math.Inf(1), x)
	case math.Abs(a-NaN) <= NaN*1e-6 || math.Abs(a-9.99999e37) <= 1e32:
		return math.NaN()
	}
	return x
}
