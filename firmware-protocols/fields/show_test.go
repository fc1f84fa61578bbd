package fields

import (
	"fmt"
	"reflect"
	"strings"
)

// show writes the keys that are set, as a type file would.
func show(parts []Part) string {
	var s []string
	for _, p := range parts {
		s = append(s, showOne(reflect.ValueOf(p)))
	}
	return "[" + strings.Join(s, ", ") + "]"
}

func showOne(v reflect.Value) string {
	var s []string
	for i := range v.NumField() {
		f := v.Field(i)
		if f.IsZero() {
			continue
		}
		for f.Kind() == reflect.Pointer {
			f = f.Elem()
		}
		text := fmt.Sprintf("%#v", f.Interface())
		if f.Kind() == reflect.Struct {
			text = showOne(f)
		}
		s = append(s, v.Type().Field(i).Tag.Get("yaml")+": "+text)
	}
	return "{" + strings.Join(s, ", ") + "}"
}
