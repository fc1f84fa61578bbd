package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"labbox/devices"
	"labbox/edge"
	"labbox/edge/config"
)

// The reference of type files and box files is made from the Go structs that
// read them and their comments, from docs/ref/keys.yaml (defaults, limits,
// examples) and from the template docs/ref/device-types.md.tmpl.
//
//	go test ./cmd/labbox -run 'Reference|Docs' -update
//
// writes it. Without -update the tests say what is not up to date.

// note is what keys.yaml says of a key, or, under the key _, of a kind of map.
type note struct {
	Meaning  string   `yaml:"meaning"`  // in place of the Go comment
	Type     string   `yaml:"type"`     // in place of the Go type's name
	Default  string   `yaml:"default"`  // as it is shown
	Example  string   `yaml:"example"`  // YAML: the key and a value
	Enum     []any    `yaml:"enum"`     // the values there are
	Open     bool     `yaml:"open"`     // and others
	Min      *float64 `yaml:"min"`      // of numbers
	Above    *float64 `yaml:"above"`    // more than that
	Max      *float64 `yaml:"max"`      //
	Name     bool     `yaml:"name"`     // an id
	Required bool     `yaml:"required"` //
	Some     bool     `yaml:"some"`     // a list is not empty
	One      []string `yaml:"one"`      // of a kind: exactly one of these keys
	Any      []string `yaml:"any"`      // of a kind: one of these keys at least
}

// kind is one struct of a file.
type kind struct {
	name  string
	typ   reflect.Type
	doc   string
	note  note
	short bool // a word may stand in its place
	keys  []*key
}

type key struct {
	name string
	typ  reflect.Type
	doc  string
	note note
}

// reference is all that can be said in a file.
type reference struct {
	root   *kind
	kinds  []*kind // in the order in which they are met
	byType map[reflect.Type]*kind
	notes  map[string]map[string]note
	source map[string]map[string]*ast.TypeSpec // by package and type
	consts map[string]map[string][]string      // texts of named types
	used   map[string]bool                     // notes that were
}

func referenceOf(t *testing.T, root any) *reference {
	t.Helper()
	r := &reference{byType: map[reflect.Type]*kind{}, source: map[string]map[string]*ast.TypeSpec{},
		consts: map[string]map[string][]string{}, used: map[string]bool{}}
	b, err := os.ReadFile(filepath.Join(docsRoot, "docs/ref/keys.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.UnmarshalWithOptions(b, &r.notes, yaml.Strict()); err != nil {
		t.Fatalf("docs/ref/keys.yaml: %v", err)
	}
	r.root = r.kind(t, reflect.TypeOf(root))
	return r
}

// Types that are written in a way of their own.
var (
	durationType = reflect.TypeFor[time.Duration]()
	labelType    = reflect.TypeFor[edge.Text]()
	mapSliceType = reflect.TypeFor[yaml.MapSlice]()
)

func (r *reference) kind(t *testing.T, typ reflect.Type) *kind {
	t.Helper()
	if k := r.byType[typ]; k != nil {
		return k
	}
	k := &kind{name: kindName(typ), typ: typ}
	_, k.short = reflect.PointerTo(typ).MethodByName("UnmarshalYAML")
	r.byType[typ] = k
	r.kinds = append(r.kinds, k)
	spec := r.spec(t, typ)
	docs := fieldDocs(spec)
	names := goNames(typ)
	k.doc, k.note = plain(spec.Doc.Text(), typ.Name(), "", names), r.note(k.name, "_")
	for i := range typ.NumField() {
		f := typ.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if name == "" || name == "-" {
			continue
		}
		k.keys = append(k.keys, &key{name: name, typ: f.Type, doc: plain(docs[f.Name], f.Name, name, names), note: r.note(k.name, name)})
	}
	for _, key := range k.keys {
		if e := element(key.typ); e.Kind() == reflect.Struct && e != mapSliceType {
			r.kind(t, e)
		}
	}
	return k
}

func (r *reference) note(kind, key string) note {
	r.used[kind+"."+key] = true
	return r.notes[kind][key]
}

// element is what a key's value is made of in the end.
func element(t reflect.Type) reflect.Type {
	for t != mapSliceType {
		switch t.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
			t = t.Elem()
			continue
		}
		break
	}
	return t
}

// kindName is what a struct is called in the schema and in keys.yaml.
func kindName(t reflect.Type) string {
	name := regexp.MustCompile(`([a-z0-9])([A-Z])`).ReplaceAllString(t.Name(), "${1}_${2}")
	name = strings.ToLower(strings.TrimSuffix(name, "_Protocol"))
	pkg := t.PkgPath()[strings.LastIndexByte(t.PkgPath(), '/')+1:]
	switch {
	case t.Name() == "SCPIProtocol", t.Name() == "NMEAProtocol":
		return strings.ToLower(strings.TrimSuffix(t.Name(), "Protocol"))
	case pkg == "devices" || pkg == "config" || pkg == "edge":
		return name
	case name == "options":
		return pkg
	case pkg == "fields" && name == "part":
		return name
	case pkg == "fields":
		return "part_" + name
	}
	return pkg + "_" + name
}

// spec finds a type in its package's source.
func (r *reference) spec(t *testing.T, typ reflect.Type) *ast.TypeSpec {
	t.Helper()
	r.read(t, typ.PkgPath())
	s := r.source[typ.PkgPath()][typ.Name()]
	if s == nil {
		t.Fatalf("no source of %v", typ)
	}
	return s
}

// read parses a package of ours once.
func (r *reference) read(t *testing.T, pkg string) {
	t.Helper()
	if r.source[pkg] != nil {
		return
	}
	r.source[pkg], r.consts[pkg] = map[string]*ast.TypeSpec{}, map[string][]string{}
	files, err := filepath.Glob(filepath.Join(docsRoot, strings.TrimPrefix(pkg, "labbox/"), "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no source of package %s", pkg)
	}
	for _, f := range files {
		file, err := parser.ParseFile(token.NewFileSet(), f, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok {
				continue
			}
			for _, s := range g.Specs {
				switch s := s.(type) {
				case *ast.TypeSpec:
					if s.Doc == nil {
						s.Doc = g.Doc
					}
					r.source[pkg][s.Name.Name] = s
				case *ast.ValueSpec:
					r.constant(pkg, s)
				}
			}
		}
	}
}

// constant notes a text of a named type: one of its values.
func (r *reference) constant(pkg string, s *ast.ValueSpec) {
	typ, ok := s.Type.(*ast.Ident)
	if !ok {
		return
	}
	for _, v := range s.Values {
		if lit, ok := v.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			r.consts[pkg][typ.Name] = append(r.consts[pkg][typ.Name], strings.Trim(lit.Value, `"`))
		}
	}
}

func fieldDocs(spec *ast.TypeSpec) map[string]string {
	out := map[string]string{}
	s, ok := spec.Type.(*ast.StructType)
	if !ok {
		return out
	}
	for _, f := range s.Fields.List {
		for _, n := range f.Names {
			out[n.Name] = strings.TrimSpace(f.Doc.Text() + "\n" + f.Comment.Text())
		}
	}
	return out
}

// goNames are the keys by the names of their Go fields.
func goNames(typ reflect.Type) map[string]string {
	out := map[string]string{}
	for i := range typ.NumField() {
		if k, _, _ := strings.Cut(typ.Field(i).Tag.Get("yaml"), ","); k != "" && k != "-" {
			out[typ.Field(i).Name] = k
		}
	}
	return out
}

var goWord = regexp.MustCompile(`\b[A-Z][A-Za-z]*\b`)

// plain turns a Go comment into a sentence on a key: other fields are called by
// their keys, and "Width is the exact width" becomes "the exact width".
func plain(doc, field, key string, names map[string]string) string {
	doc = strings.Join(strings.Fields(doc), " ")
	for _, verb := range []string{" is ", " are ", ": "} {
		if rest, ok := strings.CutPrefix(doc, field+verb); ok {
			doc = rest
		}
	}
	doc = strings.TrimSuffix(doc, ".")
	start := 0
	for {
		at := goWord.FindStringIndex(doc[start:])
		if at == nil {
			break
		}
		from, to := start+at[0], start+at[1]
		word := doc[from:to]
		k, known := names[word]
		begins := from == 0 || strings.HasSuffix(doc[:from], ". ")
		if known && (!begins || word == field) && (from == 0 || !strings.ContainsAny(doc[from-1:from], "`\"")) {
			k = "`" + k + "`"
			doc = doc[:from] + k + doc[to:]
			to = from + len(k)
		}
		start = to
	}
	return doc
}

func TestReferenceIsComplete(t *testing.T) {
	used := map[string]bool{}
	var all map[string]map[string]note
	for _, root := range []any{devices.Type{}, config.Box{}} {
		r := referenceOf(t, root)
		for _, k := range r.kinds {
			for _, key := range k.keys {
				if key.meaning() == "" {
					t.Errorf("%s.%s is explained nowhere: a comment at the field %v, or a meaning in docs/ref/keys.yaml", k.name, key.name, k.typ)
				}
				if r.root.name == "type" && key.note.Example == "" {
					t.Errorf("%s.%s has no example in docs/ref/keys.yaml", k.name, key.name)
				}
			}
		}
		for n := range r.used {
			used[n] = true
		}
		all = r.notes
	}
	var stale []string
	for k, keys := range all {
		for key := range keys {
			if !used[k+"."+key] {
				stale = append(stale, k+"."+key)
			}
		}
	}
	if sort.Strings(stale); len(stale) > 0 {
		t.Errorf("docs/ref/keys.yaml explains keys that nobody knows: %v", stale)
	}
}

// sayDefault is what a comment says of the default, which has a column of its own.
var sayDefault = regexp.MustCompile(`^([^.]*?)[,;] default:?(?: is)? [^;]*$`)

func (k *key) meaning() string {
	if k.note.Meaning != "" {
		return k.note.Meaning
	}
	doc := strings.TrimPrefix(k.doc, "`"+k.name+"` ")
	if m := sayDefault.FindStringSubmatch(doc); m != nil && k.note.Default != "" {
		return m[1]
	}
	return doc
}

// typeName is a key's type in words.
func (r *reference) typeName(k *key) string {
	switch {
	case k.note.Type != "":
		return k.note.Type
	case k.note.Name:
		return "name"
	}
	return r.named(k.typ)
}

func (r *reference) named(t reflect.Type) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t {
	case durationType:
		return "duration"
	case labelType:
		return "label"
	case mapSliceType:
		return "map"
	}
	switch t.Kind() {
	case reflect.Struct:
		return fmt.Sprintf("[%s](#%s)", strings.ReplaceAll(r.byType[t].name, "_", " "), strings.ReplaceAll(r.byType[t].name, "_", "-"))
	case reflect.Slice:
		return "list of " + plural(r.named(t.Elem()))
	case reflect.Array:
		return fmt.Sprintf("%d numbers", t.Len())
	case reflect.Map:
		return "map"
	case reflect.Interface:
		return "any"
	case reflect.Bool:
		return "true, false"
	case reflect.String:
		return "text"
	case reflect.Float64:
		return "number"
	}
	return "whole number"
}

func plural(s string) string {
	if strings.HasPrefix(s, "[") || s == "any" {
		return s
	}
	return strings.TrimSuffix(s, "s") + "s"
}
