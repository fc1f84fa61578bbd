package scpi

import (
	"math"
	"strconv"
)

// Numbers that stand for what no number can say (SCPI-1999 volume 1, 7.2.1).
const (
	nanValue = 9.91e37
	infValue = 9.9e37
)

// decimal reads the number at the start of b: NR1, NR2 or NR3, and how long it is,
// 0 where there is none. Blanks are not skipped.
func decimal(b []byte) (x float64, kind DatumKind, n int) {
	i, neg := 0, false
	if i < len(b) && (b[i] == '-' || b[i] == '+') {
		neg = b[i] == '-'
		i++
	}
	var mant uint64
	digits, kept, exp := 0, 0, 0
	kind = NR1
	for ; i < len(b); i++ {
		c := b[i]
		if c == '.' && kind == NR1 {
			kind = NR2
			continue
		}
		if !isDigit(c) {
			break
		}
		digits++
		if kept < 19 {
			mant = mant*10 + uint64(c-'0')
			if mant > 0 {
				kept++
			}
			if kind == NR2 {
				exp--
			}
		} else if kind == NR1 {
			exp++
		}
	}
	if digits == 0 {
		return 0, 0, 0
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		if e, m := exponent(b[i+1:]); m > 0 { // else the e begins a unit
			kind, exp, i = NR3, exp+e, i+1+m
		}
	}
	for exp > 22 && mant > 0 && mant%10 == 0 {
		mant, exp = mant/10, exp+1
	}
	switch {
	// Both factors are exact in a float64, so the one rounding is right
	// (Clinger, How to read floating point numbers accurately, 1990).
	case mant < 1<<53 && exp >= -22 && exp <= 22:
		if x = float64(mant); exp < 0 {
			x /= pow10[-exp]
		} else {
			x *= pow10[exp]
		}
		if neg {
			x = -x
		}
	case mant == 991 && exp == 35 && !neg:
		x = nanValue // the commonest numbers that are out of the range above
	case mant == 99 && exp == 36 && !neg:
		x = infValue
	default:
		x, _ = strconv.ParseFloat(string(b[:i]), 64) // out of range gives an infinity, as wanted
	}
	return x, kind, i
}

// pow10 is a constant table: the powers of ten that a float64 holds exactly.
var pow10 = [...]float64{1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
	1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22}

func exponent(b []byte) (e, n int) {
	i, neg := 0, false
	if i < len(b) && (b[i] == '-' || b[i] == '+') {
		neg = b[i] == '-'
		i++
	}
	start := i
	for ; i < len(b) && isDigit(b[i]); i++ {
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

// special maps the numbers that stand for NaN and the infinities. Instruments
// that hold them as float32 print neighbours of them, so a millionth does not matter.
// 9.99999E+37 is what oscilloscopes answer for a measurement they could not make.
func special(x float64) float64 {
	a := math.Abs(x)
	switch {
	case a < infValue*(1-1e-6) || math.IsInf(x, 0):
		return x
	case a <= infValue*(1+1e-6):
		return math.Copysign(math.Inf(1), x)
	case math.Abs(a-nanValue) <= nanValue*1e-6 || math.Abs(a-9.99999e37) <= 1e32:
		return math.NaN()
	}
	return x
}

// base reads #H, #Q and #B.
func base(b []byte) (u uint64, kind DatumKind, ok bool) {
	if len(b) < 3 || b[0] != '#' {
		return 0, 0, false
	}
	bits := 0
	switch b[1] | 0x20 {
	case 'h':
		kind, bits = Hex, 4
	case 'q':
		kind, bits = Octal, 3
	case 'b':
		kind, bits = Binary, 1
	default:
		return 0, 0, false
	}
	for _, c := range b[2:] {
		v := c - '0'
		if kind == Hex && isLetter(c) {
			v = (c | 0x20) - 'a' + 10
		} else if v > 9 {
			return 0, 0, false
		}
		if v >= 1<<bits || u>>(64-bits) != 0 {
			return 0, 0, false
		}
		u = u<<bits | uint64(v)
	}
	return u, kind, true
}
