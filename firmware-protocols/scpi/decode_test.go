package scpi

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
)

func TestIDN(t *testing.T) {
	type idnVector struct {
		Raw string
		IDN *[4]string
	}
	for _, v := range readVectors[idnVector](t, "idn") {
		got, err := ParseIDN([]byte(v.Raw))
		if v.IDN == nil {
			if !errors.Is(err, ErrReply) {
				t.Errorf("%q: %+v, %v", v.Raw, got, err)
			}
			continue
		}
		if want := (IDN{v.IDN[0], v.IDN[1], v.IDN[2], v.IDN[3]}); err != nil || got != want {
			t.Errorf("%q: %+v, %v", v.Raw, got, err)
		}
	}
}

func TestErrorQueue(t *testing.T) {
	type queueVector struct {
		Name            string
		Replies, Errors []string
		More, Fails     bool
	}
	for _, v := range readVectors[queueVector](t, "errors") {
		t.Run(v.Name, func(t *testing.T) {
			q := NewErrorQueue(Options{}, 3)
			if s := q.Begin(); s != "SYST:ERR?" {
				t.Fatalf("query %q", s)
			}
			again, err := true, error(nil)
			n := 0
			for ; again && err == nil; n++ {
				if n == len(v.Replies) {
					t.Fatal("asks on")
				}
				again, err = q.Take(Response{Raw: []byte(v.Replies[n])})
			}
			got := []string{}
			for _, e := range q.Errors() {
				got = append(got, fmt.Sprint(e.Code, " ", e.Text))
			}
			if v.Name != "all at once" && n != len(v.Replies) || !reflect.DeepEqual(got, v.Errors) || q.More() != v.More || (err != nil) != v.Fails {
				t.Fatalf("%d replies, %q, more %v, %v", n, got, q.More(), err)
			}
			var e Error
			if len(v.Errors) > 0 != errors.As(q.Err(), &e) {
				t.Fatalf("Err: %v", q.Err())
			}
		})
	}
	if q := NewErrorQueue(Options{Errors: "none"}, 0); q.Begin() != "" || q.Err() != nil {
		t.Error("none is asked")
	}
	if again, err := NewErrorQueue(Options{}, 0).Take(Response{Kind: Broken}); again || !errors.Is(err, ErrReply) {
		t.Error("broken", again, err)
	}
	if e, err := ParseError([]byte(`-113,"Undefined header"`)); err != nil || e != (Error{-113, "Undefined header"}) {
		t.Error(e, err)
	}
}

func TestArray(t *testing.T) {
	le, be := binary.LittleEndian, binary.BigEndian
	for _, c := range []struct {
		e     Element
		order binary.ByteOrder
		body  string
		want  []float64
	}{
		{U8, be, "\x00\xff", []float64{0, 255}},
		{I8, be, "\x7f\xff", []float64{127, -1}},
		{U16, be, "\x01\x02", []float64{258}},
		{U16, le, "\x01\x02", []float64{513}},
		{I16, le, "\xfe\xff", []float64{-2}},
		{U32, be, "\xff\xff\xff\xff", []float64{4294967295}},
		{I32, le, "\xff\xff\xff\xff", []float64{-1}},
		{F32, be, "\x3f\xc0\x00\x00", []float64{1.5}},
		{F32, le, "\x00\x00\xc0\x3f", []float64{1.5}},
		{F64, be, "\x3f\xf8\x00\x00\x00\x00\x00\x00", []float64{1.5}},
	} {
		got, err := AppendArray(nil, []byte(c.body), c.e, c.order)
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%v %v: %v, %v", c.e, c.order, got, err)
		}
		if e, err := ParseElement(c.e.String()); e != c.e || err != nil {
			t.Error(e, err)
		}
	}
	if got, err := AppendArray([]float64{1}, []byte("abc"), U16, be); len(got) != 1 || !errors.Is(err, ErrReply) {
		t.Error("odd length", got, err)
	}
}

func TestFlushResetPending(t *testing.T) {
	var got []string
	emit := func(r Response) { got = append(got, show(r)) }
	d := decoder(t, Options{})
	d.Feed([]byte("1.5"), emit)
	d.Flush(emit)
	d.Feed([]byte("#15ab"), emit)
	d.Flush(emit) // the block is not complete
	if n, left := d.Pending(); n != 5 || left != 3 {
		t.Errorf("pending %d, %d", n, left)
	}
	d.Feed([]byte("cde\n\"x"), emit)
	d.Flush(emit)
	d.Feed([]byte("#9999"), emit)
	d.Reset()
	d.Feed([]byte("2\n"), emit)
	if s := strings.Join(got, " "); s != "nr2:1.5 block:6162636465 broken nr1:2" || d.Stats().Cut != 1 {
		t.Errorf("%s, %+v", s, d.Stats())
	}
}

func TestOptionsRefused(t *testing.T) {
	for _, o := range []Options{{End: "123456789"}, {Max: -1}, {Prompt: strings.Repeat(">", 17)}, {Prompt: "#"}, {Errors: "a\nb"}} {
		if _, err := New(o); !errors.Is(err, ErrOptions) {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

func TestWriter(t *testing.T) {
	w := NewWriter(Options{}, 64)
	w.Begin()
	msg, err := w.Header("VOLT").Number(1.5, 3).Int(-2).Word("MAX").Header(":OUTP:STAT?").Header("*OPC?").End()
	if err != nil || string(msg) != "VOLT 1.500,-2,MAX;:OUTP:STAT?;*OPC?\n" {
		t.Errorf("%q, %v", msg, err)
	}
	w.Begin()
	if msg, err = w.Header("DATA").Text(`a"b`).Block([]byte("\n;\x00")).End(); err != nil || string(msg) != "DATA \"a\"\"b\",#13\n;\x00\n" {
		t.Errorf("%q, %v", msg, err)
	}
	for name, f := range map[string]func(){
		"nothing":         func() {},
		"header blank":    func() { w.Header("VOLT 1") },
		"header newline":  func() { w.Header("VOLT\n*RST") },
		"header empty":    func() { w.Header("*?") },
		"word":            func() { w.Header("A").Word("B;*RST") },
		"word digit":      func() { w.Header("A").Word("1A") },
		"word empty":      func() { w.Header("A").Word("") },
		"text newline":    func() { w.Header("A").Text("x\n*RST") },
		"text escape":     func() { w.Header("A").Text("\x1b") },
		"NaN":             func() { w.Header("A").Number(math.NaN(), 3) },
		"infinity":        func() { w.Header("A").Number(math.Inf(1), -1) },
		"too long":        func() { w.Header(strings.Repeat("A", 64)) },
		"no header":       func() { w.Int(1) },
		"the first error": func() { w.Header("1").Header("A") },
	} {
		w.Begin()
		f()
		if msg, err := w.End(); !errors.Is(err, ErrMessage) {
			t.Errorf("%s: %q, %v", name, msg, err)
		}
	}
}

func TestAppendNumber(t *testing.T) {
	for _, c := range []struct {
		x        float64
		decimals int
		want     string
	}{
		{1.5, -1, "1.5"}, {0, -1, "0"}, {math.Copysign(0, -1), -1, "0"}, {-0.0004, 3, "0.000"}, {1e-9, -1, "1E-09"},
		{1e20, -1, "1E+20"}, {1e20, 2, "1E+20"}, {123456789, -1, "123456789"}, {-2.5, 0, "-2"},
	} {
		if got, err := AppendNumber(nil, c.x, c.decimals); err != nil || string(got) != c.want {
			t.Errorf("%v %d: %s, %v", c.x, c.decimals, got, err)
		}
	}
}
