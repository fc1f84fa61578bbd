package lines

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"
)

type encodeCase struct {
	Name       string        `json:"name"`
	Format     string        `json:"format"`
	Terminator string        `json:"terminator"`
	MaxLine    int           `json:"maxLine"`
	Pairs      []encodeValue `json:"pairs"`
	Text       []encodeValue `json:"text"`
	Out        string        `json:"out"`
	Error      bool          `json:"error"`
}

type encodeValue struct {
	Key      string   `json:"key"`
	Str      *string  `json:"str"`
	Lit      *string  `json:"lit"`
	Int      *int64   `json:"int"`
	Flag     *bool    `json:"flag"`
	Float    *float64 `json:"float"`
	Fixed    *float64 `json:"fixed"`
	Decimals int      `json:"decimals"`
}

func (v encodeValue) value() Value {
	switch {
	case v.Str != nil:
		return Str(*v.Str)
	case v.Lit != nil:
		return Lit(*v.Lit)
	case v.Int != nil:
		return Int(*v.Int)
	case v.Flag != nil:
		return Flag(*v.Flag)
	case v.Float != nil:
		return Float(*v.Float)
	}
	return Fixed(*v.Fixed, v.Decimals)
}

func (c encodeCase) encode(t testing.TB, dst []byte) ([]byte, error) {
	e := Encoder{Terminator: c.Terminator, MaxLine: c.MaxLine}
	if c.Format != "" {
		f, err := ParseFormat(c.Format)
		if err != nil {
			t.Fatal(err)
		}
		e.Format = f
	}
	if c.Text != nil {
		var parts []Value
		for _, v := range c.Text {
			parts = append(parts, v.value())
		}
		return e.AppendText(dst, parts...)
	}
	var pairs []Pair
	for _, v := range c.Pairs {
		pairs = append(pairs, Pair{Key: v.Key, Value: v.value()})
	}
	return e.AppendJSON(dst, pairs)
}

func encodeCases(t testing.TB) []encodeCase {
	b, err := os.ReadFile("vectors/encode.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		About string       `json:"about"`
		Cases []encodeCase `json:"cases"`
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&file); err != nil {
		t.Fatal(err)
	}
	return file.Cases
}

func TestEncodeVectors(t *testing.T) {
	for _, c := range encodeCases(t) {
		t.Run(c.Name, func(t *testing.T) {
			got, err := c.encode(t, []byte("before|"))
			switch {
			case c.Error && !errors.Is(err, ErrEncode):
				t.Errorf("got %q, %v; want a refusal", got, err)
			case c.Error && string(got) != "before|":
				t.Errorf("a refused command left %q", got)
			case !c.Error && (err != nil || string(got) != "before|"+c.Out):
				t.Errorf("got %q, %v; want %q", got, err, c.Out)
			}
		})
	}
}

func TestEncodeRefusesWhatIsNoNumber(t *testing.T) {
	for _, x := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		if got, err := (Encoder{}).AppendJSON(nil, []Pair{{"a", Float(x)}}); !errors.Is(err, ErrEncode) {
			t.Errorf("float %v: %q, %v", x, got, err)
		}
		if got, err := (Encoder{}).AppendText(nil, Fixed(x, 1)); !errors.Is(err, ErrEncode) {
			t.Errorf("fixed %v: %q, %v", x, got, err)
		}
	}
	for _, bad := range []string{"\xff", "a\xc3"} {
		if got, err := (Encoder{}).AppendJSON(nil, []Pair{{"a", Str(bad)}}); !errors.Is(err, ErrEncode) {
			t.Errorf("text %q: %q, %v", bad, got, err)
		}
	}
	if _, err := (Encoder{}).AppendJSON(nil, []Pair{{"a", Fixed(1, -300)}}); !errors.Is(err, ErrEncode) {
		t.Errorf("-300 decimals: %v", err)
	}
}

func TestEncodeWithoutAllocation(t *testing.T) {
	pairs := []Pair{{"cmd", Str("drive")}, {"param", Int(40)}, {"to", Fixed(-2.456, 2)}, {"k", Float(-0.1)}}
	parts := []Value{Lit("V"), Fixed(2.5, 1)}
	buf := make([]byte, 0, 256)
	n := testing.AllocsPerRun(100, func() {
		var err error
		if buf, err = (Encoder{}).AppendJSON(buf[:0], pairs); err != nil {
			t.Fatal(err)
		}
		if buf, err = (Encoder{}).AppendText(buf[:0], parts...); err != nil {
			t.Fatal(err)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations a command", n)
	}
}

// FuzzEncode checks that whatever text and number are sent, the line ends once,
// at its end, and reads back as what was meant.
func FuzzEncode(f *testing.F) {
	for _, c := range encodeCases(f) {
		for _, v := range append(c.Pairs, c.Text...) {
			if v.Str != nil {
				f.Add(v.Key, *v.Str, 1.5, 2, uint8(0))
				f.Add(v.Key, *v.Str, -1e300, 2, uint8(1))
			}
		}
	}
	f.Fuzz(func(t *testing.T, key, text string, x float64, decimals int, mode uint8) {
		term := []string{"\n", "\r\n", ";", "\r"}[mode>>1&3]
		enc := Encoder{Format: Format(mode & 1), Terminator: term}
		line, err := enc.AppendJSON(nil, []Pair{{key, Str(text)}, {"x", Float(x)}, {"d", Fixed(x, decimals)}})
		if err == nil {
			checkLine(t, line, term)
			readBack(t, enc, line, key, text, x)
		}
		word, err := enc.AppendText(nil, Lit("A "), Str(text), Lit(" B"))
		if err == nil {
			checkLine(t, word, term)
			if n := len(strings.Fields(string(word))); n != 3 && term != ";" {
				t.Fatalf("%q is %d words", word, n)
			}
		}
	})
}

func checkLine(t *testing.T, line []byte, term string) {
	body, ok := bytes.CutSuffix(line, []byte(term))
	if !ok || bytes.Contains(body, []byte(term)) || bytes.ContainsAny(body, "\r\n\x00") {
		t.Fatalf("%q does not end once, at its end", line)
	}
}

func readBack(t *testing.T, enc Encoder, line []byte, key, text string, x float64) {
	d, err := New(Options{Format: enc.Format, Terminator: enc.Terminator, MaxLine: len(line)})
	if err != nil {
		t.Fatal(err)
	}
	records := 0
	d.Feed(line, func(r *Record) {
		if records++; r.Kind != Values || len(r.Fields) != 3 {
			t.Fatalf("%q reads back as %v %q (%s)", line, r.Kind, r.Raw, r.Why)
		}
		if f := r.Fields[0]; string(f.Key) != key || string(f.Text) != text {
			t.Fatalf("%q reads back as %q=%q", line, f.Key, f.Text)
		}
		if f := r.Fields[1]; f.Num != x {
			t.Fatalf("%v reads back as %v", x, f.Num)
		}
	})
	if records != 1 {
		t.Fatalf("%q is %d records", line, records)
	}
	if enc.Format == JSON && !json.Valid(line[:len(line)-len(enc.Terminator)]) {
		t.Fatalf("%s is no JSON", strconv.Quote(string(line)))
	}
}

// An object within a command, as deep as it is read back, and no deeper.
func TestEncodeGroups(t *testing.T) {
	on := Pair{Key: "S11", Value: Flag(true)}
	got, err := Encoder{}.AppendJSON(nil, []Pair{{Key: "cmd", Value: Str("sq")}, {Key: "sparam", Value: Group(on, Pair{Key: "in", Value: Group()})}})
	if string(got) != `{"cmd":"sq","sparam":{"S11":true,"in":{}}}`+"\n" || err != nil {
		t.Errorf("%s, %v", got, err)
	}
	got, err = Encoder{Format: Relaxed}.AppendJSON(nil, []Pair{{Key: "data", Value: Group(Pair{Key: "force", Value: Str("306")})}})
	if string(got) != "{data:{force:'306'}}\n" || err != nil {
		t.Errorf("%s, %v", got, err)
	}
	deep := Group(Pair{Key: "x", Value: Int(1)})
	for range MaxDepth - 2 {
		deep = Group(Pair{Key: "d", Value: deep})
	}
	line, err := Encoder{}.AppendJSON(nil, []Pair{{Key: "d", Value: deep}})
	if err != nil {
		t.Error(err)
	}
	dec, _ := New(Options{})
	found := false
	dec.Feed(line, func(r *Record) { found = r.Kind == Values && len(r.Fields) == 1 })
	if !found {
		t.Errorf("%s is not read back", line)
	}
	for _, v := range []Value{Group(Pair{Key: "d", Value: deep}), Group(Pair{Key: "x", Value: Lit("a b")})} {
		if out, err := (Encoder{}).AppendJSON([]byte("kept"), []Pair{{Key: "d", Value: v}}); err == nil || string(out) != "kept" {
			t.Errorf("%s, %v", out, err)
		}
	}
	if out, err := (Encoder{}).AppendText(nil, Group(on)); err == nil {
		t.Errorf("%s", out)
	}
}
