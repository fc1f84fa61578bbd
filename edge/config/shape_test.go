package config

import (
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
)

type shapes struct {
	Text  string         `yaml:"text"`
	Whole int            `yaml:"whole"`
	Small uint8          `yaml:"small"`
	Real  *float64       `yaml:"real"`
	Bool  bool           `yaml:"bool"`
	Time  time.Duration  `yaml:"time"`
	Range *[2]float64    `yaml:"range"`
	List  []string       `yaml:"list"`
	Map   map[string]int `yaml:"map"`
	Any   any            `yaml:"any"`
	Keys  yaml.MapSlice  `yaml:"keys"`
	Deep  *shapes        `yaml:"deep"`
	Short word           `yaml:"short"`
}

type word struct {
	ID string `yaml:"id"`
}

func (w *word) UnmarshalYAML(unmarshal func(any) error) error {
	if unmarshal(&w.ID) == nil {
		return nil
	}
	type plain word
	return unmarshal((*plain)(w))
}

// What a value may be, and what is refused where the YAML reader would take it
// for something else. "" is taken.
func TestShapes(t *testing.T) {
	for text, want := range map[string]string{
		"text: 5": "", "text: true": "", "text: |\n  a\n": "",
		"whole: 5": "", "whole: 0x10": "", "whole: 1e3": "", "whole: 2.0": "",
		"real: 5": "", "real: -.5": "", "real: .inf": "", "bool: false": "",
		"time: 1h2m3.5s": "", "range: [1, 2]": "", "range: &r [1, 2]\ndeep: {range: *r}": "",
		"list: [a, 5]": "", "list: []": "", "map: {a: 1}": "", "any: [1, {a: b}]": "", "any: null": "", "any: ~": "", "keys: {a: 1, b: x}": "",
		"deep: {deep: {whole: 1}}": "", "short: a": "", "short: {id: a}": "", "text: !!str 5": "",

		"text: [a]":                   "1:7: bad_type: a list cannot be read as text",
		"whole: 1.5":                  "1:8: bad_type: a number cannot be read as whole number",
		"whole: \"5\"":                "1:8: bad_type: a text cannot be read as whole number\n\thint: without quotes",
		"whole: x":                    "1:8: bad_type: a text cannot be read as whole number",
		"small: 300":                  "1:8: ",
		"small: -1":                   "1:8: ",
		"real: true":                  "1:7: bad_type: a true or false cannot be read as number",
		"bool: yes":                   "1:7: bad_type: a text cannot be read as true or false",
		"time: 5":                     "1:7: bad_type: a duration needs its unit\n\thint: 5ms or 5s?",
		"time: 5 ms":                  "1:7: bad_type: `5 ms` is no duration",
		"time: -5ms":                  "1:7: bad_range",
		"time: [5ms]":                 "1:7: bad_type: a list cannot be read as duration",
		"range: [1]":                  "1:8: bad_type: `range` has 1 values, not 2",
		"range: [1, 2, 3]":            "1:8: bad_type: `range` has 3 values, not 2",
		"range: [a, 2]":               "1:9: bad_type",
		"range: 5":                    "1:8: bad_type: a whole number cannot be read as list",
		"range:":                      "1:8: missing: `range` has no value",
		"range: ~":                    "1:8: missing",
		"list: a":                     "1:7: bad_type: a text cannot be read as list",
		"list: [a, ]\nmap: {a: }":     "2:9: missing: `a` has no value",
		"list: [[a]]":                 "1:8: bad_type",
		"map: [a]":                    "1:6: bad_type: a list cannot be read as group of keys",
		"map: {a: x}":                 "1:10: bad_type",
		"any:":                        "1:6: missing: `any` has no value",
		"keys: a":                     "1:7: bad_type",
		"deep: 5":                     "1:7: bad_type: a whole number cannot be read as group of keys",
		"deep: {wole: 1}":             "1:8: unknown_key: unknown key `wole`\n\thint: did you mean `whole`?",
		"range: &r [1]\nlist: *r":     "1:11: bad_type",
		"short: {name: a}":            "1:9: unknown_key",
		"short: [a]":                  "1:8: bad_type",
		"whole: 5\ndeep: {range: *x}": "",
	} {
		var v shapes
		got := ""
		if ps := Decode("f", []byte(text), &v).Problems(); len(ps) > 0 {
			got = strings.TrimPrefix(ps[0].String(), "f:")
		}
		if strings.HasSuffix(text, "*x}") { // an alias of nothing is the reader's to refuse
			if got == "" {
				t.Error("an alias of nothing was taken")
			}
			continue
		}
		if !strings.HasPrefix(got, want) || want == "" && got != "" {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}
