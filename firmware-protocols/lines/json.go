package lines

import "bytes"

// maxTries bounds the work on a line of broken objects.
const maxTries = 4

// jsonLine finds the objects of one line. What stands before, between and after
// them is garbage.
func (d *Decoder) jsonLine(b []byte, emit func(*Record)) {
	done, at, tries := 0, 0, 0 // b[:done] has been reported
	broken := false            // an object that failed lies in b[done:at]
	why := "no object"
	for tries < maxTries {
		i := bytes.IndexByte(b[at:], '{')
		if i < 0 {
			break
		}
		i += at
		at = i + 1
		before := trim(b[space(b, done):i])
		if !d.mayStart(before) {
			broken = true
			continue
		}
		d.fields, d.scratch, d.nums, d.why = d.fields[:0], d.scratch[:0], d.nums[:0], ""
		end, ok := d.object(b, i, 1, nil)
		if ok && broken {
			// Inside a broken object only what reaches the line's end, or the
			// next object, can be a record that was printed whole.
			next := space(b, end)
			ok = next == len(b) || b[next] == '{'
		}
		if !ok {
			tries++
			broken = true
			if why = d.why; why == "" {
				why = "broken object"
			}
			continue
		}
		glued := done > 0 || len(before) > 0 || space(b, end) < len(b)
		if len(before) > 0 {
			d.garbage(before, true, why, emit)
		}
		d.values(b[i:end], glued, emit)
		done, at, broken, why = end, end, false, "no object"
	}
	if rest := b[space(b, done):]; len(rest) > 0 {
		d.garbage(trim(rest), done > 0, why, emit)
	}
}

// mayStart reports whether an object after before can be one of the line's own.
// Behind a colon, comma, bracket or quote it may be the inner part of an object
// whose start was lost, and its keys would be taken for others.
func (d *Decoder) mayStart(before []byte) bool {
	if len(before) == 0 {
		return true
	}
	switch before[len(before)-1] {
	case ':', ',', '[', '"', '\'':
		return d.opt.Format == JSON && bytes.IndexByte(before, '"') < 0 && bytes.IndexByte(before, '{') < 0
	}
	return true
}

// object parses the object at b[i], which is '{', appends its fields and returns
// the index behind it. path is the joined key of the object, empty at the top.
func (d *Decoder) object(b []byte, i, depth int, path []byte) (int, bool) {
	if depth > MaxDepth {
		d.why = "nested too deep"
		return 0, false
	}
	if i = space(b, i+1); i < len(b) && b[i] == '}' {
		return i + 1, true
	}
	for {
		key, next, ok := d.key(b, i)
		if !ok {
			return 0, false
		}
		if key, ok = d.join(path, key); !ok {
			return 0, false
		}
		if i = space(b, next); i >= len(b) || b[i] != ':' {
			return 0, false
		}
		if i, ok = d.value(b, space(b, i+1), depth, key); !ok {
			return 0, false
		}
		if i = space(b, i); i >= len(b) {
			return 0, false
		}
		if b[i] == '}' {
			return i + 1, true
		}
		if b[i] != ',' {
			return 0, false
		}
		i = space(b, i+1)
		if d.opt.Format == Relaxed && i < len(b) && b[i] == '}' {
			return i + 1, true
		}
	}
}

// key reads an object's key at b[i].
func (d *Decoder) key(b []byte, i int) (key []byte, next int, ok bool) {
	if i >= len(b) {
		return nil, 0, false
	}
	if b[i] == '"' || d.opt.Format == Relaxed && b[i] == '\'' {
		return d.str(b, i)
	}
	if d.opt.Format != Relaxed {
		return nil, 0, false
	}
	j := i
	for j < len(b) && (isLetter(b[j]) || b[j]-'0' <= 9 || b[j] == '_' || b[j] == '$' || b[j] == '-') {
		j++
	}
	return b[i:j], j, j > i
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// join makes a nested key of path and key.
func (d *Decoder) join(path, key []byte) ([]byte, bool) {
	if path == nil {
		return key, true
	}
	if !d.room(len(path) + 1 + len(key)) {
		return nil, false
	}
	n := len(d.scratch)
	d.scratch = append(d.scratch, path...)
	d.scratch = append(d.scratch, '.')
	d.scratch = append(d.scratch, key...)
	return d.scratch[n:len(d.scratch):len(d.scratch)], true
}

// room bounds what one record may take besides its line.
func (d *Decoder) room(n int) bool {
	if len(d.scratch)+n > 4*d.opt.MaxLine+256 {
		d.why = "keys too long"
		return false
	}
	return true
}

// push appends a field.
func (d *Decoder) push(f Field) bool {
	if len(d.fields) == MaxFields {
		d.why = "too many fields"
		return false
	}
	d.fields = append(d.fields, f)
	return true
}
