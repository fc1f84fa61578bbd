package checksum

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"math/bits"
	"os"
	"sort"
	"strings"
	"testing"
)

func lookup(t testing.TB, name string) Algorithm {
	a, ok := Lookup(name)
	if !ok {
		t.Fatalf("no %s", name)
	}
	return a
}

func TestCheckValues(t *testing.T) {
	for _, s := range specs {
		a := lookup(t, s.name)
		if got := a.Sum([]byte("123456789")); got != s.check {
			t.Errorf("%s is %X, want %X", s.name, got, s.check)
		}
		if a.Size() != s.size || a.Name() != s.name {
			t.Errorf("%s is found as %s of %d bytes", s.name, a.Name(), a.Size())
		}
		for _, alias := range a.Aliases() {
			if b := lookup(t, alias); b.Name() != s.name {
				t.Errorf("alias %s of %s is taken by %s", alias, s.name, b.Name())
			}
		}
	}
}

// TestAgainstBits computes every CRC bit by bit, as its definition says.
func TestAgainstBits(t *testing.T) {
	msg := make([]byte, 300)
	for i := range msg {
		msg[i] = byte(i*i*7 + i>>3)
	}
	for _, s := range specs {
		if s.kind != crc {
			continue
		}
		a := lookup(t, s.name)
		for _, n := range []int{0, 1, 2, 3, 7, 64, 300} {
			if got, want := a.Sum(msg[:n]), slow(&s, msg[:n]); got != want {
				t.Errorf("%s of %d bytes is %X, bit by bit %X", s.name, n, got, want)
			}
		}
	}
}

func slow(s *spec, p []byte) uint32 {
	w := 8 * s.size
	x := uint64(s.init)
	for _, c := range p {
		if s.reflect {
			c = bits.Reverse8(c)
		}
		for i := 7; i >= 0; i-- {
			top := x >> (w - 1) & 1
			x = x << 1 & (1<<w - 1)
			if top != uint64(c>>i&1) {
				x ^= uint64(s.poly)
			}
		}
	}
	if s.reflect {
		x = bits.Reverse64(x) >> (64 - w)
	}
	return uint32(x) ^ s.xorOut
}

func TestNames(t *testing.T) {
	names := Names()
	if len(names) != len(specs) || !sort.StringsAreSorted(names) {
		t.Errorf("%q", names)
	}
	for _, c := range [][2]string{{"CRC-16/MODBUS", "crc16-modbus"}, {"crc_16_xmodem", "crc16-xmodem"}, {"XOR", "xor8"}, {"x25", "crc16-x-25"},
		{"crc16", "crc16-arc"}, {"crc16-ccitt", "crc16-ccitt-false"}, {"crc16-x25", "crc16-x-25"}, {"negsum", "negsum8"}} {
		if a := lookup(t, c[0]); a.Name() != c[1] {
			t.Errorf("%s is %s, want %s", c[0], a.Name(), c[1])
		}
	}
	for _, name := range []string{"", "-", "crc", "md5", "crc16-modbus2"} {
		if a, ok := Lookup(name); ok {
			t.Errorf("%q is %s", name, a.Name())
		}
	}
	var none Algorithm
	if none.Size() != 0 || none.Sum([]byte("x")) != 0 || len(Append(nil, none, 1, Hex, false, false)) != 0 {
		t.Error("the zero value sums")
	}
}

// vectors is vectors/checksum.json.
type vectors struct {
	About string `json:"about"`
	Cases []struct {
		Name  string `json:"name"`
		Kind  string `json:"kind"`
		As    string `json:"as"`
		Order string `json:"order"`
		Upper bool   `json:"upper"`
		Hex   string `json:"hex"`
		Text  string `json:"text"`
		Want  string `json:"want"` // as text, or bytes in hex where the form is binary
	} `json:"cases"`
}

func TestVectors(t *testing.T) {
	b, err := os.ReadFile("vectors/checksum.json")
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&v); err != nil {
		t.Fatal(err)
	}
	for _, c := range v.Cases {
		a := lookup(t, c.Kind)
		f, ok := ParseForm(c.As)
		if !ok {
			t.Fatalf("%s: form %q", c.Name, c.As)
		}
		body, err := hex.DecodeString(c.Hex)
		if err != nil {
			t.Fatal(c.Name, err)
		}
		body = append(body, c.Text...)
		little := c.Order == "little"
		got := Append(nil, a, a.Sum(body), f, little, c.Upper)
		text := string(got)
		if f == Binary {
			text = string(Append(nil, a, a.Sum(body), Hex, little, false))
		}
		if text != c.Want || len(got) != Width(a, f) {
			t.Errorf("%s: %q in %d bytes, want %q", c.Name, text, len(got), c.Want)
		}
		if x, ok := Parse(got, a, f, little); !ok || x != a.Sum(body) {
			t.Errorf("%s: %q reads as %X, %v", c.Name, got, x, ok)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	s, c := lookup(t, "sum8"), lookup(t, "crc16-arc")
	for _, r := range []struct {
		a Algorithm
		f Form
		p string
	}{
		{s, Hex, ""}, {s, Hex, "1"}, {s, Hex, "123"}, {s, Hex, "1g"}, {s, Hex, " 1"}, {s, Hex, "@1"},
		{s, Binary, ""}, {s, Binary, "ab"}, {c, Binary, "a"},
		{s, Decimal, ""}, {s, Decimal, "256"}, {s, Decimal, "0012"}, {s, Decimal, "1 "}, {s, Decimal, "-1"}, {s, Decimal, "  "},
		{c, Decimal, "65536"}, {lookup(t, "crc32"), Decimal, "4294967296"}, {s, Form(9), "1"},
	} {
		if x, ok := Parse([]byte(r.p), r.a, r.f, false); ok {
			t.Errorf("%s %v %q reads as %d", r.a.Name(), r.f, r.p, x)
		}
	}
	if x, ok := Parse([]byte(" 7"), s, Decimal, false); !ok || x != 7 {
		t.Errorf("%d, %v", x, ok)
	}
}

func TestNoAllocation(t *testing.T) {
	msg := bytes.Repeat([]byte("T=21.5 C"), 8)
	buf := make([]byte, 0, 16)
	for _, name := range Names() {
		a := lookup(t, name)
		for f := Binary; f <= Decimal; f++ {
			if n := testing.AllocsPerRun(20, func() {
				p := Append(buf, a, a.Sum(msg), f, true, true)
				if _, ok := Parse(p, a, f, true); !ok {
					t.Error(name)
				}
			}); n != 0 {
				t.Errorf("%s %v: %v allocations", name, f, n)
			}
		}
	}
}

// FuzzParse checks that what reads as a checksum is what Append writes.
func FuzzParse(f *testing.F) {
	for i, s := range []string{"DD", "01dd", "  7", "255", "256", "4B37", "4294967295", "4294967296", "00", "\x4b\x37"} {
		f.Add([]byte(s), uint8(i), uint8(i), i&1 == 0)
	}
	names := Names()
	f.Fuzz(func(t *testing.T, p []byte, which, form uint8, little bool) {
		a, fm := lookup(t, names[int(which)%len(names)]), Form(form%3)
		x, ok := Parse(p, a, fm, little)
		if !ok {
			if len(p) == Width(a, Binary) && fm == Binary {
				t.Fatalf("%s refuses %x", a.Name(), p)
			}
			return
		}
		back := string(Append(nil, a, x, fm, little, true))
		same := back == strings.ToUpper(string(p))
		if fm == Binary {
			same = back == string(p)
		}
		if fm == Decimal {
			y, ok := Parse([]byte(back), a, fm, little)
			same = ok && x == y
		}
		if !same {
			t.Fatalf("%s %v: %q reads as %X, written %q", a.Name(), fm, p, x, back)
		}
	})
}

func BenchmarkSum(b *testing.B) {
	msg := make([]byte, 256)
	for _, name := range []string{"sum8", "xor8", "crc8", "crc16-modbus", "crc16-xmodem", "crc32", "adler32"} {
		b.Run(name, func(b *testing.B) {
			a := lookup(b, name)
			b.SetBytes(int64(len(msg)))
			b.ReportAllocs()
			for b.Loop() {
				a.Sum(msg)
			}
		})
	}
}
