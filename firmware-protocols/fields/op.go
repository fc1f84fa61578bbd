package fields

import (
	"bytes"
	"strconv"
)

// op is a compiled part.
type op interface {
	// match reads the part at m[at:]. next is behind it, or on failure where the
	// message stopped to fit.
	match(m []byte, at int, v *Values, args Lookup) (next int, ok bool)
	// print appends the part to a message that begins at start.
	print(dst []byte, start int, get Lookup) ([]byte, error)
	size() int
	want() string
	first() set
}

// constant is fixed bytes.
type constant []byte

func (c constant) match(m []byte, at int, _ *Values, _ Lookup) (int, bool) {
	if len(m)-at >= len(c) && string(m[at:at+len(c)]) == string(c) {
		return at + len(c), true
	}
	n := 0
	for at+n < len(m) && n < len(c) && m[at+n] == c[n] {
		n++
	}
	return at + n, false
}

func (c constant) print(dst []byte, _ int, _ Lookup) ([]byte, error) { return append(dst, c...), nil }

func (c constant) size() int    { return len(c) }
func (c constant) want() string { return strconv.Quote(string(c)) }
func (c constant) first() (s set) {
	s[c[0]] = true
	return s
}

// single is a part of one value.
type single struct {
	conv
	name   []byte
	key    string // name
	def    *Entry // value on failure, or sent
	eq     *Entry
	ref    string // equals this field or parameter
	next   []byte // the constant behind it
	tail   int    // bytes behind it, -1: unknown
	open   bool   // ends before next, or tail bytes before the end
	filler bool   // blanks: printed without a value
}

// end is where the part must end at the latest.
func (s *single) end(m []byte, at int) int {
	end := len(m)
	if s.tail > 0 {
		end = max(at, end-s.tail)
	}
	if s.open && s.next != nil {
		if i := bytes.Index(m[at:end], s.next); i >= 0 {
			end = at + i
		}
	}
	return end
}

func (s *single) match(m []byte, at int, v *Values, args Lookup) (int, bool) {
	e := &v.spare
	if s.name != nil {
		e = v.push(s.name)
	} else {
		e.clear(nil)
	}
	end := s.end(m, at)
	n, ok := s.parse(m[at:end], e, v)
	next := at + n
	if !ok {
		if s.def == nil || s.size() > len(m)-at { // a cut message has no defaults
			return next, false
		}
		e.clear(s.name)
		e.set(s.def)
		next = s.lost(m, at, end)
	}
	if s.eq != nil && !e.same(s.eq) || s.ref != "" && !s.sameRef(e, v, args) {
		return at, false
	}
	return next, true
}

// lost is where reading goes on behind a value that could not be read.
func (s *single) lost(m []byte, at, end int) int {
	if n := s.size(); n >= 0 {
		return at + n
	}
	if s.next != nil {
		if i := bytes.Index(m[at:], s.next); i >= 0 {
			return at + i
		}
		return at
	}
	if s.tail >= 0 {
		return end
	}
	return at
}

// sameRef compares with a value as it would be printed here.
func (s *single) sameRef(e *Entry, v *Values, args Lookup) bool {
	x, ok := v.Lookup(s.ref)
	if string(e.Name) == s.ref || !ok {
		if args == nil {
			return false
		}
		if x, ok = args(s.ref); !ok {
			return false
		}
	}
	n := len(v.buf)
	b, err := s.conv.print(v.buf, x)
	if err != nil {
		return false
	}
	v.buf = b
	b = b[n:len(b):len(b)]
	o := &v.other
	o.clear(nil)
	got, ok := s.parse(b, o, v)
	return ok && got == len(b) && e.same(o)
}

func (s *single) print(dst []byte, _ int, get Lookup) ([]byte, error) {
	var x Value
	ok := false
	name := s.key
	switch {
	case s.eq != nil:
		x, ok = s.eq.value(), true
	case s.ref != "":
		name = s.ref
		fallthrough
	case s.name != nil:
		if get != nil {
			x, ok = get(name)
		}
	}
	if !ok && s.def != nil {
		x, ok = s.def.value(), true
	}
	if !ok && s.filler {
		return append(dst, ' '), nil
	}
	if !ok {
		return dst, &ValueError{Field: name, Reason: "no value is given"}
	}
	out, err := s.conv.print(dst, x)
	return out, named(err, name)
}

func named(err error, name string) error {
	if e, ok := err.(*ValueError); ok && e.Field == "" { //nolint:errorlint // of this package, never wrapped
		return &ValueError{Field: name, Reason: e.Reason}
	}
	return err
}

func (s *single) want() string {
	w := s.conv.want()
	switch {
	case s.eq != nil:
		return w + " equal to " + quoteAny(s.eq.value())
	case s.ref != "":
		return w + " equal to " + s.ref
	}
	return w
}
