package scpi

import (
	"errors"
	"fmt"
	"math"
	"strconv"
)

// ErrMessage is wrapped by every refusal to write a message.
var ErrMessage = errors.New("scpi: bad message")

// AppendBlock appends body as a definite-length block: #<digits><length><bytes>. A
// body over 999999999 bytes is refused.
func AppendBlock(dst, body []byte) ([]byte, error) {
	if len(body) > 999999999 {
		return dst, fmt.Errorf("%w: block of %d bytes", ErrMessage, len(body))
	}
	var digits [10]byte
	n := strconv.AppendInt(digits[:0], int64(len(body)), 10)
	dst = append(dst, '#', '0'+byte(len(n)))
	return append(append(dst, n...), body...), nil
}

// AppendString appends text as string data: in quotes, quotes doubled. Text with
// control characters is refused.
func AppendString[T string | []byte](dst []byte, text T) ([]byte, error) {
	n := len(dst)
	dst = append(dst, '"')
	for i := range len(text) {
		c := text[i]
		if c < ' ' || c == 0x7f {
			return dst[:n], fmt.Errorf("%w: control character in text", ErrMessage)
		}
		if c == '"' {
			dst = append(dst, '"')
		}
		dst = append(dst, c)
	}
	return append(dst, '"'), nil
}

// AppendNumber appends x with so many decimals, the shortest form that reads back the
// same if decimals is negative. NaN and infinities are refused; minus zero is zero.
func AppendNumber(dst []byte, x float64, decimals int) ([]byte, error) {
	if math.IsNaN(x) || math.IsInf(x, 0) || decimals > 17 {
		return dst, fmt.Errorf("%w: number %v with %d decimals", ErrMessage, x, decimals)
	}
	n := len(dst)
	if a := math.Abs(x); decimals >= 0 && a < 1e15 {
		dst = strconv.AppendFloat(dst, x, 'f', decimals, 64)
	} else if a == 0 || a >= 1e-4 && a < 1e15 {
		dst = strconv.AppendFloat(dst, x, 'f', -1, 64)
	} else {
		dst = strconv.AppendFloat(dst, x, 'E', -1, 64)
	}
	if dst[n] == '-' && zeros(dst[n+1:]) {
		dst = append(dst[:n], dst[n+1:]...)
	}
	return dst, nil
}

func zeros(b []byte) bool {
	for _, c := range b {
		if c != '0' && c != '.' {
			return false
		}
	}
	return true
}

// Writer builds one program message of headers and parameters, and keeps its buffer
// for the next one. The first error stays; End returns it.
//
//	w.Begin()
//	w.Header("VOLT").Number(1.5, 3)
//	w.Header("OUTP").Word("ON")
//	msg, err := w.End() // VOLT 1.500;OUTP ON\n
type Writer struct {
	end    string
	max    int
	buf    []byte
	params int
	err    error
}

// NewWriter returns a writer that ends messages with the options' End. most is the
// size of the instrument's input buffer, terminator included; 0: no limit.
func NewWriter(o Options, most int) *Writer {
	if o.End == "" {
		o.End = "\n"
	}
	return &Writer{end: o.End, max: most}
}

// Begin starts a message.
func (w *Writer) Begin() { w.buf, w.params, w.err = w.buf[:0], 0, nil }

// End returns the message with its terminator. It is valid until Begin.
func (w *Writer) End() ([]byte, error) {
	if w.err == nil && len(w.buf) == 0 {
		w.fail("nothing to send")
	}
	if w.err == nil && w.max > 0 && len(w.buf)+len(w.end) > w.max {
		w.fail("%d bytes, the instrument takes %d", len(w.buf)+len(w.end), w.max)
	}
	if w.err != nil {
		return nil, w.err
	}
	w.buf = append(w.buf, w.end...)
	return w.buf, nil
}

// Header begins a unit: letters, digits, `:`, `_`, a `*` before them and a `?` behind.
func (w *Writer) Header(h string) *Writer {
	body := h
	if body != "" && body[len(body)-1] == '?' {
		body = body[:len(body)-1]
	}
	if body != "" && body[0] == '*' {
		body = body[1:]
	}
	ok := body != ""
	for i := range len(body) {
		c := body[i]
		ok = ok && (isLetter(c) || isDigit(c) && i > 0 || c == ':' || c == '_')
	}
	if !ok {
		return w.fail("header %.40q", h)
	}
	if len(w.buf) > 0 {
		w.buf = append(w.buf, ';')
	}
	w.buf = append(w.buf, h...)
	w.params = 0
	return w
}

func (w *Writer) separate() {
	if len(w.buf) == 0 {
		w.fail("a parameter without a header")
	}
	if w.params++; w.params == 1 {
		w.buf = append(w.buf, ' ')
	} else {
		w.buf = append(w.buf, ',')
	}
}

func (w *Writer) set(b []byte, err error) *Writer {
	if w.buf = b; err != nil && w.err == nil {
		w.err = err
	}
	return w
}

func (w *Writer) fail(format string, args ...any) *Writer {
	return w.set(w.buf, fmt.Errorf("%w: "+format, append([]any{ErrMessage}, args...)...))
}

// Number adds a number as AppendNumber writes it.
func (w *Writer) Number(x float64, decimals int) *Writer {
	w.separate()
	return w.set(AppendNumber(w.buf, x, decimals))
}

// Int adds an integer.
func (w *Writer) Int(x int64) *Writer {
	w.separate()
	return w.set(strconv.AppendInt(w.buf, x, 10), nil)
}

// Word adds character data, such as MAX or ON: a letter, then letters, digits and _.
func (w *Writer) Word(s string) *Writer {
	for i := range len(s) {
		if c := s[i]; !isLetter(c) && (i == 0 || !isDigit(c) && c != '_') {
			return w.fail("word %.40q", s)
		}
	}
	if s == "" {
		return w.fail("empty word")
	}
	w.separate()
	w.buf = append(w.buf, s...)
	return w
}

// Text adds a string in quotes.
func (w *Writer) Text(s string) *Writer {
	w.separate()
	return w.set(AppendString(w.buf, s))
}

// Block adds a definite-length block.
func (w *Writer) Block(body []byte) *Writer {
	w.separate()
	return w.set(AppendBlock(w.buf, body))
}
