package fields

import (
	"bytes"
	"math"
)

// Kind is the type of a value.
type Kind uint8

// The kinds of values.
const (
	Number Kind = iota // Num
	Text               // Text
	Array              // Array
)

func (k Kind) String() string {
	return [...]string{"number", "text", "array", "unknown"}[k&3]
}

// Value is a value to send. A choice takes its ID as Text or its value as Num;
// an integer takes Num, or Text of decimal digits where 2^53 is not enough.
type Value struct {
	Kind  Kind
	Num   float64
	Text  string
	Array []float64
}

// Num is a number to send.
func Num(x float64) Value { return Value{Num: x} }

// Str is a text to send, or the ID of a choice.
func Str(s string) Value { return Value{Kind: Text, Text: s} }

// Nums is an array to send.
func Nums(a []float64) Value { return Value{Kind: Array, Array: a} }

// Lookup gives a field's value by name; ok false: unknown.
type Lookup func(name string) (v Value, ok bool)

// Entry is one received value. Text points into the message, into the Values or
// into the Pattern, and Array into the Values: both end with the next Match.
// Nothing of it may be written to.
type Entry struct {
	Name    []byte
	Kind    Kind
	NumOK   bool // Num holds the value: a Number, a choice, a text that is a number
	Rounded bool // an integer of 2^53 or more: Num is the nearest float64, Text its digits unless scaled
	Num     float64
	Text    []byte // Text: not checked to be UTF-8; a choice: its ID
	Array   []float64
}

// Values holds what Match found, in the order of the parts. The zero value is
// ready; keep one to match without allocating.
type Values struct {
	Entries []Entry

	spare, other, elem Entry  // of skipped, of compared values, of elements
	buf                []byte // printed values and digits
}

// Get returns the entry of that name.
func (v *Values) Get(name string) (*Entry, bool) {
	for i := range v.Entries {
		if string(v.Entries[i].Name) == name {
			return &v.Entries[i], true
		}
	}
	return nil, false
}

// Lookup gives the received values for sending; it copies texts.
func (v *Values) Lookup(name string) (Value, bool) {
	e, ok := v.Get(name)
	if !ok {
		return Value{}, false
	}
	return e.value(), true
}

func (e *Entry) value() Value {
	switch {
	case e.Kind == Text:
		return Str(string(e.Text))
	case e.Kind == Array:
		return Nums(e.Array)
	case e.Rounded && len(e.Text) > 0:
		return Str(string(e.Text))
	}
	return Num(e.Num)
}

func (v *Values) reset() {
	v.Entries, v.buf = v.Entries[:0], v.buf[:0]
}

// push adds an entry and keeps the array that stood in its place for reuse.
func (v *Values) push(name []byte) *Entry {
	n := len(v.Entries)
	if n < cap(v.Entries) {
		v.Entries = v.Entries[:n+1]
	} else {
		v.Entries = append(v.Entries, Entry{})
	}
	e := &v.Entries[n]
	e.clear(name)
	return e
}

func (e *Entry) clear(name []byte) { *e = Entry{Name: name, Array: e.Array[:0]} }

func (e *Entry) number(x float64) { e.Kind, e.NumOK, e.Num = Number, true, x }

func (e *Entry) text(b []byte) { e.Kind, e.Text = Text, b }

// set stores a default or a constant; v outlives the entry.
func (e *Entry) set(v *Entry) {
	e.Kind, e.NumOK, e.Rounded, e.Num, e.Text = v.Kind, v.NumOK, v.Rounded, v.Num, v.Text
	e.Array = append(e.Array[:0], v.Array...)
}

func (e *Entry) same(o *Entry) bool {
	if e.Kind != o.Kind || len(e.Array) != len(o.Array) {
		return false
	}
	for i := range e.Array {
		if !sameNum(e.Array[i], o.Array[i]) {
			return false
		}
	}
	switch {
	case e.Kind == Array:
		return true
	case e.Kind == Text || e.Rounded:
		return bytes.Equal(e.Text, o.Text)
	}
	return sameNum(e.Num, o.Num)
}

func sameNum(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) }
