package fields_test

import (
	"errors"
	"testing"

	"github.com/goccy/go-yaml"

	"labbox/firmware-protocols/fields"
)

func TestYAML(t *testing.T) {
	var parts []fields.Part
	err := yaml.UnmarshalWithOptions([]byte(`
- "\x02T="
- {field: temperature, decimals: 1, width: 6}
- " "
- {field: mode, as: choice, choices: [off, {id: heat, wire: HEATING}]}
- {skip: true, as: u8, default: 7}
- {list: {field: wave, as: i16, order: little}, count: 2}
- {as: bits, of: u8, bits: [{field: door}, {field: level, at: 4, size: 4}]}
- {checksum: xor, from: 1}
`), &parts, yaml.Strict())
	if err != nil {
		t.Fatal(err)
	}
	p, err := fields.Compile(parts, fields.Options{Print: true})
	if err != nil {
		t.Fatal(err)
	}
	want := "\x02T=  21.5 HEATING\x07\x01\x00\xfe\xff\x91"
	vals := map[string]fields.Value{"temperature": fields.Num(21.5), "mode": fields.Str("heat"),
		"wave": fields.Nums([]float64{1, -2}), "door": fields.Num(1), "level": fields.Num(9)}
	got, err := p.Append(nil, func(name string) (fields.Value, bool) { v, ok := vals[name]; return v, ok })
	if err != nil || string(got[:len(got)-1]) != want {
		t.Errorf("%q, %v", got, err)
	}
	var v fields.Values
	if !p.Match(got, &v, nil) || len(v.Entries) != 5 {
		t.Errorf("%+v", p.Explain(got, nil))
	}
}

func TestYAMLStrict(t *testing.T) {
	for _, s := range []string{"- {field: a, wdth: 3}", "- {field: a, as: choice, choices: [{id: x, wire: y, valu: 3}]}", "- [a]"} {
		var parts []fields.Part
		if err := yaml.UnmarshalWithOptions([]byte(s), &parts, yaml.Strict()); err == nil {
			t.Errorf("%s is taken: %+v", s, parts)
		}
	}
	var parts []fields.Part
	if err := yaml.Unmarshal([]byte("- {field: a, default: .nan}\n- ok"), &parts); err != nil {
		t.Fatal(err)
	}
	if _, err := fields.Compile(parts, fields.Options{}); err != nil {
		t.Error(err)
	}
	_, err := fields.Compile([]fields.Part{{Field: "a"}, {Field: "b"}}, fields.Options{})
	var pe *fields.PartError
	if !errors.As(err, &pe) || pe.Index != 0 || pe.Key != "as" || pe.Hint == "" {
		t.Errorf("%+v", err)
	}
}
