package lines

import (
	"errors"
	"strings"
	"testing"
)

func TestNewRefusesBadOptions(t *testing.T) {
	for name, o := range map[string]Options{
		"format":          {Format: 9},
		"long terminator": {Terminator: "123456789"},
		"negative length": {MaxLine: -1},
		"separator":       {Format: CSV, Separator: '"'},
		"digit":           {Format: CSV, Separator: '5'},
		"letter":          {Format: CSV, Separator: 'e'},
		"columns":         {Format: CSV, Columns: make([]string, MaxFields+1)},
	} {
		if _, err := New(o); !errors.Is(err, ErrOptions) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := ParseFormat("xml"); !errors.Is(err, ErrOptions) {
		t.Error(err)
	}
}

func TestGetReturnsTheLastOfARepeatedKey(t *testing.T) {
	d := decoder(t, Options{})
	d.Feed([]byte(`{"y":1,"y":2}`+"\n"), func(r *Record) {
		if f, ok := r.Get("y"); !ok || f.Num != 2 {
			t.Errorf("y is %v, %v", f.Num, ok)
		}
		if _, ok := r.Get("x"); ok {
			t.Error("found a field that is not there")
		}
	})
}

func TestGarbageSaysWhy(t *testing.T) {
	deep := strings.Repeat(`{"a":`, MaxDepth+1) + "1" + strings.Repeat("}", MaxDepth+1)
	wide := "{" + strings.Repeat(`"a":1,`, MaxFields) + `"a":1}`
	for _, c := range []struct {
		format    Format
		line, why string
	}{
		{JSON, "hello", "no object"},
		{JSON, `{"info","pid"}`, "broken object"},
		{JSON, deep, "nested too deep"},
		{JSON, wide, "too many fields"},
		{JSON, `{"` + strings.Repeat("k", 900) + `":{` + strings.Repeat(`"a":1,`, 10) + `"b":1}}`, "keys too long"},
		{Plotter, "Error!", "not label:value"},
		{Plotter, "state:RUN", "no number"},
		{Plotter, "sensor 3", "words between values"},
		{Plotter, strings.Repeat("1 ", MaxFields+1), "too many fields"},
		{CSV, `1,"`, "broken quotes"},
		{CSV, strings.Repeat("1,", MaxFields+1), "too many fields"},
	} {
		d := decoder(t, Options{Format: c.format})
		n := 0
		d.Feed([]byte(c.line+"\n"), func(r *Record) {
			if n++; r.Kind != Garbage || r.Why != c.why {
				t.Errorf("%.40q: %v, %q; want garbage, %q", c.line, r.Kind, r.Why, c.why)
			}
		})
		if n != 1 {
			t.Errorf("%.40q: %d records", c.line, n)
		}
	}
}

func TestAFloodWithoutNewlineHoldsNoMemory(t *testing.T) {
	for _, term := range []string{"\n", "\r\n"} {
		d := decoder(t, Options{Terminator: term})
		flood := []byte(strings.Repeat(`{"a":"`, 700))
		overlong := 0
		for range 1 << 20 / len(flood) {
			d.Feed(flood, func(r *Record) {
				if overlong++; r.Kind != Overlong || len(r.Raw) != maxPrefix {
					t.Errorf("%v %q", r.Kind, r.Raw)
				}
			})
		}
		// Reported when it happens, not when the line ends: it may never end.
		if overlong != 1 || cap(d.buf) > 2*d.limit {
			t.Errorf("%d records, %d bytes held", overlong, cap(d.buf))
		}
	}
}

func TestDecodeWithoutAllocation(t *testing.T) {
	for _, c := range benchLines {
		d := decoder(t, Options{Format: c.format})
		line := []byte(c.line)
		records := 0
		emit := func(*Record) { records++ }
		d.Feed(line, emit)
		if n := testing.AllocsPerRun(100, func() {
			d.Feed(line[:7], emit)
			d.Feed(line[7:], emit)
		}); n != 0 {
			t.Errorf("%s: %v allocations a record", c.name, n)
		}
		if s := d.Stats(); records != 102 || s.Records != 102 {
			t.Errorf("%s: %d records, %+v", c.name, records, s)
		}
	}
}

func decoder(t testing.TB, o Options) *Decoder {
	d, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}
