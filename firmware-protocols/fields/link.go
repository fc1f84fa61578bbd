package fields

import "bytes"

// link tells each part what stands behind it, and refuses parts of which nobody
// could tell where they end.
func (c *compiler) link() *PartError {
	ops := c.p.ops
	tail := 0 // bytes behind the op, -1: not fixed
	c.p.fixed = -1
	for i := len(ops) - 1; i >= 0; i-- {
		if s := singleOf(ops[i]); s != nil {
			if s.tail = tail; i+1 < len(ops) {
				if k, ok := ops[i+1].(constant); ok {
					s.next = k
				}
			}
			if t := textOf(s.conv); t != nil && s.open {
				t.end = s.next
			}
		}
		if tail < 0 || i+1 < len(ops) {
			if err := c.ends(i, tail); err != nil {
				err.Index = c.p.parts[i]
				return err
			}
		}
		if n := ops[i].size(); n >= 0 && tail >= 0 {
			tail += n
		} else {
			tail = -1
		}
	}
	c.p.fixed = tail
	return nil
}

// ends checks that op i, which is not the last, ends at a known place.
func (c *compiler) ends(i, tail int) *PartError {
	s := singleOf(c.p.ops[i])
	if s == nil || s.size() >= 0 {
		return nil
	}
	next := c.p.ops[i+1]
	if n := singleOf(next); n != nil && n.filler && i+2 == len(c.p.ops) && !s.open {
		return nil // blanks at the end
	}
	if w, ok := s.conv.(*width); ok && s.open && w.least > 0 && bytes.IndexByte(s.next, w.pad) >= 0 {
		return bad("pad", CodeOpen, "%q stands in the constant behind the text, too", string(w.pad))
	}
	if tail >= 0 || s.open && s.next != nil {
		return nil
	}
	if s.open {
		if t := textOf(s.conv); t.in != nil && !meets(next, *t.in) {
			return nil // a word before blanks
		}
		return bad("as", CodeOpen, "it cannot be told where this text ends: a constant must follow, or give width")
	}
	if k, ok := next.(constant); ok {
		if goesOn(s.conv, k) {
			return bad("as", CodeOpen, "%q behind it could be read as part of it: give width", string(k))
		}
		return nil
	}
	if n := singleOf(next); n != nil {
		if ch, ok := n.conv.(*choice); ok && ch.of == nil {
			for _, w := range ch.wires {
				if goesOn(s.conv, w) {
					return bad("as", CodeOpen, "%q behind it could be read as part of it: give width", string(w))
				}
			}
			return nil
		}
	}
	f := next.first()
	if isDecimal(s.conv) && !f.meets(setOf("+-0123456789")) {
		f['e'], f['E'] = false, false // no exponent without digits
		if i+2 < len(c.p.ops) && (next.first()['e'] || next.first()['E']) {
			g := c.p.ops[i+2].first()
			f['e'] = g.meets(setOf("+-0123456789"))
		}
	}
	if f.meets(s.more()) {
		return bad("as", CodeOpen, "what follows could be read as part of it: put a constant between, or give width")
	}
	return nil
}

func meets(o op, in set) bool {
	f := o.first()
	return f.meets(in)
}

// singleOf is the part of one value in an op, nil: none.
func singleOf(o op) *single {
	switch o := o.(type) {
	case *single:
		return o
	case *bitsOp:
		return o.single
	case *groups:
		return o.single
	}
	return nil
}

func isDecimal(cv conv) bool {
	if l, ok := cv.(*list); ok {
		cv = l.elem
	}
	if w, ok := cv.(*width); ok {
		cv = w.conv
	}
	_, ok := cv.(*number)
	return ok
}

// goesOn reports whether the constant k could be read as more of the value
// before it.
func goesOn(cv conv, k []byte) bool {
	if len(k) == 0 {
		return true
	}
	more := cv.more()
	if !isDecimal(cv) || k[0]|0x20 != 'e' {
		return more[k[0]]
	}
	k = k[1:]
	if len(k) > 0 && (k[0] == '+' || k[0] == '-') {
		k = k[1:]
	}
	return len(k) == 0 || isDigit(k[0])
}
