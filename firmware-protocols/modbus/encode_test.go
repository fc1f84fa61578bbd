package modbus

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
)

func show(r Request) string {
	return fmt.Sprintf("%d@%d+%d=%x", r.Function, r.Address, r.Count, r.Data)
}

func TestEncode(t *testing.T) {
	inf := math.Inf(1)
	for _, c := range []struct {
		r     Register
		value float64
		want  string
	}{
		{Register{Table: Coil, At: 4}, 1, "5@4+1=ff00"},
		{Register{Table: Coil, At: 4}, 0, "5@4+1=0000"},
		{Register{Table: Coil, Write: WriteMultiple}, 1, "15@0+1=01"},
		{Register{Table: Coil}, 2, "out of range"},
		{Register{Table: Holding, At: 9}, 65535, "6@9+1=ffff"},
		{Register{Table: Holding, Write: WriteMultiple}, 7, "16@0+1=0007"},
		{Register{Table: Holding}, 65536, "out of range"},
		{Register{Table: Holding}, 65535.5, "out of range"},
		{Register{Table: Holding}, -0.4, "6@0+1=0000"},
		{Register{Table: Holding}, -0.6, "out of range"},
		{Register{Table: Holding}, math.NaN(), "out of range"},
		{Register{Table: Holding}, inf, "out of range"},
		{Register{Table: Holding, As: I16}, -32768, "6@0+1=8000"},
		{Register{Table: Holding, As: I16}, 32768, "out of range"},
		{Register{Table: Holding, As: I16, Scale: 0.1}, 3276.74, "6@0+1=7fff"},
		{Register{Table: Holding, As: I16, Scale: 0.1}, 3276.76, "out of range"},
		{Register{Table: Holding, As: I16, Scale: -1}, 5, "6@0+1=fffb"},
		{Register{Table: Holding, Scale: 0.1}, 0.3, "6@0+1=0003"},
		{Register{Table: Holding, As: U32}, 4294967295, "16@0+2=ffffffff"},
		{Register{Table: Holding, As: U32}, 4294967296, "out of range"},
		{Register{Table: Holding, As: I32, WordOrder: Little}, -2, "16@0+2=fffeffff"},
		{Register{Table: Holding, As: U64}, 18446744073709551616, "out of range"},
		{Register{Table: Holding, As: I64}, -9223372036854775808, "16@0+4=8000000000000000"},
		{Register{Table: Holding, As: I64}, 9223372036854775808, "out of range"},
		{Register{Table: Holding, As: F32}, 1e39, "out of range"},
		{Register{Table: Holding, As: F32}, inf, "out of range"},
		{Register{Table: Holding, As: F64, Scale: 1e-300}, 1e300, "out of range"},
		{Register{Table: Holding, As: BCD}, 9999, "6@0+1=9999"},
		{Register{Table: Holding, As: BCD}, 10000, "out of range"},
		{Register{Table: Holding, As: BCD}, -1, "out of range"},
		{Register{Table: Holding, As: Bit}, 1, "cannot be written alone"},
		{Register{Table: Holding, As: Text, Length: 2}, 1, "takes no number"},
		{Register{Table: Input}, 1, "cannot be written"},
		{Register{Table: Discrete}, 1, "cannot be written"},
		{Register{Table: "x"}, 1, "none of coil"},
	} {
		req, err := Encode(3, c.r, c.value)
		got := show(req)
		if err != nil {
			got = err.Error()
			if !errors.Is(err, ErrRange) && !errors.Is(err, ErrRegister) {
				t.Errorf("%v wraps nothing", err)
			}
		} else if req.Unit != 3 || req.Check(RTU) != nil {
			t.Errorf("%+v: %v", req, req.Check(RTU))
		}
		if !strings.Contains(got, c.want) {
			t.Errorf("%+v = %v: %s, want %s", c.r, c.value, got, c.want)
		}
	}
	missing := int64(0x7fff)
	if _, err := Encode(1, Register{Table: Holding, As: I16, Missing: &missing}, 32767); !errors.Is(err, ErrRange) {
		t.Errorf("what means missing is written: %v", err)
	}
}

func TestEncodeMany(t *testing.T) {
	h := func(at uint16, as Type, w WriteMode) Register {
		return Register{Table: Holding, At: at, As: as, Write: w}
	}
	coil := func(at uint16) Register { return Register{Table: Coil, At: at} }
	var nine []Write
	for i := range uint16(9) {
		nine = append(nine, Write{coil(i), float64((i + 1) & 1)})
	}
	for _, c := range []struct {
		name   string
		writes []Write
		most   int
		want   string
	}{
		{"neighbours", []Write{{h(1, U16, ""), 1}, {h(2, F32, ""), 1}, {h(4, U16, WriteMultiple), 9}}, 0, "16@1+4=00013f8000000009"},
		{"the order is kept", []Write{{h(2, U16, ""), 1}, {h(1, U16, ""), 2}}, 0, "6@2+1=0001 6@1+1=0002"},
		{"a hole", []Write{{h(1, U16, ""), 1}, {h(3, U16, ""), 2}}, 0, "6@1+1=0001 6@3+1=0002"},
		{"single", []Write{{h(1, U16, WriteSingle), 1}, {h(2, U16, ""), 2}}, 0, "6@1+1=0001 6@2+1=0002"},
		{"most", []Write{{h(1, U16, ""), 1}, {h(2, U16, ""), 2}, {h(3, U16, ""), 3}}, 2, "16@1+2=00010002 6@3+1=0003"},
		{"tables", []Write{{h(0, U16, ""), 1}, {coil(1), 1}}, 0, "6@0+1=0001 5@1+1=ff00"},
		{"coils", nine, 0, "15@0+9=5501"},
		{"one refused", []Write{{h(1, U16, ""), 1}, {h(2, U16, ""), -1}}, 0, "out of range"},
		{"too long", []Write{{h(1, F32, ""), 1}}, 1, "a write has at most 1"},
		{"nothing", nil, 0, ""},
	} {
		reqs, err := EncodeMany(1, c.writes, c.most)
		var got []string
		for _, r := range reqs {
			if err := r.Check(RTU); err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			got = append(got, show(r))
		}
		if err != nil {
			got = append(got, err.Error())
		}
		if s := strings.Join(got, " "); s != c.want && !(err != nil && strings.Contains(s, c.want)) {
			t.Errorf("%s: %s, want %s", c.name, s, c.want)
		}
	}
	var long []Write
	for i := range uint16(2000) {
		long = append(long, Write{coil(i), 1})
	}
	if reqs, err := EncodeMany(1, long, 0); err != nil || len(reqs) != 2 || reqs[0].Count != 1968 || reqs[1].Count != 32 {
		t.Errorf("%d requests, %v", len(reqs), err)
	}
}

func TestEncodeText(t *testing.T) {
	r := Register{Table: Holding, At: 2, As: Text, Length: 3}
	for _, c := range []struct {
		text string
		want string
	}{{"AB-1", "16@2+3=41422d310000"}, {"", "16@2+3=000000000000"}, {"1234567", "7 characters"}, {"\x1b", "printable"}, {"\u00e9", "printable"}} {
		req, err := EncodeText(1, r, c.text)
		got := show(req)
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, c.want) {
			t.Errorf("%q: %s, want %s", c.text, got, c.want)
		}
	}
	r.ByteOrder, r.Length = Little, 1
	if req, err := EncodeText(1, r, "AB"); err != nil || show(req) != "6@2+1=4241" {
		t.Error(show(req), err)
	}
	for _, bad := range []Register{{Table: Input, As: Text, Length: 1}, {Table: Holding}, {Table: Holding, As: Text, Length: 124}} {
		if _, err := EncodeText(1, bad, "A"); err == nil {
			t.Errorf("%+v is written", bad)
		}
	}
}
