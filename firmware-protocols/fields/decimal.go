package fields

import (
	"math"
	"strconv"
)

func roundHalf(x float64) float64 { return math.Round(x) }

// decimal reads the number at the start of b, without blanks before it, and
// returns its length; on failure n is how far it got.
//
//	[+-] digits [. [digits]] [e [+-] digits]
//	[+-] . digits [e [+-] digits]
//	[+-] nan | inf | infinity | ovf      in any case
//
// An e without digits behind it is not of the number. apart allows blanks behind
// the sign.
func decimal(b []byte, point byte, apart bool) (x float64, n int, ok bool) {
	i := 0
	neg := false
	if i < len(b) && (b[i] == '-' || b[i] == '+') {
		neg = b[i] == '-'
		i++
		if apart {
			i += blanks(b[i:])
		}
	}
	start := i
	if i < len(b) && b[i]|0x20 >= 'a' {
		return special(b, i, neg)
	}
	var mant uint64
	digits, kept, exp := 0, 0, 0
	for ; i < len(b) && isDigit(b[i]); i++ {
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
		for ; i < len(b) && isDigit(b[i]); i++ {
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
		if e, m := exponent(b[i+1:]); m > 0 {
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
		x = slow(b[start:i], point)
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

// exponent reads what follows an e; n is 0 where it is no number.
func exponent(b []byte) (e, n int) {
	i := 0
	neg := false
	if i < len(b) && (b[i] == '-' || b[i] == '+') {
		neg = b[i] == '-'
		i++
	}
	start := i
	for ; i < len(b) && isDigit(b[i]); i++ {
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

// special reads nan, inf, infinity and ovf, which Arduino's print writes for a
// float that is too large for it.
func special(b []byte, i int, neg bool) (float64, int, bool) {
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
