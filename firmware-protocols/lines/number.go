package lines

import (
	"math"
	"strconv"
)

// number reads the number at the start of b and returns its length, 0 where
// there is none:
//
//	[+-] digits [. [digits]] [e [+-] digits]
//	[+-] . digits [e [+-] digits]
//	[+-] nan | inf | infinity | ovf      in any case
//
// ovf is what Arduino prints for a float beyond +-4294967040; it is NaN here.
func number(b []byte) (x float64, n int) {
	i := 0
	neg := false
	if i < len(b) && (b[i] == '-' || b[i] == '+') {
		neg = b[i] == '-'
		i++
	}
	if i < len(b) && b[i]|0x20 >= 'a' {
		return numberWord(b, i, neg)
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
	if i < len(b) && b[i] == '.' {
		i++
		for ; i < len(b) && b[i]-'0' <= 9; i++ {
			digits++
			if kept < 19 {
				mant = mant*10 + uint64(b[i]-'0')
				exp--
				if mant > 0 {
					kept++
				}
			}
		}
	}
	if digits == 0 {
		return 0, 0
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		e, m := exponent(b[i+1:])
		if m == 0 {
			return 0, 0
		}
		i += 1 + m
		exp += e
	}
	// Both factors are exact in a float64, so the one rounding is right
	// (Clinger, How to read floating point numbers accurately, 1990).
	if mant < 1<<53 && exp >= -22 && exp <= 22 {
		x = float64(mant)
		if exp < 0 {
			x /= pow10[-exp]
		} else {
			x *= pow10[exp]
		}
		if neg {
			x = -x
		}
		return x, i
	}
	x, _ = strconv.ParseFloat(string(b[:i]), 64) // out of range gives an infinity, as wanted
	return x, i
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
	for ; i < len(b) && b[i]-'0' <= 9; i++ {
		if e < 10000 {
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

func numberWord(b []byte, i int, neg bool) (float64, int) {
	j := i
	for j < len(b) && b[j]|0x20 >= 'a' && b[j]|0x20 <= 'z' {
		j++
	}
	w := b[i:j]
	switch {
	case fold(w, "nan"), fold(w, "ovf"):
		return math.NaN(), j
	case fold(w, "inf"), fold(w, "infinity"):
		if neg {
			return math.Inf(-1), j
		}
		return math.Inf(1), j
	}
	return 0, 0
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

// whole reads b, blanks around it allowed, as one number.
func whole(b []byte) (float64, bool) {
	b = trim(b)
	x, n := number(b)
	if n == 0 || n != len(b) {
		return 0, false
	}
	return x, true
}
