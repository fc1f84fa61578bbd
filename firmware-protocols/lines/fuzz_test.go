package lines

import (
	"bytes"
	"encoding/json"
	"math"
	"testing"
)

// FuzzDecode feeds arbitrary bytes in arbitrary chunks: the chunks change
// nothing, nothing grows, and the next good line is read.
func FuzzDecode(f *testing.F) {
	for _, path := range vectorFiles(f) {
		for _, c := range readVectors(f, path).Cases {
			var all []byte
			for _, in := range c.Input {
				all = append(all, in.bytes(f)...)
			}
			if len(all) < 4096 {
				format, _ := ParseFormat(c.Options.Format)
				f.Add(all, uint8(format), uint8(7))
			}
		}
	}
	f.Fuzz(func(t *testing.T, b []byte, mode, chunk uint8) {
		o := Options{
			Format:     Format(mode & 3),
			Terminator: []string{"\n", "\r\n", ";;", "\r"}[mode>>2&3],
			MaxLine:    []int{80, 8, 1024, 20}[mode>>4&3],
			SkipFirst:  mode&64 != 0,
		}
		if mode&128 != 0 {
			o.Separator, o.Columns = '\t', []string{"a", "b"}
		}
		whole, d := decodeAll(t, o, b, len(b)+1)
		cut, e := decodeAll(t, o, b, int(chunk)+1)
		if toJSON(t, whole) != toJSON(t, cut) || d.Stats() != e.Stats() {
			t.Fatalf("in chunks of %d:\n%s\n%s\n%+v\n%+v", chunk+1, toJSON(t, whole), toJSON(t, cut), d.Stats(), e.Stats())
		}
		checkRecords(t, o, whole)
		checkBounds(t, e)
		checkStats(t, whole, e.Stats())
		if o.Format > Relaxed || o.MaxLine < 20 {
			return // other columns may be due, or the line is too long
		}
		var last vectorRecord
		e.Feed([]byte(o.Terminator+`{"good":17}`+o.Terminator), func(r *Record) { last = keep(r) })
		if last.Kind != "values" || len(last.Fields) != 1 || last.Fields[0].Num != 17.0 {
			t.Fatalf("the next good line reads as %+v", last)
		}
	})
}

func decodeAll(t *testing.T, o Options, b []byte, chunk int) ([]vectorRecord, *Decoder) {
	d := decoder(t, o)
	var records []vectorRecord
	feed(d, b, chunk, func(r *Record) {
		if len(r.Fields) > MaxFields {
			t.Fatalf("%d fields", len(r.Fields))
		}
		for _, f := range r.Fields {
			if !f.NumOK && (f.Num != 0 || f.Kind == Number || f.Kind == Bool || f.Kind == Null) {
				t.Fatalf("%v %q has the number %v, ok %v", f.Kind, f.Key, f.Num, f.NumOK)
			}
			if f.Kind == Null && !math.IsNaN(f.Num) {
				t.Fatalf("null is %v", f.Num)
			}
		}
		records = append(records, keep(r))
	})
	return records, d
}

func checkRecords(t *testing.T, o Options, records []vectorRecord) {
	for _, r := range records {
		n := max(len(r.Raw), len(r.RawHex)/2)
		if n == 0 && o.Format <= Plotter || n > o.MaxLine {
			t.Fatalf("raw of %d bytes: %+v", n, r)
		}
	}
}

// checkBounds holds the promise that no input makes the decoder grow.
func checkBounds(t *testing.T, d *Decoder) {
	max := d.opt.MaxLine
	if cap(d.buf) > 2*d.limit+16 || cap(d.scratch) > 3*(4*max+256) || cap(d.nums) > 2*max+16 ||
		cap(d.cols.store) > 2*max+16 || cap(d.fields) > MaxFields || cap(d.cols.names) > 2*MaxFields {
		t.Fatalf("grown to %d, %d, %d, %d, %d, %d bytes and fields at %d bytes a line", cap(d.buf), cap(d.scratch),
			cap(d.nums), cap(d.cols.store), cap(d.fields), cap(d.cols.names), max)
	}
}

func checkStats(t *testing.T, records []vectorRecord, s Stats) {
	count := map[string]uint64{}
	for _, r := range records {
		count[r.Kind]++
	}
	if count["values"] != s.Records || count["garbage"] != s.Garbage || count["overlong"] != s.Overlong {
		t.Fatalf("%v records, %+v", count, s)
	}
}

// FuzzAgainstEncodingJSON checks that every JSON object on a line of its own is
// read, and read as encoding/json reads it.
func FuzzAgainstEncodingJSON(f *testing.F) {
	for _, path := range vectorFiles(f) {
		for _, c := range readVectors(f, path).Cases {
			for _, r := range c.Records {
				if r.Kind == "values" {
					f.Add([]byte(r.Raw))
				}
			}
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		b = bytes.TrimSpace(b)
		var want map[string]any
		if bytes.IndexByte(b, '\n') >= 0 || json.Unmarshal(b, &want) != nil || want == nil {
			return
		}
		flat := map[string]any{}
		if !flatten(flat, "", want, 1) || len(flat) > MaxFields/2 || len(b) > DefaultMaxLine {
			return
		}
		d := decoder(t, Options{})
		n := 0
		d.Feed(append(b, '\n'), func(r *Record) {
			if n++; r.Kind != Values || r.Glued {
				if r.Why == "too many fields" || r.Why == "keys too long" {
					return
				}
				t.Fatalf("%s reads as %v (%s)", b, r.Kind, r.Why)
			}
			for i := range r.Fields {
				compare(t, r, string(r.Fields[i].Key), flat)
			}
			for key := range flat {
				if _, ok := r.Get(key); !ok {
					t.Fatalf("%s: no field %q", b, key)
				}
			}
		})
		if n != 1 {
			t.Fatalf("%s is %d records", b, n)
		}
	})
}

// flatten joins nested keys. It gives up on what the two cannot share: nesting
// beyond the limit, keys that a repeated key or a dot makes ambiguous.
func flatten(flat map[string]any, path string, m map[string]any, depth int) bool {
	if depth > MaxDepth {
		return false
	}
	for k, v := range m {
		if bytes.ContainsAny([]byte(k), ".\ufffd") {
			return false
		}
		k = path + k // path is empty or ends in a dot
		switch v := v.(type) {
		case map[string]any:
			if !flatten(flat, k+".", v, depth+1) {
				return false
			}
			continue
		case []any:
			if !shallow(v, depth+1) {
				return false
			}
		}
		if _, ok := flat[k]; ok {
			return false
		}
		flat[k] = v
	}
	return true
}

func shallow(v any, depth int) bool {
	var inner []any
	switch v := v.(type) {
	case []any:
		inner = v
	case map[string]any:
		for _, x := range v {
			inner = append(inner, x)
		}
	default:
		return true
	}
	if depth > MaxDepth {
		return false
	}
	for _, x := range inner {
		if !shallow(x, depth+1) {
			return false
		}
	}
	return true
}

func compare(t *testing.T, r *Record, key string, flat map[string]any) {
	want, ok := flat[key]
	if !ok {
		return // an earlier one of a repeated key, with another inside
	}
	f, _ := r.Get(key)
	same := false
	switch want := want.(type) {
	case float64:
		same = f.Kind == Number && f.Num == want
	case bool:
		same = f.Kind == Bool && (f.Num == 1) == want
	case nil:
		same = f.Kind == Null
	case string:
		same = f.Kind == Text && string(bytes.ToValidUTF8(f.Text, nil)) == string(bytes.ToValidUTF8([]byte(want), nil)) ||
			bytes.ContainsRune([]byte(want), '\ufffd')
	case []any:
		same = f.Kind == Mixed || f.Kind == NumberArray && len(f.Array) == len(want)
		for i := range f.Array {
			x, number := want[i].(float64)
			same = same && (number && f.Array[i] == x || want[i] == nil && math.IsNaN(f.Array[i]))
		}
	}
	if !same {
		t.Fatalf("%s: %q is %v %v %q %v, encoding/json has %v", r.Raw, key, f.Kind, f.Num, f.Text, f.Array, want)
	}
}
