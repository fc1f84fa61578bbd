package lines

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

var update = flag.Bool("update", false, "write what the decoder does into vectors/*.json; read the diff")

// vectorFile is one file of vectors/: the cases of lines_test.mjs too.
type vectorFile struct {
	About string       `json:"about"`
	Cases []vectorCase `json:"cases"`
}

type vectorCase struct {
	Name    string         `json:"name"`
	Options vectorOptions  `json:"options"`
	Input   []vectorInput  `json:"input"`
	Records []vectorRecord `json:"records"`
	Stats   vectorStats    `json:"stats"`
}

type vectorOptions struct {
	Format     string   `json:"format"`
	Terminator string   `json:"terminator,omitempty"`
	MaxLine    int      `json:"maxLine,omitempty"`
	SkipFirst  bool     `json:"skipFirst,omitempty"`
	Separator  string   `json:"separator,omitempty"`
	Columns    []string `json:"columns,omitempty"`
}

// vectorInput is one thing that happens: text or bytes arrive, or the caller
// acts.
type vectorInput struct {
	Text   string `json:"text,omitempty"`
	Hex    string `json:"hex,omitempty"`
	Repeat string `json:"repeat,omitempty"`
	Times  int    `json:"times,omitempty"`
	Do     string `json:"do,omitempty"` // reset, flush
}

type vectorRecord struct {
	Kind   string        `json:"kind"`
	Raw    string        `json:"raw,omitempty"`
	RawHex string        `json:"rawHex,omitempty"`
	Glued  bool          `json:"glued,omitempty"`
	Plain  bool          `json:"plain,omitempty"`
	Fields []vectorField `json:"fields,omitempty"`
}

type vectorField struct {
	Key   string `json:"key"`
	Kind  string `json:"kind"`
	Num   any    `json:"num,omitempty"` // a number, or "nan", "inf", "-inf"; absent where there is none
	Text  any    `json:"text,omitempty"`
	Array []any  `json:"array,omitempty"`
}

type vectorStats struct {
	Lines    uint64 `json:"lines"`
	Records  uint64 `json:"records"`
	Garbage  uint64 `json:"garbage"`
	Overlong uint64 `json:"overlong"`
	Skipped  uint64 `json:"skipped"`
}

func (o vectorOptions) decode(t testing.TB) Options {
	f, err := ParseFormat(o.Format)
	if err != nil {
		t.Fatal(err)
	}
	opt := Options{Format: f, Terminator: o.Terminator, MaxLine: o.MaxLine, SkipFirst: o.SkipFirst, Columns: o.Columns}
	if o.Separator != "" {
		opt.Separator = o.Separator[0]
	}
	return opt
}

func (in vectorInput) bytes(t testing.TB) []byte {
	b, err := hex.DecodeString(in.Hex)
	if err != nil {
		t.Fatal(err)
	}
	return append(append([]byte(in.Text), b...), strings.Repeat(in.Repeat, in.Times)...)
}

func vectorNumber(x float64) any {
	switch {
	case math.IsNaN(x):
		return "nan"
	case math.IsInf(x, 0):
		return map[bool]string{true: "inf", false: "-inf"}[x > 0]
	}
	return x
}

// keep makes a copy of r that outlives the call.
func keep(r *Record) vectorRecord {
	v := vectorRecord{Kind: r.Kind.String(), Glued: r.Glued, Plain: r.Plain}
	if utf8.Valid(r.Raw) {
		v.Raw = string(r.Raw)
	} else {
		v.RawHex = hex.EncodeToString(r.Raw)
	}
	if r.Kind == Garbage || r.Kind == Overlong {
		return v
	}
	for _, f := range r.Fields {
		g := vectorField{Key: string(f.Key), Kind: f.Kind.String()}
		if f.NumOK {
			g.Num = vectorNumber(f.Num)
		}
		if f.Kind == Text || f.Kind == Mixed {
			g.Text = strings.ToValidUTF8(string(f.Text), "\ufffd")
		}
		for _, x := range f.Array {
			g.Array = append(g.Array, vectorNumber(x))
		}
		v.Fields = append(v.Fields, g)
	}
	return v
}

func (c vectorCase) run(t testing.TB, chunk int) (records []vectorRecord, stats vectorStats) {
	d, err := New(c.Options.decode(t))
	if err != nil {
		t.Fatal(err)
	}
	emit := func(r *Record) { records = append(records, keep(r)) }
	for _, in := range c.Input {
		switch in.Do {
		case "reset":
			d.Reset()
			continue
		case "flush":
			d.Flush(emit)
			continue
		}
		feed(d, in.bytes(t), chunk, emit)
	}
	s := d.Stats()
	return records, vectorStats{s.Lines, s.Records, s.Garbage, s.Overlong, s.Skipped}
}

// feed hands b to d in chunks, each in storage that is spoilt afterwards.
func feed(d *Decoder, b []byte, chunk int, emit func(*Record)) {
	tmp := make([]byte, 0, chunk)
	for len(b) > 0 {
		n := min(chunk, len(b))
		tmp = append(tmp[:0], b[:n]...)
		d.Feed(tmp, emit)
		for i := range tmp {
			tmp[i] = '#'
		}
		b = b[n:]
	}
}

func TestVectors(t *testing.T) {
	for _, path := range vectorFiles(t) {
		file := readVectors(t, path)
		for i, c := range file.Cases {
			t.Run(filepath.Base(path)+"/"+c.Name, func(t *testing.T) {
				records, stats := c.run(t, 1<<20)
				if *update {
					file.Cases[i].Records, file.Cases[i].Stats = records, stats
					return
				}
				if want, got := toJSON(t, c.Records), toJSON(t, records); got != want {
					t.Errorf("records:\n got %s\nwant %s", got, want)
				}
				if stats != c.Stats {
					t.Errorf("stats: got %+v, want %+v", stats, c.Stats)
				}
				for _, chunk := range []int{1, 2, 3, 7, 64} {
					again, s := c.run(t, chunk)
					if toJSON(t, again) != toJSON(t, records) || s != stats {
						t.Errorf("in chunks of %d: %s, %+v", chunk, toJSON(t, again), s)
					}
				}
			})
		}
		if *update {
			if err := os.WriteFile(path, writeVectors(t, file), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func vectorFiles(t testing.TB) []string {
	paths, err := filepath.Glob("vectors/decode_*.json")
	if err != nil || len(paths) < 5 {
		t.Fatalf("found %d files of vectors, %v", len(paths), err)
	}
	return paths
}

func readVectors(t testing.TB, path string) (f vectorFile) {
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&f); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return f
}

func toJSON(t testing.TB, v any) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(b.String())
}

// writeVectors lays a file out with one record a line, so that diffs read well.
func writeVectors(t testing.TB, f vectorFile) []byte {
	var b bytes.Buffer
	list := func(name string, n int, item func(int) any) {
		fmt.Fprintf(&b, "  %q: [", name)
		for i := range n {
			fmt.Fprintf(&b, "%s\n    %s", map[bool]string{true: ","}[i > 0], toJSON(t, item(i)))
		}
		b.WriteString(map[bool]string{true: "\n  "}[n > 0] + "],\n")
	}
	fmt.Fprintf(&b, "{\n\"about\": %s,\n\"cases\": [", toJSON(t, f.About))
	for i, c := range f.Cases {
		fmt.Fprintf(&b, "%s\n{ \"name\": %s,\n  \"options\": %s,\n", map[bool]string{true: ","}[i > 0], toJSON(t, c.Name), toJSON(t, c.Options))
		list("input", len(c.Input), func(i int) any { return c.Input[i] })
		list("records", len(c.Records), func(i int) any { return c.Records[i] })
		fmt.Fprintf(&b, "  \"stats\": %s }", toJSON(t, c.Stats))
	}
	b.WriteString("\n]\n}\n")
	return b.Bytes()
}
