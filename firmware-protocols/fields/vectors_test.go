package fields

import (
	"encoding/hex"
	"math"
	"os"
	"testing"

	"github.com/goccy/go-yaml"

	"labbox/firmware-protocols/decimal"
)

// vector is a list of parts with a message and its values.
type vector struct {
	Name    string         `yaml:"name"`
	OneWay  bool           `yaml:"one_way"`
	Parts   []Part         `yaml:"parts"`
	Message string         `yaml:"message"`
	Hex     string         `yaml:"hex"`
	Values  map[string]any `yaml:"values"`
}

func vectors(t testing.TB) []vector {
	b, err := os.ReadFile("vectors/parts.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		About string   `yaml:"about"`
		Cases []vector `yaml:"cases"`
	}
	if err := yaml.UnmarshalWithOptions(b, &file, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	return file.Cases
}

func (c *vector) bytes(t testing.TB) []byte {
	if c.Hex == "" {
		return []byte(c.Message)
	}
	b, err := hex.DecodeString(c.Hex)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (c *vector) values(t testing.TB) map[string]Value {
	vals := map[string]Value{}
	for name, x := range c.Values {
		v, ok := toValue(x)
		if !ok {
			t.Fatalf("%s: %v", name, x)
		}
		vals[name] = v
	}
	return vals
}

func TestVectors(t *testing.T) {
	for _, c := range vectors(t) {
		t.Run(c.Name, func(t *testing.T) {
			p, err := Compile(c.Parts, Options{Print: !c.OneWay})
			if err != nil {
				t.Fatal(err)
			}
			msg, vals := c.bytes(t), c.values(t)
			var v Values
			ok, x := p.Match(msg, &v, lookup(vals)), p.Explain(msg, lookup(vals))
			if ok != (c.Values != nil) || x.OK != ok || ok && x.At != len(msg) {
				t.Fatalf("match: %v, %+v", ok, x)
			}
			for _, f := range p.Fields() {
				if !ok {
					break
				}
				e, found := v.Get(f.Name)
				if !found || !e.is(vals[f.Name]) {
					t.Errorf("%s reads %v, want %v", f.Name, e, vals[f.Name])
				}
			}
			for i := range msg {
				if p.Size() >= 0 && p.Match(msg[:i], &v, lookup(vals)) {
					t.Errorf("%d bytes of %d are taken, too", i, len(msg))
				}
			}
			if c.OneWay {
				return
			}
			got, err := p.Append([]byte("x"), lookup(vals))
			if err != nil || string(got) != "x"+string(msg) {
				t.Errorf("prints %q, %v; want %q", got, err, msg)
			}
		})
	}
}

// is compares with a value of a vector, where a text also stands for a number
// that JSON cannot hold.
func (e *Entry) is(v Value) bool {
	o := e.value()
	if o.Kind == Number && v.Kind == Text {
		x, n, ok := decimal.Parse([]byte(v.Text), '.')
		return ok && n == len(v.Text) && (sameNum(x, o.Num) || math.IsNaN(x) && math.IsNaN(o.Num))
	}
	w := &Entry{}
	w.Kind, w.Num, w.Text, w.Array = v.Kind, v.Num, []byte(v.Text), v.Array
	u := &Entry{}
	u.Kind, u.Num, u.Text, u.Array = o.Kind, o.Num, []byte(o.Text), o.Array
	return u.same(w)
}
