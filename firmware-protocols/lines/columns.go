package lines

import "bytes"

// adoptAfter is how many lines of a new width in a row make it the width.
const adoptAfter = 3

// columns knows the width of a device's lines and the names of its columns. A
// line of another width may have been cut, so that its values would fall into
// wrong columns: it counts only once it repeats.
type columns struct {
	numbers  [MaxFields][]byte // "0", "1", ...
	names    [][]byte
	store    []byte
	declared bool // names come from the options
	width    int  // 0: not known yet
	begun    bool // a line of values has come
	other    int  // a width that was refused, and how often in a row
	refused  int
}

func (c *columns) declare(names []string) {
	for _, n := range names {
		c.names = append(c.names, []byte(n))
	}
	c.declared = len(names) > 0
}

func (c *columns) reset() {
	if !c.declared {
		c.names = c.names[:0]
	}
	c.width, c.begun, c.other, c.refused = len(c.names), false, 0, 0
}

// fits reports whether a line of n columns is one of this device's.
func (c *columns) fits(n int) bool {
	if c.width == 0 {
		c.width = n
	}
	if n == c.width {
		c.begun, c.refused = true, 0
		return true
	}
	if n != c.other {
		c.other, c.refused = n, 0
	}
	if c.refused++; c.declared || c.refused < adoptAfter {
		return false
	}
	c.width, c.begun, c.refused = n, true, 0
	return true
}

// name puts the columns' keys into fields.
func (c *columns) name(fields []Field) {
	named := len(c.names) == len(fields)
	for i := range fields {
		if named {
			fields[i].Key = c.names[i]
		} else {
			fields[i].Key = c.numbers[i]
		}
	}
}

// header takes a line of words for labels: before the first values any, later
// only the same again (the device has restarted).
func (c *columns) header(fields []Field) bool {
	if c.begun || c.declared {
		if len(fields) != len(c.names) {
			return false
		}
		for i, f := range fields {
			if !bytes.Equal(f.Text, c.names[i]) {
				return false
			}
		}
	}
	for i, f := range fields {
		for _, g := range fields[:i] {
			if bytes.Equal(f.Text, g.Text) {
				return false
			}
		}
	}
	if !c.declared {
		c.names, c.store = c.names[:0], c.store[:0]
		for _, f := range fields {
			n := len(c.store)
			c.store = append(c.store, f.Text...)
			c.names = append(c.names, c.store[n:len(c.store):len(c.store)])
		}
		c.width = len(fields)
	}
	c.name(fields)
	return true
}
