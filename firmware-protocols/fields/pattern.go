package fields

import (
	"bytes"
	"fmt"
	"strconv"
)

// Options say how the parts of one protocol are understood.
type Options struct {
	// SCPI reads 9.91E37 and 9.9E37 in every number as Part.SCPI does.
	SCPI bool
	// Forbidden are bytes that no printed text value may hold, such as the
	// separators of commands. Control bytes are refused anyway.
	Forbidden []byte
	// Encoding is utf-8 or latin-1, for the parts that say none.
	Encoding string
	// Print asks that every part can be printed: the parts are sent.
	Print bool
}

// FieldInfo is what a pattern says about one of its fields.
type FieldInfo struct {
	Name     string
	Kind     Kind
	CanPrint bool
	Choices  []string // IDs, of a choice
	Optional bool     // has a default, so that nothing needs to be given to send
}

// Pattern is a compiled list of parts. It is read-only and safe for concurrent
// use.
type Pattern struct {
	ops    []op
	parts  []int // index of the part of each op
	fields []FieldInfo
	fixed  int // size of the whole message, -1: not fixed
	mute   int // op that cannot be printed, -1: none
}

// Fields lists the fields in order.
func (p *Pattern) Fields() []FieldInfo { return append([]FieldInfo(nil), p.fields...) }

// Size is the length of every message of this pattern, -1 where they differ.
func (p *Pattern) Size() int { return p.fixed }

// CanPrint reports whether every part can be sent.
func (p *Pattern) CanPrint() bool { return p.mute < 0 }

// Match parses a whole message, without its framing, into vals. args gives the
// values that "$name" refers to and may be nil. On false vals is empty. Safe for
// concurrent use with separate vals.
func (p *Pattern) Match(msg []byte, vals *Values, args Lookup) bool {
	vals.reset()
	if p.fixed >= 0 && len(msg) != p.fixed {
		return false
	}
	at := 0
	for _, o := range p.ops {
		next, ok := o.match(msg, at, vals, args)
		if !ok {
			vals.reset()
			return false
		}
		at = next
	}
	if at != len(msg) {
		vals.reset()
		return false
	}
	return true
}

// Append prints a message, without its framing, behind dst; get gives each
// field's value. On an error dst is returned as it was. A number is rounded to
// the nearest that the part can write; what does not fit is refused.
func (p *Pattern) Append(dst []byte, get Lookup) ([]byte, error) {
	if p.mute >= 0 {
		return dst, fmt.Errorf("%w: part %d can only be read", ErrValue, p.parts[p.mute]+1)
	}
	out := dst
	for i, o := range p.ops {
		var err error
		if out, err = o.print(out, len(dst), get); err != nil {
			return dst, fmt.Errorf("part %d: %w", p.parts[i]+1, err)
		}
	}
	return out, nil
}

// Explanation says how a message was read.
type Explanation struct {
	OK    bool
	Steps []Step // the parts that matched, in order
	At    int    // the byte where it stopped
	Part  int    // index of the part that did not match; the number of parts for bytes too many
	Want  string // what was expected there, for people
	Got   string // what stands there
}

// Step is one part that matched.
type Step struct {
	Part     int
	From, To int
	Field    string // "" for a constant and for what is dropped
	Text     string // the value, for people
}

// Explain matches msg and says byte by byte how far it came and why it stopped
// there.
func (p *Pattern) Explain(msg []byte, args Lookup) Explanation {
	var v Values
	var x Explanation
	at := 0
	for i, o := range p.ops {
		had := len(v.Entries)
		next, ok := o.match(msg, at, &v, args)
		if !ok {
			x.At, x.Part, x.Want, x.Got = next, p.parts[i], o.want(), got(msg, next)
			return x
		}
		step := Step{Part: p.parts[i], From: at, To: next}
		if had == len(v.Entries) {
			step.Text = quote(msg[at:next])
			x.Steps = append(x.Steps, step)
		}
		for _, e := range v.Entries[had:] {
			step.Field, step.Text = string(e.Name), e.String()
			x.Steps = append(x.Steps, step)
		}
		at = next
	}
	x.At, x.OK = at, at == len(msg)
	if !x.OK {
		x.Part, x.Want, x.Got = p.parts[len(p.parts)-1]+1, "the end of the message", got(msg, at)
	}
	return x
}

// got shows the bytes at the place where a message stopped to fit.
func got(msg []byte, at int) string {
	if at >= len(msg) {
		return "the end of the message"
	}
	const most = 16
	s := quote(msg[at:min(at+most, len(msg))])
	if len(msg)-at > most {
		s += "..."
	}
	return s
}

// quote shows text in quotes, with \x.. for what is no printable ASCII.
func quote(b []byte) string {
	s := strconv.QuoteToASCII(string(b))
	if bytes.ContainsFunc(b, func(r rune) bool { return r >= 0x80 }) {
		s = `"`
		for _, c := range b {
			if c < ' ' || c > '~' {
				s += fmt.Sprintf(`\x%02x`, c)
			} else {
				s += string(rune(c))
			}
		}
		s += `"`
	}
	return s
}

// String shows the value for people.
func (e *Entry) String() string {
	switch {
	case e.Kind == Text && e.NumOK:
		return fmt.Sprintf("%s (%v)", e.Text, e.Num)
	case e.Kind == Text:
		return quote(e.Text)
	case e.Kind == Array && len(e.Array) > 8:
		return fmt.Sprintf("%v... (%d)", e.Array[:8], len(e.Array))
	case e.Kind == Array:
		return fmt.Sprint(e.Array)
	case e.Rounded && len(e.Text) > 0:
		return string(e.Text)
	}
	return strconv.FormatFloat(e.Num, 'g', -1, 64)
}

func (v Value) any() any {
	switch v.Kind {
	case Text:
		return v.Text
	case Array:
		return v.Array
	}
	return v.Num
}

func quoteAny(v Value) string {
	if v.Kind == Text {
		return strconv.Quote(v.Text)
	}
	return fmt.Sprint(v.any())
}
