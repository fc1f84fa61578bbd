package lines

import "bytes"

// plotterLine decodes label:value pairs and bare values between blanks and
// commas.
func (d *Decoder) plotterLine(b []byte, emit func(*Record)) {
	d.fields, d.scratch, d.why = d.fields[:0], d.scratch[:0], ""
	c, ok := d.plotterFields(b)
	switch {
	case !ok:
		if d.why == "" {
			d.why = "not label:value"
		}
	case c.words > 0 && c.words == len(d.fields):
		if d.cols.header(d.fields) {
			d.labels(b, emit)
			return
		}
		d.why = "words only"
	case c.words > 0:
		d.why = "words between values"
	case c.numbers == 0:
		d.why = "no number"
	case c.labelled > 0:
		d.nameLabelled()
		d.values(b, false, emit)
		return
	case d.cols.fits(len(d.fields)):
		d.cols.name(d.fields)
		d.values(b, false, emit)
		return
	default:
		d.why = "another number of columns"
	}
	d.garbage(b, false, d.why, emit)
}

// plotterCount counts the tokens of a plotter line.
type plotterCount struct{ numbers, labelled, words int }

func (d *Decoder) plotterFields(b []byte) (c plotterCount, ok bool) {
	for i, comma := 0, true; i < len(b); {
		if isSpace(b[i]) {
			i++
			continue
		}
		if b[i] == ',' {
			if comma && !d.push(nullField()) {
				return c, false
			}
			comma = true
			i++
			continue
		}
		comma = false
		tok := token(b[i:])
		i += len(tok)
		f := Field{}
		if k := bytes.LastIndexByte(tok, ':'); k >= 0 {
			label, val := tok[:k], tok[k+1:]
			if len(val) == 0 { // "label: value"
				for i < len(b) && isSpace(b[i]) {
					i++
				}
				val = token(b[i:])
				i += len(val)
			}
			if !isLabel(label) || len(val) == 0 {
				return c, false
			}
			c.labelled++
			f.Key, tok = label, val
		}
		f.Kind, f.Text = Text, tok
		if x, ok := whole(tok); ok {
			c.numbers++
			f.Kind, f.NumOK, f.Num, f.Text = Number, true, x, nil
		} else if !isLabel(tok) {
			return c, false
		} else if f.Key == nil {
			c.words++
		}
		if !d.push(f) {
			return c, false
		}
	}
	return c, true
}

// nameLabelled drops the empty columns of a line with labels and names its bare
// values by their place.
func (d *Decoder) nameLabelled() {
	n := 0
	for _, f := range d.fields {
		if f.Kind == Null {
			continue
		}
		if f.Key == nil {
			f.Key = d.cols.numbers[n]
		}
		d.fields[n] = f
		n++
	}
	d.fields = d.fields[:n]
}

// token returns b up to the next blank or comma.
func token(b []byte) []byte {
	for i, c := range b {
		if isSpace(c) || c == ',' {
			return b[:i]
		}
	}
	return b
}

// isLabel reports whether b may name a channel, or be a word in a value's place:
// it starts with a letter, '_' or a non-ASCII character and holds no quote,
// bracket, colon, '!', '?' or '=' and no last full stop.
func isLabel(b []byte) bool {
	if len(b) == 0 || !isLetter(b[0]) && b[0] != '_' && b[0] < 0x80 || b[len(b)-1] == '.' {
		return false
	}
	for _, c := range b {
		if c < ' ' || c == 0x7f || bytes.IndexByte([]byte("\"'`{}<>:!?=\\"), c) >= 0 {
			return false
		}
	}
	return true
}
