package fields

import (
	"math"
	"math/rand/v2"
	"testing"
)

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
