package fields

import (
	"math"
	"strings"

	"labbox/firmware-protocols/decimal"
)

// Limits of a message description.
const (
	maxParts    = 256
	maxWidth    = 4096
	defaultMost = 4096
	maxMost     = 1 << 24
)

// Compile checks parts and makes a Pattern of them. Its error is a *PartError.
func Compile(parts []Part, o Options) (*Pattern, error) {
	if len(parts) == 0 {
		return nil, bad("parts", CodeEmpty, "at least one part is needed")
	}
	if len(parts) > maxParts {
		return nil, bad("parts", CodeRange, "at most %d parts", maxParts)
	}
	c := compiler{o: o, p: Pattern{mute: -1}}
	for i := range parts {
		p := parts[i]
		c.mute = false
		if err := c.part(&p); err != nil {
			err.Index = i
			return nil, err
		}
		for len(c.p.parts) < len(c.p.ops) {
			c.p.parts = append(c.p.parts, i)
		}
	}
	if err := c.link(); err != nil {
		return nil, err
	}
	return &c.p, nil
}

type compiler struct {
	o    Options
	p    Pattern
	mute bool // the part cannot be printed
}

// part compiles one part into one op.
func (c *compiler) part(p *Part) *PartError {
	if err := c.encode(p); err != nil {
		return err
	}
	switch n := p.sources(); {
	case len(n) == 0:
		return bad("field", CodeEmpty, "a part is a text, or has one of field, skip, equals, checksum, list, bits, fields")
	case len(n) > 1:
		return bad(n[1], CodeMixed, "%s and %s cannot stand in one part", n[0], n[1])
	case p.Text != "":
		if p.As != "" || p.Default != nil {
			return bad("text", CodeMixed, "a constant text takes no other key")
		}
		if err := p.only("", "a constant text"); err != nil {
			return err
		}
		c.p.ops = append(c.p.ops, constant(p.Text))
		return nil
	case p.Checksum != "":
		return c.checksum(p)
	case p.List != nil:
		return c.list(p)
	case p.As == "bits":
		return c.bits(p)
	case p.As == "regex":
		return c.regex(p)
	}
	if len(p.Fields) > 0 {
		return bad("fields", CodeKey, "fields belongs to as: regex")
	}
	if len(p.Bits) > 0 {
		return bad("bits", CodeKey, "bits belongs to as: bits")
	}
	s, err := c.single(p)
	if err != nil {
		return err
	}
	return c.add(s, p.Field, FieldInfo{Kind: s.kind(), Choices: ids(p), Optional: s.def != nil})
}

func ids(p *Part) (s []string) {
	for _, ch := range p.Choices {
		s = append(s, ch.ID)
	}
	return s
}

// add appends an op and its field.
func (c *compiler) add(o op, name string, f FieldInfo) *PartError {
	c.p.ops = append(c.p.ops, o)
	return c.field(name, f)
}

func (c *compiler) field(name string, f FieldInfo) *PartError {
	if name == "" {
		return nil
	}
	if strings.HasPrefix(name, "$") {
		return bad("field", CodeRange, "a field's name does not begin with $")
	}
	for _, g := range c.p.fields {
		if g.Name == name {
			return bad("field", CodeDuplicate, "%q is named twice; for a repetition write equals: $%s", name, name)
		}
	}
	f.Name = name
	f.CanPrint = !c.mute
	c.p.fields = append(c.p.fields, f)
	return nil
}

// readOnly notes that the op to come cannot be printed.
func (c *compiler) readOnly() *PartError {
	if c.o.Print {
		return bad("as", CodePrint, "this part can be read but not sent")
	}
	if c.mute = true; c.p.mute < 0 {
		c.p.mute = len(c.p.ops)
	}
	return nil
}

// sources lists which of the keys that make a part are there.
func (p *Part) sources() (keys []string) {
	if p.Text != "" {
		keys = append(keys, "text")
	}
	if p.Field != "" {
		keys = append(keys, "field")
	}
	if p.Skip {
		keys = append(keys, "skip")
	}
	if p.Checksum != "" {
		keys = append(keys, "checksum")
	}
	if p.List != nil {
		keys = append(keys, "list")
	}
	if len(p.Fields) > 0 {
		keys = append(keys, "fields")
	}
	if len(p.Bits) > 0 {
		keys = append(keys, "bits")
	}
	if p.Equals != nil && (len(keys) == 0 || keys[0] == "text" || keys[0] == "checksum") {
		keys = append(keys, "equals")
	}
	return keys
}

// single compiles a part of one value.
func (c *compiler) single(p *Part) (*single, *PartError) {
	cv, err := c.conv(p)
	if err != nil {
		return nil, err
	}
	return c.finish(p, cv)
}

// finish puts a converter into its part.
func (c *compiler) finish(p *Part, cv conv) (*single, *PartError) {
	var err *PartError
	s := &single{conv: cv, key: p.Field, tail: -1}
	if p.Field != "" {
		s.name = []byte(p.Field)
	}
	_, s.filler = cv.(space)
	if t := textOf(cv); t != nil && p.Width == 0 {
		s.open = t.open
	}
	if p.Default != nil {
		if s.def, err = literal(cv, p, "default", p.Default); err != nil {
			return nil, err
		}
	}
	if ref, ok := p.Equals.(string); ok && len(ref) > 1 && ref[0] == '$' {
		s.ref = ref[1:]
	} else if p.Equals != nil {
		if s.eq, err = literal(cv, p, "equals", p.Equals); err != nil {
			return nil, err
		}
	}
	if p.Skip && p.Equals == nil && s.def == nil && !s.filler {
		if err := c.readOnly(); err != nil {
			return nil, bad("default", CodeMissing, "a skipped part that is sent needs a default")
		}
	}
	return s, nil
}

// textOf finds the text below a width.
func textOf(cv conv) *text {
	if w, ok := cv.(*width); ok {
		cv = w.conv
	}
	t, _ := cv.(*text)
	return t
}

// literal makes the value of default or equals, as if it had been received.
func literal(cv conv, p *Part, key string, x any) (*Entry, *PartError) {
	val, ok := toValue(x)
	if !ok {
		return nil, bad(key, CodeDefault, "a number, a text or a list of numbers is needed")
	}
	if key == "default" && cv.kind() == Number {
		if s, ok := x.(string); ok { // nan as a bare word
			if f, n, ok := decimal.Parse([]byte(s), '.'); ok && n == len(s) {
				val = Num(f)
			}
		}
		if val.Kind != Number {
			return nil, bad(key, CodeDefault, "a number is needed")
		}
		e := &Entry{}
		e.number(val.Num)
		return e, nil
	}
	if cv.kind() == Text && val.Kind == Number && p.As != "choice" {
		return nil, bad(key, CodeDefault, "a text in quotes is needed")
	}
	if _, re := cv.(*pattern); key == "default" && (re || textOf(cv) != nil) {
		e := &Entry{}
		e.text([]byte(val.Text))
		return e, nil
	}
	var v Values
	b, err := cv.print(nil, val)
	if err != nil {
		return nil, bad(key, CodeDefault, "%s", err.Error())
	}
	e := &Entry{}
	if n, ok := cv.parse(b, e, &v); !ok || n != len(b) {
		return nil, bad(key, CodeDefault, "it cannot be read back")
	}
	return e, nil
}

// toValue takes what a YAML library gives for a scalar or a list.
func toValue(x any) (Value, bool) {
	switch x := x.(type) {
	case string:
		return Str(x), true
	case bool:
		return Num(float64(b2(x))), true
	case float64:
		return Num(x), true
	case float32:
		return Num(float64(x)), true
	case int:
		return Num(float64(x)), true
	case int64:
		return Num(float64(x)), true
	case uint64:
		return Num(float64(x)), true
	case []any:
		a := make([]float64, len(x))
		for i := range x {
			v, ok := toValue(x[i])
			if !ok || v.Kind != Number {
				return Value{}, false
			}
			a[i] = v.Num
		}
		return Nums(a), true
	}
	return Value{}, false
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
