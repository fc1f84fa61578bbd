package labwire

import (
	"math"
	"strconv"
)

// Numbers stand in the dictionary, and go to the device, as decimal fractions with
// a known count of places, so that an 8-bit chip compares whole numbers and no
// limit is rounded.

const maxDecimals = 9

var tens = [...]int64{1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000}

// maxDigits keeps every number within an int32.
const maxDigits = 9

// parseFixed reads [-]digits[.digits] as a whole number of 10^-decimals. More
// places than that, unless they are 0, and more than nine digits are refused.
func parseFixed(s []byte, decimals int) (v int32, ok bool) {
	minus := len(s) > 0 && s[0] == '-'
	if minus {
		s = s[1:]
	}
	digits, places, point := 0, 0, false
	for _, c := range s {
		switch {
		case c == '.' && !point && digits > 0:
			point = true
		case c < '0' || c > '9':
			return 0, false
		case point && places >= decimals:
			if c != '0' {
				return 0, false
			}
		default:
			if digits++; digits > maxDigits {
				return 0, false
			}
			v = v*10 + int32(c-'0')
			if point {
				places++
			}
		}
	}
	if digits == 0 || s[len(s)-1] == '.' {
		return 0, false
	}
	for ; places < decimals; places++ {
		if digits++; digits > maxDigits {
			return 0, false
		}
		v *= 10
	}
	if minus {
		v = -v
	}
	return v, true
}

// appendFixed writes v * 10^-decimals with that many places.
func appendFixed(dst []byte, v int64, decimals int) []byte {
	if v < 0 {
		dst, v = append(dst, '-'), -v
	}
	dst = strconv.AppendInt(dst, v/tens[decimals], 10)
	if decimals == 0 {
		return dst
	}
	dst = append(dst, '.')
	for frac, d := v%tens[decimals], decimals-1; d >= 0; d-- {
		dst = append(dst, byte('0'+frac/tens[d]%10))
	}
	return dst
}

// Decimal is a number as it stands in a dictionary: Mantissa * 10^-Places.
type Decimal struct {
	Mantissa int32
	Places   uint8
}

// Float returns the number, rounded once.
func (d Decimal) Float() float64 {
	return float64(d.Mantissa) / float64(tens[min(d.Places, maxDecimals)])
}

func (d Decimal) append(dst []byte) []byte {
	return appendFixed(dst, int64(d.Mantissa), int(min(d.Places, maxDecimals)))
}

// at returns the number in steps of 10^-decimals.
func (d Decimal) at(decimals int) (int32, bool) {
	return parseFixed(d.append(nil), decimals)
}

// parseDecimal reads a number as it stands.
func parseDecimal(s []byte) (d Decimal, ok bool) {
	places := 0
	for i, c := range s {
		if c == '.' {
			places = len(s) - i - 1
		}
	}
	if places > maxDecimals {
		return d, false
	}
	v, ok := parseFixed(s, places)
	return Decimal{v, uint8(places)}, ok
}

// Dec makes the Decimal nearest to v with that many places; ok is false where it
// does not fit.
func Dec(v float64, places int) (d Decimal, ok bool) {
	if places < 0 || places > maxDecimals {
		return d, false
	}
	m, ok := toFixed(v, places)
	return Decimal{m, uint8(places)}, ok
}

// toFixed rounds v to a whole number of 10^-decimals.
func toFixed(v float64, decimals int) (int32, bool) {
	m := math.Round(v * float64(tens[decimals]))
	if !(m >= -999999999 && m <= 999999999) {
		return 0, false
	}
	return int32(m), true
}
