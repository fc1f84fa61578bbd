package edge

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
)

// Value is one argument of a command: a number or a word. JSON has it as a
// number or a string; true and false are read as 1 and 0.
type Value struct {
	num  float64
	word string
	text bool
}

// Args are a command's arguments by parameter id.
type Args map[string]Value

// Number makes a numeric Value.
func Number(x float64) Value { return Value{num: x} }

// Word makes a Value that is a choice's id or a text.
func Word(s string) Value { return Value{word: s, text: true} }

// Number returns the number; ok is false for a word.
func (v Value) Number() (x float64, ok bool) { return v.num, !v.text }

// Word returns the word; ok is false for a number.
func (v Value) Word() (s string, ok bool) { return v.word, v.text }

func (v Value) String() string {
	if v.text {
		return v.word
	}
	return strconv.FormatFloat(v.num, 'g', -1, 64)
}

// MarshalJSON implements json.Marshaler. NaN and infinities are an error.
func (v Value) MarshalJSON() ([]byte, error) {
	if v.text {
		return json.Marshal(v.word)
	}
	if math.IsNaN(v.num) || math.IsInf(v.num, 0) {
		return nil, fmt.Errorf("edge: value %v has no JSON form", v.num)
	}
	return json.Marshal(v.num)
}

// UnmarshalJSON implements json.Unmarshaler.
func (v *Value) UnmarshalJSON(b []byte) error {
	var x any
	if err := json.Unmarshal(b, &x); err != nil {
		return err
	}
	switch x := x.(type) {
	case float64:
		*v = Number(x)
	case string:
		*v = Word(x)
	case bool:
		*v = Number(0)
		if x {
			*v = Number(1)
		}
	default:
		return Errorf(CodeBadValue, "%s is no number or word", b)
	}
	return nil
}
