package fields

import (
	"math"
	"strconv"
)

// exactInt is where a float64 stops telling integers apart.
const exactInt = 1 << 53

// integer is digits in base 10, 16, 8 or 2.
type integer struct {
	scaling
	base   byte
	auto   bool // 0x.. is hexadecimal, 0.. octal
	signed bool
	upper  bool
	little bool // lowest bit first
	sign   byte
	apart  bool
	zero   byte // of base 2
	one    byte
	name   string
}

func (c *integer) digit(b byte) (byte, bool) {
	switch {
	case c.base == 2:
		return b2(b == c.one), b == c.zero || b == c.one
	case isDigit(b):
		return b - '0', b-'0' < c.base
	case c.base == 16 && b|0x20 >= 'a' && b|0x20 <= 'f':
		return b | 0x20 - 'a' + 10, true
	}
	return 0, false
}

func b2(b bool) byte {
	if b {
		return 1
	}
	return 0
}

func (c *integer) parse(b []byte, e *Entry, v *Values) (int, bool) {
	i, neg := 0, false
	if len(b) > 0 && (c.base == 10 && b[0] == '+' || c.signed && b[0] == '-') {
		neg = b[0] == '-'
		i = 1
		if c.apart {
			i += blanks(b[i:])
		}
	}
	if c.auto && i+1 < len(b) && b[i] == '0' {
		d := *c
		d.auto, d.base = false, 8
		if b[i+1]|0x20 == 'x' {
			d.base = 16
			if i+2 < len(b) {
				if _, ok := d.digit(b[i+2]); ok {
					i += 2
				}
			}
		}
		return d.digits(b, i, neg, e, v)
	}
	return c.digits(b, i, neg, e, v)
}

func (c *integer) digits(b []byte, i int, neg bool, e *Entry, v *Values) (int, bool) {
	start := i
	var u uint64
	base := uint64(c.base)
	for ; i < len(b); i++ {
		d, ok := c.digit(b[i])
		if !ok {
			break
		}
		if c.little {
			if i-start > 63 {
				return i, false
			}
			u |= uint64(d) << (i - start)
			continue
		}
		if u > (math.MaxUint64-uint64(d))/base {
			return i, false // more than 64 bits
		}
		u = u*base + uint64(d)
	}
	if i == start || neg && u > 1<<63 {
		return i, false
	}
	wide(e, v, u, neg, &c.scaling)
	return i, true
}

// wide stores an integer of up to 64 bits.
func wide(e *Entry, v *Values, u uint64, neg bool, s *scaling) {
	x := float64(u)
	if neg {
		x = -x
	}
	e.number(s.up(x))
	if u < exactInt {
		return
	}
	e.Rounded = true
	if s.none() {
		n := len(v.buf)
		if neg {
			v.buf = append(v.buf, '-')
		}
		v.buf = strconv.AppendUint(v.buf, u, 10)
		e.Text = v.buf[n:len(v.buf):len(v.buf)]
	}
}

// whole gives the integer to print, rounded to the nearest.
func whole(v Value, s *scaling) (u uint64, neg bool, err error) {
	if v.Kind == Text {
		d, t := v.Text, v.Text
		if neg = d != "" && d[0] == '-'; neg {
			d = d[1:]
		}
		u, err := strconv.ParseUint(d, 10, 64)
		if err != nil || !s.none() || d[0] == '+' || neg && u > 1<<63 {
			return 0, false, refuse("%q is no integer", t)
		}
		return u, neg && u != 0, nil
	}
	if v.Kind != Number {
		return 0, false, refuse("an integer is needed, not an %s", v.Kind)
	}
	x := math.Round(s.down(v.Num))
	if neg = x < 0; neg {
		x = -x
	}
	if !(x < exactInt) {
		return 0, false, refuse("%v is no integer below 2^53; a greater one can be given as text", v.Num)
	}
	return uint64(x), neg, nil
}

func (c *integer) print(dst []byte, v Value) ([]byte, error) {
	u, neg, err := whole(v, &c.scaling)
	if err != nil {
		return dst, err
	}
	switch {
	case neg && !c.signed:
		return dst, refuse("%s cannot be negative", c.name)
	case neg:
		dst = append(dst, '-')
	case c.sign != 0:
		dst = append(dst, c.sign)
	}
	if c.base == 2 {
		return c.bits(dst, u), nil
	}
	n := len(dst)
	dst = strconv.AppendUint(dst, u, int(c.base))
	if c.upper {
		for i := n; i < len(dst); i++ {
			if dst[i] >= 'a' {
				dst[i] -= 'a' - 'A'
			}
		}
	}
	return dst, nil
}

func (c *integer) bits(dst []byte, u uint64) []byte {
	n := len(dst)
	for more := true; more; more = u != 0 {
		ch := c.zero
		if u&1 == 1 {
			ch = c.one
		}
		dst = append(dst, ch)
		u >>= 1
	}
	if !c.little {
		for i, j := n, len(dst)-1; i < j; i, j = i+1, j-1 {
			dst[i], dst[j] = dst[j], dst[i]
		}
	}
	return dst
}

func (c *integer) size() int    { return -1 }
func (c *integer) kind() Kind   { return Number }
func (c *integer) want() string { return c.name }

func (c *integer) first() set {
	s := c.more()
	if c.signed {
		s['-'] = true
	}
	if c.sign != 0 {
		s[c.sign] = true
	}
	return s
}

func (c *integer) more() (s set) {
	for i := range s {
		_, s[i] = c.digit(byte(i))
	}
	if c.auto {
		s = setOf("0123456789abcdefABCDEFxX")
	}
	return s
}
