package modbus

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

func TestRegisterRefused(t *testing.T) {
	missing := int64(1)
	for _, c := range []struct {
		r    Register
		want string
	}{
		{Register{}, `table ""`},
		{Register{Table: "holdings"}, "none of coil"},
		{Register{Table: Holding, As: "float"}, `as "float"`},
		{Register{Table: Coil, As: U16}, "is a bit"},
		{Register{Table: Holding, At: 65535, As: F32}, "beyond 65535"},
		{Register{Table: Holding, As: Bit, Bit: 16}, "at most 15"},
		{Register{Table: Holding, Bit: 3}, "bit: is for"},
		{Register{Table: Holding, WordOrder: "swapped"}, "neither big nor little"},
		{Register{Table: Holding, Write: "6"}, "neither single nor multiple"},
		{Register{Table: Input, Write: WriteSingle}, "cannot be written"},
		{Register{Table: Holding, As: F32, Write: WriteSingle}, "one register, this one has 2"},
		{Register{Table: Holding, Every: -time.Second}, "negative"},
		{Register{Table: Holding, Scale: math.NaN()}, "not finite"},
		{Register{Table: Coil, Scale: 2}, "no scale"},
		{Register{Table: Holding, As: Text}, "needs its length"},
		{Register{Table: Holding, As: Text, Length: 126}, "length 126"},
		{Register{Table: Holding, As: BCD, Length: 4}, "length 4"},
		{Register{Table: Holding, As: U16, Length: 1}, "length 1"},
		{Register{Table: Holding, As: F32, Missing: &missing}, "missing: is for integers"},
	} {
		c.r.Field = "x"
		if err := c.r.Check(); !errors.Is(err, ErrRegister) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.r, err, c.want)
		}
		if _, err := Plan([]Register{c.r}, 0, 0); !errors.Is(err, ErrRegister) {
			t.Errorf("%+v is planned", c.r)
		}
	}
}

func TestPlan(t *testing.T) {
	h := func(at uint16, as Type) Register { return Register{Table: Holding, At: at, As: as} }
	var bits, words []Register
	for i := range uint16(2500) {
		bits = append(bits, Register{Table: Coil, At: i})
	}
	for i := range uint16(130) {
		words = append(words, h(i, U16))
	}
	slow := h(1, U16)
	slow.Every = time.Second
	for _, c := range []struct {
		name      string
		registers []Register
		gap, most int
		want      string
	}{
		{"neighbours", []Register{h(1, U16), h(0, U16), h(2, F32)}, 0, 0, "holding 0+4"},
		{"a hole, no gap", []Register{h(0, U16), h(2, U16)}, 0, 0, "holding 0+1, holding 2+1"},
		{"a hole within the gap", []Register{h(0, U16), h(9, U16)}, 8, 0, "holding 0+10"},
		{"a hole over the gap", []Register{h(0, U16), h(10, U16)}, 8, 0, "holding 0+1, holding 10+1"},
		{"two in one register", []Register{{Table: Holding, As: Bit, Bit: 1}, {Table: Holding, As: Bit, Bit: 2}}, 0, 0, "holding 0+1"},
		{"a short one inside a long one", []Register{h(0, U64), h(1, U16), h(4, U16)}, 0, 0, "holding 0+5"},
		{"tables", []Register{{Table: Input, At: 1}, h(0, U16), {Table: Coil}, {Table: Discrete, At: 1}}, 8, 0,
			"coil 0+1, discrete 1+1, holding 0+1, input 1+1"},
		{"its own time", []Register{h(0, U16), slow, h(2, U16)}, 8, 0, "holding 0+3, holding 1+1 every 1s"},
		{"125 registers", words, 0, 0, "holding 0+125, holding 125+5"},
		{"a long one does not fit behind", []Register{h(0, F64), h(4, F64)}, 0, 6, "holding 0+4, holding 4+4"},
		{"2000 bits", bits, 0, 0, "coil 0+2000, coil 2000+500"},
		{"32 bits", bits[:40], 0, 2, "coil 0+32, coil 32+8"},
		{"a gap of bits", []Register{{Table: Coil}, {Table: Coil, At: 17}, {Table: Coil, At: 35}}, 1, 0, "coil 0+18, coil 35+1"},
		{"the last register", []Register{h(65534, U32), h(65533, U16)}, 8, 0, "holding 65533+3"},
		{"nothing", nil, 0, 0, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			plan, err := Plan(c.registers, c.gap, c.most)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			n := 0
			for _, r := range plan {
				s := fmt.Sprintf("%s %d+%d", r.Table, r.At, r.Count)
				if r.Every != 0 {
					s += fmt.Sprintf(" every %v", r.Every)
				}
				got = append(got, s)
				n += len(r.Indices())
				req := r.Request(1)
				if err := req.Check(RTU); err != nil {
					t.Error(err)
				}
			}
			if strings.Join(got, ", ") != c.want || n != len(c.registers) {
				t.Errorf("%d of %d: %s, want %s", n, len(c.registers), strings.Join(got, ", "), c.want)
			}
		})
	}
	for _, c := range []struct{ gap, most int }{{-1, 0}, {0, 126}, {0, -1}, {0, 3}} {
		if _, err := Plan([]Register{h(0, F64)}, c.gap, c.most); !errors.Is(err, ErrRegister) {
			t.Errorf("gap %d, most %d: %v", c.gap, c.most, err)
		}
	}
}

// TestPlanRandom: each register is read once, by a legal request that lies in
// its table and touches nothing outside registers and gaps.
func TestPlanRandom(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		var regs []Register
		covered := map[string]bool{}
		gap, most := rng.IntN(4), 4+rng.IntN(122)
		for range 1 + rng.IntN(60) {
			r := Register{Table: []Table{Coil, Discrete, Holding, Input}[rng.IntN(4)], At: uint16(rng.IntN(400))}
			if !r.Table.bits() {
				r.As = []Type{U16, I32, F64, Bit}[rng.IntN(4)]
			}
			regs = append(regs, r)
			for i := range r.Words() {
				covered[fmt.Sprint(r.Table, int(r.At)+i)] = true
			}
		}
		plan := must(Plan(regs, gap, most))
		seen := make([]int, len(regs))
		for _, r := range plan {
			size, g, m := 2*r.Count, gap, most
			if r.Table.bits() {
				size, g, m = (r.Count+7)/8, 16*gap, min(16*most, MaxReadBits)
			}
			if r.Count > m {
				t.Fatalf("%+v is over %d", r, m)
			}
			hole := 0
			for i := range r.Count {
				if hole++; covered[fmt.Sprint(r.Table, int(r.At)+i)] {
					hole = 0
				}
				if hole > g || hole > 0 && i == r.Count-1 {
					t.Fatalf("%+v reads over a hole of %d, gap %d", r, hole, g)
				}
			}
			if err := r.Extract(make([]byte, size), func(i int, _ float64, _ bool) {
				if seen[i]++; regs[i].Table != r.Table {
					t.Fatalf("%+v in %+v", regs[i], r)
				}
			}); err != nil {
				t.Fatal(err)
			}
		}
		for i, n := range seen {
			if n != 1 {
				t.Fatalf("register %d is read %d times", i, n)
			}
		}
	}
}

func TestExtract(t *testing.T) {
	plan := must(Plan([]Register{
		{Field: "b", Table: Holding, At: 3, As: F32, WordOrder: Little},
		{Field: "a", Table: Holding, At: 1, Scale: 0.01},
		{Field: "t", Table: Holding, At: 5, As: Text, Length: 3},
		{Field: "u", Table: Holding, At: 8, As: Text, Length: 1, ByteOrder: Little},
	}, 1, 0))
	data := unhex(t, "04d2"+"0000"+"0000"+"3fc0"+"4142432000ff"+"4241")
	var got []string
	if err := plan[0].Extract(data, func(i int, v float64, ok bool) { got = append(got, fmt.Sprint(i, v, ok)) }); err != nil {
		t.Fatal(err)
	}
	if err := plan[0].ExtractText(data, func(i int, s []byte) { got = append(got, fmt.Sprintf("%d %s", i, s)) }); err != nil {
		t.Fatal(err)
	}
	if s := strings.Join(got, ", "); s != "1 12.34 true, 0 1.5 true, 2 ABC, 3 AB" {
		t.Error(s)
	}
	if is := plan[0].Indices(); fmt.Sprint(is) != "[1 0 2 3]" {
		t.Error(is)
	}
	nobody := func(int, float64, bool) { t.Error("a reply of the wrong length has values") }
	if err := plan[0].Extract(data[1:], nobody); !errors.Is(err, ErrLength) {
		t.Error(err)
	}
	coils := must(Plan([]Register{{Table: Coil, At: 5}, {Table: Coil, At: 14}}, 1, 0))
	got = nil
	if err := coils[0].Extract([]byte{0xfe, 0x03}, func(i int, v float64, _ bool) { got = append(got, fmt.Sprint(i, v)) }); err != nil || strings.Join(got, ",") != "0 0,1 1" {
		t.Error(got, err)
	}
	if err := coils[0].Extract([]byte{0xfe}, nobody); !errors.Is(err, ErrLength) {
		t.Error(err)
	}
}
