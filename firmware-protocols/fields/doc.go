// Package fields describes a message, text or binary, by a list of typed parts.
// One list both reads and writes: what parses also prints. It does no I/O and
// knows no framing; SPEC.md defines every kind of part.
//
//	p, err := fields.Compile([]fields.Part{
//		{Text: "T="}, {Field: "temperature", Decimals: &two}, {Text: " C"},
//	}, fields.Options{})
//	...
//	var vals fields.Values // one for each device
//	if p.Match([]byte("T=21.50 C"), &vals, nil) {
//		t, _ := vals.Get("temperature") // t.Num is 21.5
//	}
//	msg, err := p.Append(nil, func(string) (fields.Value, bool) { return fields.Num(21.5), true })
//	// T=21.50 C
//
// Matching looks at each byte a bounded number of times, never goes back over a
// part that fitted, and does not allocate once Values has grown (as: regex and
// numbers of more than 19 digits do). Every list whose end could not be told is
// refused by Compile, and every value that would be read back otherwise is
// refused by Append, so that a text typed by a person cannot become a second
// command.
//
// The abilities are those of the format converters of EPICS StreamDevice
// (https://paulscherrerinstitute.github.io/StreamDevice/formats.html); SPEC.md
// has the table.
//
// Known limits: numbers are float64, integers of 2^53 and more are marked Rounded and
// carry their digits as text; a regular expression only reads; no substitution
// by regular expressions.
package fields
