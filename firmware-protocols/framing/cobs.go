package framing

import "bytes"

// cobsFrame reads the frame up to the next zero byte.
func (d *Decoder) cobsFrame(c []byte) (int, Fault) {
	l := d.l
	i := bytes.IndexByte(c[d.seen:], 0)
	most := l.max + l.width
	rawMost := most + most/254 + 1
	if i < 0 {
		d.seen = len(c)
		if len(c) > rawMost {
			return rawMost + 1, TooLong
		}
		return 0, OK
	}
	i += d.seen
	if i == 0 {
		return 1, Garbage // nothing between two zeros
	}
	if i > rawMost {
		return rawMost + 1, TooLong
	}
	var ok bool
	if d.plain, ok = cobsDecode(d.plain[:0], c[:i]); !ok {
		return i + 1, BadCode
	}
	if len(d.plain) > most {
		return i, TooLong // the zero byte ends what is dropped
	}
	why := d.verify(d.plain, len(d.plain)-l.width)
	if why == OK {
		d.body(d.plain[:len(d.plain)-l.width], nil)
	}
	return i + 1, why
}

// cobsDecode decodes p, which holds no zero byte.
func cobsDecode(dst, p []byte) ([]byte, bool) {
	for len(p) > 0 {
		n := int(p[0])
		if n > len(p) {
			return dst, false
		}
		dst = append(dst, p[1:n]...)
		p = p[n:]
		if n < 0xFF && len(p) > 0 {
			dst = append(dst, 0)
		}
	}
	return dst, true
}

// cobsEncode appends p encoded, without the zero byte behind it.
func cobsEncode(dst, p []byte) []byte {
	for {
		n := bytes.IndexByte(p[:min(len(p), 254)], 0)
		if n < 0 {
			n = min(len(p), 254)
			dst = append(append(dst, byte(n+1)), p[:n]...)
			p = p[n:]
			if len(p) == 0 {
				return dst
			}
			continue
		}
		dst = append(append(dst, byte(n+1)), p[:n]...)
		p = p[n+1:] // an empty rest is a last code 01: the zero was the last byte
	}
}
