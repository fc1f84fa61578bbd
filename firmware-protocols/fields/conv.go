package fields

import "math"

// conv turns bytes into one value and back. Its methods keep nothing and
// allocate nothing while parsing.
type conv interface {
	// parse reads a value at the start of b, which ends where the part must end at
	// the latest. n is how much it took, or on failure how far it got.
	parse(b []byte, e *Entry, v *Values) (n int, ok bool)
	// print appends x; a value that does not fit is refused, never cut.
	print(dst []byte, x Value) ([]byte, error)
	size() int  // in bytes, -1: not fixed
	kind() Kind // of the value
	want() string
	first() set // bytes that a printed value may begin with
	more() set  // bytes that would be taken for more of the value
}

// set is a set of bytes.
type set [256]bool

func (s *set) add(lo, hi byte) *set {
	for c := int(lo); c <= int(hi); c++ {
		s[c] = true
	}
	return s
}

func (s *set) or(t set) *set {
	for c := range s {
		s[c] = s[c] || t[c]
	}
	return s
}

func (s *set) meets(t set) bool {
	for c := range s {
		if s[c] && t[c] {
			return true
		}
	}
	return false
}

func setOf(chars string) (s set) {
	for i := 0; i < len(chars); i++ {
		s[chars[i]] = true
	}
	return s
}

func anyByte() (s set) { return *s.add(0, 255) }

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

func isDigit(c byte) bool { return c-'0' <= 9 }

func blanks(b []byte) (n int) {
	for n < len(b) && isBlank(b[n]) {
		n++
	}
	return n
}

// scaling is value = raw*scale + offset. A scale such as 0.1 is kept as a
// divisor, so that 3 becomes 0.3 to the last bit.
type scaling struct {
	scale, div, offset float64
}

func newScaling(scale, offset float64) scaling {
	if scale == 0 {
		scale = 1
	}
	s := scaling{scale: scale, offset: offset}
	if d := math.Round(1 / scale); d != 0 && 1/d == scale {
		s.div = d
	}
	return s
}

func (s *scaling) none() bool { return s.scale == 1 && s.offset == 0 }

func (s *scaling) up(raw float64) float64 {
	switch {
	case s.none():
		return raw
	case s.div != 0:
		return raw/s.div + s.offset
	}
	return raw*s.scale + s.offset
}

func (s *scaling) down(x float64) float64 {
	switch {
	case s.none():
		return x
	case s.div != 0:
		return (x - s.offset) * s.div
	}
	return (x - s.offset) / s.scale
}
