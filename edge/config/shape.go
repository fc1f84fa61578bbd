package config

import (
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// shape walks the file beside the type that it is for: keys that the type does
// not have, values of another kind, keys without a value. The YAML reader would
// round 1.5 to a whole number, read a range of one number as [1, 0] and an empty
// limit as none.
func (d *Doc) shape(key string, n ast.Node, t reflect.Type) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if n = d.resolve(n); n == nil {
		return // an alias of nothing is the reader's to refuse
	}
	if null, empty := n.(*ast.NullNode); empty {
		if t.Kind() == reflect.Interface && null.Token.Type == token.NullType {
			return // a written null among values of any kind: nothing is shown
		}
		d.problem("missing", n, "write one, or remove the key", "`%s` has no value", key)
		return
	}
	switch {
	case t.Kind() == reflect.Interface:
		return
	case t == reflect.TypeFor[time.Duration]():
		d.duration(n)
		return
	case t == reflect.TypeFor[yaml.MapSlice]():
		d.want(n, t, isMap(n))
		return
	case readsItself(t) && isScalar(n): // a word in place of {id: word}
		return
	}
	switch t.Kind() {
	case reflect.Struct:
		if d.want(n, t, isMap(n)) {
			d.structShape(n, t)
		}
	case reflect.Map:
		if d.want(n, t, isMap(n)) {
			for _, kv := range pairs(n) {
				d.shape(kv.Key.GetToken().Value, kv.Value, t.Elem())
			}
		}
	case reflect.Slice, reflect.Array:
		s, isList := n.(*ast.SequenceNode)
		switch {
		case !d.want(n, t, isList):
			return
		case t.Kind() == reflect.Array && len(s.Values) != t.Len():
			d.problem("bad_type", n, "such as [0, 100]", "`%s` has %d values, not %d", key, len(s.Values), t.Len())
			return
		}
		for _, v := range s.Values {
			d.shape(key, v, t.Elem())
		}
	default:
		d.want(n, t, fits(n, t))
	}
}

func (d *Doc) structShape(n ast.Node, t reflect.Type) {
	fields := map[string]reflect.Type{}
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ",")
		if name != "" && name != "-" {
			fields[name] = t.Field(i).Type
		}
	}
	for _, kv := range pairs(n) {
		key := kv.Key.GetToken()
		if ft, ok := fields[key.Value]; ok {
			d.shape(key.Value, kv.Value, ft)
		} else {
			d.problems = append(d.problems, unknownKey(d.name, key, fields))
		}
	}
}

// duration reads what time.ParseDuration reads, but nothing negative.
func (d *Doc) duration(n ast.Node) {
	switch x := n.(type) {
	case *ast.StringNode:
		v, err := time.ParseDuration(x.Value)
		if err != nil {
			d.problem("bad_type", n, "a number and its unit without a blank: 500ms, 2s, 1m30s", "`%s` is no duration", x.Value)
		} else if v < 0 {
			d.problem("bad_range", n, "", "a duration cannot be negative")
		}
	case *ast.IntegerNode, *ast.FloatNode:
		s := n.GetToken().Value
		d.problem("bad_type", n, fmt.Sprintf("%sms or %ss?", s, s), "a duration needs its unit")
	default:
		d.want(n, reflect.TypeFor[time.Duration](), false)
	}
}

// want notes a value of the wrong kind.
func (d *Doc) want(n ast.Node, t reflect.Type, ok bool) bool {
	if ok {
		return true
	}
	hint := ""
	if t.Kind() == reflect.Struct || t.Kind() == reflect.Map {
		hint = "such as `{key: value}`"
	} else if s, ok := n.(*ast.StringNode); ok && s.Token.Type != token.StringType {
		hint = "without quotes"
	}
	d.problem("bad_type", n, hint, "a %s cannot be read as %s", nodeName(n), kindName(t))
	return false
}

func (d *Doc) problem(code string, n ast.Node, hint, format string, args ...any) {
	p := Problem{File: d.name, Code: code, Message: fmt.Sprintf(format, args...), Hint: hint}
	tok := n.GetToken()
	if ps := pairs(n); len(ps) > 0 {
		tok = ps[0].Key.GetToken()
	}
	if tok != nil && tok.Position != nil {
		p.Line, p.Col = tok.Position.Line, tok.Position.Column
	}
	d.problems = append(d.problems, p)
}

// resolve follows tags, anchors and aliases.
func (d *Doc) resolve(n ast.Node) ast.Node {
	for range 8 {
		switch x := n.(type) {
		case *ast.TagNode:
			n = x.Value
		case *ast.AnchorNode:
			n = x.Value
		case *ast.AliasNode:
			n = d.anchors()[x.Value.GetToken().Value]
		default:
			return n
		}
	}
	return nil
}

// anchors are the values that the file gives a name.
func (d *Doc) anchors() map[string]ast.Node {
	if d.named == nil {
		d.named = map[string]ast.Node{}
		ast.Walk(anchorWalk(d.named), d.root)
	}
	return d.named
}

type anchorWalk map[string]ast.Node

// Visit is called for every node.
func (w anchorWalk) Visit(n ast.Node) ast.Visitor {
	if a, ok := n.(*ast.AnchorNode); ok && a.Name != nil {
		w[a.Name.GetToken().Value] = a.Value
	}
	return w
}

// readsItself: the type has a short form, a word.
func readsItself(t reflect.Type) bool {
	_, ok := reflect.PointerTo(t).MethodByName("UnmarshalYAML")
	return ok
}

func isMap(n ast.Node) bool {
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return true
	}
	return false
}

func isScalar(n ast.Node) bool {
	switch n.(type) {
	case *ast.StringNode, *ast.LiteralNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return true
	}
	return false
}

// fits says whether a scalar is of the kind. A number or a truth value is a text
// as it stands there.
func fits(n ast.Node, t reflect.Type) bool {
	switch t.Kind() {
	case reflect.String:
		return isScalar(n)
	case reflect.Bool:
		_, ok := n.(*ast.BoolNode)
		return ok
	case reflect.Float32, reflect.Float64:
		switch n.(type) {
		case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
			return true
		}
		_, ok := exponent(n)
		return ok
	}
	switch n := n.(type) {
	case *ast.IntegerNode:
		return true
	case *ast.FloatNode:
		return whole(n.Value)
	}
	x, ok := exponent(n)
	return ok && whole(x)
}

func whole(x float64) bool { return x == math.Trunc(x) && math.Abs(x) < 1<<53 }

// exponent is a number such as 1e3, which the YAML reader holds for a text until
// it is asked for a number.
func exponent(n ast.Node) (float64, bool) {
	s, ok := n.(*ast.StringNode)
	if !ok || s.Token.Type != token.StringType {
		return 0, false
	}
	x, err := strconv.ParseFloat(s.Value, 64)
	return x, err == nil && strings.Trim(s.Value, "+-.0123456789eE") == ""
}

func nodeName(n ast.Node) string {
	switch n.(type) {
	case *ast.StringNode, *ast.LiteralNode:
		return "text"
	case *ast.IntegerNode:
		return "whole number"
	case *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return "number"
	case *ast.BoolNode:
		return "true or false"
	case *ast.SequenceNode:
		return "list"
	}
	return "group of keys"
}
