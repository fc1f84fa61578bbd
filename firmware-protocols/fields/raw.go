package fields

import "math"

// raw is a binary integer of 1 to 8 bytes, or an IEEE 754 float.
type raw struct {
	scaling
	bytes  int
	little bool
	signed bool
	float  bool
	name   string
}

func (c *raw) load(b []byte) (u uint64) {
	if c.little {
		for i := c.bytes - 1; i >= 0; i-- {
			u = u<<8 | uint64(b[i])
		}
		return u
	}
	for _, x := range b[:c.bytes] {
		u = u<<8 | uint64(x)
	}
	return u
}

func (c *raw) append(dst []byte, u uint64) []byte {
	for i := range c.bytes {
		shift := 8 * (c.bytes - 1 - i)
		if c.little {
			shift = 8 * i
		}
		dst = append(dst, byte(u>>shift))
	}
	return dst
}

func (c *raw) parse(b []byte, e *Entry, v *Values) (int, bool) {
	if len(b) < c.bytes {
		return len(b), false
	}
	c.decode(c.load(b), e, v)
	return c.bytes, true
}

func (c *raw) decode(u uint64, e *Entry, v *Values) {
	switch {
	case c.float && c.bytes == 4:
		e.number(c.up(float64(math.Float32frombits(uint32(u)))))
	case c.float:
		e.number(c.up(math.Float64frombits(u)))
	case c.signed && u>>(8*c.bytes-1) != 0:
		wide(e, v, -(u | ^uint64(0)<<(8*c.bytes-1)), true, &c.scaling)
	default:
		wide(e, v, u, false, &c.scaling)
	}
}

// encode gives the bits of a value.
func (c *raw) encode(v Value) (uint64, error) {
	if c.float {
		if v.Kind != Number {
			return 0, refuse("a number is needed, not a %s", v.Kind)
		}
		x := c.down(v.Num)
		if c.bytes == 8 {
			return math.Float64bits(x), nil
		}
		f := float32(x)
		if math.IsInf(float64(f), 0) && !math.IsInf(x, 0) {
			return 0, refuse("%v does not fit an f32", x)
		}
		return uint64(math.Float32bits(f)), nil
	}
	u, neg, err := whole(v, &c.scaling)
	if err != nil {
		return 0, err
	}
	top := uint64(math.MaxUint64) >> (64 - 8*c.bytes)
	if c.signed {
		top >>= 1
		if neg {
			top++
		}
	}
	if u > top || neg && !c.signed {
		return 0, refuse("%s%d does not fit %s", map[bool]string{true: "-"}[neg], u, c.name)
	}
	if neg {
		u = -u
	}
	return u, nil
}

func (c *raw) print(dst []byte, v Value) ([]byte, error) {
	u, err := c.encode(v)
	if err != nil {
		return dst, err
	}
	return c.append(dst, u), nil
}

func (c *raw) size() int    { return c.bytes }
func (c *raw) kind() Kind   { return Number }
func (c *raw) want() string { return c.name }
func (c *raw) first() set   { return anyByte() }
func (c *raw) more() set    { return set{} }
