package fields

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// Each list is refused at the part, the key and with the code that is said.
var refused = []struct {
	parts string
	index int
	key   string
	code  string
}{
	{`[]`, 0, "parts", CodeEmpty},
	{`[{}]`, 0, "field", CodeEmpty},
	{`[a, {field: x, text: x}]`, 1, "field", CodeMixed},
	{`[{field: x, skip: true}]`, 0, "skip", CodeMixed},
	{`[{text: x, as: int}]`, 0, "text", CodeMixed},
	{`[{text: x, width: 3}]`, 0, "width", CodeKey},
	{`[{text: x, equals: y}]`, 0, "equals", CodeMixed},
	{`[{field: a}, {field: b}]`, 0, "as", CodeOpen},
	{`[{field: a, as: text}, {field: b}]`, 0, "as", CodeOpen},
	{`[{field: a, as: word}, {field: b, as: word}]`, 0, "as", CodeOpen},
	{`[{field: a}, "5", {field: b}]`, 0, "as", CodeOpen},
	{`[{field: a}, "e", {field: b}]`, 0, "as", CodeOpen},
	{`[{field: a}, {field: u, as: chars, set: "a-e+"}, {field: b}]`, 0, "as", CodeOpen},
	{`[{field: a, as: hex}, "C", {field: b}]`, 0, "as", CodeOpen},
	{`[{field: a}, {field: b, as: choice, choices: [x, e5]}, {field: c, as: word}]`, 0, "as", CodeOpen},
	{`[{field: a, as: choice, choices: [x, xy]}, "y", {field: c, as: word}]`, 0, "as", CodeOpen},
	{`[{list: {field: w, as: int}, separator: ","}, ",E", {field: b, as: word}]`, 0, "as", CodeOpen},
	{`[{list: {field: w, as: u8}}, {field: b, as: word}]`, 0, "as", CodeOpen},
	{`[{field: a}, ",", {field: a}]`, 2, "field", CodeDuplicate},
	{`[{field: $a}]`, 0, "field", CodeRange},
	{`[{field: a, as: floot}]`, 0, "as", CodeKind},
	{`[{field: a, as: text, decimals: 2}]`, 0, "decimals", CodeKey},
	{`[{field: a, fields: [b]}]`, 0, "fields", CodeMixed},
	{`[{as: number, fields: [b]}]`, 0, "fields", CodeKey},
	{`[{as: u8, bits: [{field: b}]}]`, 0, "bits", CodeKey},
	{`[{field: a, decimals: 21}]`, 0, "decimals", CodeRange},
	{`[{field: a, upper: true}]`, 0, "upper", CodeKey},
	{`[{field: a, width: -1}]`, 0, "width", CodeRange},
	{`[{field: a, width: 5000}]`, 0, "width", CodeRange},
	{`[{field: a, width: 5, max_width: 6}]`, 0, "width", CodeMixed},
	{`[{field: a, min_width: 5, max_width: 4}]`, 0, "min_width", CodeRange},
	{`[{field: a, width: 5, pad: "ab"}]`, 0, "pad", CodeRange},
	{`[{field: a, width: 5, pad: "-"}]`, 0, "pad", CodeRange},
	{`[{field: a, width: 5, pad: "7"}]`, 0, "pad", CodeRange},
	{`[{field: a, min_width: 5, pad: "*"}]`, 0, "pad", CodeRange},
	{`[{field: a, width: 5, pad: "0", align: left}]`, 0, "align", CodeRange},
	{`[{field: a, as: auto, width: 5, pad: "0"}]`, 0, "pad", CodeRange},
	{`[{field: a, pad: "0"}]`, 0, "pad", CodeMissing},
	{`[{field: a, as: text, min_width: 3}, ","]`, 0, "pad", CodeMissing},
	{`[{field: a, as: text, min_width: 3, pad: ","}, ","]`, 0, "pad", CodeOpen},
	{`[{field: a, width: 6, sign: apart, pad: "*"}]`, 0, "pad", CodeRange},
	{`[{field: a, sign: blank, blanks: false}]`, 0, "blanks", CodeRange},
	{`[{field: a, sign: never}]`, 0, "sign", CodeRange},
	{`[{field: a, scale: .inf}]`, 0, "scale", CodeRange},
	{`[{field: a, as: hex, sign: always}]`, 0, "sign", CodeKey},
	{`[{field: a, as: hex, order: little}]`, 0, "order", CodeKey},
	{`[{field: a, as: hex, of: word}]`, 0, "of", CodeKind},
	{`[{field: a, as: hex, of: u8, width: 4}]`, 0, "width", CodeKey},
	{`[{field: a, as: binary, digits: "00"}]`, 0, "digits", CodeRange},
	{`[{field: a, as: binary, digits: "- "}]`, 0, "digits", CodeRange},
	{`[{field: a, as: chars}]`, 0, "set", CodeMissing},
	{`[{field: a, as: chars, set: "z-a"}]`, 0, "set", CodeRange},
	{`[{field: a, as: u8, order: middle}]`, 0, "order", CodeRange},
	{`[{field: a, as: u8, default: x}]`, 0, "default", CodeDefault},
	{`[{field: a, as: u8, equals: 300}]`, 0, "equals", CodeDefault},
	{`[{field: a, as: word, equals: 5}]`, 0, "equals", CodeDefault},
	{`[{field: a, as: choice, choices: [x], default: y}]`, 0, "default", CodeDefault},
	{`[{field: a, default: {x: 1}}]`, 0, "default", CodeDefault},
	{`[{field: a, as: choice}]`, 0, "choices", CodeMissing},
	{`[{field: a, as: choice, choices: [x, x]}]`, 0, "choices", CodeDuplicate},
	{`[{field: a, as: choice, any_case: true, choices: [x, X]}]`, 0, "choices", CodeDuplicate},
	{`[{field: a, as: choice, choices: [{wire: 5}]}]`, 0, "choices", CodeMissing},
	{`[{field: a, as: choice, choices: [{id: x, wire: 5}]}]`, 0, "choices", CodeRange},
	{`[{field: a, as: choice, width: 3, choices: [x]}]`, 0, "width", CodeKey},
	{`[{field: a, as: choice, of: u8, choices: [{id: x, wire: 256}]}]`, 0, "choices", CodeDefault},
	{`[{field: a, as: choice, of: u8, choices: [{id: x, wire: 1}, {id: y, wire: 1}]}]`, 0, "choices", CodeDuplicate},
	{`[{field: a, as: choice, of: word, choices: [x]}]`, 0, "of", CodeKind},
	{`[{field: a, as: choice, of: nothing, choices: [x]}]`, 0, "of", CodeKind},
	{`[{field: a, as: choice, of: choice, choices: [x]}]`, 0, "of", CodeKind},
	{`[{as: bits, of: u8}]`, 0, "field", CodeEmpty},
	{`[{as: bits, bits: [{field: a}]}]`, 0, "bits", CodeMissing},
	{`[{as: bits, of: i8, bits: [{field: a}]}]`, 0, "of", CodeKind},
	{`[{as: bits, of: f32, bits: [{field: a}]}]`, 0, "of", CodeKind},
	{`[{as: bits, of: number, bits: [{field: a}]}]`, 0, "of", CodeKind},
	{`[{as: bits, of: u8, scale: 2, bits: [{field: a}]}]`, 0, "scale", CodeKey},
	{`[{as: bits, of: u8, bits: [{at: 1}]}]`, 0, "bits", CodeMissing},
	{`[{as: bits, of: u8, bits: [{field: a, at: 8}]}]`, 0, "bits", CodeRange},
	{`[{as: bits, of: u8, bits: [{field: a, at: 4, size: 5}]}]`, 0, "bits", CodeRange},
	{`[{as: bits, of: u8, bits: [{field: a, size: 3}, {field: b, at: 2}]}]`, 0, "bits", CodeDuplicate},
	{`[{field: a, as: bcd}]`, 0, "size", CodeMissing},
	{`[{field: a, as: mantissa, decimals: 0}]`, 0, "decimals", CodeRange},
	{`[{field: a, as: time}]`, 0, "layout", CodeMissing},
	{`[{field: a, as: time, layout: "YYYY-MM"}]`, 0, "layout", CodePattern},
	{`[{field: a, as: time, layout: "hh:mm:mm"}]`, 0, "layout", CodeDuplicate},
	{`[{field: a, as: time, layout: "hh:mmm"}]`, 0, "layout", CodePattern},
	{`[{field: a, as: time, layout: "hmm"}]`, 0, "layout", CodePattern},
	{`[{field: a, as: time, layout: "mm A"}]`, 0, "layout", CodePattern},
	{`[{field: a, as: time, layout: "at 'noon"}]`, 0, "layout", CodePattern},
	{`[{field: a, as: time, layout: "---"}]`, 0, "layout", CodePattern},
	{`[{field: a, as: regex}]`, 0, "pattern", CodeMissing},
	{`[{field: a, as: regex, pattern: "("}]`, 0, "pattern", CodePattern},
	{`[{field: a, as: regex, pattern: "a", equals: a}]`, 0, "equals", CodeKey},
	{`[{as: regex, pattern: "(a)", fields: [x, y]}]`, 0, "fields", CodeRange},
	{`[{as: regex, pattern: "(a)(b)", fields: [x, x]}]`, 0, "fields", CodeDuplicate},
	{`[{field: a, as: block, of: word}]`, 0, "of", CodeKind},
	{`[{field: a, as: block, scale: 2}]`, 0, "scale", CodeKey},
	{`[{field: a, as: block, most: -1}]`, 0, "most", CodeRange},
	{`[{list: {field: a, as: word}, separator: ","}]`, 0, "list", CodeKind},
	{`[{list: {field: a}}]`, 0, "separator", CodeMissing},
	{`[{list: {field: a}, separator: "e"}]`, 0, "separator", CodeOpen},
	{`[{list: {as: u8}}]`, 0, "list", CodeMissing},
	{`[{list: {field: a, as: u9}}]`, 0, "list.as", CodeKind},
	{`[{list: {field: a, as: u8, default: 1}}]`, 0, "list", CodeKey},
	{`[{list: "x"}]`, 0, "list", CodeMixed},
	{`[{list: {field: a, as: u8}, as: u8}]`, 0, "as", CodeKey},
	{`[{list: {field: a, as: u8}, count: 5, most: 4}]`, 0, "count", CodeRange},
	{`[{list: {field: a, as: u8}, count: -5}]`, 0, "count", CodeRange},
	{`[{checksum: crc17}]`, 0, "checksum", CodeRange},
	{`[{checksum: xor, as: octal}]`, 0, "as", CodeRange},
	{`[{checksum: xor, default: 1}]`, 0, "default", CodeKey},
	{`[{checksum: xor, from: -1}]`, 0, "from", CodeRange},
	{`[{checksum: xor, width: 2}]`, 0, "width", CodeKey},
	{`["\xAA"]`, 0, "text", CodeEncoding},
	{`[{hex: "5"}]`, 0, "hex", CodeRange},
	{`[{list: {field: a}, separator: "µ"}]`, 0, "separator", CodeEncoding},
	{`[{field: a, as: choice, choices: [{id: x, wire: "µ"}]}]`, 0, "choices", CodeEncoding},
}

func TestCompileRefuses(t *testing.T) {
	for _, c := range refused {
		var parts []Part
		if err := yaml.UnmarshalWithOptions([]byte(c.parts), &parts, yaml.Strict()); err != nil {
			t.Errorf("%s: %v", c.parts, err)
			continue
		}
		_, err := Compile(parts, Options{})
		var pe *PartError
		if !errors.As(err, &pe) || !errors.Is(err, ErrPart) {
			t.Errorf("%s is taken", c.parts)
			continue
		}
		if pe.Index != c.index || pe.Key != c.key || pe.Code != c.code || pe.Hint == "" || strings.Contains(pe.Error(), "%!") {
			t.Errorf("%s: %d %s %s: %v; want %d %s %s", c.parts, pe.Index, pe.Key, pe.Code, err, c.index, c.key, c.code)
		}
	}
	if _, err := Compile([]Part{{Skip: true, As: "u8"}}, Options{}); err != nil {
		t.Error(err)
	}
	for _, p := range []Part{{Skip: true, As: "u8"}, {Field: "a", As: "regex", Pattern: "a"}, {As: "regex", Pattern: "(a)", Fields: []string{"x"}}} {
		q, err := Compile([]Part{p}, Options{})
		if err != nil || q.CanPrint() {
			t.Errorf("%s: can print, %v", show([]Part{p}), err)
			continue
		}
		if _, err := q.Append(nil, lookup(map[string]Value{"a": Str("a"), "x": Str("a")})); !errors.Is(err, ErrValue) {
			t.Errorf("%s prints: %v", show([]Part{p}), err)
		}
		both, err := Compile([]Part{{Field: "n"}, {Text: ","}, p, {Text: ","}, p.renamed()}, Options{})
		if err != nil || !both.Fields()[0].CanPrint {
			t.Errorf("%+v, %v", both, err)
			continue
		}
		for _, f := range append(q.Fields(), both.Fields()[1:]...) {
			if f.CanPrint {
				t.Errorf("%s says that it prints %s", show([]Part{p}), f.Name)
			}
		}
		if _, err := Compile([]Part{p}, Options{Print: true}); err == nil {
			t.Errorf("%s is to be sent", show([]Part{p}))
		}
	}
}

func (p *Part) renamed() Part {
	q := *p
	if q.Field != "" {
		q.Field += "2"
	}
	if len(q.Fields) > 0 {
		q.Fields = []string{"y"}
	}
	return q
}

// FuzzCompile puts anything into every key: nothing panics, and what compiles
// reads any bytes.
func FuzzCompile(f *testing.F) {
	for i, k := range Kinds() {
		f.Add(k, "u16", " ", "little", "YYYY-MM-DD hh:mm", "(a|b)+", "a-z", ",", i, 8, 2, 0, 0.1, 1.0, uint16(i*37), []byte("12.5"))
	}
	f.Fuzz(func(t *testing.T, as, of, pad, order, layout, pattern, set, sep string, n, width, size, from int, scale, offset float64, flags uint16, msg []byte) {
		on := func(bit int) bool { return flags>>bit&1 == 1 }
		p := Part{As: as}
		if on(0) {
			p.Of, p.Set, p.Digits, p.Point, p.Layout, p.Pattern = of, set, set, sep, layout, pattern
		} else {
			switch as { // the keys that this kind needs
			case "chars":
				p.Set = set
			case "time":
				p.Layout = layout
			case "regex":
				p.Pattern = pattern
			case "bits", "choice", "block", "hex":
				p.Of = of
			case "bcd":
				p.Size = size
			}
		}
		if on(1) {
			p.Pad, p.Width, p.MaxWidth, p.MinWidth = pad, width, n, size
		}
		if on(2) {
			p.Order = order
		}
		if on(3) {
			p.Scale, p.Offset = scale, offset
		}
		if on(4) {
			p.Signed, p.Upper, p.AnyCase, p.SCPI = on(11), on(12), on(13), on(14)
		}
		if as == "choice" {
			p.Choices = []Choice{{ID: "a", Wire: n}, {ID: sep, Wire: set}, {Wire: scale}}
		}
		if as == "bits" {
			p.Bits = []Bit{{Field: "f", At: n, Size: size, Signed: on(11)}, {Field: "g", At: width}}
		} else if !on(5) {
			p.Field = "f"
		} else {
			p.Skip = true
		}
		if on(6) {
			p.Default = []any{n, set, scale, math.NaN()}[size&3]
		}
		if on(7) {
			p.Equals = []any{n, set, scale, "$f"}[width&3]
		}
		parts := []Part{p}
		if on(8) {
			parts = []Part{{List: &p, Separator: sep, Count: n, Most: size}}
		}
		if on(9) {
			parts = append(parts, Part{Text: pad})
		}
		if on(10) {
			parts = append(parts, Part{Checksum: "xor", From: from, Until: size, As: "hex"})
		}
		q, err := Compile(parts, Options{})
		if err != nil {
			var pe *PartError
			if !errors.As(err, &pe) || pe.Key == "" || pe.Hint == "" || pe.Index < 0 || pe.Index >= len(parts) {
				t.Fatalf("%#v", err)
			}
			return
		}
		var used Values
		agree(t, q, parts, msg, &used)
	})
}
