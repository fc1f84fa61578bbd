package floats

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strconv"
)

// ErrCommand is wrapped by every error about a command text.
var ErrCommand = errors.New("floats: bad command")

// Limits of a command. Above maxPlain and below minPlain numbers would need an
// exponent, which the firmware's text-to-float routines need not know.
const (
	maxCommand = 128
	maxPlain   = 1e15
	minPlain   = 1e-6
)

// AppendCommand appends {"key":"value"}: the value is a string that holds a
// decimal number with at least one decimal and no exponent. Numbers closer to
// zero than 1e-6 are sent as 0.0. On an error dst is returned as it was.
func AppendCommand(dst []byte, key string, value float64) ([]byte, error) {
	if !isKey(key) {
		return dst, fmt.Errorf("%w: key %q", ErrCommand, key)
	}
	if math.IsNaN(value) || math.Abs(value) >= maxPlain {
		return dst, fmt.Errorf("%w: value %v of %q", ErrCommand, value, key)
	}
	if math.Abs(value) < minPlain {
		value = 0 // also minus zero
	}
	dst = append(dst, `{"`...)
	dst = append(dst, key...)
	dst = append(dst, `":"`...)
	start := len(dst)
	dst = strconv.AppendFloat(dst, value, 'f', -1, 64)
	if bytes.IndexByte(dst[start:], '.') < 0 {
		dst = append(dst, '.', '0')
	}
	return append(dst, `"}`...), nil
}

// ParseCommand reads a command as the controller does, for simulators: one key,
// a string that is a decimal number. key points into msg.
func ParseCommand(msg []byte) (key []byte, value float64, err error) {
	if len(msg) > maxCommand {
		return nil, 0, fmt.Errorf("%w: %d bytes, at most %d", ErrCommand, len(msg), maxCommand)
	}
	fail := func(why string) ([]byte, float64, error) {
		return nil, 0, fmt.Errorf("%w: %s in %q", ErrCommand, why, msg)
	}
	rest, ok := after(msg, '{')
	if !ok {
		return fail("no object")
	}
	if key, rest, ok = quoted(rest); !ok || !isKey(string(key)) {
		return fail("no key")
	}
	if rest, ok = after(rest, ':'); !ok {
		return fail("no colon")
	}
	text, rest, ok := quoted(rest)
	if !ok {
		return fail("the value is no string")
	}
	if rest, ok = after(rest, '}'); !ok || len(trim(rest)) > 0 {
		return fail("more than one key")
	}
	if !isDecimal(text) {
		return fail("the value is no number")
	}
	if value, err = strconv.ParseFloat(string(text), 64); err != nil {
		return fail("the value is out of range")
	}
	return key, value, nil
}

// isDecimal accepts [+-]digits[.digits], one digit at least.
func isDecimal(b []byte) bool {
	if len(b) > 0 && (b[0] == '-' || b[0] == '+') {
		b = b[1:]
	}
	digits, dots := 0, 0
	for _, c := range b {
		switch {
		case c >= '0' && c <= '9':
			digits++
		case c == '.' && dots == 0:
			dots++
		default:
			return false
		}
	}
	return digits > 0
}

// isKey accepts what a C identifier may be, 1 to 32 bytes.
func isKey(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		letter := c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != "" && len(s) <= 32
}

// after skips blanks and the byte c.
func after(b []byte, c byte) ([]byte, bool) {
	b = trim(b)
	if len(b) == 0 || b[0] != c {
		return nil, false
	}
	return b[1:], true
}

// quoted reads a string without escapes.
func quoted(b []byte) (s, rest []byte, ok bool) {
	if b, ok = after(b, '"'); !ok {
		return nil, nil, false
	}
	n := bytes.IndexByte(b, '"')
	if n < 0 || bytes.IndexByte(b[:n], '\\') >= 0 {
		return nil, nil, false
	}
	return b[:n], b[n+1:], true
}

func trim(b []byte) []byte { return bytes.Trim(b, " \t\r\n") }
