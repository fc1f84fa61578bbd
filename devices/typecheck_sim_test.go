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
commands:
  - {id: go, label: {en: Go}, params: [{id: far, range: [0, 1]}], send: {json: {go: $far}}}
safe: {text: {en: nothing moves}, steps: []}
`
	for given, want := range map[string]string{
		"follow: go.far":            "",
		"wave: sine, period: 2":     "",
		"wave: walk, amplitude: 3":  "",
		"follow: go.fur":            "did you mean `go.far`?",
		"wave: saw":                 "one of",
		"wave: sine":                "period",
		"wave: follow":              "follow",
		"noise: -1":                 "",
		"follow: go.far, lag: -0.5": "",
	} {
		typ, ps := ParseType("x.yaml", []byte(strings.Replace(file, "%", given, 1)))
		bad := want != "" || strings.Contains(given, "-")
		if (len(ps) > 0) != bad || bad && (ps[0].Line != 6 || !strings.Contains(ps[0].Hint, want)) {
			t.Errorf("%s: %v", given, ps)
		}
		if typ != nil {
			if _, err := typ.Simulator(1); err != nil {
				t.Errorf("%s: %v", given, err)
			}
		}
	}
	_, ps := ParseType("x.yaml", []byte(strings.Replace(file, "%", "", 1)+"simulate: {plant: pendolum}\n"))
	if len(ps) != 1 || ps[0].Line != 10 || ps[0].Hint != "did you mean `pendulum`?" {
		t.Errorf("%v", ps)
	}
}
