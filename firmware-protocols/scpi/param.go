package scpi

import (
	"math"
	"strings"
)

// ParamKind is the type of a parameter.
type ParamKind uint8

// The kinds of parameters.
const (
	Numeric ParamKind = iota // a number with a unit, MIN, MAX or DEF
	Boolean                  // ON, OFF, or a number that is not zero
	Choice                   // one of Choices, short or long form
	Text                     // a string
	Data                     // a block
	List                     // (@1,3:5), taken as it comes
)

// Param declares a parameter of a header.
type Param struct {
	Kind              ParamKind
	Unit              string   // Numeric: V, HZ, OHM, ...; multiples of it are accepted: mV, 2 kHz
	Min, Max, Default float64  // Numeric: both ends zero: no limits
	Choices           []string // Choice, as in manuals: IMMediate
	Optional          bool     // and those behind it
}

// Arg is the value of a parameter.
type Arg struct {
	Num    float64 // Numeric, in the unit; Boolean: 1, 0; Choice: index
	Bytes  []byte  // Text, Data, List: valid during the call
	Pair   bool    // Text: quotes in Bytes are still doubled
	Given  bool    // false: optional and left out
	Symbol Symbol  // Numeric: it was given by name
}

// Symbol is a number given by name. Num holds the value all the same.
type Symbol uint8

// The symbols.
const (
	NoSymbol Symbol = iota
	Minimum
	Maximum
	Default
)

// arg reads one parameter. code is an error of SCPI, 0: none.
func (p *Param) arg(b []byte, strict bool) (a Arg, code int) {
	a.Given = true
	d := newDatum(b, false)
	switch p.Kind {
	case Numeric:
		code = p.numeric(&a, d, strict)
	case Boolean:
		switch {
		case fold(d.Raw, "on"):
			a.Num = 1
		case fold(d.Raw, "off"):
		case d.Kind <= Binary && !math.IsNaN(d.Num):
			if math.Round(d.Num) != 0 {
				a.Num = 1
			}
		case d.Kind == Word:
			code = IllegalParameter
		default:
			code = WrongType
		}
	case Choice:
		code = WrongType
		if d.Kind <= NR1 || d.Kind == Word {
			code = IllegalParameter
			for i, c := range p.Choices {
				if n, ok := newNode(c); ok && (fold(d.Raw, n.short) || fold(d.Raw, n.long)) {
					a.Num, code = float64(i), 0
				}
			}
		}
	case Text:
		if d.Kind != String {
			return a, WrongType
		}
		a.Bytes, a.Pair = d.Body, d.Pair
	case Data:
		if d.Kind != Block {
			return a, WrongType
		}
		a.Bytes = d.Body
	case List:
		a.Bytes = d.Raw
		if len(d.Raw) < 3 || d.Raw[0] != '(' || d.Raw[len(d.Raw)-1] != ')' {
			return a, WrongType
		}
	}
	return a, code
}

func (p *Param) numeric(a *Arg, d Datum, strict bool) int {
	switch {
	case fold(d.Raw, "min"), fold(d.Raw, "minimum"):
		a.Num, a.Symbol = p.Min, Minimum
		return 0
	case fold(d.Raw, "max"), fold(d.Raw, "maximum"):
		a.Num, a.Symbol = p.Max, Maximum
		return 0
	case fold(d.Raw, "def"), fold(d.Raw, "default"):
		a.Num, a.Symbol = p.Default, Default
		return 0
	case d.Kind == Quantity:
		k, ok := multiplier(d.Body, p.Unit)
		if !ok && p.Unit == "" {
			return SuffixNotAllowed
		} else if !ok {
			return InvalidSuffix
		}
		a.Num = d.Num * k
	case d.Kind.Number():
		a.Num = d.Num
	case d.Kind == Word:
		return IllegalParameter
	case len(d.Raw) > 0 && (isDigit(d.Raw[0]) || d.Raw[0] == '+' || d.Raw[0] == '-' || d.Raw[0] == '.'):
		return BadNumber
	default:
		return WrongType
	}
	if math.IsNaN(a.Num) || strict && (p.Min != 0 || p.Max != 0) && (a.Num < p.Min || a.Num > p.Max) {
		return OutOfRange
	}
	return 0
}

// multiplier reads a unit with a prefix (IEEE 488.2, table 7-2). M is milli, but mega
// before HZ and OHM; MA is mega.
func multiplier(text []byte, unit string) (float64, bool) {
	if unit == "" {
		return 0, false
	}
	u := strings.ToLower(unit)
	if fold(text, u) {
		return 1, true
	}
	n := len(text) - len(u)
	if n < 1 || n > 2 || !fold(text[n:], u) {
		return 0, false
	}
	p := text[:n]
	if n == 2 {
		switch {
		case fold(p, "ex"):
			return 1e18, true
		case fold(p, "pe"):
			return 1e15, true
		case fold(p, "ma"):
			return 1e6, true
		}
		return 0, false
	}
	switch p[0] | 0x20 {
	case 't':
		return 1e12, true
	case 'g':
		return 1e9, true
	case 'k':
		return 1e3, true
	case 'm':
		if u == "hz" || u == "ohm" {
			return 1e6, true
		}
		return 1e-3, true
	case 'u':
		return 1e-6, true
	case 'n':
		return 1e-9, true
	case 'p':
		return 1e-12, true
	case 'f':
		return 1e-15, true
	case 'a':
		return 1e-18, true
	}
	return 0, false
}
