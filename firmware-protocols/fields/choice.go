package fields

import "fmt"

// choice is one of several words: the longest that matches.
type choice struct {
	ids     [][]byte
	values  []float64
	wires   [][]byte // without of
	numbers []Entry  // with of
	of      conv
	anyCase bool
	other   int // printed where nothing matches, -1: refused
}

func (c *choice) parse(b []byte, e *Entry, v *Values) (int, bool) {
	if c.of != nil {
		array := v.other.Array
		v.other = Entry{Array: array}
		n, ok := c.of.parse(b, &v.other, v)
		if !ok {
			return n, false
		}
		for i := range c.numbers {
			if v.other.same(&c.numbers[i]) {
				c.give(e, i)
				return n, true
			}
		}
		return 0, false
	}
	best, size, far := -1, -1, 0
	for i, w := range c.wires {
		n := c.common(b, w)
		far = max(far, n)
		if n == len(w) && n > size {
			best, size = i, n
		}
	}
	if best < 0 {
		return far, false
	}
	c.give(e, best)
	return size, true
}

func (c *choice) give(e *Entry, i int) {
	e.text(c.ids[i])
	e.NumOK, e.Num = true, c.values[i]
}

// common is how many bytes of w stand at the start of b.
func (c *choice) common(b, w []byte) int {
	n := 0
	for n < len(b) && n < len(w) && (b[n] == w[n] || c.anyCase && lower(b[n]) == lower(w[n])) {
		n++
	}
	return n
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

func (c *choice) print(dst []byte, v Value) ([]byte, error) {
	i := c.find(v)
	if i < 0 {
		i = c.other
	}
	switch {
	case i < 0 && v.Kind == Text:
		return dst, refuse("%q is not one of %s", v.Text, c.want())
	case i < 0:
		return dst, refuse("%v is not one of %s", v.Num, c.want())
	case c.of != nil:
		return c.of.print(dst, c.numbers[i].value())
	}
	return append(dst, c.wires[i]...), nil
}

func (c *choice) find(v Value) int {
	for i := range c.ids {
		if v.Kind == Text && string(c.ids[i]) == v.Text || v.Kind == Number && c.values[i] == v.Num {
			return i
		}
	}
	return -1
}

func (c *choice) size() int {
	if c.of != nil {
		return c.of.size()
	}
	n := len(c.wires[0])
	for _, w := range c.wires {
		if len(w) != n {
			return -1
		}
	}
	return n
}

func (c *choice) kind() Kind { return Text }

func (c *choice) want() string {
	s := ""
	for i, id := range c.ids {
		if i == 8 {
			return s + ", ..."
		}
		if i > 0 {
			s += ", "
		}
		if c.of == nil {
			s += fmt.Sprintf("%q", c.wires[i])
		} else {
			s += fmt.Sprintf("%v (%s)", c.numbers[i].value().any(), id)
		}
	}
	return s
}

func (c *choice) first() (s set) {
	if c.of != nil {
		return c.of.first()
	}
	for _, w := range c.wires {
		if len(w) > 0 {
			s[w[0]] = true
		}
	}
	return s
}

// more are the bytes by which one wire goes on where another ends.
func (c *choice) more() (s set) {
	if c.of != nil {
		return c.of.more()
	}
	for _, a := range c.wires {
		for _, b := range c.wires {
			if len(b) > len(a) && c.common(b, a) == len(a) {
				s[b[len(a)]] = true
				if c.anyCase {
					s[lower(b[len(a)])] = true
					s.or(upperOf(b[len(a)]))
				}
			}
		}
	}
	return s
}

func upperOf(c byte) (s set) {
	if c >= 'a' && c <= 'z' {
		c -= 'a' - 'A'
	}
	s[c] = true
	return s
}
