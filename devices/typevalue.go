package devices

import (
	"fmt"
	"math"
	"sort"
	"strconv"
	"strings"

	"labbox/edge"
)

// number reads a number as a YAML reader gives it.
func number(v any) (float64, bool) {
	switch x := v.(type) {
	case float64:
		return x, !math.IsNaN(x) && !math.IsInf(x, 0)
	case int:
		return float64(x), true
	case int64:
		return float64(x), true
	case uint64:
		return float64(x), true
	case bool:
		if x {
			return 1, true
		}
		return 0, true
	}
	return 0, false
}

func (ch *Channel) from() string {
	if ch.From != "" {
		return ch.From
	}
	return ch.ID
}

func (c *Choice) value(place int) float64 {
	if c.Value != nil {
		return *c.Value
	}
	return float64(place)
}

func (p *Param) kind() string {
	switch {
	case p.Type == "" && len(p.Choices) > 0:
		return edge.ParamChoice
	case p.Type == "":
		return edge.ParamFloat
	}
	return p.Type
}

// choice finds a choice by id, or by its value written as a number.
func (p *Param) choice(s string) (int, bool) {
	for i := range p.Choices {
		if p.Choices[i].ID == s {
			return i, true
		}
	}
	if x, err := strconv.ParseFloat(s, 64); err == nil {
		for i := range p.Choices {
			if p.Choices[i].value(i) == x {
				return i, true
			}
		}
	}
	return 0, false
}

func (t *Type) command(id string) *Command {
	for i := range t.Commands {
		if t.Commands[i].ID == id {
			return &t.Commands[i]
		}
	}
	return nil
}

// argument is one parameter's value, checked.
type argument struct {
	param *Param
	num   float64 // the value; a choice's value for choices
	place int     // of a choice
	out   float64 // a number as it is written
}

// resolve checks args against the command's parameters and gives them in their
// order. Every limit of the type file is judged here and nowhere else; the
// bench's narrower limits are already in the Param (Type.narrow). Errors:
// missing_value, bad_value, out_of_range.
func (c *Command) resolve(args edge.Args) ([]argument, error) {
	out := make([]argument, 0, len(c.Params))
	known := 0
	for i := range c.Params {
		p := &c.Params[i]
		v, given := args[p.ID]
		if !given {
			if p.Default == nil {
				return nil, edge.Errorf(edge.CodeMissingValue, "%s needs %s", c.ID, p.ID).With("param", p.ID)
			}
			v = defaultValue(p)
		} else {
			known++
		}
		a, err := p.resolve(v)
		if err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	if known < len(args) {
		var extra []string
		for k := range args {
			if !c.hasParam(k) {
				extra = append(extra, k)
			}
		}
		sort.Strings(extra)
		return nil, edge.Errorf(edge.CodeBadValue, "%s has no parameter %s", c.ID, extra[0]).With("param", extra[0])
	}
	return out, nil
}

func (c *Command) hasParam(id string) bool {
	for i := range c.Params {
		if c.Params[i].ID == id {
			return true
		}
	}
	return false
}

func defaultValue(p *Param) edge.Value {
	if p.kind() == edge.ParamChoice {
		return edge.Word(fmt.Sprint(p.Default))
	}
	x, _ := number(p.Default)
	return edge.Number(x)
}

func (p *Param) resolve(v edge.Value) (argument, error) {
	if p.kind() == edge.ParamChoice {
		i, ok := p.choice(v.String())
		if !ok {
			return argument{}, edge.Errorf(edge.CodeBadValue, "%s cannot be %q", p.ID, v.String()).With("param", p.ID)
		}
		return argument{param: p, num: p.Choices[i].value(i), place: i}, nil
	}
	x, ok := v.Number()
	if !ok || math.IsNaN(x) || math.IsInf(x, 0) {
		return argument{}, edge.Errorf(edge.CodeBadValue, "%s must be a number, not %q", p.ID, v.String()).With("param", p.ID)
	}
	if p.kind() == edge.ParamInt && x != math.Trunc(x) {
		return argument{}, edge.Errorf(edge.CodeBadValue, "%s must be a whole number, not %g", p.ID, x).With("param", p.ID)
	}
	if x < p.Range[0] || x > p.Range[1] {
		return argument{}, edge.Errorf(edge.CodeOutOfRange, "%s %g is outside %s", p.ID, x, p.limits()).
			With("param", p.ID).With("value", x).With("min", p.Range[0]).With("max", p.Range[1]).With("unit", p.Unit).
			WithHint("between %g and %g", p.Range[0], p.Range[1])
	}
	out, ok := p.written(x)
	if !ok {
		return argument{}, edge.Errorf(edge.CodeOutOfRange, "%s %g cannot be written within %s", p.ID, x, p.limits()).
			With("param", p.ID).With("value", x).With("min", p.Range[0]).With("max", p.Range[1]).With("unit", p.Unit).
			WithHint("between %g and %g", p.Range[0], p.Range[1])
	}
	return argument{param: p, num: x, out: out}, nil
}

// Numbers beyond these would be written with an exponent. A firmware that does
// not know exponents reads 9e-07 as 9.
const (
	mostPlain  = 1e15
	leastPlain = 1e-6
)

// written is x on the wire, as the digits that are sent will read: rounded to
// what the file says, but never out of the range. ok is false where no such
// number is inside.
func (p *Param) written(x float64) (w float64, ok bool) {
	scale := p.Wire.Scale
	if scale == 0 {
		scale = 1
	}
	w = x*scale + p.Wire.Offset
	grid := 0.0
	switch {
	case p.Wire.Decimals != nil:
		grid = math.Pow10(-*p.Wire.Decimals)
	case p.kind() == edge.ParamInt:
		grid = 1
	}
	inside := func(w float64) bool {
		back := (w - p.Wire.Offset) / scale
		slack := 1e-9 * math.Max(math.Abs(p.Range[0]), math.Abs(p.Range[1]))
		return back >= p.Range[0]-slack && back <= p.Range[1]+slack
	}
	round := func(w float64) float64 {
		if grid > 0 {
			w, _ = strconv.ParseFloat(strconv.FormatFloat(w, 'f', max(0, decimalsOf(p)), 64), 64)
		}
		if math.Abs(w) < leastPlain && grid == 0 || w == 0 {
			w = 0 // and no minus zero
		}
		return w
	}
	for _, try := range []float64{w, w - grid, w + grid} {
		if r := round(try); inside(r) && math.Abs(r) < mostPlain {
			return r, true
		}
	}
	return 0, false
}

func decimalsOf(p *Param) int {
	if p.Wire.Decimals == nil {
		return 0
	}
	return *p.Wire.Decimals
}

// limits are the parameter's range in words.
func (p *Param) limits() string {
	return strings.TrimSpace(fmt.Sprintf("%g to %g %s", p.Range[0], p.Range[1], p.Unit))
}

// wire is the argument as it is written: a number or a text.
func (a argument) wire() (x float64, text string, isText bool) {
	p := a.param
	if p.kind() == edge.ParamChoice {
		c := &p.Choices[a.place]
		switch w := c.Wire.(type) {
		case nil:
			if c.Value != nil {
				return a.num, "", false
			}
			return 0, c.ID, true
		case string:
			return 0, w, true
		default:
			x, _ := number(w)
			return x, "", false
		}
	}
	if p.Wire.As == "text" {
		return 0, formatNumber(a.out, p.Wire.Decimals), true
	}
	return a.out, "", false
}

// written is the number that a message writes: a constant of the type file, or
// "$id" for a parameter's.
func written(v any, args []argument) (float64, *Param, error) {
	if id, ok := strings.CutPrefix(fmt.Sprint(v), "$"); ok {
		a, found := findArg(args, id)
		if !found {
			return 0, nil, edge.Errorf(edge.CodeMissingValue, "%s is not given", id).With("param", id)
		}
		x, _, isText := a.wire()
		if isText {
			x = a.num
		}
		return x, a.param, nil
	}
	x, ok := number(v)
	if !ok {
		return 0, nil, edge.Errorf(edge.CodeBadValue, "%v is no number", v)
	}
	return x, nil, nil
}

// rounded is the error of a value that would leave its limits as the device reads
// it.
func rounded(p *Param, x, back float64) error {
	return edge.Errorf(edge.CodeOutOfRange, "%s %g would be written as %g, outside %s", p.ID, x, back, p.limits()).
		With("param", p.ID).With("value", x).With("min", p.Range[0]).With("max", p.Range[1]).With("unit", p.Unit)
}

func formatNumber(x float64, decimals *int) string {
	if decimals != nil {
		return strconv.FormatFloat(x, 'f', *decimals, 64)
	}
	return strconv.FormatFloat(x, 'f', -1, 64)
}
