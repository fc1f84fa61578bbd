package scpi

import (
	"bytes"
	"iter"
	"math"

	"labbox/firmware-protocols/decimal"
)

// DatumKind is the type of an element of a response.
type DatumKind uint8

// The kinds of elements.
const (
	NR1      DatumKind = iota // 12
	NR2                       // 1.5
	NR3                       // 1.5E+3, and the words NAN, INF, NINF
	Hex                       // #HFF
	Octal                     // #Q17
	Binary                    // #B101
	Quantity                  // a number with a unit behind it: no instrument should send it, some do
	String                    // "text" or 'text'
	Block                     // #15hello, #0...
	Word                      // character data: a letter, then letters, digits, _
	Empty                     // nothing between two separators
	Other                     // anything else
)

func (k DatumKind) String() string {
	names := [...]string{"nr1", "nr2", "nr3", "hex", "octal", "binary", "quantity", "string", "block", "word", "empty", "other"}
	if int(k) < len(names) {
		return names[k]
	}
	return "unknown"
}

// Number reports whether a datum of the kind has a number.
func (k DatumKind) Number() bool { return k <= Quantity }

// Datum is one element of a response. It ends with the response it came from.
type Datum struct {
	Raw  []byte  // as it came, without outer blanks
	Body []byte  // String: between its quotes, pairs of quotes still doubled; Block: its bytes; Quantity: the unit
	Num  float64 // of all kinds that have a number, NaN for the others
	Uint uint64  // Hex, Octal, Binary: exact
	Kind DatumKind
	Pair bool // String: Body holds doubled quotes, AppendText undoes them
}

// AppendText appends the text: of a string without its quotes, else as it came.
func (d Datum) AppendText(dst []byte) []byte {
	if d.Kind != String {
		return append(dst, d.Raw...)
	}
	if !d.Pair {
		return append(dst, d.Body...)
	}
	q := d.Raw[0]
	for i := 0; i < len(d.Body); i++ {
		dst = append(dst, d.Body[i])
		if d.Body[i] == q {
			i++
		}
	}
	return dst
}

// Unit is one answer of a message that holds several, divided by semicolons.
type Unit struct {
	Raw    []byte
	Header []byte // of instruments that repeat it (HEADER ON): :VOLT 1.5
	data   []byte
	plain  bool
	short  bool
}

// Units yields the units of a message. A unit lives as long as the response.
func (r Response) Units() iter.Seq[Unit] {
	return func(yield func(Unit) bool) { units(r, yield) }
}

// Data yields the elements of a unit, divided by commas.
func (u Unit) Data() iter.Seq[Datum] {
	return func(yield func(Datum) bool) { data(u, yield) }
}

// Data yields all elements of all units.
func (r Response) Data() iter.Seq[Datum] {
	return func(yield func(Datum) bool) {
		units(r, func(u Unit) bool { return data(u, yield) })
	}
}

// First returns the first element of the message, of kind Empty where there is none.
func (r Response) First() Datum {
	for d := range r.Data() {
		return d
	}
	return Datum{Kind: Empty, Num: math.NaN()}
}

func units(r Response, yield func(Unit) bool) {
	b := r.Raw
	for {
		n := separator(b, ';', r.short, true, r.plain)
		u := newUnit(b[:n])
		u.plain, u.short = r.plain, r.short
		if !yield(u) || n == len(b) {
			return
		}
		b = b[n+1:]
	}
}

func data(u Unit, yield func(Datum) bool) bool {
	b, header := u.data, len(u.Header) == 0
	for {
		n := separator(b, ',', u.short, header, u.plain)
		if !yield(newDatum(b[:n], u.plain)) {
			return false
		}
		if n == len(b) {
			return true
		}
		b, header = b[n+1:], false
	}
}

// separator returns where the element at the start of b ends.
func separator(b []byte, sep byte, short, header, plain bool) int {
	if !short && !plain {
		return element(b, sep, header)
	}
	if n := bytes.IndexByte(b, sep); n >= 0 {
		return n
	}
	return len(b)
}

// quoted returns the length of the string at the start of b, all of b if it has no
// end.
func quoted(b []byte) int {
	for i := 1; i < len(b); i++ {
		if b[i] == b[0] {
			if i+1 < len(b) && b[i+1] == b[0] {
				i++
				continue
			}
			return i + 1
		}
	}
	return len(b)
}

// block returns the bytes of the block at the start of b, and its whole length, 0
// where there is none.
func block(b []byte) (body []byte, n int) {
	if len(b) < 2 || b[0] != '#' || !isDigit(b[1]) {
		return nil, 0
	}
	digits := int(b[1] - '0')
	if digits == 0 {
		return b[2:], len(b)
	}
	if len(b) < 2+digits {
		return nil, 0
	}
	size := 0
	for _, c := range b[2 : 2+digits] {
		if !isDigit(c) {
			return nil, 0
		}
		size = size*10 + int(c-'0')
	}
	if n = 2 + digits + size; n > len(b) {
		return nil, 0
	}
	return b[2+digits : n], n
}

func newUnit(b []byte) Unit {
	b = trimLeft(b)
	u := Unit{Raw: b, data: b}
	n := bytes.IndexByte(b, ' ')
	if n <= 0 {
		return u
	}
	rest := trimLeft(b[n:])
	if len(rest) == 0 || !mnemonic(b[:n]) {
		return u
	}
	c := rest[0]
	if b[0] == ':' || b[0] == '*' || upper(b[:n]) && (isDigit(c) || c == '-' || c == '+' || c == '.' || c == '"' || c == '\'' || c == '#') {
		u.Header, u.data = b[:n], rest
	}
	return u
}

// mnemonic reports whether b can be a header.
func mnemonic(b []byte) bool {
	for i, c := range b {
		if !isLetter(c) && (i == 0 || !isDigit(c)) && c != ':' && c != '*' && c != '_' {
			return false
		}
	}
	return len(b) > 0
}

func upper(b []byte) bool {
	for _, c := range b {
		if c >= 'a' && c <= 'z' {
			return false
		}
	}
	return true
}

func newDatum(b []byte, plain bool) Datum {
	b = trimLeft(b)
	d := Datum{Raw: b, Num: math.NaN(), Kind: Other}
	if len(b) > 0 && b[0] == '#' && !plain {
		if body, n := block(b); n > 0 && len(trimRight(b[n:])) == 0 {
			d.Raw, d.Body, d.Kind = b[:n], body, Block
			return d
		}
	}
	b = trimRight(b)
	d.Raw = b
	if len(b) == 0 {
		d.Kind = Empty
		return d
	}
	switch c := b[0]; {
	case isDigit(c) || c == '-' || c == '+' || c == '.':
		x, kind, n := number(b)
		if n == len(b) && n > 0 {
			d.Num, d.Kind = decimal.SCPI(x), kind
		} else if unit := trimLeft(b[n:]); n > 0 && unitText(unit) {
			d.Num, d.Kind, d.Body = decimal.SCPI(x), Quantity, unit
		}
	case !plain && (c == '"' || c == '\''):
		if n := quoted(b); n == len(b) && n > 1 && closed(b) {
			d.Kind, d.Body = String, b[1:n-1]
			d.Pair = bytes.IndexByte(d.Body, c) >= 0
		}
	case c == '#':
		if u, kind, ok := base(b); ok {
			d.Kind, d.Uint, d.Num = kind, u, float64(u)
		}
	case isLetter(c):
		if word(b) {
			d.Kind = Word
			if x, ok := numberWord(b); ok {
				d.Kind, d.Num = NR3, x
			}
		}
	}
	return d
}

// closed reports whether the string b, to its end, has its last quote.
func closed(b []byte) bool {
	n := 0
	for i := len(b) - 1; i > 0 && b[i] == b[0]; i-- {
		n++
	}
	return n%2 == 1
}

func word(b []byte) bool {
	for _, c := range b {
		if !isLetter(c) && !isDigit(c) && c != '_' {
			return false
		}
	}
	return true
}

// unitText accepts what may be a unit behind a number: V, V/S, OHM, %, also in
// bytes above 7F (a degree sign in Latin-1 or UTF-8).
func unitText(b []byte) bool {
	for i, c := range b {
		if !isLetter(c) && c != '%' && c < 0x80 && (i == 0 || c != '/' && c != '.' && c != '-' && !isDigit(c)) {
			return false
		}
	}
	return len(b) > 0 && len(b) <= 16
}

// numberWord reads the words that SCPI has for what is no number.
func numberWord(b []byte) (float64, bool) {
	switch {
	case fold(b, "nan"):
		return math.NaN(), true
	case fold(b, "inf"), fold(b, "infinity"):
		return math.Inf(1), true
	case fold(b, "ninf"), fold(b, "ninfinity"):
		return math.Inf(-1), true
	}
	return 0, false
}

// fold compares ASCII letters without case; word is in lower case.
func fold(b []byte, word string) bool {
	if len(b) != len(word) {
		return false
	}
	for i, c := range b {
		if isLetter(c) {
			c |= 0x20
		}
		if c != word[i] {
			return false
		}
	}
	return true
}

func trimLeft(b []byte) []byte {
	for len(b) > 0 && isBlank(b[0]) {
		b = b[1:]
	}
	return b
}

func trimRight(b []byte) []byte {
	for len(b) > 0 && isBlank(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return b
}
