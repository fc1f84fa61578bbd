package fields

import (
	"math"
	"math/rand/v2"
	"strconv"
	"testing"
)

func pick[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

func chance(r *rand.Rand, percent int) bool { return r.IntN(100) < percent }

// randomPart makes a part of any kind with random keys; many are refused.
func randomPart(r *rand.Rand, i int) Part {
	if chance(r, 35) {
		return Part{Text: pick(r, ",", ";", " ", "T=", "E", "e", "x", "5", "-", ".", "\x02", "\r\n", "ee", "::", "V e")}
	}
	if chance(r, 8) {
		return Part{Checksum: pick(r, "sum8", "crc16-modbus", "xor", "crc32"), As: pick(r, "", "hex", "decimal", "nibbles"),
			From: r.IntN(2), Upper: false, Order: pick(r, "", "little")}
	}
	p := Part{Field: "f" + strconv.Itoa(i), As: pick(r, Kinds()...)}
	if chance(r, 15) {
		p.Width = 1 + r.IntN(12)
	} else if chance(r, 10) {
		p.MinWidth = r.IntN(12)
	}
	if p.MinWidth+p.Width > 0 && chance(r, 40) {
		p.Pad = pick(r, " ", "0", "*", "\x00", "-", "1")
	}
	if p.MinWidth+p.Width > 0 && chance(r, 30) {
		p.Align = pick(r, "left", "right")
	}
	if chance(r, 5) {
		p.MaxWidth = 1 + r.IntN(20)
	}
	if chance(r, 10) {
		p.Blanks = new(bool)
	}
	raw := Part{Field: p.Field, As: p.As}
	switch p.As {
	case "number", "exponent", "mantissa", "int", "auto":
		p.Sign = pick(r, "", "", "always", "blank", "apart")
		if p.As == "number" || p.As == "exponent" {
			p.Point = pick(r, "", "", ",")
		}
		if chance(r, 40) && p.As != "int" && p.As != "auto" {
			n := 1 + r.IntN(6)
			p.Decimals = &n
		}
	case "hex", "octal":
		p.Signed, p.Upper = chance(r, 30), p.As == "hex" && chance(r, 50)
		if p.As == "hex" && chance(r, 30) {
			raw.Of, p = pick(r, "u8", "i16", "f32", "u64"), raw
			p.Of = raw.Of
		}
	case "binary":
		p.Digits, p.Order = pick(r, "", ".!", "ab"), pick(r, "", "little")
	case "chars":
		p.Set = pick(r, "A-Za-z", "a-z0-9", "0-9.+-", "e", "^;,")
	case "choice":
		p = Part{Field: p.Field, As: "choice", Choices: []Choice{{ID: "a", Wire: "on"}, {ID: "b", Wire: "onx"}, {ID: "c"}}, AnyCase: chance(r, 30)}
		if chance(r, 30) {
			p.Of, p.AnyCase = pick(r, "u8", "int", "u16", "hex"), false
			p.Choices = []Choice{{ID: "a", Wire: 1}, {ID: "b", Wire: 12}, {ID: "c", Wire: 255}}
		}
	case "bits":
		p = Part{As: "bits", Of: pick(r, "u8", "u16", "u64", "hex", "binary", "int"), Bits: []Bit{{Field: p.Field, At: 1, Size: 3, Signed: chance(r, 50)}, {Field: p.Field + "b", At: 7}}}
	case "bcd":
		p = raw
		p.Size, p.Signed, p.Order = 1+r.IntN(9), chance(r, 50), pick(r, "", "little")
	case "time":
		p = raw
		p.Layout = pick(r, "YYYY-MM-DD hh:mm:ss", "hhmmss.ss", "D MMM YY h:mm A", "DD/MM/YYYYThh:mm:ss.sssz", "YYYYMMDD")
	case "regex":
		p = raw
		p.Pattern = pick(r, "[a-z]+", "a|ab", "[0-9]{2}")
	case "block":
		p = raw
		p.Of, p.Order = pick(r, "", "f32", "i16"), ""
	case "u8", "i16", "u24", "i64", "u64", "f32", "f64", "i8", "u16":
		p = raw
		p.Order = pick(r, "", "little")
	}
	if chance(r, 10) && p.As != "regex" && p.As != "time" {
		p.Scale, p.Offset = pick(r, 0.1, 2, 0.001, -1), pick(r, 0.0, 10)
	}
	if chance(r, 10) && p.As != "bits" && p.As != "regex" {
		q := p
		return Part{List: &q, Separator: pick(r, ",", " ", "; ", "", "e"), Count: pick(r, 0, 1, 3)}
	}
	return p
}

func randomNum(r *rand.Rand) float64 {
	switch r.IntN(6) {
	case 0:
		return float64(r.IntN(8))
	case 1:
		return float64(r.IntN(2000)-1000) / 8
	case 2:
		return math.Round((r.Float64()-0.5)*2e6) / 1000
	case 3:
		return float64(r.Int64N(1<<53)) * pick(r, 1.0, -1)
	case 4:
		return math.Ldexp(r.Float64()-0.5, r.IntN(80)-40)
	}
	return float64(r.IntN(300) - 20)
}

func randomValue(r *rand.Rand, f FieldInfo) Value {
	if f.Kind == Array {
		a := make([]float64, pick(r, 1, 3, 3, 7))
		for i := range a {
			a[i] = randomNum(r)
		}
		return Nums(a)
	}
	if len(f.Choices) > 0 {
		return Str(pick(r, f.Choices...))
	}
	if f.Kind == Text {
		return Str(pick(r, "", "a", "ab", "on", "x;y", "12", "0a0", " b", "b ", "zz-e5", "*", "::"))
	}
	return Num(randomNum(r))
}

// roundTrip makes a pattern and values from a seed: what prints must read back,
// and print the same again. It says how far it came.
func roundTrip(t *testing.T, seed uint64) (compiled, printed bool) {
	r := rand.New(rand.NewPCG(seed, 1))
	parts := make([]Part, 1+r.IntN(5))
	for i := range parts {
		parts[i] = randomPart(r, i)
	}
	p, err := Compile(parts, Options{Forbidden: []byte(";"), SCPI: chance(r, 20)})
	if err != nil || !p.CanPrint() {
		return false, false
	}
	vals := map[string]Value{}
	for _, f := range p.Fields() {
		vals[f.Name] = randomValue(r, f)
	}
	msg, err := p.Append(nil, lookup(vals))
	if err != nil {
		return true, false
	}
	if p.Size() >= 0 && len(msg) != p.Size() {
		t.Fatalf("seed %d: %d bytes, Size says %d: %q of %s", seed, len(msg), p.Size(), msg, show(parts))
	}
	var v Values
	if !p.Match(msg, &v, nil) {
		t.Fatalf("seed %d: %q of %s and %v does not read back: %+v", seed, msg, show(parts), vals, p.Explain(msg, nil))
	}
	if len(v.Entries) != len(p.Fields()) {
		t.Fatalf("seed %d: %d entries of %d", seed, len(v.Entries), len(p.Fields()))
	}
	again, err := p.Append(nil, v.Lookup)
	if err != nil || string(again) != string(msg) {
		t.Fatalf("seed %d: %q of %s and %v prints as %q then, %v", seed, msg, show(parts), vals, again, err)
	}
	for _, q := range parts {
		x, ok := vals[q.Field]
		exact := q.Scale == 0 && q.Decimals == nil && q.Of == "" && (q.As == "number" || q.As == "exponent" || q.As == "mantissa" || q.As == "f64" || x.Kind == Text && q.As != "blanks")
		if got, _ := v.Lookup(q.Field); ok && exact && (got.Kind != x.Kind || !sameNum(got.Num, x.Num) || got.Text != x.Text) {
			t.Fatalf("seed %d: %q of %s: %+v was %+v", seed, msg, show(parts), got, x)
		}
	}
	return true, true
}

func TestRoundTrip(t *testing.T) {
	compiled, printed := 0, 0
	const n = 20000
	for seed := range uint64(n) {
		c, p := roundTrip(t, seed)
		compiled += b2i(c)
		printed += b2i(p)
	}
	t.Logf("%d patterns, %d compiled, %d printed and read back", n, compiled, printed)
	if printed < n/20 {
		t.Error("too few to say anything")
	}
}

func FuzzRoundTrip(f *testing.F) {
	f.Add(uint64(7))
	f.Fuzz(func(t *testing.T, seed uint64) { roundTrip(t, seed) })
}
