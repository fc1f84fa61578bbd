package fields

import (
	"bytes"
	"math"
	"strconv"
)

// SCPI writes these numbers where there is none (SCPI-1999, volume 1, 7.2.1).
const (
	scpiNaN = 9.91e37
	scpiInf = 9.9e37
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

func (c *number) parse(b []byte, e *Entry, _ *Values) (int, bool) {
	x, n, ok := decimal(b, c.point, c.apart)
	if !ok {
		return n, false
	}
	if c.scpi {
		switch x {
		case scpiNaN:
			x = math.NaN()
		case scpiInf:
			x = math.Inf(1)
		case -scpiInf:
			x = math.Inf(-1)
		}
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
			x = scpiNaN
		case x > 0:
			x = scpiInf
		default:
			x = -scpiInf
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
