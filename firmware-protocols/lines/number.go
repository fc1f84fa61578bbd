package lines

import "labbox/firmware-protocols/decimal"

// number reads the number at the start of b and returns its length, 0 where
// there is none:
//
//	[+-] digits [. [digits]] [e [+-] digits]
//	[+-] . digits [e [+-] digits]
//	[+-] nan | inf | infinity | ovf      in any case
//
// ovf is what Arduino prints for a float beyond +-4294967040; it is NaN here.
func number(b []byte) (float64, int) {
	x, n, ok := decimal.Parse(b, '.')
	if !ok || n < len(b) && b[n]|0x20 == 'e' { // 12e is no number here
		return 0, 0
	}
	return x, n
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
