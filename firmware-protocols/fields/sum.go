package fields

import (
	"strings"

	"labbox/firmware-protocols/checksum"
)

// sum is a checksum over what stands before it.
type sum struct {
	alg           checksum.Algorithm
	form          checksum.Form
	nibbles       bool // hexadecimal digits as 0x30 to 0x3f
	little, upper bool
	from, until   int
	width         int
	name          string
}

func (c *sum) over(m []byte, at int) (uint32, bool) {
	if c.from > at-c.until {
		return 0, false
	}
	return c.alg.Sum(m[c.from : at-c.until]), true
}

func (c *sum) match(m []byte, at int, _ *Values, _ Lookup) (int, bool) {
	x, ok := c.over(m, at)
	if !ok || len(m)-at < c.width {
		return at, false
	}
	b := m[at : at+c.width]
	if c.nibbles {
		var hex [16]byte
		for i, d := range b {
			if d&0xf0 != 0x30 {
				return at + i, false
			}
			hex[i] = "0123456789abcdef"[d&15]
		}
		b = hex[:len(b)]
	}
	y, ok := checksum.Parse(b, c.alg, c.form, c.little)
	if !ok || x != y {
		return at, false
	}
	return at + c.width, true
}

func (c *sum) print(dst []byte, start int, _ Lookup) ([]byte, error) {
	x, ok := c.over(dst[start:], len(dst)-start)
	if !ok {
		return dst, refuse("the message is too short for its checksum")
	}
	n := len(dst)
	dst = checksum.Append(dst, c.alg, x, c.form, c.little, c.upper)
	if c.nibbles {
		for i := n; i < len(dst); i++ {
			d := dst[i]
			if d > '9' {
				d += 9
			}
			dst[i] = 0x30 | d&15
		}
	}
	return dst, nil
}

func (c *sum) size() int    { return c.width }
func (c *sum) want() string { return "the checksum " + c.name + " of the bytes before" }
func (c *sum) first() set   { return anyByte() }

func (c *compiler) checksum(p *Part) *PartError {
	if p.Default != nil {
		return bad("default", CodeKey, "a checksum does not take default")
	}
	if err := p.only(" from until order upper", "a checksum"); err != nil {
		return err
	}
	a, ok := checksum.Lookup(p.Checksum)
	if !ok {
		return bad("checksum", CodeRange, "%q is none of %s", p.Checksum, strings.Join(checksum.Names(), ", "))
	}
	for _, err := range []*PartError{oneOf("as", p.As, "binary", "hex", "decimal", "nibbles"), oneOf("order", p.Order, "big", "little")} {
		if err != nil {
			return err
		}
	}
	if p.From < 0 || p.Until < 0 || p.From > 1<<16 || p.Until > 1<<16 {
		return bad("from", CodeRange, "from and until are 0 or more bytes")
	}
	s := &sum{alg: a, little: p.Order == "little", upper: p.Upper, from: p.From, until: p.Until, name: p.Checksum}
	s.nibbles = p.As == "nibbles"
	s.form = map[string]checksum.Form{"hex": checksum.Hex, "nibbles": checksum.Hex, "decimal": checksum.Decimal}[p.As]
	s.width = checksum.Width(a, s.form)
	return c.add(s, "", FieldInfo{})
}
