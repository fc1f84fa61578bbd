package framing

import "bytes"

// sizedFrame reads the frame at the begin of c, whose length is known.
func (d *Decoder) sizedFrame(c []byte) (int, Fault) {
	l := d.l
	head := len(l.start)
	total := l.opt.Size
	if l.length.Size > 0 {
		head = l.length.At + l.length.Size
		if len(c) < head {
			return 0, OK
		}
		v, ok := l.length.value(c[l.length.At:head])
		total = v + l.length.Add
		if !ok || total < head+l.width+len(l.final) || total > l.overhead()+l.max {
			return 0, BadLength
		}
	}
	if len(c) < total {
		return 0, OK
	}
	at := total - len(l.final) - l.width
	if !bytes.Equal(c[at+l.width:total], l.final) {
		return total, NoEnd
	}
	why := d.verify(c, at)
	if why == OK {
		d.body(c[len(l.start):max(l.length.At, len(l.start))], c[head:at])
	}
	return total, why
}

// value reads the field p.
func (n *Length) value(p []byte) (v int, ok bool) {
	switch n.As {
	case "decimal":
		for len(p) > 1 && p[0] == ' ' {
			p = p[1:]
		}
		for _, c := range p {
			if c-'0' > 9 {
				return 0, false
			}
			v = v*10 + int(c-'0')
		}
		return v, true
	case "hex":
		for _, c := range p {
			switch {
			case c-'0' <= 9:
				c -= '0'
			case c|0x20 >= 'a' && c|0x20 <= 'f':
				c = c | 0x20 - 'a' + 10
			default:
				return 0, false
			}
			v = v<<4 | int(c)
		}
		return min(v, 1<<30), true
	}
	var x uint32
	for i, c := range p {
		if n.Order == "little" {
			x |= uint32(c) << (8 * i)
		} else {
			x = x<<8 | uint32(c)
		}
	}
	return int(min(x, 1<<30)), true
}

const digits = "0123456789ABCDEF"

// appendValue writes v; ok is false where the field cannot hold it.
func (n *Length) appendValue(dst []byte, v int) ([]byte, bool) {
	if v < 0 {
		return dst, false
	}
	base := 256
	switch n.As {
	case "decimal":
		base = 10
	case "hex":
		base = 16
	}
	i := len(dst)
	for range n.Size {
		dst = append(dst, 0)
	}
	field := dst[i:]
	rest := v
	for k := range field {
		place := &field[len(field)-1-k]
		if base == 256 && n.Order == "little" {
			place = &field[k]
		}
		*place = byte(rest % base)
		if base != 256 {
			*place = digits[rest%base]
		}
		rest /= base
	}
	return dst, rest == 0
}
