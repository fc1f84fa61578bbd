package fields

import (
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
)

// FuzzDecimal compares with strconv, to the last bit.
func FuzzDecimal(f *testing.F) {
	for _, s := range []string{"0", "-0", "1.5", "+1.23456789E-03", "9007199254740993", "123456789012345678901234567890", "0.1e-400",
		"1e400", ".5", "5.", "1e", "1e+", "nan", "-inf", "1.7976931348623157e308", "2.2250738585072011e-308", "5e-324",
		"0.000000000000000000000000000001", "100000000000000016777215", "1844674407370955161600000", "1.00000000000000011102230246251565e0", "5eV", "--5", "1_0", "0x10"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		x, n, ok := decimal([]byte(s), '.', false)
		if n < 0 || n > len(s) {
			t.Fatalf("%q: %d bytes", s, n)
		}
		if !ok {
			if y, err := strconv.ParseFloat(s, 64); err == nil && plainNumber(s) {
				t.Fatalf("%q is refused, strconv says %v", s, y)
			}
			return
		}
		head := s[:n]
		y, err := strconv.ParseFloat(head, 64)
		if strings.EqualFold(strings.TrimLeft(head, "+-"), "ovf") || math.IsNaN(x) {
			return
		}
		if err != nil && !math.IsInf(y, 0) {
			t.Fatalf("%q reads %v, strconv says %v", head, x, err)
		}
		if math.Float64bits(x) != math.Float64bits(y) {
			t.Fatalf("%q reads %v, strconv %v", head, x, y)
		}
		if strings.Contains(head, ".") {
			z, m, ok := decimal([]byte(strings.Replace(head, ".", ",", 1)), ',', false)
			if !ok || m != n || z != x {
				t.Fatalf("%q with a comma reads %v", head, z)
			}
		}
	})
}

func plainNumber(s string) bool {
	return s != "" && strings.Trim(s, "+-.eE0123456789") == ""
}

// FuzzMatch reads arbitrary bytes by patterns made from a seed: nothing panics,
// matching and explaining agree, and what one Values held changes nothing.
func FuzzMatch(f *testing.F) {
	cases := vectors(f)
	for i, c := range cases {
		f.Add(c.bytes(f), uint64(i))
	}
	for i, s := range []string{"T=21.50 C", "ff3", "\x01\x03\x02\x00\x05\x78\x47", "+9.91E37,OVL", "#0abc", "#9999999999", "{\u200b}", "1,2,3,,", ""} {
		f.Add([]byte(s), uint64(1000+i))
	}
	var fixed []*Pattern
	for _, c := range cases {
		p, err := Compile(c.Parts, Options{})
		if err != nil {
			f.Fatal(err)
		}
		fixed = append(fixed, p)
	}
	f.Fuzz(func(t *testing.T, msg []byte, seed uint64) {
		r := rand.New(rand.NewPCG(seed, 2))
		var used Values
		fixed[seed%uint64(len(fixed))].Match(msg, &used, nil)
		parts := make([]Part, 1+r.IntN(4))
		for i := range parts {
			parts[i] = randomPart(r, i)
			if chance(r, 20) && parts[i].Text == "" {
				parts[i].Default = pick[any](r, 0, "x", 1.5, math.NaN())
			}
		}
		p, err := Compile(parts, Options{SCPI: chance(r, 50)})
		if err != nil {
			return
		}
		agree(t, p, parts, msg, &used)
		vals := map[string]Value{}
		for _, f := range p.Fields() {
			vals[f.Name] = randomValue(r, f)
		}
		if good, err := p.Append(nil, lookup(vals)); err == nil && len(good) > 0 {
			at := r.IntN(len(good)) // a good message with some bytes replaced
			end := min(len(good), at+r.IntN(3))
			agree(t, p, parts, append(append(append([]byte(nil), good[:at]...), msg[:min(len(msg), 4)]...), good[end:]...), &used)
		}
	})
}

// agree checks what must hold for any message.
func agree(t *testing.T, p *Pattern, parts []Part, msg []byte, used *Values) {
	t.Helper()
	var fresh Values
	ok := p.Match(msg, &fresh, nil)
	x := p.Explain(msg, nil)
	if x.OK != ok || x.At < 0 || x.At > len(msg) || !ok && (x.Want == "" || x.Got == "" || len(fresh.Entries) > 0) {
		t.Fatalf("%q by %s: %v, but %+v", msg, show(parts), ok, x)
	}
	if p.Match(msg, used, nil) != ok || len(used.Entries) != len(fresh.Entries) {
		t.Fatalf("%q by %s reads differently with used Values", msg, show(parts))
	}
	for i := range used.Entries {
		if !used.Entries[i].same(&fresh.Entries[i]) || len(used.Entries[i].Array) > maxMost {
			t.Fatalf("%q by %s: %v and %v", msg, show(parts), &used.Entries[i], &fresh.Entries[i])
		}
	}
	if !ok || !p.CanPrint() {
		return
	}
	again, err := p.Append(nil, fresh.Lookup)
	if err != nil {
		return // such as nan, or a text that may not be sent
	}
	if y := p.Explain(again, nil); !y.OK && !defaulted(parts) {
		t.Fatalf("%q by %s prints as %q, which does not read back: %+v", msg, show(parts), again, y)
	}
}

// defaulted reports whether a default may have been read: a value that cannot be
// written is lost then.
func defaulted(parts []Part) bool {
	for _, p := range parts {
		if p.Default != nil {
			return true
		}
	}
	return false
}
