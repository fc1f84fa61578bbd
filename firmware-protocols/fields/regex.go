package fields

import (
	"regexp"

	"labbox/firmware-protocols/decimal"
)

// maxPattern is the longest regular expression in bytes.
const maxPattern = 1024

// pattern is what a regular expression matches where the part begins.
type pattern struct {
	re    *regexp.Regexp
	group int // the value; 0: all
	most  int
	text  text
}

func (c *pattern) find(b []byte) []int {
	if c.most > 0 && len(b) > c.most {
		b = b[:c.most]
	}
	return c.re.FindSubmatchIndex(b)
}

func (c *pattern) parse(b []byte, e *Entry, _ *Values) (int, bool) {
	m := c.find(b)
	if m == nil {
		return 0, false
	}
	e.group(b, m, c.group)
	return m[1], true
}

// group stores one group; where it is a number, Num too.
func (e *Entry) group(b []byte, m []int, i int) bool {
	if m[2*i] < 0 {
		return false
	}
	e.text(b[m[2*i]:m[2*i+1]:m[2*i+1]])
	if x, n, ok := decimal.Parse(e.Text, '.'); ok && n == len(e.Text) {
		e.NumOK, e.Num = true, x
	}
	return true
}

// print writes the default of a skipped part, which the expression must match as
// a whole. A field is never printed: nobody could tell where it would end.
func (c *pattern) print(dst []byte, v Value) ([]byte, error) {
	if v.Kind != Text {
		return dst, refuse("a text is needed, not a %s", v.Kind)
	}
	if err := c.text.check(v.Text); err != nil {
		return dst, err
	}
	if m := c.find([]byte(v.Text)); m == nil || m[1] != len(v.Text) {
		return dst, refuse("%q does not match %s", v.Text, c.want())
	}
	return append(dst, v.Text...), nil
}

func (c *pattern) size() int  { return -1 }
func (c *pattern) kind() Kind { return Text }
func (c *pattern) want() string {
	return "a match of " + c.re.String()[len(`\A(?:`):len(c.re.String())-1]
}
func (c *pattern) first() set { return set{} } // what comes before keeps what it takes
func (c *pattern) more() set  { return set{} }

// groups gives a field for each group of a regular expression.
type groups struct {
	*single
	re    *pattern
	names [][]byte
}

func (c *groups) match(m []byte, at int, v *Values, _ Lookup) (int, bool) {
	end := c.end(m, at)
	b := m[at:end]
	found := c.re.find(b)
	if found == nil && c.def == nil {
		return at, false
	}
	for i, name := range c.names {
		if len(name) == 0 {
			continue
		}
		e := v.push(name)
		if (found == nil || !e.group(b, found, i+1)) && c.def != nil {
			e.set(c.def)
		} else if found[2*i+2] < 0 {
			e.text(nil) // a group that took no part
		}
	}
	if found == nil {
		return c.lost(m, at, end), true
	}
	return at + found[1], true
}

func (c *compiler) regex(p *Part) *PartError {
	if p.Pattern == "" {
		return bad("pattern", CodeMissing, "as: regex needs pattern")
	}
	if p.Equals != nil {
		return bad("equals", CodeKey, "as: regex does not take equals: write the text into pattern")
	}
	if err := p.only(takes("regex"), "as: regex"); err != nil {
		return err
	}
	if len(p.Pattern) > maxPattern || p.MaxWidth < 0 {
		return bad("pattern", CodeRange, "at most %d bytes", maxPattern)
	}
	re, err := regexp.Compile(`\A(?:` + p.Pattern + `)`)
	if err != nil {
		return bad("pattern", CodePattern, "%v", err)
	}
	n := re.NumSubexp()
	cv := &pattern{re: re, most: p.MaxWidth, text: text{forbidden: c.o.Forbidden, empty: true}}
	if n == 1 {
		cv.group = 1
	}
	if len(p.Fields) > n {
		return bad("fields", CodeRange, "%d fields, but pattern has %d groups", len(p.Fields), n)
	}
	if len(p.Fields) > 0 || p.Field != "" {
		if err := c.readOnly(); err != nil {
			return err
		}
	}
	s, perr := c.finish(&Part{Field: p.Field, Skip: p.Skip, Default: p.Default, As: "regex"}, cv)
	if perr != nil {
		return perr
	}
	if len(p.Fields) == 0 {
		return c.add(s, p.Field, FieldInfo{Kind: Text, Optional: s.def != nil})
	}
	g := &groups{single: s, re: cv}
	c.p.ops = append(c.p.ops, g)
	for _, name := range p.Fields {
		g.names = append(g.names, []byte(name))
		if err := c.field(name, FieldInfo{Kind: Text}); err != nil {
			err.Key = "fields"
			return err
		}
	}
	return nil
}
