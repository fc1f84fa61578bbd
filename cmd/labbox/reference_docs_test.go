package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"labbox/devices"
)

// docs/ref/device-types.md is its template with a table of keys in the place of
// each line {{keys NAME}}.
func TestReferenceDeviceTypes(t *testing.T) {
	r := referenceOf(t, devices.Type{})
	b, err := os.ReadFile(filepath.Join(docsRoot, "docs/ref/device-types.md.tmpl"))
	if err != nil {
		t.Fatal(err)
	}
	missing := map[string]*kind{}
	for _, k := range r.kinds {
		missing[k.name] = k
	}
	text := regexp.MustCompile(`(?m)^\{\{keys (\w+)\}\}$`).ReplaceAllStringFunc(string(b), func(line string) string {
		name := strings.TrimSuffix(strings.Fields(line)[1], "}}")
		k := missing[name]
		if k == nil {
			t.Errorf("device-types.md.tmpl: no kind %s, or it stands there twice", name)
			return line
		}
		delete(missing, name)
		return strings.TrimSuffix(r.table(k), "\n")
	})
	for name := range missing {
		t.Errorf("device-types.md.tmpl has no line {{keys %s}}", name)
	}
	generated(t, "docs/ref/device-types.md", []byte(text))
}

// What device-types.md says is written so is taken: each `key: value` of the
// comparison with StreamDevice and of the list of framings.
func TestReferenceFragments(t *testing.T) {
	text := docs(t)["docs/ref/device-types.md"]
	r, schema := referenceOf(t, devices.Type{}), compiled(t, schemaOf["type"])
	whole := func(in, parts string) string {
		return "schema: 1\ntype: t\nlabel: T\nprotocol:\n  messages:\n    " + in + "\n    receive: [{id: a, " + parts + "}]\n"
	}
	fragment := regexp.MustCompile(`^([a-z_]+): \S.*$`)
	seen := map[string]int{}
	for _, span := range code(between(text, "\n### framing\n", "\n### framing length") + between(text, "\n## Coming from", "\n## ")) {
		span = strings.ReplaceAll(strings.Trim(span, "`"), `\|`, "|")
		m := fragment.FindStringSubmatch(span)
		if m == nil {
			continue
		}
		seen[m[1]]++
		file := ""
		switch m[1] {
		case "parts":
			file = whole(`in: {end: "\r"}`, span)
		case "in":
			file = whole(span, "parts: [A]")
		case "out":
			file = whole("in: {end: \"\\r\"}\n    "+span, "parts: [A]")
		default:
			v, err := tree([]byte(span))
			if err != nil {
				t.Errorf("%s: %v", span, err)
				continue
			}
			fits := false
			for _, k := range r.kinds {
				for _, key := range k.keys {
					place := "#/$defs/" + k.name
					if k == r.root {
						place = "#"
					} else if k.short {
						place += "/anyOf/1"
					}
					if m, ok := v.(map[string]any); ok && m[key.name] != nil {
						fits = fits || schema(place+"/properties/"+key.name).Validate(m[key.name]) == nil
					}
				}
			}
			if !fits {
				t.Errorf("`%s` fits nowhere", span)
			}
			continue
		}
		for _, p := range checker("type")([]byte(file)) {
			if p.Message != "no channels" {
				t.Errorf("`%s`: %v", span, p)
			}
		}
	}
	if seen["parts"] < 25 || seen["in"] < 12 {
		t.Errorf("found %v", seen)
	}
}

// table is a kind's heading and its keys.
func (r *reference) table(k *kind) string {
	var b strings.Builder
	fmt.Fprintf(&b, "### %s\n", strings.ReplaceAll(k.name, "_", " "))
	switch {
	case len(k.keys) == 0:
		b.WriteString("No keys: `{}`.\n")
		return b.String()
	case len(k.note.One) > 0:
		fmt.Fprintf(&b, "Exactly one of %s.\n\n", codes(k.note.One))
	case k.short:
		fmt.Fprintf(&b, "Or a text alone, which is its `%s`.\n\n", k.keys[0].name)
	}
	b.WriteString("| key | type | default | meaning | example |\n| --- | --- | --- | --- | --- |\n")
	for _, key := range k.keys {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", key.name, r.typeCell(key), oneCell(key.defaultCell()), oneCell(key.meaning()+r.limits(key)), code1(key.note.Example))
	}
	return b.String()
}

func codes(words []string) string { return "`" + strings.Join(words, "`, `") + "`" }

// oneCell keeps a text from ending the cell it stands in.
func oneCell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

func code1(s string) string {
	s = strings.TrimSpace(strings.ReplaceAll(s, "\n", "; "))
	if strings.Contains(s, "`") {
		return "`` " + oneCell(s) + " ``"
	}
	return "`" + oneCell(s) + "`"
}

// typeCell: few values stand there themselves.
func (r *reference) typeCell(k *key) string {
	if words := r.words(k); len(words) > 0 && k.note.Type == "" {
		return codes(words)
	}
	return r.typeName(k)
}

func (r *reference) words(k *key) (out []string) {
	if k.note.Open || len(k.note.Enum) > 12 {
		return nil
	}
	for _, v := range k.note.Enum {
		out = append(out, fmt.Sprint(v))
	}
	if out == nil && k.typ.Kind().String() == "string" {
		out = r.consts[k.typ.PkgPath()][k.typ.Name()]
	}
	return out
}

func (k *key) defaultCell() string {
	switch d := k.note.Default; {
	case k.note.Required:
		return "required"
	case regexp.MustCompile(`^[0-9.]+(ms|s|m)?$`).MatchString(d), d == "false", d != "" && contains(k.note.Enum, d):
		return "`" + d + "`"
	default:
		return d
	}
}

func contains(list []any, s string) bool {
	for _, v := range list {
		if fmt.Sprint(v) == s {
			return true
		}
	}
	return false
}

// limits are a number's in words.
func (r *reference) limits(k *key) string {
	n := k.note
	switch {
	case n.Max != nil && strings.Contains(k.meaning(), fmt.Sprint(*n.Max)):
	case n.Min != nil && n.Max != nil && (*n.Min != 0 || *n.Max < 1000):
		return fmt.Sprintf("; %g to %g", *n.Min, *n.Max)
	case n.Max != nil:
		return fmt.Sprintf("; at most %.10g", *n.Max)
	}
	return ""
}
