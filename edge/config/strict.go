package config

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"sort"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"labbox/edge"
)

// Problem is one thing wrong in a file, at a place a person can go to. Line and
// Col count from 1; 0 means the whole file.
type Problem struct {
	File    string
	Line    int
	Col     int
	Code    string // unknown_key, bad_type, syntax, ...: docs/ref/errors.md
	Message string
	Hint    string
}

// String is file:line:column: code: message (hint).
func (p Problem) String() string {
	s := fmt.Sprintf("%s:%d:%d: %s: %s", p.File, p.Line, p.Col, p.Code, p.Message)
	if p.Hint != "" {
		s += "\n\thint: " + p.Hint
	}
	return s
}

// Problems are all that is wrong in a file; as an error it has CodeBadConfig.
type Problems []Problem

// Err returns nil when there are none.
func (ps Problems) Err() error {
	if len(ps) == 0 {
		return nil
	}
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return edge.Errorf(edge.CodeBadConfig, "%s", strings.Join(lines, "\n")).
		WithHint("`labbox check FILE` lists every problem")
}

// Doc is a parsed file that can say where a value stands.
type Doc struct {
	name     string
	root     ast.Node
	problems Problems
	named    map[string]ast.Node // by their anchors, once asked for
}

// maxFile is the longest box or type file in bytes.
const maxFile = 1 << 20

// Decode reads YAML into v, a pointer to a struct with yaml tags. Unknown keys,
// duplicate keys and wrong types are problems, each with its place; a key that
// is nearly right comes with a suggestion. The Doc is never nil; Doc.Add and
// Doc.Problems collect what the caller's own checks find.
func Decode(name string, data []byte, v any) *Doc {
	d := &Doc{name: name}
	if len(data) > maxFile {
		d.Add("too_large", "the file is over 1 MiB", "")
		return d
	}
	file, err := parser.ParseBytes(data, 0)
	if err != nil {
		d.addYAML(err)
		return d
	}
	if len(file.Docs) > 0 {
		d.root = file.Docs[0].Body
	}
	if d.root == nil {
		d.Add("syntax", "the file is empty", "start it with `schema: 1`")
		return d
	}
	if len(file.Docs) > 1 {
		d.Add("syntax", "the file holds more than one document", "remove the line `---`")
	}
	d.shape("the file", d.root, reflect.TypeOf(v))
	if len(d.problems) > 0 {
		return d
	}
	dec := yaml.NewDecoder(bytes.NewReader(data), yaml.Strict(), yaml.UseOrderedMap())
	if err := dec.Decode(v); err != nil {
		d.addYAML(err)
	}
	return d
}

// Problems returns what was found so far, in the order of lines.
func (d *Doc) Problems() Problems {
	sort.SliceStable(d.problems, func(i, j int) bool { return d.problems[i].Line < d.problems[j].Line })
	return d.problems
}

// Add notes a problem at the value that path leads to: map keys as strings,
// list indices as ints. Where the path ends early, so does the place.
func (d *Doc) Add(code, message, hint string, path ...any) {
	line, col := d.at(path)
	d.problems = append(d.problems, Problem{File: d.name, Line: line, Col: col, Code: code, Message: message, Hint: hint})
}

// Has says whether something stands at path, whatever it is.
func (d *Doc) Has(path ...any) bool {
	n := d.root
	for _, step := range path {
		if n == nil {
			return false
		}
		n, _ = child(n, step)
	}
	return n != nil
}

func (d *Doc) at(path []any) (line, col int) {
	n := d.root
	if n == nil {
		return 0, 0
	}
	tok := n.GetToken()
	if m, ok := n.(*ast.MappingNode); ok && len(m.Values) > 0 {
		tok = m.Values[0].Key.GetToken()
	}
	for _, step := range path {
		next, t := child(n, step)
		if t == nil {
			break
		}
		n, tok = next, t
	}
	return tok.Position.Line, tok.Position.Column
}

// child finds one step below n, with the token that a person would look at.
func child(n ast.Node, step any) (ast.Node, *token.Token) {
	switch k := step.(type) {
	case string:
		for _, kv := range pairs(n) {
			if kv.Key.GetToken().Value == k {
				return kv.Value, kv.Key.GetToken()
			}
		}
	case int:
		if s, ok := n.(*ast.SequenceNode); ok && k < len(s.Values) {
			tok := s.Values[k].GetToken()
			if ps := pairs(s.Values[k]); len(ps) > 0 {
				tok = ps[0].Key.GetToken()
			}
			return s.Values[k], tok
		}
	}
	return nil, nil
}

func pairs(n ast.Node) []*ast.MappingValueNode {
	switch n := n.(type) {
	case *ast.MappingNode:
		return n.Values
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}
	case *ast.TagNode:
		return pairs(n.Value)
	case *ast.AnchorNode:
		return pairs(n.Value)
	}
	return nil
}

func unknownKey(file string, key *token.Token, fields map[string]reflect.Type) Problem {
	names := make([]string, 0, len(fields))
	for f := range fields {
		names = append(names, f)
	}
	p := Problem{File: file, Line: key.Position.Line, Col: key.Position.Column, Code: "unknown_key",
		Message: fmt.Sprintf("unknown key `%s`", key.Value)}
	if best := Nearest(key.Value, names); best != "" {
		p.Hint = fmt.Sprintf("did you mean `%s`?", best)
	} else {
		sort.Strings(names)
		p.Hint = "known here: " + strings.Join(names, ", ")
	}
	return p
}

func (d *Doc) addYAML(err error) {
	p := Problem{File: d.name, Code: "syntax", Message: err.Error()}
	var ye interface {
		GetToken() *token.Token
		GetMessage() string
	}
	if errors.As(err, &ye) {
		p.Message = ye.GetMessage()
		if tok := ye.GetToken(); tok != nil && tok.Position != nil {
			p.Line, p.Col = tok.Position.Line, tok.Position.Column
		}
	}
	var te *yaml.TypeError
	if errors.As(err, &te) {
		p.Code = "bad_type"
		p.Message = fmt.Sprintf("a %s cannot be read as %s", kindName(te.SrcType), kindName(te.DstType))
	}
	p.Message, _, _ = strings.Cut(p.Message, "\n")
	d.problems = append(d.problems, p)
}

func kindName(t reflect.Type) string {
	if t == nil {
		return "value"
	}
	switch t.Kind() {
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice, reflect.Array:
		return "list"
	case reflect.Map, reflect.Struct:
		return "group of keys"
	case reflect.Int64:
		if t.String() == "time.Duration" {
			return "duration such as 500ms"
		}
		return "whole number"
	case reflect.Int, reflect.Int32, reflect.Uint, reflect.Uint64, reflect.Uint32:
		return "whole number"
	case reflect.Float64, reflect.Float32:
		return "number"
	}
	return t.String()
}

// Nearest returns the candidate that s was probably meant to be, or "": at most
// a third of its letters may differ, one in words of three letters and fewer,
// two in words of four and five.
func Nearest(s string, candidates []string) string {
	most := max(2, len(s)/3)
	if len(s) <= 3 {
		most = 1
	}
	best, bestD := "", most+1
	sort.Strings(candidates)
	for _, c := range candidates {
		if d := distance(s, c); d < bestD {
			best, bestD = c, d
		}
	}
	return best
}

// distance is the edit distance in which swapping two neighbours counts once
// (optimal string alignment).
func distance(a, b string) int {
	prev2, prev, cur := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		cur[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				cur[j] = min(cur[j], prev2[j-2]+1)
			}
		}
		prev2, prev, cur = prev, cur, prev2
	}
	return prev[len(b)]
}
