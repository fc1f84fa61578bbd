package lines

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// ErrEncode is wrapped by every error of an Encoder: the command cannot be
// written so that the device would read what was meant.
var ErrEncode = errors.New("lines: cannot encode")

// maxFixed is the greatest number that is written without an exponent.
const maxFixed = 1e15

// Value is a value to send. Make it with Float, Fixed, Int, Str, Flag, Group or Lit.
type Value struct {
	kind     valueKind
	decimals int8
	num      float64
	whole    int64
	text     string
	group    []Pair
}

type valueKind uint8

const (
	floatValue valueKind = iota
	fixedValue
	intValue
	strValue
	flagValue
	litValue
	groupValue
)

// Float is a number in its shortest form that reads back the same; an exponent
// only at 1e15 and above and below 1e-6.
func Float(x float64) Value { return Value{kind: floatValue, num: x} }

// Fixed is a number with that many decimals, 0 to 15, rounded to nearest.
func Fixed(x float64, decimals int) Value {
	return Value{kind: fixedValue, num: x, decimals: int8(min(max(decimals, -1), 16))}
}

// Int is a whole number.
func Int(i int64) Value { return Value{kind: intValue, whole: i} }

// Str is a text: a JSON string, or one word of a plain text command.
func Str(s string) Value { return Value{kind: strValue, text: s} }

// Flag is true or false in JSON, 1 or 0 in plain text.
func Flag(b bool) Value {
	if b {
		return Value{kind: flagValue, whole: 1}
	}
	return Value{kind: flagValue}
}

// Lit is a part of a plain text command that the type file fixes, such as "SET "
// or ";". It may hold blanks, and is refused in JSON. Never make it from what a
// person typed.
func Lit(s string) Value { return Value{kind: litValue, text: s} }

// Group is an object within a JSON command, its members in order. It is refused in
// plain text, and deeper than what this package reads.
func Group(members ...Pair) Value { return Value{kind: groupValue, group: members} }

// Pair is one member of a JSON command.
type Pair struct {
	Key   string
	Value Value
}

// Encoder writes commands. The zero value writes newline JSON without a limit.
type Encoder struct {
	Format     Format // AppendJSON: JSON or Relaxed
	Terminator string // default "\n"
	MaxLine    int    // the device's input buffer, terminator included; 0: no limit
}

// AppendJSON appends one object with its members in order, and the terminator:
// {"cmd":"drive","param":40}. Relaxed writes {cmd:'drive',param:40}. On an error
// dst is returned as it was.
func (e Encoder) AppendJSON(dst []byte, pairs []Pair) ([]byte, error) {
	if e.Format > Relaxed {
		return dst, fmt.Errorf("%w: no JSON command in format %s", ErrEncode, e.Format)
	}
	out, err := e.appendObject(dst, pairs, 1)
	if err != nil {
		return dst, err
	}
	return e.finish(dst, out)
}

func (e Encoder) appendObject(out []byte, pairs []Pair, depth int) ([]byte, error) {
	if depth > MaxDepth {
		return out, fmt.Errorf("%w: more than %d levels", ErrEncode, MaxDepth)
	}
	out = append(out, '{')
	for i, p := range pairs {
		if i > 0 {
			out = append(out, ',')
		}
		var err error
		if out, err = e.appendKey(out, p.Key); err != nil {
			return out, err
		}
		out = append(out, ':')
		if p.Value.kind == groupValue {
			out, err = e.appendObject(out, p.Value.group, depth+1)
		} else {
			out, err = e.appendMember(out, p.Value)
		}
		if err != nil {
			return out, fmt.Errorf("value of %q: %w", p.Key, err)
		}
	}
	return append(out, '}'), nil
}

// AppendText appends the values one behind the other, and the terminator:
// AppendText(dst, Lit("V"), Fixed(2.5, 1)) is "V2.5\n". A Str must be one word:
// printable ASCII without blanks, quotes, commas or semicolons.
func (e Encoder) AppendText(dst []byte, parts ...Value) ([]byte, error) {
	out := dst
	for _, v := range parts {
		var err error
		switch v.kind {
		case strValue:
			if !isWord(v.text) {
				return dst, fmt.Errorf("%w: %q is not one word", ErrEncode, v.text)
			}
			out = append(out, v.text...)
		case litValue:
			if strings.ContainsFunc(v.text, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
				return dst, fmt.Errorf("%w: control character in %q", ErrEncode, v.text)
			}
			out = append(out, v.text...)
		case groupValue:
			return dst, fmt.Errorf("%w: an object has no place in plain text", ErrEncode)
		case flagValue:
			out = strconv.AppendInt(out, v.whole, 10)
		default:
			if out, err = appendNumber(out, v); err != nil {
				return dst, err
			}
		}
	}
	return e.finish(dst, out)
}

// finish adds the terminator and checks that it comes once, at the end.
func (e Encoder) finish(dst, out []byte) ([]byte, error) {
	term := e.Terminator
	if term == "" {
		term = "\n"
	}
	start := len(dst)
	out = append(out, term...)
	if bytes.Index(out[start:], []byte(term)) != len(out)-start-len(term) {
		return dst, fmt.Errorf("%w: the terminator %q stands within the command", ErrEncode, term)
	}
	if n := len(out) - start; e.MaxLine > 0 && n > e.MaxLine {
		return dst, fmt.Errorf("%w: command of %d bytes, the device takes %d", ErrEncode, n, e.MaxLine)
	}
	return out, nil
}

func (e Encoder) appendKey(out []byte, key string) ([]byte, error) {
	if e.Format == Relaxed {
		if key == "" || !isLetter(key[0]) && key[0] != '_' {
			return out, fmt.Errorf("%w: key %q", ErrEncode, key)
		}
		for i := 0; i < len(key); i++ {
			if !isLetter(key[i]) && key[i]-'0' > 9 && key[i] != '_' {
				return out, fmt.Errorf("%w: key %q", ErrEncode, key)
			}
		}
		return append(out, key...), nil
	}
	return appendQuoted(out, key, '"')
}

func (e Encoder) appendMember(out []byte, v Value) ([]byte, error) {
	switch v.kind {
	case strValue:
		if e.Format == Relaxed {
			return appendQuoted(out, v.text, '\'')
		}
		return appendQuoted(out, v.text, '"')
	case flagValue:
		return strconv.AppendBool(out, v.whole != 0), nil
	case litValue:
		return out, fmt.Errorf("%w: a literal has no place in JSON", ErrEncode)
	}
	return appendNumber(out, v)
}

// appendQuoted escapes the quote, the backslash and every control character, so
// that no text can end its string or its line.
func appendQuoted(out []byte, s string, quote byte) ([]byte, error) {
	if !utf8.ValidString(s) {
		return out, fmt.Errorf("%w: %q is not UTF-8", ErrEncode, s)
	}
	const hex = "0123456789abcdef"
	out = append(out, quote)
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == quote || c == '\\':
			out = append(out, '\\', c)
		case c < ' ' || c == 0x7f:
			out = append(out, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			out = append(out, c)
		}
	}
	return append(out, quote), nil
}

func appendNumber(out []byte, v Value) ([]byte, error) {
	if v.kind == intValue {
		return strconv.AppendInt(out, v.whole, 10), nil
	}
	x, abs := v.num, math.Abs(v.num)
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return out, fmt.Errorf("%w: %v is no number for a device", ErrEncode, x)
	}
	start := len(out)
	switch {
	case v.kind == fixedValue && (v.decimals < 0 || v.decimals > 15):
		return out, fmt.Errorf("%w: 0 to 15 decimals", ErrEncode)
	case v.kind == fixedValue && abs >= maxFixed:
		return out, fmt.Errorf("%w: %v with fixed decimals", ErrEncode, x)
	case v.kind == fixedValue:
		out = strconv.AppendFloat(out, x, 'f', int(v.decimals), 64)
	case abs != 0 && (abs < 1e-6 || abs >= maxFixed):
		return strconv.AppendFloat(out, x, 'e', -1, 64), nil
	default:
		out = strconv.AppendFloat(out, x, 'f', -1, 64)
	}
	if out[start] == '-' && len(bytes.Trim(out[start+1:], "0.")) == 0 {
		out = append(out[:start], out[start+1:]...) // no minus zero
	}
	return out, nil
}

// isWord reports whether s is one token of a plain text command.
func isWord(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c <= ' ' || c > '~' || strings.IndexByte("\"'`\\,;", c) >= 0 {
			return false
		}
	}
	return s != ""
}
