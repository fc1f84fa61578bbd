package fields

import (
	"math"
	"strconv"

	"labbox/firmware-protocols/decimal"
)

// bcd is packed binary-coded decimal, two digits a byte.
type bcd struct {
	scaling
	bytes          int
	little, signed bool
}

func (c *bcd) at(i int) int { // of the i-th byte, the greatest first
	if c.little {
		return c.bytes - 1 - i
	}
	return i
}

func (c *bcd) parse(b []byte, e *Entry, v *Values) (int, bool) {
	if len(b) < c.bytes {
		return len(b), false
	}
	var u uint64
	neg := false
	for i := range c.bytes {
		hi, lo := b[c.at(i)]>>4, b[c.at(i)]&15
		if i == 0 && c.signed {
			neg = hi >= 8
			if neg {
				hi = 0
			}
			if hi != 0 {
				return c.at(i), false
			}
		}
		if hi > 9 || lo > 9 {
			return c.at(i), false
		}
		u = u*100 + uint64(hi)*10 + uint64(lo)
	}
	wide(e, v, u, neg, &c.scaling)
	return c.bytes, true
}

func (c *bcd) print(dst []byte, v Value) ([]byte, error) {
	u, neg, err := whole(v, &c.scaling)
	if err != nil {
		return dst, err
	}
	if neg && !c.signed {
		return dst, refuse("bcd cannot be negative without signed")
	}
	digits := 2*c.bytes - b2i(c.signed)
	all := u
	n := len(dst)
	dst = append(dst, make([]byte, c.bytes)...)
	for i := c.bytes - 1; i >= 0; i-- {
		dst[n+c.at(i)] = byte(u%10) | byte(u/10%10)<<4
		u /= 100
	}
	if first := dst[n+c.at(0)]; u != 0 || c.signed && first > 9 {
		return dst[:n], refuse("%d does not fit %d digits", all, digits)
	}
	if neg {
		dst[n+c.at(0)] |= 0xf0
	}
	return dst, nil
}

func (c *bcd) size() int    { return c.bytes }
func (c *bcd) kind() Kind   { return Number }
func (c *bcd) want() string { return strconv.Itoa(c.bytes) + " bytes of bcd" }
func (c *bcd) first() set   { return anyByte() }
func (c *bcd) more() set    { return set{} }

// hexRaw is a raw value whose bytes stand as hexadecimal digits.
type hexRaw struct {
	raw
	upper bool
}

func (c *hexRaw) parse(b []byte, e *Entry, v *Values) (int, bool) {
	var bytes [8]byte
	h := integer{base: 16}
	for i := range 2 * c.bytes {
		if i >= len(b) {
			return i, false
		}
		d, ok := h.digit(b[i])
		if !ok {
			return i, false
		}
		bytes[i/2] = bytes[i/2]<<4 | d
	}
	c.decode(c.load(bytes[:]), e, v)
	return 2 * c.bytes, true
}

func (c *hexRaw) print(dst []byte, v Value) ([]byte, error) {
	n := len(dst)
	dst, err := c.raw.print(dst, v)
	if err != nil {
		return dst, err
	}
	digits := "0123456789abcdef"
	if c.upper {
		digits = "0123456789ABCDEF"
	}
	var bytes [8]byte
	copy(bytes[:], dst[n:])
	dst = dst[:n]
	for _, x := range bytes[:c.bytes] {
		dst = append(dst, digits[x>>4], digits[x&15])
	}
	return dst, nil
}

func (c *hexRaw) size() int    { return 2 * c.bytes }
func (c *hexRaw) want() string { return strconv.Itoa(2*c.bytes) + " hexadecimal digits" }
func (c *hexRaw) first() set   { return setOf("0123456789abcdefABCDEF") }

// mantissa is a whole mantissa and a signed exponent: +123-4 is 0.0123.
type mantissa struct {
	scaling
	digits int // of the mantissa, 0: as many as needed
	sign   byte
	apart  bool
}

func (c *mantissa) parse(b []byte, e *Entry, v *Values) (int, bool) {
	i := b2i(len(b) > 0 && (b[0] == '-' || b[0] == '+'))
	if i > 0 && c.apart {
		i += blanks(b[i:])
	}
	start := i
	for i < len(b) && isDigit(b[i]) {
		i++
	}
	if i == start || i == len(b) || b[i] != '-' && b[i] != '+' {
		return i, false
	}
	_, n := decimal.Exponent(b[i:])
	if n == 0 {
		return i, false
	}
	from := len(v.buf)
	v.buf = append(append(v.buf, b[start:i]...), 'e')
	v.buf = append(v.buf, b[i:i+n]...)
	x, _, _ := decimal.Parse(v.buf[from:], '.')
	v.buf = v.buf[:from]
	if b[0] == '-' {
		x = -x
	}
	e.number(c.up(x))
	return i + n, true
}

func (c *mantissa) print(dst []byte, v Value) ([]byte, error) {
	x := c.down(v.Num)
	if v.Kind != Number || math.IsNaN(x) || math.IsInf(x, 0) {
		return dst, refuse("a finite number is needed")
	}
	if x == 0 {
		x = 0 // no minus zero
	}
	switch {
	case math.Signbit(x):
		dst, x = append(dst, '-'), -x
	case c.sign != 0:
		dst = append(dst, c.sign)
	}
	var buf [40]byte
	b := strconv.AppendFloat(buf[:0], x, 'e', c.digits-1, 64)
	exp, digits := 0, 0
	for i, d := range b {
		if d == 'e' {
			exp, _ = decimal.Exponent(b[i+1:])
			break
		}
		if d != '.' && (x != 0 || digits == 0) {
			dst = append(dst, d)
			digits++
		}
	}
	exp -= digits - 1
	sign := byte('+')
	if exp < 0 {
		sign, exp = '-', -exp
	}
	dst = append(dst, sign)
	if exp < 10 {
		dst = append(dst, '0')
	}
	return strconv.AppendInt(dst, int64(exp), 10), nil
}

func (c *mantissa) size() int    { return -1 }
func (c *mantissa) kind() Kind   { return Number }
func (c *mantissa) want() string { return "a mantissa and a signed exponent" }
func (c *mantissa) first() set   { return setOf("-+ 0123456789") }
func (c *mantissa) more() set    { return setOf("0123456789") }
