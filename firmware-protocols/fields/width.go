package fields

// width puts a value into a field of a declared width, and skips blanks before it.
type width struct {
	conv
	exact, least, most int // 0: not declared
	pad                byte
	padded             bool // shorter values are filled up
	strip              bool // pad is taken off; a zero before a number need not be
	left               bool
	blanks             bool // skipped before the value
	trim               bool // blanks around a number of exact width
	signFirst          bool // padding stands behind the sign
}

func (c *width) parse(b []byte, e *Entry, v *Values) (int, bool) {
	at := 0
	if c.exact == 0 && c.blanks {
		at = blanks(b)
		b = b[at:]
	}
	switch {
	case c.exact > 0:
		if len(b) < c.exact {
			return len(b), false
		}
		n, ok := c.whole(b[:c.exact], e, v)
		if !ok {
			return n, false
		}
		return c.exact, true
	case c.most > 0 && len(b) > c.most:
		b = b[:c.most]
	}
	isText := c.kind() == Text
	if isText && c.strip && !c.left {
		n := 0
		for n < len(b) && n < c.least-1 && b[n] == c.pad {
			n++
		}
		at, b = at+n, b[n:]
	}
	n, ok := c.conv.parse(b, e, v)
	if !ok || !c.strip {
		return at + n, ok
	}
	for isText && c.left && len(e.Text) > 0 && e.Text[len(e.Text)-1] == c.pad {
		e.Text = e.Text[:len(e.Text)-1]
	}
	for isText && !c.left && len(e.Text) > 0 && e.Text[0] == c.pad {
		e.Text = e.Text[1:]
	}
	for c.left && n < len(b) && n < c.least && b[n] == c.pad {
		n++
	}
	return at + n, true
}

// whole parses b, of which every byte must count.
func (c *width) whole(b []byte, e *Entry, v *Values) (int, bool) {
	lo, hi := 0, len(b)
	for lo < hi && (c.strip && !c.left && b[lo] == c.pad || (c.trim || c.blanks) && isBlank(b[lo])) {
		lo++
	}
	for hi > lo && (c.strip && c.left && b[hi-1] == c.pad || c.trim && isBlank(b[hi-1])) {
		hi--
	}
	n, ok := c.conv.parse(b[lo:hi], e, v)
	return lo + n, ok && lo+n == hi
}

func (c *width) print(dst []byte, v Value) ([]byte, error) {
	start := len(dst)
	dst, err := c.conv.print(dst, v)
	if err != nil {
		return dst, err
	}
	n := len(dst) - start
	least, most := c.least, c.most
	if c.exact > 0 {
		least, most = c.exact, c.exact
	}
	if most > 0 && n > most {
		return dst[:start], refuse("it takes %d bytes, %d are there", n, most)
	}
	if n >= least {
		return dst, c.ambiguous(dst[start:])
	}
	if !c.padded {
		return dst[:start], refuse("it has %d bytes, exactly %d are needed", n, least)
	}
	if err := c.ambiguous(dst[start:]); err != nil {
		return dst[:start], err
	}
	add := least - n
	for range add {
		dst = append(dst, c.pad)
	}
	if c.left {
		return dst, nil
	}
	b := dst[start:]
	from := 0
	if (c.pad == '0' || c.signFirst) && (b[0] == '-' || b[0] == '+' || b[0] == ' ' && c.kind() == Number) {
		from = 1
	}
	copy(b[from+add:], b[from:n])
	for i := range add {
		b[from+i] = c.pad
	}
	return dst, nil
}

// ambiguous refuses a text whose own bytes would be taken for padding.
func (c *width) ambiguous(b []byte) error {
	if c.kind() != Text || !c.padded || len(b) == 0 {
		return nil
	}
	edge := b[0]
	if c.left {
		edge = b[len(b)-1]
	}
	if edge == c.pad {
		return refuse("its own %q would be taken for padding", edge)
	}
	return nil
}

func (c *width) size() int {
	if c.exact > 0 {
		return c.exact
	}
	return c.conv.size()
}

func (c *width) first() set {
	s := c.conv.first()
	if c.padded && !c.left && (c.exact > 0 || c.least > 0) {
		s[c.pad] = true
	}
	return s
}
