package lines

import (
	"bytes"
	"math"
	"unicode/utf16"
	"unicode/utf8"
)

// value parses the value at b[i], appends it as a field called key (an object's
// fields one by one) and returns the index behind it.
func (d *Decoder) value(b []byte, i, depth int, key []byte) (int, bool) {
	if i >= len(b) {
		return 0, false
	}
	switch c := b[i]; {
	case c == '{':
		if key == nil {
			key = []byte{}
		}
		return d.object(b, i, depth+1, key)
	case c == '[':
		return d.array(b, i, depth+1, key)
	case c == '"' || c == '\'' && d.opt.Format == Relaxed:
		s, next, ok := d.str(b, i)
		if !ok {
			return 0, false
		}
		x, num := whole(s)
		return next, d.push(Field{Key: key, Kind: Text, NumOK: num, Num: x, Text: s})
	}
	if x, n := number(b[i:]); n > 0 {
		return i + n, d.push(Field{Key: key, Kind: Number, NumOK: true, Num: x})
	}
	kind, x, n := d.literal(b[i:])
	if n == 0 {
		return 0, false
	}
	return i + n, d.push(Field{Key: key, Kind: kind, NumOK: true, Num: x})
}

// literal reads true, false and null at the start of b, and Python's words in
// relaxed lines. What follows is the caller's to check.
func (d *Decoder) literal(b []byte) (kind FieldKind, x float64, n int) {
	for n < len(b) && isLetter(b[n]) {
		n++
	}
	switch w := b[:n]; {
	case string(w) == "true":
		return Bool, 1, n
	case string(w) == "false":
		return Bool, 0, n
	case string(w) == "null":
		return Null, math.NaN(), n
	case d.opt.Format != Relaxed:
	case string(w) == "True":
		return Bool, 1, n
	case string(w) == "False":
		return Bool, 0, n
	case string(w) == "None":
		return Null, math.NaN(), n
	}
	return 0, 0, 0
}

// array parses the array at b[i], which is '['. Numbers and nulls only give a
// NumberArray, anything else Mixed.
func (d *Decoder) array(b []byte, i, depth int, key []byte) (int, bool) {
	if depth > MaxDepth {
		d.why = "nested too deep"
		return 0, false
	}
	open, first := i, len(d.nums)
	mixed := false
	if i = space(b, i+1); i < len(b) && b[i] == ']' {
		return i + 1, d.push(Field{Key: key, Kind: NumberArray, Array: d.nums[first:first:first]})
	}
	for {
		if i >= len(b) {
			return 0, false
		}
		if x, n := number(b[i:]); n > 0 {
			d.nums = append(d.nums, x)
			i += n
		} else {
			fields, nums := len(d.fields), len(d.nums)
			if fields == MaxFields { // keep one place to parse into
				d.why = "too many fields"
				return 0, false
			}
			end, ok := d.value(b, i, depth, nil)
			if !ok {
				return 0, false
			}
			null := len(d.fields) == fields+1 && d.fields[fields].Kind == Null && b[i] != '{'
			d.fields, d.nums = d.fields[:fields], d.nums[:nums]
			if null {
				d.nums = append(d.nums, math.NaN())
			} else {
				mixed = true
			}
			i = end
		}
		if i = space(b, i); i >= len(b) {
			return 0, false
		}
		if b[i] == ',' {
			i = space(b, i+1)
			if d.opt.Format != Relaxed || i >= len(b) || b[i] != ']' {
				continue
			}
		}
		if b[i] != ']' {
			return 0, false
		}
		if i++; mixed {
			d.nums = d.nums[:first]
			return i, d.push(Field{Key: key, Kind: Mixed, Text: b[open:i]})
		}
		return i, d.push(Field{Key: key, Kind: NumberArray, Array: d.nums[first:len(d.nums):len(d.nums)]})
	}
}

// str reads the string at b[i], which is its quote. Without escapes the result
// lies in b, else in the scratch.
func (d *Decoder) str(b []byte, i int) (s []byte, next int, ok bool) {
	quote := b[i]
	start := i + 1
	for i = start; i < len(b); i++ {
		switch c := b[i]; {
		case c == quote:
			return b[start:i], i + 1, true
		case c == '\\':
			return d.unescape(b, start, i, quote)
		case c < ' ' && c != '\t':
			return nil, 0, false
		}
	}
	return nil, 0, false
}

// unescape goes on with a string at its first backslash, b[i].
func (d *Decoder) unescape(b []byte, start, i int, quote byte) (s []byte, next int, ok bool) {
	if !d.room(len(b) - start) {
		return nil, 0, false
	}
	n := len(d.scratch)
	d.scratch = append(d.scratch, b[start:i]...)
	for i < len(b) {
		c := b[i]
		i++
		switch {
		case c == quote:
			return d.scratch[n:len(d.scratch):len(d.scratch)], i, true
		case c < ' ' && c != '\t':
			return nil, 0, false
		case c != '\\':
			d.scratch = append(d.scratch, c)
			continue
		}
		if i >= len(b) {
			return nil, 0, false
		}
		e := b[i]
		i++
		if e == 'u' {
			r, m := escapedRune(b[i:])
			if m == 0 {
				return nil, 0, false
			}
			i += m
			d.scratch = utf8.AppendRune(d.scratch, r)
			continue
		}
		k := bytes.IndexByte([]byte(`"\/bfnrt'`), e)
		if k < 0 || e == '\'' && d.opt.Format != Relaxed {
			return nil, 0, false
		}
		d.scratch = append(d.scratch, "\"\\/\b\f\n\r\t'"[k])
	}
	return nil, 0, false
}

// escapedRune reads XXXX behind \u, with the second half of a surrogate pair. A
// lone half is U+FFFD.
func escapedRune(b []byte) (r rune, n int) {
	r, ok := hex4(b)
	if !ok {
		return 0, 0
	}
	if !utf16.IsSurrogate(r) {
		return r, 4
	}
	if len(b) >= 10 && b[4] == '\\' && b[5] == 'u' {
		if low, ok := hex4(b[6:]); ok {
			if both := utf16.DecodeRune(r, low); both != utf8.RuneError {
				return both, 10
			}
		}
	}
	return utf8.RuneError, 4
}

func hex4(b []byte) (r rune, ok bool) {
	if len(b) < 4 {
		return 0, false
	}
	for _, c := range b[:4] {
		switch {
		case c-'0' <= 9:
			r = r<<4 | rune(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return r, true
}
