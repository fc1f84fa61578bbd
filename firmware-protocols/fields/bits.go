package fields

import (
	"math"
	"strconv"
)

// bitsOp is several fields in one integer.
type bitsOp struct {
	*single // of the integer
	fields  []bit
}

type bit struct {
	name     []byte
	key      string
	at, size int
	signed   bool
	def      float64
}

func (c *bitsOp) match(m []byte, at int, v *Values, args Lookup) (int, bool) {
	next, ok := c.single.match(m, at, v, args)
	if !ok {
		return next, false
	}
	u := v.spare.uint()
	for i := range c.fields {
		f := &c.fields[i]
		x := u >> f.at & (math.MaxUint64 >> (64 - f.size))
		e := v.push(f.name)
		if f.signed && x>>(f.size-1) != 0 {
			wide(e, v, -(x | ^uint64(0)<<(f.size-1)), true, &unscaled)
		} else {
			wide(e, v, x, false, &unscaled)
		}
	}
	return next, true
}

// unscaled is a constant.
var unscaled = newScaling(1, 0)

// uint is the integer of an entry that is not scaled and not negative.
func (e *Entry) uint() uint64 {
	if e.Rounded {
		u, _ := strconv.ParseUint(string(e.Text), 10, 64)
		return u
	}
	return uint64(e.Num)
}

func (c *bitsOp) print(dst []byte, _ int, get Lookup) ([]byte, error) {
	var u uint64
	if c.def != nil {
		u = c.def.uint()
	}
	for i := range c.fields {
		f := &c.fields[i]
		x, ok := Value{}, false
		if get != nil {
			x, ok = get(f.key)
		}
		mask := uint64(math.MaxUint64) >> (64 - f.size)
		if !ok && c.def != nil {
			continue
		}
		if !ok {
			x = Num(f.def)
		}
		b, neg, err := whole(x, &unscaled)
		if err != nil {
			return dst, named(err, f.key)
		}
		most := mask
		if f.signed {
			most >>= 1
			if neg {
				most++
			}
		}
		if b > most || neg && !f.signed {
			return dst, &ValueError{Field: f.key, Reason: strconv.Itoa(f.size) + " bits do not hold it"}
		}
		if neg {
			b = -b
		}
		u = u&^(mask<<f.at) | b&mask<<f.at
	}
	v := Num(float64(u))
	if u >= exactInt {
		v = Str(strconv.FormatUint(u, 10))
	}
	return c.conv.print(dst, v)
}

func (c *compiler) bits(p *Part) *PartError {
	if len(p.Bits) == 0 || p.Of == "" {
		return bad("bits", CodeMissing, "as: bits needs bits and of, such as u8, u16 or hex")
	}
	if p.Field != "" || p.Equals != nil {
		return bad("field", CodeMixed, "the fields of as: bits stand in bits")
	}
	if err := p.only(takes("bits"), "as: bits"); err != nil {
		return err
	}
	if p.Scale != 0 || p.Offset != 0 {
		return bad("scale", CodeKey, "as: bits does not take scale and offset")
	}
	cv, err := c.below(p, func(q *Part) { q.Bits, q.Default = nil, nil })
	if err != nil {
		return err
	}
	room := 64
	switch r := cv.(type) {
	case *raw:
		if room = 8 * r.bytes; r.float || r.signed {
			return bad("of", CodeKind, "bits stand in an unsigned integer, such as u16 or hex")
		}
	case *width:
		if n, ok := r.conv.(*integer); !ok || n.signed && n.base != 10 {
			return bad("of", CodeKind, "bits stand in an unsigned integer, such as u16 or hex")
		} else if n.base == 10 {
			n.signed, n.name = false, "an integer without a sign"
		}
	default:
		return bad("of", CodeKind, "bits stand in an unsigned integer, such as u16 or hex")
	}
	s, err := c.finish(&Part{Default: p.Default}, cv)
	if err != nil {
		return err
	}
	op := &bitsOp{single: s}
	var used uint64
	for _, b := range p.Bits {
		if b.Size == 0 {
			b.Size = 1
		}
		if b.Field == "" {
			return bad("bits", CodeMissing, "every one of bits needs field")
		}
		if b.At < 0 || b.Size < 1 || b.Size > room || b.At > room-b.Size {
			return bad("bits", CodeRange, "%q lies outside the %d bits of %s", b.Field, room, p.Of)
		}
		mask := uint64(math.MaxUint64) >> (64 - b.Size) << b.At
		if used&mask != 0 {
			return bad("bits", CodeDuplicate, "%q overlaps another one", b.Field)
		}
		used |= mask
		op.fields = append(op.fields, bit{[]byte(b.Field), b.Field, b.At, b.Size, b.Signed, b.Default})
	}
	c.p.ops = append(c.p.ops, op)
	for _, b := range p.Bits {
		if err := c.field(b.Field, FieldInfo{Kind: Number, Optional: true}); err != nil {
			return err
		}
	}
	return nil
}
