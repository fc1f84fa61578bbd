package sim

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"time"
)

// calculator is the smallest device there is: two numbers and an operation in,
// the result out. It prints its display ten times a second.
type calculator struct {
	boot   time.Time
	report periodic
	line   lineBuffer
	n      uint64
	shown  float64
	sums   int
	out    []byte
}

const (
	calculatorEvery  = 100 * time.Millisecond
	calculatorBuffer = 128
	calculatorMost   = 1e12 // digits of its display
)

// Calculator returns the calculator, type calculator.
func Calculator(Options) Device {
	c := &calculator{report: periodic{every: calculatorEvery}, line: lineBuffer{size: calculatorBuffer}}
	return newBoard(c, 0)
}

func (c *calculator) reboot(time.Time) {
	c.boot = time.Time{}
	c.line.reset()
}

func (c *calculator) open(now time.Time, out *output) {
	if c.boot.IsZero() {
		c.boot = now
	}
	c.line.reset()
	c.report.next = now.Add(calculatorEvery)
	out.text([]byte("{\"id\":\"labbox-calculator\"}\r\n"))
}

func (c *calculator) wake() time.Time { return c.report.next }

func (c *calculator) tick(now time.Time, out *output) {
	c.report.advance(now)
	c.n++
	b := append(c.out[:0], `{"n":`...)
	b = strconv.AppendUint(b, c.n, 10)
	b = append(b, `,"t":`...)
	b = strconv.AppendInt(b, now.Sub(c.boot).Milliseconds(), 10)
	b = append(b, `,"display":`...)
	b = strconv.AppendFloat(b, c.shown, 'g', -1, 64)
	b = append(b, `,"sums":`...)
	b = strconv.AppendInt(b, int64(c.sums), 10)
	c.out = append(b, "}\r\n"...)
	out.text(c.out)
}

func (c *calculator) receive(_ time.Time, b []byte, out *output) {
	c.line.feed(b, func(line []byte) { c.obey(bytes.TrimSpace(line), out) })
}

func (c *calculator) obey(line []byte, out *output) {
	var q struct {
		Cmd  string
		Op   string
		A, B *float64
	}
	switch {
	case len(line) == 0:
	case json.Unmarshal(line, &q) != nil:
		c.refuse(out, "could not parse command")
	case q.Cmd == "clear":
		c.shown = 0
		out.text([]byte("{\"ok\":\"clear\"}\r\n"))
	case q.Cmd != "compute":
		c.refuse(out, "unknown command")
	case q.A == nil || q.B == nil:
		c.refuse(out, "two numbers are needed")
	default:
		x, why := calculate(q.Op, *q.A, *q.B)
		if why != "" {
			c.refuse(out, why)
			return
		}
		c.shown = x
		c.sums++
		out.text([]byte(`{"ok":"compute","result":` + strconv.FormatFloat(x, 'g', -1, 64) + "}\r\n"))
	}
}

func (c *calculator) refuse(out *output, why string) {
	out.text([]byte(`{"error":"` + why + "\"}\r\n"))
}

func calculate(op string, a, b float64) (x float64, why string) {
	switch op {
	case "add":
		x = a + b
	case "subtract":
		x = a - b
	case "multiply":
		x = a * b
	case "divide":
		if b == 0 {
			return 0, "division by zero"
		}
		x = a / b
	default:
		return 0, "unknown operation"
	}
	if math.Abs(x) > calculatorMost {
		return 0, "overflow"
	}
	return x, ""
}
