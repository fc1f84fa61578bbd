package fields

import (
	"errors"
	"math"
	"strings"
	"testing"
)

// eachKind are parts of the rarer kinds with a message and its values.
var eachKind = []struct {
	name  string
	parts []Part
	msg   string
	vals  map[string]Value
}{
	{"list", []Part{{Text: "D"}, {List: &Part{Field: "w", As: "number"}, Separator: ","}, {Text: ";"}}, "D1,-2.5,30;", map[string]Value{"w": Nums([]float64{1, -2.5, 30})}},
	{"list of bytes", []Part{{List: &Part{Field: "w", As: "i16", Order: "little"}}, {Checksum: "xor"}}, "\x01\x00\xff\xff\x01", map[string]Value{"w": Nums([]float64{1, -1})}},
	{"list of a known count", []Part{{List: &Part{Field: "w", As: "u8"}, Count: 2}, {Field: "rest", As: "u8"}}, "\x01\x02\x03", map[string]Value{"w": Nums([]float64{1, 2}), "rest": Num(3)}},
	{"block of bytes", []Part{{Field: "b", As: "block"}, {Text: "!"}}, "#13a,b!", map[string]Value{"b": Str("a,b")}},
	{"block of floats", []Part{{Field: "b", As: "block", Of: "f32"}}, "#18\x3f\x80\x00\x00\xbf\x80\x00\x00", map[string]Value{"b": Nums([]float64{1, -1})}},
	{"bits", []Part{{As: "bits", Of: "u16", Order: "little", Bits: []Bit{{Field: "on"}, {Field: "mode", At: 4, Size: 3}, {Field: "t", At: 8, Size: 8, Signed: true}}}}, "\x51\xfe", map[string]Value{"on": Num(1), "mode": Num(5), "t": Num(-2)}},
	{"bits in hex", []Part{{As: "bits", Of: "hex", Width: 2, Upper: true, Bits: []Bit{{Field: "hi", At: 4, Size: 4}, {Field: "lo", Size: 4}}}, {Text: "H"}}, "5AH", map[string]Value{"hi": Num(5), "lo": Num(10)}},
	{"bits of 64", []Part{{As: "bits", Of: "u64", Bits: []Bit{{Field: "top", At: 63}, {Field: "low"}}}}, "\x80\x00\x00\x00\x00\x00\x00\x01", map[string]Value{"top": Num(1), "low": Num(1)}},
	{"bcd", []Part{{Field: "a", As: "bcd", Size: 2}, {Field: "b", As: "bcd", Size: 2, Order: "little", Signed: true}}, "\x12\x34\x56\xf7", map[string]Value{"a": Num(1234), "b": Num(-756)}},
	{"bcd scaled", []Part{{Field: "a", As: "bcd", Size: 3, Scale: 0.01}}, "\x01\x23\x45", map[string]Value{"a": Num(123.45)}},
	{"mantissa", []Part{{Field: "a", As: "mantissa", Sign: "always"}}, "+123-04", map[string]Value{"a": Num(0.0123)}},
	{"mantissa of four digits", []Part{{Field: "a", As: "mantissa", Decimals: four()}}, "-1230-05", map[string]Value{"a": Num(-0.0123)}},
	{"bytes in hex", []Part{{Field: "a", As: "hex", Of: "f32", Upper: true}, {Field: "b", As: "hex", Of: "i16", Order: "little"}}, "41C80000feff", map[string]Value{"a": Num(25), "b": Num(-2)}},
	{"time", []Part{{Field: "t", As: "time", Layout: "YYYY-MM-DD hh:mm:ss.sss"}}, "2001-09-09 01:46:40.250", map[string]Value{"t": Num(1000000000.25)}},
	{"time of the day", []Part{{Field: "t", As: "time", Layout: "hhmmss.ss"}, {Text: ","}}, "010203.50,", map[string]Value{"t": Num(3723.5)}},
	{"time with words", []Part{{Field: "t", As: "time", Layout: "D MMM YYYY h:mm A z"}}, "3 Sep 2010 3:45 PM +0000", map[string]Value{"t": Num(1283528700)}},
	{"time with a letter", []Part{{Field: "t", As: "time", Layout: "YYYYMMDD'h'hhmm"}}, "19700102h0001", map[string]Value{"t": Num(86460)}},
	{"nibbles", []Part{{Text: "\xabc"}, {Checksum: "sum8", As: "nibbles"}}, "\xabc0>", map[string]Value{}},
	{"sum of a part", []Part{{Text: "abcdefg"}, {Checksum: "xor", From: 2, Until: 1}}, "abcdefg\x04", map[string]Value{}},
}

func four() *int { n := 4; return &n }

func TestEachKind(t *testing.T) {
	for _, c := range eachKind {
		t.Run(c.name, func(t *testing.T) {
			p, err := Compile(c.parts, Options{Print: true})
			if err != nil {
				t.Fatal(err)
			}
			got, err := p.Append(nil, lookup(c.vals))
			if err != nil || string(got) != c.msg {
				t.Errorf("prints %q, %v; want %q", got, err, c.msg)
			}
			var v Values
			if !p.Match([]byte(c.msg), &v, nil) {
				t.Fatalf("no match: %+v", p.Explain([]byte(c.msg), nil))
			}
			for _, f := range p.Fields() {
				e, ok := v.Get(f.Name)
				want := &Entry{}
				want.Kind, want.Num, want.Text, want.Array = c.vals[f.Name].Kind, c.vals[f.Name].Num, []byte(c.vals[f.Name].Text), c.vals[f.Name].Array
				if !ok || !e.same(want) {
					t.Errorf("%s reads %v, want %v", f.Name, e, want)
				}
			}
			for i := range c.msg { // every cut message is refused or is shorter by right
				if p.Match([]byte(c.msg[:i]), &v, nil) && p.Size() >= 0 {
					t.Errorf("%d bytes are taken, too", i)
				}
			}
		})
	}
}

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
