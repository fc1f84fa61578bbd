package fields

// conv makes the converter of a part of one value.
func (c *compiler) conv(p *Part) (conv, *PartError) {
	kind := p.As
	if kind == "" {
		kind = "number"
	}
	if !known(kind) {
		return nil, bad("as", CodeKind, "unknown kind %q", kind)
	}
	if err := p.only(takes(kind), "as: "+kind); err != nil {
		return nil, err
	}
	for _, err := range []*PartError{
		oneOf("order", p.Order, "big", "little"),
		oneOf("sign", p.Sign, "always", "blank", "apart"),
		oneOf("align", p.Align, "right", "left"),
		oneOf("point", p.Point, ".", ","),
	} {
		if err != nil {
			return nil, err
		}
	}
	if !finite(p.Scale) || !finite(p.Offset) {
		return nil, bad("scale", CodeRange, "a finite number is needed")
	}
	if r, ok := rawKind(kind); ok {
		r.little, r.scaling = p.Order == "little", newScaling(p.Scale, p.Offset)
		return &r, nil
	}
	switch kind {
	case "choice":
		return c.choice(p)
	case "blanks":
		return space{}, nil
	case "number", "exponent":
		return c.width(p, func() (conv, *PartError) { return c.number(p, kind) })
	case "int", "auto", "hex", "octal", "binary":
		if kind == "hex" && p.Of != "" {
			return c.hexOf(p)
		}
		return c.width(p, func() (conv, *PartError) { return c.integer(p, kind) })
	case "text", "word", "chars":
		return c.width(p, func() (conv, *PartError) { return c.text(p, kind) })
	}
	return c.conv2(p, kind)
}

func known(kind string) bool {
	for _, k := range Kinds() {
		if k == kind {
			return true
		}
	}
	return false
}

func signByte(p *Part) byte {
	switch p.Sign {
	case "always", "apart":
		return '+'
	case "blank":
		return ' '
	}
	return 0
}

func (c *compiler) number(p *Part, kind string) (conv, *PartError) {
	n := &number{scaling: newScaling(p.Scale, p.Offset), format: 'f', decimals: -1, point: '.',
		sign: signByte(p), apart: p.Sign == "apart", scpi: p.SCPI || c.o.SCPI}
	if kind == "exponent" {
		n.format = 'e'
		if p.Upper {
			n.format = 'E'
		}
	} else if p.Upper {
		return nil, bad("upper", CodeKey, "as: number does not take upper; use as: exponent")
	}
	if p.Decimals != nil {
		if n.decimals = *p.Decimals; n.decimals < 0 || n.decimals > 20 {
			return nil, bad("decimals", CodeRange, "0 to 20 decimals")
		}
	}
	if p.Point == "," {
		n.point = ','
	}
	return n, nil
}

func (c *compiler) integer(p *Part, kind string) (conv, *PartError) {
	n := &integer{scaling: newScaling(p.Scale, p.Offset), base: 10, signed: p.Signed, upper: p.Upper,
		little: p.Order == "little", sign: signByte(p), apart: p.Sign == "apart", zero: '0', one: '1'}
	switch kind {
	case "int":
		n.name, n.signed = "an integer", true
	case "auto":
		n.name, n.signed, n.auto = "an integer (decimal, 0x.. or 0..)", true, true
	case "hex":
		n.name, n.base = "hexadecimal digits", 16
		if p.Order != "" {
			return nil, bad("order", CodeKey, "order needs of: u16 or another raw kind")
		}
	case "octal":
		n.name, n.base = "octal digits", 8
	case "binary":
		n.name, n.base = "binary digits", 2
		if p.Digits != "" {
			if len(p.Digits) != 2 || p.Digits[0] == p.Digits[1] {
				return nil, bad("digits", CodeRange, "two different characters are needed, zero first")
			}
			n.zero, n.one = p.Digits[0], p.Digits[1]
			if isBlank(n.zero) || isBlank(n.one) || n.zero == '-' || n.one == '-' || n.zero == '+' || n.one == '+' {
				return nil, bad("digits", CodeRange, "blanks and signs cannot be digits")
			}
		}
	}
	if n.base != 10 && p.Sign != "" {
		return nil, bad("sign", CodeKey, "as: %s takes signed, not sign", kind)
	}
	return n, nil
}

func (c *compiler) text(p *Part, kind string) (conv, *PartError) {
	t := &text{forbidden: c.o.Forbidden, name: "a text", open: true, empty: kind == "text"}
	switch kind {
	case "word":
		in := anyByte()
		for _, b := range []byte(" \t\r\n\v\f") {
			in[b] = false
		}
		t.in, t.name = &in, "a word"
	case "chars":
		in, ok := charset(p.Set)
		if p.Set == "" {
			return nil, bad("set", CodeMissing, `as: chars needs set, such as "A-Za-z0-9"`)
		}
		if !ok {
			return nil, bad("set", CodeRange, "%q is no set of characters", p.Set)
		}
		t.in, t.name, t.open = &in, "characters of "+p.Set, false
	}
	return t, nil
}

// width wraps a converter in what its width and blanks say.
func (c *compiler) width(p *Part, inner func() (conv, *PartError)) (conv, *PartError) {
	cv, err := inner()
	if err != nil {
		return nil, err
	}
	for _, k := range []struct {
		key string
		n   int
	}{{"width", p.Width}, {"min_width", p.MinWidth}, {"max_width", p.MaxWidth}} {
		if k.n < 0 || k.n > maxWidth {
			return nil, bad(k.key, CodeRange, "1 to %d bytes", maxWidth)
		}
	}
	if p.Width > 0 && (p.MinWidth > 0 || p.MaxWidth > 0) {
		return nil, bad("width", CodeMixed, "width is exact: min_width and max_width cannot stand beside it")
	}
	if p.MaxWidth > 0 && p.MinWidth > p.MaxWidth {
		return nil, bad("min_width", CodeRange, "min_width is greater than max_width")
	}
	if len(p.Pad) > 1 {
		return nil, bad("pad", CodeRange, "pad is one byte")
	}
	isText := cv.kind() == Text
	w := &width{conv: cv, exact: p.Width, least: p.MinWidth, most: p.MaxWidth, pad: ' ', signFirst: p.Sign == "apart",
		padded: !isText || p.Pad != "" || p.Align != "", left: p.Align == "left" || isText && p.Align == "",
		trim: !isText, blanks: (!isText || p.As == "word") && cv.size() < 0}
	if p.Blanks != nil {
		w.blanks, w.trim = *p.Blanks, *p.Blanks && !isText
	}
	if n, ok := cv.(*integer); ok && n.base != 10 {
		w.pad = zeroOf(n)
		if n.little {
			w.left = true
		}
	}
	if p.Pad != "" {
		w.pad = p.Pad[0]
	}
	if (p.Pad != "" || p.Align != "") && p.Width == 0 && p.MinWidth == 0 {
		return nil, bad("pad", CodeMissing, "pad and align need width or min_width")
	}
	if p.MinWidth > 0 && !w.padded {
		return nil, bad("pad", CodeMissing, "min_width of a text needs pad")
	}
	if p.Sign == "blank" && !w.blanks {
		return nil, bad("blanks", CodeRange, "sign: blank needs blanks to be skipped")
	}
	w.strip = w.padded && (isText || w.pad != zeroOf(cv))
	if err := w.check(); err != nil {
		return nil, err
	}
	return w, nil
}

// check refuses padding that would change what is read.
func (c *width) check() *PartError {
	if c.exact == 0 && c.least == 0 || c.kind() == Text {
		return nil
	}
	n, isInt := c.conv.(*integer)
	zero := zeroOf(c.conv)
	switch more := c.more(); {
	case c.pad == zero && c.left && (!isInt || !n.little):
		return bad("align", CodeRange, "zeros behind a number would change it")
	case c.pad == zero && isInt && n.auto:
		return bad("pad", CodeRange, "as: auto would read leading zeros as octal")
	case c.pad != zero && more[c.pad], c.pad == '-', c.pad == '+':
		return bad("pad", CodeRange, "%q would be read as part of the number", c.pad)
	case c.signFirst && c.pad != zero && c.pad != ' ':
		return bad("pad", CodeRange, "sign: apart pads with blanks or zeros")
	case c.exact == 0 && c.pad != zero && (c.pad != ' ' || !c.blanks):
		return bad("pad", CodeRange, "min_width reads back only blanks and zeros; give width")
	}
	return nil
}

// zeroOf is the digit that may stand before a number without changing it.
func zeroOf(cv conv) byte {
	if n, ok := cv.(*integer); ok && n.base == 2 {
		return n.zero
	}
	return '0'
}
