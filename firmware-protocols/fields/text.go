package fields

import (
	"bytes"
	"strings"
)

// text is a run of bytes: up to where it must end, or as long as they are in set.
type text struct {
	in        *set // nil: any byte
	open      bool // ends where the next part begins
	empty     bool // may be empty
	forbidden []byte
	end       []byte // the constant behind it
	name      string
}

func (c *text) parse(b []byte, e *Entry, _ *Values) (int, bool) {
	n := len(b)
	if c.in != nil {
		for n = 0; n < len(b) && c.in[b[n]]; n++ {
		}
	}
	e.text(b[:n:n])
	return n, n > 0 || c.empty
}

func (c *text) print(dst []byte, v Value) ([]byte, error) {
	if v.Kind != Text {
		return dst, refuse("a text is needed, not a %s", v.Kind)
	}
	if err := c.check(v.Text); err != nil {
		return dst, err
	}
	return append(dst, v.Text...), nil
}

// check keeps a text from ending its part, its message or a command: it may have
// come from a person.
func (c *text) check(s string) error {
	if s == "" && !c.empty {
		return refuse("an empty text")
	}
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] < ' ' || s[i] > '~':
			return refuse("the byte %#02x is not printable ASCII", s[i])
		case bytes.IndexByte(c.forbidden, s[i]) >= 0:
			return refuse("%q may not be sent in a text", s[i])
		case c.in != nil && !c.in[s[i]]:
			return refuse("%q is not one of %s", s[i], c.name)
		}
	}
	if len(c.end) > 0 && strings.Contains(s+string(c.end[:len(c.end)-1]), string(c.end)) {
		return refuse("%q holds %q, which ends it", s, c.end)
	}
	return nil
}

func (c *text) size() int    { return -1 }
func (c *text) kind() Kind   { return Text }
func (c *text) want() string { return c.name }

func (c *text) first() (s set) {
	if c.in != nil {
		return *c.in
	}
	return anyByte()
}

func (c *text) more() set { return c.first() }

// charset reads "A-Za-z0-9_": a minus first or last, or behind a range, is itself.
func charset(s string) (in set, ok bool) {
	not := len(s) > 1 && s[0] == '^'
	if not {
		s = s[1:]
	}
	for i := 0; i < len(s); i++ {
		if i+2 < len(s) && s[i+1] == '-' {
			if s[i] > s[i+2] {
				return in, false
			}
			in.add(s[i], s[i+2])
			i += 2
			continue
		}
		in[s[i]] = true
	}
	if not {
		for i := range in {
			in[i] = !in[i]
		}
	}
	return in, s != ""
}

// space is any number of blanks and tabs.
type space struct{}

func (space) parse(b []byte, e *Entry, _ *Values) (int, bool) {
	n := blanks(b)
	e.text(b[:n:n])
	return n, true
}

func (space) print(dst []byte, v Value) ([]byte, error) {
	if v.Kind != Text || blanks([]byte(v.Text)) != len(v.Text) {
		return dst, refuse("blanks are needed")
	}
	if v.Text == "" {
		return append(dst, ' '), nil // or its neighbours would touch
	}
	return append(dst, v.Text...), nil
}

func (space) size() int    { return -1 }
func (space) kind() Kind   { return Text }
func (space) want() string { return "blanks" }
func (space) first() set   { return setOf(" \t") }
func (space) more() set    { return setOf(" \t") }
