package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"labbox/devices"
	"labbox/edge/config"
)

// compiled is a published schema, or the part of it that is asked for, as a
// validator reads it.
func compiled(t *testing.T, file string) func(part string) *jsonschema.Schema {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(docsRoot, "docs/ref", file))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("urn:labbox:"+file, doc); err != nil {
		t.Fatal(err)
	}
	return func(part string) *jsonschema.Schema {
		s, err := c.Compile("urn:labbox:" + file + part)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
}

// tree is a YAML text as JSON has it.
func tree(text []byte) (any, error) {
	var v any
	if err := yaml.Unmarshal(text, &v); err != nil {
		return nil, err
	}
	return jsonable(v), nil
}

func jsonable(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k := range v {
			v[k] = jsonable(v[k])
		}
	case map[any]any:
		out := map[string]any{}
		for k := range v {
			out[fmt.Sprint(k)] = jsonable(v[k])
		}
		return out
	case []any:
		for i := range v {
			v[i] = jsonable(v[i])
		}
	case string: // the YAML reader holds 1e3 for a text
		if x := 0.0; regexp.MustCompile(`^[-+]?[0-9.]+[eE][-+]?[0-9]+$`).MatchString(v) {
			if _, err := fmt.Sscan(v, &x); err == nil {
				return x
			}
		}
	}
	return v
}

// goodFiles are the type and box files there are: the catalogue, the blueprint,
// and those in the documents.
func goodFiles(t *testing.T, kind string) map[string]string {
	t.Helper()
	out := map[string]string{}
	fence := regexp.MustCompile("(?ms)^```yaml " + kind + "\n(.*?)^```")
	for name, text := range docs(t) {
		for i, m := range fence.FindAllStringSubmatch(text, -1) {
			out[fmt.Sprintf("%s#%d", name, i)] = m[1]
		}
	}
	if kind == "type" {
		files, err := filepath.Glob(filepath.Join(docsRoot, "devices/catalog/*.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			out[filepath.Base(f)] = string(b)
		}
	}
	return out
}

func checker(kind string) func(text []byte) config.Problems {
	if kind == "box" {
		return func(text []byte) config.Problems { _, ps := config.ParseBox("box.yaml", text); return ps }
	}
	return func(text []byte) config.Problems { _, ps := devices.ParseType("type.yaml", text); return ps }
}

var schemaOf = map[string]string{"type": "device-type.schema.json", "box": "box-file.schema.json"}

// What labbox check takes the schema takes.
func TestReferenceGoodFilesFit(t *testing.T) {
	for kind, file := range schemaOf {
		s := compiled(t, file)("")
		files := goodFiles(t, kind)
		if len(files) < 3 {
			t.Fatalf("%d %s files", len(files), kind)
		}
		for name, text := range files {
			v, err := tree([]byte(text))
			if err == nil {
				err = s.Validate(v)
			}
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// Every example in the reference is what its key takes.
func TestReferenceExamples(t *testing.T) {
	r, schema := referenceOf(t, devices.Type{}), compiled(t, schemaOf["type"])
	for _, k := range r.kinds {
		for _, key := range k.keys {
			v, err := tree([]byte(key.note.Example))
			m, ok := v.(map[string]any)
			if err != nil || !ok || len(m) != 1 || m[key.name] == nil {
				t.Errorf("%s.%s: the example is not one key with a value: %s", k.name, key.name, key.note.Example)
				continue
			}
			place := "#/$defs/" + k.name
			if k == r.root {
				place = "#"
			}
			if k.short {
				place += "/anyOf/1"
			}
			if err := schema(place + "/properties/" + key.name).Validate(m[key.name]); err != nil {
				t.Errorf("%s.%s: %v", k.name, key.name, err)
			}
		}
	}
}

// What the schema refuses labbox check refuses: good files with something wrong
// put in at any place.
func TestReferenceRefusals(t *testing.T) {
	const tries = 800 // of all files
	for kind, file := range schemaOf {
		s, check := compiled(t, file)(""), checker(kind)
		refused, files := 0, goodFiles(t, kind)
		for name, text := range files {
			rng := rand.New(rand.NewPCG(1, uint64(len(text))))
			var places int
			var first yaml.MapSlice
			if err := yaml.UnmarshalWithOptions([]byte(text), &first, yaml.UseOrderedMap()); err != nil {
				t.Fatal(err)
			}
			spoil(first, func(any) (any, bool) { places++; return nil, false })
			for range min(tries/len(files), 4*places) {
				var v yaml.MapSlice
				if err := yaml.UnmarshalWithOptions([]byte(text), &v, yaml.UseOrderedMap()); err != nil {
					t.Fatal(err)
				}
				at, n := rng.IntN(places), -1
				bad := spoilers[rng.IntN(len(spoilers))]
				spoil(v, func(old any) (any, bool) {
					n++
					return bad(old), n == at
				})
				out, err := yaml.Marshal(v)
				if err != nil {
					continue
				}
				if j, err := tree(out); err != nil || s.Validate(j) == nil {
					continue
				}
				if refused++; len(check(out)) == 0 {
					j, _ := tree(out)
					t.Errorf("%s: the schema refuses what labbox check takes: %v\n%s", name, s.Validate(j), changed(first, out))
				}
			}
		}
		if refused < 100 {
			t.Errorf("%s: only %d files were refused", kind, refused)
		}
	}
}

// spoilers put something else in the place of a value.
var spoilers = []func(any) any{
	func(any) any { return -1 },
	func(any) any { return 1000000000 },
	func(any) any { return 1.5 },
	func(any) any { return "Not One Of Them" },
	func(any) any { return "-5ms" },
	func(any) any { return true },
	func(any) any { return []any{} },
	func(any) any { return []any{1, 2, 3} },
	func(any) any { return yaml.MapSlice{} },
	func(any) any { return yaml.MapSlice{{Key: "unknown", Value: 1}} },
	func(old any) any { return []any{old} },
	func(any) any { return gone },
	func(old any) any {
		if m, ok := old.(yaml.MapSlice); ok {
			return append(m[:len(m):len(m)], yaml.MapItem{Key: "unknown_key", Value: 1})
		}
		return nil
	},
}

// gone takes a key away.
var gone = &struct{}{}

// spoil walks over all values and puts in what change gives.
func spoil(v any, change func(any) (any, bool)) {
	put := func(old any, set func(any)) {
		if n, ok := change(old); ok {
			set(n)
			return
		}
		spoil(old, change)
	}
	switch v := v.(type) {
	case yaml.MapSlice:
		for i := range v {
			put(v[i].Value, func(n any) {
				if v[i].Value = n; n == any(gone) {
					v[i] = yaml.MapItem{Key: "label", Value: "x"}
				}
			})
		}
	case []any:
		for i := range v {
			put(v[i], func(n any) {
				if v[i] = n; n == any(gone) {
					v[i] = "x"
				}
			})
		}
	}
}

// changed are the lines that differ.
func changed(was yaml.MapSlice, is []byte) string {
	b, _ := yaml.Marshal(was)
	have := map[string]bool{}
	for l := range strings.Lines(string(b)) {
		have[l] = true
	}
	var out strings.Builder
	for l := range strings.Lines(string(is)) {
		if !have[l] {
			out.WriteString("\t" + l)
		}
	}
	return out.String()
}
