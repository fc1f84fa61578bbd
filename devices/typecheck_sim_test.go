package devices

import (
	"strings"
	"testing"
)

func TestSimulateIsChecked(t *testing.T) {
	const file = `schema: 1
type: x
label: {en: X}
protocol: {lines: {format: json}}
channels:
  - {id: a, label: {en: A}, simulate: {%}}
  - {id: b, label: {en: B}, simulate: {wave: product, of: [a, go.far]}}
  - {id: mode, label: {en: M}, format: enum, choices: [{id: "on"}, {id: "off"}]}
commands:
  - {id: go, label: {en: Go}, params: [{id: far, range: [0, 1]}, {id: how, choices: [{id: "off"}, {id: "on"}, {id: half}]}], send: {json: {go: $far, how: $how}}}
safe: {text: {en: nothing moves}, steps: []}
`
	for given, want := range map[string]string{
		"follow: go.far":           "",
		"wave: sine, period: 2":    "",
		"wave: walk, amplitude: 3": "",
		"follow: go.fur":           "did you mean `go.far`?",
		"wave: saw":                "one of",
		"wave: squre, period: 1":   "did you mean `square`?",
		"wave: square, period: 1, duty: 0.2, gate: go.how, open: half":           "",
		"wave: triangle, period: 1, gate: mode":                                  "",
		"wave: triangle":                                                         "period",
		"wave: second_order, follow: go.far, period: 2, damping: 0.5":            "",
		"wave: second_order, follow: go.far, period: 0.01":                       "steps",
		"wave: second_order, follow: go.far, period: 0.1, damping: 4":            "steps",
		"wave: thermal, follow: go.far, capacity: 4, loss: 1, lag: 2, start: 30": "",
		"wave: thermal, follow: go.far, loss: 1":                                 "capacity",
		"wave: thermal, follow: go.far, capacity: 0.01, loss: 1":                 "steps",
		"wave: thermal, follow: go.far, capacity: 1, lag: 0.001":                 "leave it out",
		"wave: pendulum, period: 1, start: 30":                                   "",
		"wave: integrate, follow: go.far, limits: [0, 5]":                        "",
		"wave: integrate, follow: go.far, limits: [5, 0]":                        "smaller",
		"wave: integrate":                          "follow",
		"wave: ramp, follow: go.far":               "speed",
		"wave: least, of: [go.far]":                "of:",
		"wave: least, of: [go.far, go.fur]":        "did you mean `go.far`?",
		"follow: mode":                             "",
		"follow: b, lag: 1":                        "",
		"follow: b":                                "lag",
		"wave: sum, of: [b, go.far]":               "lag",
		"follow: go.far, capacity: 3":              "thermal",
		"wave: sine, period: 1, follow: go.far":    "belongs",
		"wave: square, period: 1, duty: 2":         "0 to 1",
		"follow: go.far, gate: go.far":             "choices",
		"follow: go.far, gate: go.haw":             "did you mean `go.how`?",
		"follow: go.far, gate: go.how, open: hafl": "did you mean `half`?",
		"follow: go.far, open: half":               "gate",
		"wave: sine":                               "period",
		"wave: follow":                             "follow",
		"noise: -1":                                "",
		"follow: go.far, lag: -0.5":                "",
	} {
		typ, ps := ParseType("x.yaml", []byte(strings.Replace(file, "%", given, 1)))
		bad := want != "" || strings.Contains(given, "-")
		if (len(ps) > 0) != bad || bad && (ps[0].Line > 7 || !strings.Contains(ps[0].Hint, want)) {
			t.Errorf("%s: %v", given, ps)
		}
		if typ != nil {
			if _, err := typ.Simulator(1); err != nil {
				t.Errorf("%s: %v", given, err)
			}
		}
	}
	_, ps := ParseType("x.yaml", []byte(strings.Replace(file, "%", "", 1)+"simulate: {plant: pendolum}\n"))
	if len(ps) != 1 || ps[0].Line != 12 || ps[0].Hint != "did you mean `pendulum`?" {
		t.Errorf("%v", ps)
	}
}
