package devices

import (
	"strings"
	"testing"
)

// A limit of 0 would be read as none: whoever writes it means the opposite.
func TestLimitOfZeroIsRefused(t *testing.T) {
	for _, key := range []string{"slew", "max_step"} {
		src := strings.Replace(`schema: 1
type: lamp
label: {en: Lamp}
protocol: {lines: {format: json}}
channels: [{id: level, label: {en: Level}}]
commands:
  - id: set
    label: {en: Set}
    params: [{id: x, label: {en: X}, range: [0, 9], KEY: 0, rest: 0}]
    send: {json: {x: $x}}
safe: {steps: [], text: {en: nothing}}
`, "KEY", key, 1)
		_, ps := ParseType("lamp.yaml", []byte(src))
		if err := ps.Err(); err == nil || !strings.Contains(err.Error(), "`"+key+"` of 0") {
			t.Errorf("%s: 0: %v", key, err)
		}
		if _, ps := ParseType("lamp.yaml", []byte(strings.Replace(src, key+": 0, ", "", 1))); ps.Err() != nil {
			t.Errorf("without %s: %v", key, ps.Err())
		}
	}
}
