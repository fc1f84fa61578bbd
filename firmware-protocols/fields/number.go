package fields

import (
	"bytes"
	"math"
	"strconv"

	"labbox/firmware-protocols/decimal"
)

// maxPrint is the longest number that is printed.
const maxPrint = 48

// number is a decimal number: number and exponent.
type number struct {
	scaling
	format   byte // f, e or E
	decimals int  // -1: as many as needed
	point    byte
	sign     byte // '+' or ' ' before positive numbers, 0: nothing
	apart    bool
	scpi     bool
}

// read reads the digits; apart allows blanks behind the sign.
func (c *number) read(b []byte) (x float64, n int, ok bool) {
	if !c.apart || len(b) == 0 || b[0] != '-' && b[0] != '+' {
		return decimal.Parse(b, c.point)
	}
	at := 1 + blanks(b[1:])
	if at < len(b) && (b[at] == '-' || b[at] == '+') {
		return 0, at, false
	}
	if x, n, ok = decimal.Parse(b[at:], c.point); b[0] == '-' {
		x = -x
	}
	return x, at + n, ok
}

func (c *number) parse(b []byte, e *Entry, _ *Values) (int, bool) {
	x, n, ok := c.read(b)
	if !ok {
		return n, false
	}
	if c.scpi {
		x = decimal.SCPI(x)
	}
	e.number(c.up(x))
	return n, true
}

func (c *number) print(dst []byte, v Value) ([]byte, error) {
	if v.Kind != Number {
		return dst, refuse("a number is needed, not a %s", v.Kind)
	}
	x := c.down(v.Num)
	format, decimals := c.format, c.decimals
	if math.IsNaN(x) || math.IsInf(x, 0) {
		if !c.scpi {
			return dst, refuse("%v is no number for a device", x)
		}
		format, decimals = 'E', -1
		switch {
		case math.IsNaN(x):
			x = decimal.NaN
		case x > 0:
			x = decimal.Inf
		default:
			x = -decimal.Inf
		}
	}
	if decimals >= 0 && format == 'f' && math.Abs(x) >= 1e22 {
		return dst, refuse("%v is too large for fixed decimals", x)
	}
	start := len(dst)
	if c.sign != 0 {
		dst = append(dst, c.sign)
	}
	digits := len(dst)
	dst = strconv.AppendFloat(dst, x, format, decimals, 64)
	if len(dst)-start > maxPrint {
		return dst[:start], refuse("%v takes more than %d bytes; give decimals or use as: exponent", x, maxPrint)
	}
	if dst[digits] == '-' {
		if len(bytes.Trim(dst[digits+1:], "0.")) == 0 || zeroMantissa(dst[digits+1:]) {
			dst = append(dst[:digits], dst[digits+1:]...) // no minus zero
		} else if c.sign != 0 {
			dst = append(dst[:digits-1], dst[digits:]...)
		}
	}
	if c.point != '.' {
		if i := bytes.IndexByte(dst[start:], '.'); i >= 0 {
			dst[start+i] = c.point
		}
	}
	return dst, nil
}

func zeroMantissa(b []byte) bool {
	i := bytes.IndexAny(b, "eE")
	return i >= 0 && len(bytes.Trim(b[:i], "0.")) == 0
}

func (c *number) size() int    { return -1 }
func (c *number) kind() Kind   { return Number }
func (c *number) want() string { return "a number" }

func (c *number) first() set {
	s := setOf("-0123456789" + string(c.point))
	if c.sign != 0 {
		s[c.sign] = true
	}
	return s
}

func (c *number) more() set { return setOf("0123456789eE" + string(c.point)) }
