package fields

import (
	"bytes"
	"math"
)

// list is an array of elements of one kind.
type list struct {
	elem  conv
	sep   []byte
	count int // exact, 0: any
	most  int
}

func (c *list) parse(b []byte, e *Entry, v *Values) (int, bool) {
	e.Kind = Array
	el := &v.elem
	at, i := 0, 0
	for ; c.count == 0 || i < c.count; i++ {
		from := at
		if i > 0 {
			if !bytes.HasPrefix(b[at:], c.sep) {
				break
			}
			from += len(c.sep)
		}
		el.Rounded = false
		n, ok := c.elem.parse(b[from:], el, v)
		if !ok {
			if i == 0 || c.count > 0 {
				return from + n, false
			}
			break
		}
		if i == c.most {
			return from, false
		}
		e.Array = append(e.Array, el.Num)
		e.Rounded = e.Rounded || el.Rounded
		at = from + n
	}
	return at, i > 0 && (c.count == 0 || i == c.count)
}

func (c *list) print(dst []byte, v Value) ([]byte, error) {
	n := len(v.Array)
	switch {
	case v.Kind != Array:
		return dst, refuse("an array is needed, not a %s", v.Kind)
	case c.count > 0 && n != c.count:
		return dst, refuse("%d elements, exactly %d are needed", n, c.count)
	case n == 0 || n > c.most:
		return dst, refuse("%d elements, 1 to %d are needed", n, c.most)
	}
	out := dst
	for i, x := range v.Array {
		if i > 0 {
			out = append(out, c.sep...)
		}
		var err error
		if out, err = c.elem.print(out, Num(x)); err != nil {
			return dst, err
		}
	}
	return out, nil
}

func (c *list) size() int {
	if n := c.elem.size(); c.count > 0 && n >= 0 {
		return c.count*n + (c.count-1)*len(c.sep)
	}
	return -1
}

func (c *list) kind() Kind   { return Array }
func (c *list) want() string { return "a list: " + c.elem.want() }
func (c *list) first() set   { return c.elem.first() }

func (c *list) more() set {
	s := c.elem.more()
	switch {
	case c.count > 0:
	case len(c.sep) == 0:
		return anyByte()
	default:
		s[c.sep[0]] = true
	}
	return s
}

func (c *compiler) list(p *Part) *PartError {
	el := *p.List
	if el.Encoding == "" {
		el.Encoding = p.Encoding
	}
	if err := c.encode(&el); err != nil {
		err.Key = "list." + err.Key
		return err
	}
	switch {
	case el.Text != "" || el.Checksum != "" || el.List != nil || len(el.Bits) > 0 || len(el.Fields) > 0:
		return bad("list", CodeMixed, "the element of a list is one field of numbers")
	case (el.Field == "") == !el.Skip:
		return bad("list", CodeMissing, "the element names the array: list: {field: NAME, ...}")
	case el.Default != nil || el.Equals != nil:
		return bad("list", CodeKey, "default and equals stand beside list, not in it")
	case p.As != "":
		return bad("as", CodeKey, "as belongs into the element: list: {as: %s}", p.As)
	case p.Count < 0 || p.Most < 0 || p.Count > maxMost || p.Most > maxMost:
		return bad("count", CodeRange, "count and most are 1 to %d", maxMost)
	}
	if err := p.only(" separator count most", "a list"); err != nil {
		return err
	}
	cv, err := c.conv(&el)
	if err != nil {
		err.Key = "list." + err.Key
		return err
	}
	l := &list{elem: cv, sep: []byte(p.Separator), count: p.Count, most: p.Most}
	if l.most == 0 {
		l.most = max(defaultMost, p.Count)
	}
	switch {
	case cv.kind() != Number:
		return bad("list", CodeKind, "the elements of a list are numbers")
	case p.Count > l.most:
		return bad("count", CodeRange, "count is greater than most")
	case cv.size() < 0 && len(l.sep) == 0:
		return bad("separator", CodeMissing, "elements of any width need a separator")
	case cv.size() < 0 && goesOn(cv, l.sep):
		return bad("separator", CodeOpen, "%q could be read as part of an element", p.Separator)
	}
	q := Part{Field: el.Field, Skip: el.Skip, Default: p.Default, Equals: p.Equals}
	s, err := c.finish(&q, l)
	if err != nil {
		return err
	}
	return c.add(s, el.Field, FieldInfo{Kind: Array, Optional: s.def != nil})
}

// block is the definite-length block of IEEE 488.2, #<n><length><bytes>; #0 goes
// to the end.
type block struct {
	of   *raw // nil: bytes
	most int
	text text
}

func (c *block) parse(b []byte, e *Entry, v *Values) (int, bool) {
	if len(b) < 2 || b[0] != '#' || !isDigit(b[1]) {
		return min(len(b), b2i(len(b) > 0 && b[0] == '#')), false
	}
	at, n := 2+int(b[1]-'0'), 0
	if at > len(b) {
		return len(b), false
	}
	for i, d := range b[2:at] {
		if !isDigit(d) {
			return 2 + i, false
		}
		n = n*10 + int(d-'0')
	}
	if at == 2 {
		n = len(b) - 2
	}
	if n > len(b)-at {
		return len(b), false
	}
	data := b[at : at+n : at+n]
	if c.of == nil {
		e.text(data)
		return at + n, n <= c.most
	}
	if n%c.of.bytes != 0 || n/c.of.bytes > c.most {
		return at, false
	}
	e.Kind = Array
	el := &v.elem
	for ; len(data) > 0; data = data[c.of.bytes:] {
		el.Rounded = false
		c.of.decode(c.of.load(data), el, v)
		e.Array = append(e.Array, el.Num)
		e.Rounded = e.Rounded || el.Rounded
	}
	return at + n, true
}

func b2i(b bool) int { return int(b2(b)) }

func (c *block) print(dst []byte, v Value) ([]byte, error) {
	n := len(v.Text)
	if c.of != nil {
		n = len(v.Array) * c.of.bytes
	}
	switch {
	case v.Kind != c.kind():
		return dst, refuse("an %s is needed, not a %s", c.kind(), v.Kind)
	case c.of == nil && n > c.most || c.of != nil && len(v.Array) > c.most || n > math.MaxInt32:
		return dst, refuse("more than %d elements", c.most)
	}
	out := blockHead(dst, n)
	if c.of == nil {
		if err := c.text.check(v.Text); err != nil {
			return dst, err
		}
		return append(out, v.Text...), nil
	}
	for _, x := range v.Array {
		var err error
		if out, err = c.of.print(out, Num(x)); err != nil {
			return dst, err
		}
	}
	return out, nil
}

func blockHead(dst []byte, n int) []byte {
	var digits [10]byte
	i := len(digits)
	for more := true; more; more = n > 0 {
		i--
		digits[i] = '0' + byte(n%10)
		n /= 10
	}
	dst = append(dst, '#', '0'+byte(len(digits)-i))
	return append(dst, digits[i:]...)
}

func (c *block) size() int { return -1 }
func (c *block) kind() Kind {
	if c.of != nil {
		return Array
	}
	return Text
}
func (c *block) want() string { return "a block #<digits><length><bytes>" }
func (c *block) first() set   { return setOf("#") }
func (c *block) more() set    { return set{} }

func (c *compiler) block(p *Part) (conv, *PartError) {
	b := &block{most: p.Most, text: text{empty: true, forbidden: c.o.Forbidden}}
	if p.Most < 0 || p.Most > maxMost {
		return nil, bad("most", CodeRange, "1 to %d", maxMost)
	}
	if b.most == 0 {
		b.most = maxMost
	}
	if p.Of == "" {
		return b, p.only(" of most", "as: block without of")
	}
	r, ok := rawKind(p.Of)
	if !ok {
		return nil, bad("of", CodeKind, "%q is no raw kind, such as u8 or f32", p.Of)
	}
	r.little, r.scaling = p.Order == "little", newScaling(p.Scale, p.Offset)
	b.of = &r
	return b, nil
}
