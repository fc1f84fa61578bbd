package fields

import "slices"

// conv2 makes the rarer converters.
func (c *compiler) conv2(p *Part, kind string) (conv, *PartError) {
	switch kind {
	case "bcd":
		if p.Size < 1 || p.Size > 9 {
			return nil, bad("size", CodeMissing, "as: bcd needs size, 1 to 9 bytes")
		}
		return &bcd{newScaling(p.Scale, p.Offset), p.Size, p.Order == "little", p.Signed}, nil
	case "mantissa":
		m := &mantissa{scaling: newScaling(p.Scale, p.Offset), sign: signByte(p), apart: p.Sign == "apart"}
		if p.Decimals != nil {
			if m.digits = *p.Decimals; m.digits < 1 || m.digits > 17 {
				return nil, bad("decimals", CodeRange, "1 to 17 digits of the mantissa")
			}
		}
		return c.width(p, func() (conv, *PartError) { return m, nil })
	case "time":
		return newClock(p.Layout)
	case "block":
		return c.block(p)
	}
	return nil, bad("as", CodeKind, "as: %s cannot stand here", kind)
}

// hexOf makes the bytes of a raw value as hexadecimal digits.
func (c *compiler) hexOf(p *Part) (conv, *PartError) {
	if err := p.only(" of upper order scale offset", "as: hex with of"); err != nil {
		return nil, err
	}
	r, ok := rawKind(p.Of)
	if !ok {
		return nil, bad("of", CodeKind, "%q is no raw kind, such as i16 or f32", p.Of)
	}
	r.little, r.scaling = p.Order == "little", newScaling(p.Scale, p.Offset)
	return &hexRaw{r, p.Upper}, nil
}

// below makes the converter that stands below a choice or bits: part p of kind
// p.Of, without the keys in not.
func (c *compiler) below(p *Part, not func(*Part)) (conv, *PartError) {
	q := *p
	q.As, q.Of = p.Of, ""
	not(&q)
	if p.Of == "choice" {
		return nil, bad("of", CodeKind, "a number or a raw kind is needed")
	}
	cv, err := c.conv(&q)
	if err != nil {
		if err.Key == "as" {
			err.Key = "of"
		}
		return nil, err
	}
	return cv, nil
}

func (c *compiler) choice(p *Part) (conv, *PartError) {
	if len(p.Choices) == 0 {
		return nil, bad("choices", CodeMissing, "as: choice needs choices")
	}
	ch := &choice{anyCase: p.AnyCase, other: -1}
	if p.Of != "" {
		var err *PartError
		if ch.of, err = c.below(p, func(q *Part) { q.Choices, q.AnyCase, q.Default, q.Equals = nil, false, nil, nil }); err != nil {
			return nil, err
		}
		if ch.of.kind() != Number {
			return nil, bad("of", CodeKind, "a number or a raw kind is needed")
		}
	} else if err := p.only(" choices any_case", "as: choice without of"); err != nil {
		return nil, err
	}
	for i := range p.Choices {
		if err := ch.add(p, &p.Choices[i], i); err != nil {
			return nil, err
		}
	}
	if id, ok := p.Default.(string); ok {
		ch.other = ch.find(Str(id))
	}
	return ch, nil
}

func (c *choice) add(p *Part, d *Choice, i int) *PartError {
	x := float64(i)
	if d.Value != nil {
		x = *d.Value
	}
	wire := d.Wire
	if wire == nil {
		wire = d.ID
		if c.of != nil {
			wire = x
		}
	}
	if d.ID == "" {
		s, ok := wire.(string)
		if !ok || s == "" {
			return bad("choices", CodeMissing, "choice %d has no id", i+1)
		}
		d = &Choice{ID: s}
	}
	if slices.Contains(c.values, x) || c.find(Str(d.ID)) >= 0 {
		return bad("choices", CodeDuplicate, "choice %q: its id or its value stands twice", d.ID)
	}
	if c.of != nil {
		e, err := literal(c.of, p, "choices", wire)
		if err != nil {
			err.Hint = "wire of " + d.ID + ": " + err.Hint
			return err
		}
		if slices.ContainsFunc(c.numbers, func(o Entry) bool { return o.same(e) }) {
			return bad("choices", CodeDuplicate, "choice %q: its wire stands twice", d.ID)
		}
		c.numbers = append(c.numbers, *e)
	} else {
		s, ok := wire.(string)
		if !ok {
			return bad("choices", CodeRange, "wire of %q: a text in quotes is needed, or of: u8 or int for a number", d.ID)
		}
		for _, w := range c.wires {
			if len(w) == len(s) && c.common(w, []byte(s)) == len(s) {
				return bad("choices", CodeDuplicate, "choice %q: its wire stands twice", d.ID)
			}
		}
		c.wires = append(c.wires, []byte(s))
	}
	c.ids, c.values = append(c.ids, []byte(d.ID)), append(c.values, x)
	return nil
}
