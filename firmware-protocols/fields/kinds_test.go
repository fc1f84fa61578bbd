package fields

import (
	"errors"
	"math"
	"strings"
	"testing"
)

func TestReadsMore(t *testing.T) {
	groups := []Part{{As: "regex", Pattern: `([A-Z]+)=(-?\d+)(K)?`, Fields: []string{"name", "n", "unit"}, Default: "-"}, {Text: ";"}}
	for _, c := range []struct {
		parts []Part
		msg   string
		want  string // name=value name=value; "": no match
	}{
		{groups, "AB=-12;", `name="AB" n=-12 (-12) unit="-"`},
		{groups, "AB=12K;", `name="AB" n=12 (12) unit="K"`},
		{groups, "ab=12K;", `name="-" n="-" unit="-"`},
		{[]Part{{Field: "title", As: "regex", Pattern: `.*?<b>(.*?)</b>`}, {Text: "!"}}, "x <b>y</b>!", `title="y"`},
		{[]Part{{Field: "n"}, {Field: "unit", As: "regex", Pattern: ` ?[A-Za-z]*`}}, "1.5 mV", `n=1.5 unit=" mV"`},
		{[]Part{{Field: "b", As: "block"}}, "#0a\nb", `b="a\nb"`},
		{[]Part{{Field: "b", As: "block"}}, "#15abcd", ""},
		{[]Part{{Field: "b", As: "block", Of: "u16"}}, "#13abc", ""},
		{[]Part{{Field: "b", As: "block", Of: "u8", Most: 2}}, "#13abc", ""},
		{[]Part{{List: &Part{Field: "w", As: "int"}, Separator: ",", Most: 3}}, "1,2,3,4", ""},
		{[]Part{{List: &Part{Field: "w", As: "int"}, Separator: ",", Most: 3}}, "1, 2,\t3", `w=[1 2 3]`},
		{[]Part{{List: &Part{Field: "w", As: "int"}, Separator: ","}, {Text: ",END"}}, "1,2,END", `w=[1 2]`},
		{[]Part{{List: &Part{Field: "w", As: "int"}, Separator: ","}, {Text: ",E"}, {Field: "n"}}, "", "open"},
		{[]Part{{List: &Part{Field: "w", As: "int"}, Separator: " "}, {Skip: true, As: "blanks"}}, "1 2  3  ", `w=[1 2 3]`},
		{[]Part{{Field: "t", As: "time", Layout: "DD/MM/YY hh:mm z"}}, "03/09/10 15:45 +02:00", `t=1.2835215e+09`},
		{[]Part{{Field: "t", As: "time", Layout: "DD/MM/YYYY"}}, "29/02/2100", ""},
		{[]Part{{Field: "t", As: "time", Layout: "DD/MM/YYYY"}}, "29/02/2000", `t=9.517824e+08`},
		{[]Part{{Field: "t", As: "time", Layout: "hh:mm:ss"}}, "23:59:60", `t=86400`},
		{[]Part{{Field: "t", As: "time", Layout: "hh:mm A"}}, "12:30 am", `t=1800`},
		{[]Part{{Field: "t", As: "time", Layout: "hh:mm"}}, "24:00", ""},
		{[]Part{{Field: "a", As: "bcd", Size: 1}}, "\x1a", ""},
		{[]Part{{Field: "a", As: "u64"}}, "\xff\xff\xff\xff\xff\xff\xff\xff", `a=18446744073709551615`},
		{[]Part{{Field: "a"}, {Text: ";"}, {Field: "b", Equals: "$a"}}, "1.5;1.50", `a=1.5 b=1.5`},
		{[]Part{{Field: "a"}, {Text: ";"}, {Field: "b", Equals: "$a"}}, "1.5;1.51", ""},
		{[]Part{{Equals: "$unknown"}, {Text: ";"}}, "1;", ""},
		{[]Part{{Field: "a", As: "i8", Default: -1}, {Text: ";"}}, ";", ""},
		{[]Part{{Field: "a", As: "int", Width: 3, Default: -1}, {Text: ";"}}, "---;", `a=-1`},
		{[]Part{{Skip: true, As: "word", Default: "x"}, {Text: ","}, {Field: "a", As: "int"}}, "?,1", `a=1`},
	} {
		p, err := Compile(c.parts, Options{})
		if c.want == "open" {
			if err == nil {
				t.Errorf("%s compiles", show(c.parts))
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", show(c.parts), err)
			continue
		}
		var v Values
		var s []string
		p.Match([]byte(c.msg), &v, nil)
		for i := range v.Entries {
			s = append(s, string(v.Entries[i].Name)+"="+v.Entries[i].String())
		}
		if got := strings.Join(s, " "); got != c.want {
			t.Errorf("%q reads %s, want %s; %+v", c.msg, got, c.want, p.Explain([]byte(c.msg), nil))
		}
	}
}

func TestPrintRefusesMore(t *testing.T) {
	for _, c := range []struct {
		part Part
		v    Value
	}{
		{Part{Field: "x", As: "bcd", Size: 1}, Num(100)},
		{Part{Field: "x", As: "bcd", Size: 1, Signed: true}, Num(-10)},
		{Part{Field: "x", As: "bcd", Size: 1}, Num(-1)},
		{Part{Field: "x", As: "time", Layout: "hh:mm"}, Num(86400)},
		{Part{Field: "x", As: "time", Layout: "YY-MM-DD"}, Num(-1)},
		{Part{Field: "x", As: "hex", Of: "i16"}, Num(40000)},
		{Part{Field: "x", As: "mantissa"}, Num(math.Inf(1))},
		{Part{Field: "x", As: "block"}, Str("a\nb")},
		{Part{List: &Part{Field: "x", As: "u8"}}, Nums(nil)},
		{Part{List: &Part{Field: "x", As: "u8"}, Count: 2}, Nums([]float64{1})},
		{Part{List: &Part{Field: "x", As: "u8"}}, Nums([]float64{1, 300})},
		{Part{As: "bits", Of: "u8", Bits: []Bit{{Field: "x", Size: 2}}}, Num(4)},
		{Part{As: "bits", Of: "u8", Bits: []Bit{{Field: "x", Size: 2, Signed: true}}}, Num(-3)},
	} {
		p := compile(t, c.part)
		b, err := p.Append(nil, lookup(map[string]Value{"x": c.v}))
		if !errors.Is(err, ErrValue) || len(b) != 0 {
			t.Errorf("%s %+v: %q, %v", show([]Part{c.part}), c.v, b, err)
		}
	}
}

func TestPrintsDefaults(t *testing.T) {
	p := compile(t, Part{Skip: true, As: "hex", Width: 2, Default: 10}, Part{Field: "n", Default: 1.5}, Part{Skip: true, As: "blanks"},
		Part{As: "regex", Pattern: "ok|OK", Skip: true, Default: "OK"})
	if b, err := p.Append(nil, nil); err != nil || string(b) != "0a1.5 OK" {
		t.Errorf("%q, %v", b, err)
	}
	bits := compile(t, Part{As: "bits", Of: "u8", Default: 0xf0, Bits: []Bit{{Field: "a"}, {Field: "b", At: 7}}})
	if b, err := bits.Append(nil, lookup(map[string]Value{"a": Num(1)})); err != nil || string(b) != "\xf1" {
		t.Errorf("%q, %v", b, err)
	}
	if _, err := compile(t, Part{Field: "n"}).Append(nil, nil); !errors.Is(err, ErrValue) {
		t.Errorf("a number without a value: %v", err)
	}
}

func TestEncoding(t *testing.T) {
	for _, c := range []struct {
		part Part
		o    Options
		want string // "": refused
	}{
		{Part{Text: "\u00aaU"}, Options{}, ""},
		{Part{Text: "\u00aaU"}, Options{Encoding: "latin-1"}, "\xaaU"},
		{Part{Text: "\u00b0C", Encoding: "utf-8"}, Options{Encoding: "latin-1"}, "\xc2\xb0C"},
		{Part{Text: "\u2103"}, Options{Encoding: "latin-1"}, ""},
		{Part{Text: "\xaaU"}, Options{}, "\xaaU"},
		{Part{Hex: "AA 55"}, Options{}, "\xaaU"},
		{Part{Hex: "AA 5"}, Options{}, ""},
		{Part{Text: "x", Hex: "AA"}, Options{}, ""},
		{Part{Text: "x", Encoding: "ebcdic"}, Options{}, ""},
		{Part{As: "choice", Equals: "on", Choices: []Choice{{ID: "on", Hex: "ff 00"}, {ID: "off", Wire: "\u00fe"}}, Encoding: "latin-1"}, Options{}, "\xff\x00"},
		{Part{As: "choice", Equals: "off", Choices: []Choice{{ID: "on", Hex: "ff 00"}, {ID: "off", Wire: "\u00fe"}}, Encoding: "latin-1"}, Options{}, "\xfe"},
	} {
		p, err := Compile([]Part{c.part}, c.o)
		if c.want == "" {
			if err == nil {
				t.Errorf("%s compiles", show([]Part{c.part}))
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", show([]Part{c.part}), err)
			continue
		}
		if b, err := p.Append(nil, nil); err != nil || string(b) != c.want {
			t.Errorf("%s: %q, %v", show([]Part{c.part}), b, err)
		}
	}
}

// An integer that a float64 does not hold is marked, carries its digits, and
// prints from them to the same bytes.
func TestRounded(t *testing.T) {
	for _, c := range []struct {
		part    Part
		msg     string
		rounded bool
		text    string
	}{
		{Part{As: "int"}, "9007199254740991", false, ""},
		{Part{As: "int"}, "9007199254740992", true, "9007199254740992"},
		{Part{As: "int"}, "-9007199254740993", true, "-9007199254740993"},
		{Part{As: "int"}, "18446744073709551615", true, "18446744073709551615"},
		{Part{As: "hex"}, "20000000000001", true, "9007199254740993"},
		{Part{As: "i64"}, "\xff\xdf\xff\xff\xff\xff\xff\xff", true, "-9007199254740993"},
		{Part{As: "u56", Order: "little"}, "\x01\x00\x00\x00\x00\x00\x20", true, "9007199254740993"},
		{Part{As: "bcd", Size: 8}, "\x90\x07\x19\x92\x54\x74\x09\x93", true, "9007199254740993"},
		{Part{As: "int", Scale: 0.5}, "9007199254740993", true, ""},
	} {
		c.part.Field = "n"
		p := compile(t, c.part)
		var v Values
		if !p.Match([]byte(c.msg), &v, nil) {
			t.Errorf("%q does not match", c.msg)
			continue
		}
		if e := &v.Entries[0]; e.Rounded != c.rounded || string(e.Text) != c.text || e.Kind != Number || !e.NumOK {
			t.Errorf("%q reads %+v", c.msg, e)
		}
		b, err := p.Append(nil, v.Lookup)
		if scaled := c.part.Scale != 0; scaled != (err != nil) || !scaled && string(b) != c.msg {
			t.Errorf("%q prints %q, %v", c.msg, b, err)
		}
	}
}
