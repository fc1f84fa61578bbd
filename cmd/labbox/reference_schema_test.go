package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"labbox/devices"
	"labbox/edge/config"
)

// object is a JSON object with its keys in order.
type object []pair

type pair struct {
	key   string
	value any
}

func (o object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, p := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		k, err := json.Marshal(p.key)
		if err != nil {
			return nil, err
		}
		v, err := plainJSON(p.value)
		if err != nil {
			return nil, err
		}
		b.Write(k)
		b.WriteByte(':')
		b.Write(v)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// plainJSON is JSON without escapes for HTML.
func plainJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSpace(b.Bytes()), err
}

// schema is the JSON Schema of a file.
func (r *reference) schema(title, id string) object {
	defs := object{
		{"duration", object{{"description", "500ms, 2s, 1m30s"}, {"type", "string"},
			{"pattern", `^\+?(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+$|^\+?0$`}}},
		{"label", object{{"description", "a text for people, or one per language: {en: Angle, fr: Angle, es: Ángulo}"},
			{"anyOf", []any{textSchema, object{{"type", "object"}, {"propertyNames", object{{"pattern", "^..$"}}}, {"additionalProperties", textSchema}}}}}},
		{"name", object{{"description", "1 to 48 of a-z, 0-9, _ and -, starting with a letter or a digit"},
			{"type", []string{"string", "number", "boolean"}}, {"pattern", "^[a-z0-9][a-z0-9_-]{0,47}$"}}},
	}
	for _, k := range r.kinds {
		if k != r.root {
			defs = append(defs, pair{k.name, r.kindSchema(k)})
		}
	}
	out := object{{"$schema", "https://json-schema.org/draft/2020-12/schema"}, {"$id", id}, {"title", title}}
	return append(append(out, r.kindSchema(r.root)...), pair{"$defs", defs})
}

// A number or a truth value is read as the text that stands there.
var textSchema = object{{"type", []string{"string", "number", "boolean"}}}

func (r *reference) kindSchema(k *kind) object {
	props, required := object{}, []string{}
	for _, key := range k.keys {
		p := object{}
		if m := key.meaning(); m != "" {
			p = append(p, pair{"description", m})
		}
		props = append(props, pair{key.name, append(p, r.valueSchema(key)...)})
		if key.note.Required {
			required = append(required, key.name)
		}
	}
	out := object{{"type", "object"}, {"additionalProperties", false}, {"properties", props}}
	if len(required) > 0 {
		out = append(out, pair{"required", required})
	}
	if one := k.note.One; len(one) > 0 && len(one) == len(k.keys) {
		out = append(out, pair{"minProperties", 1}, pair{"maxProperties", 1})
	} else if len(one) > 0 {
		out = append(out, pair{"oneOf", needs(one)})
	}
	if len(k.note.Any) > 0 {
		out = append(out, pair{"anyOf", needs(k.note.Any)})
	}
	if k.short {
		out = object{{"anyOf", []any{textSchema, out}}}
	}
	if k.doc != "" && k != r.root {
		out = append(object{{"description", k.doc}}, out...)
	}
	return out
}

func needs(keys []string) (out []any) {
	for _, k := range keys {
		out = append(out, object{{"required", []string{k}}})
	}
	return out
}

// valueSchema is a key's, with what keys.yaml knows of its values.
func (r *reference) valueSchema(k *key) object {
	n := k.note
	switch {
	case n.Name:
		return object{{"$ref", "#/$defs/name"}}
	case n.Open:
		return object{{"anyOf", []any{object{{"enum", n.Enum}}, textSchema}}}
	case len(n.Enum) > 0:
		return object{{"enum", n.Enum}}
	}
	out := r.typeSchema(k.typ)
	for _, l := range []struct {
		key   string
		value *float64
	}{{"minimum", n.Min}, {"exclusiveMinimum", n.Above}, {"maximum", n.Max}} {
		if l.value != nil {
			out = append(without(out, l.key), pair{l.key, *l.value})
		}
	}
	if n.Some {
		out = append(out, pair{"minItems", 1})
	}
	return out
}

func without(o object, key string) (out object) {
	for _, p := range o {
		if p.key != key {
			out = append(out, p)
		}
	}
	return out
}

func (r *reference) typeSchema(t reflect.Type) object {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t {
	case durationType:
		return object{{"$ref", "#/$defs/duration"}}
	case labelType:
		return object{{"$ref", "#/$defs/label"}}
	case mapSliceType:
		return object{{"type", "object"}}
	}
	switch t.Kind() {
	case reflect.Struct:
		return object{{"$ref", "#/$defs/" + r.byType[t].name}}
	case reflect.Slice:
		return object{{"type", "array"}, {"items", r.typeSchema(t.Elem())}}
	case reflect.Array:
		return object{{"type", "array"}, {"items", r.typeSchema(t.Elem())}, {"minItems", t.Len()}, {"maxItems", t.Len()}}
	case reflect.Map:
		return object{{"type", "object"}, {"additionalProperties", r.typeSchema(t.Elem())}}
	case reflect.Interface:
		return object{}
	case reflect.Bool:
		return object{{"type", "boolean"}}
	case reflect.String:
		if words := r.consts[t.PkgPath()][t.Name()]; len(words) > 0 {
			return object{{"enum", words}}
		}
		return textSchema
	case reflect.Float64:
		return object{{"type", "number"}}
	case reflect.Uint8:
		return object{{"type", "integer"}, {"minimum", 0}, {"maximum", 255}}
	case reflect.Uint16:
		return object{{"type", "integer"}, {"minimum", 0}, {"maximum", 65535}}
	}
	return object{{"type", "integer"}}
}

// schemas are the published files, by path.
func schemas(t *testing.T) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	for _, s := range []struct {
		file, title string
		root        any
	}{
		{"docs/ref/device-type.schema.json", "labbox device type, schema 1", devices.Type{}},
		{"docs/ref/box-file.schema.json", "labbox box file, schema 1", config.Box{}},
	} {
		r := referenceOf(t, s.root)
		b, err := plainJSON(r.schema(s.title, "urn:labbox:"+filepath.Base(s.file)))
		if err != nil {
			t.Fatal(err)
		}
		var indented bytes.Buffer
		if err := json.Indent(&indented, b, "", "  "); err != nil {
			t.Fatal(err)
		}
		indented.WriteByte('\n')
		out[s.file] = indented.Bytes()
	}
	return out
}

// generated compares a file with what it should be, or writes it.
func generated(t *testing.T, path string, want []byte) {
	t.Helper()
	path = filepath.Join(docsRoot, path)
	have, err := os.ReadFile(path)
	if err == nil && bytes.Equal(have, want) {
		return
	}
	if !*update {
		t.Errorf("%s is not what the source says: go test ./cmd/labbox -run 'Reference|Docs' -update", path)
		return
	}
	if err := os.WriteFile(path, want, 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestReferenceSchemas(t *testing.T) {
	for path, want := range schemas(t) {
		generated(t, path, want)
	}
}
