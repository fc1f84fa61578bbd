package scpi

import (
	"math"
	"strconv"
)

// Call is a command or query for the handler. It ends with the call.
type Call struct {
	ID       string
	Query    bool
	Args     []Arg // one for each declared parameter
	Suffixes []int // one for each node of the pattern, 1 where none was given
	dev      *Device
	fields   int
}

// Fail pushes an error of SCPI by its code, or one of the maker with a text.
func (c *Call) Fail(code int, text string) { c.dev.Push(code, text) }

// field begins an element of the answer. A command answers nothing.
func (c *Call) field() bool {
	if !c.Query {
		return false
	}
	d := c.dev
	switch {
	case c.fields > 0:
		d.out = append(d.out, ',')
	case d.answered:
		d.out = append(d.out, ';')
	}
	c.fields++
	d.answered = true
	return true
}

// Number answers a number with so many decimals, shortest if negative. NaN and
// infinities are written as SCPI does.
func (c *Call) Number(x float64, decimals int) {
	if !c.field() {
		return
	}
	switch d := c.dev; {
	case math.IsNaN(x):
		d.out = append(d.out, "9.91E+37"...)
	case math.IsInf(x, 1):
		d.out = append(d.out, "9.9E+37"...)
	case math.IsInf(x, -1):
		d.out = append(d.out, "-9.9E+37"...)
	default:
		d.out, _ = AppendNumber(d.out, x, min(decimals, 17))
	}
}

// Int answers an integer.
func (c *Call) Int(x int) {
	if c.field() {
		c.dev.out = strconv.AppendInt(c.dev.out, int64(x), 10)
	}
}

// Raw answers bytes as they are: a word, a number already written.
func (c *Call) Raw(s string) {
	if c.field() {
		c.dev.out = append(c.dev.out, s...)
	}
}

// Text answers a string in quotes.
func (c *Call) Text(s string) {
	if c.field() {
		c.dev.out, _ = AppendString(c.dev.out, s)
	}
}

// Block answers a definite-length block.
func (c *Call) Block(body []byte) {
	if c.field() {
		c.dev.out, _ = AppendBlock(c.dev.out, body)
	}
}
