package scpi

import "labbox/firmware-protocols/decimal"

// number reads the number at the start of b: NR1, NR2 or NR3, and how long it is,
// 0 where there is none. Blanks are not skipped.
func number(b []byte) (x float64, kind DatumKind, n int) {
	x, n, ok := decimal.Parse(b, '.')
	if !ok {
		return 0, 0, 0
	}
	kind = NR1
	for _, c := range b[:n] {
		switch {
		case c == '.':
			kind = NR2
		case c|0x20 == 'e':
			return x, NR3, n
		case isLetter(c): // a word
			return 0, 0, 0
		}
	}
	return x, kind, n
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
