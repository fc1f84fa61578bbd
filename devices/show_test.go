package devices

import (
	"math"
	"strings"
	"testing"
)

func TestShowHolds(t *testing.T) {
	typ := &Type{Channels: []Channel{{ID: "mode", Choices: []Choice{{ID: "idle"}, {ID: "busy"}, {ID: "alarm"}}}, {ID: "x"}}}
	args := []argument{{param: &Param{ID: "p"}, num: 1}}
	for _, c := range []struct {
		show Show
		x    float64
		want bool
	}{
		{Show{Channel: "mode", OneOf: []any{"idle", "alarm"}}, 0, true},
		{Show{Channel: "mode", OneOf: []any{"idle", "alarm"}}, 2, true},
		{Show{Channel: "mode", OneOf: []any{"idle", "alarm"}}, 1, false},
		{Show{Channel: "mode", OneOf: []any{"idle", "$p"}}, 1, true},
		{Show{Channel: "mode", OneOf: []any{"nothing"}}, 0, false},
		{Show{Channel: "mode", Equals: "busy"}, 1, true},
		{Show{Channel: "mode", Equals: "$p"}, 2, false},
		{Show{Channel: "x", OneOf: []any{1, 5.5}, Tolerance: 0.1}, 5.58, true},
		{Show{Channel: "x", OneOf: []any{1, 5.5}}, 5.58, false},
		{Show{Channel: "x", Range: &Range{1, 2}}, 1.5, true},
		{Show{Channel: "x", OneOf: []any{0}}, math.NaN(), false},
	} {
		if got := c.show.holds(typ, c.x, args); got != c.want {
			t.Errorf("%+v at %g: %v", c.show, c.x, got)
		}
	}
}

func TestShowHasExactlyOneCondition(t *testing.T) {
	const file = `schema: 1
type: x
label: {en: X}
protocol: {lines: {format: json}}
channels: [{id: a, label: {en: A}}]
commands: [{id: go, label: {en: Go}, send: {json: {go: 1}}, shows: [{channel: a, %}]}]
safe: {text: {en: nothing moves}, steps: []}
`
	for given, ok := range map[string]bool{"equals: 1": true, "range: [0, 1]": true, "one_of: [0, 1]": true,
		"equals: 1, one_of: [0]": false, "tolerance: 1": false, "one_of: [$none]": false} {
		_, ps := ParseType("x.yaml", []byte(strings.Replace(file, "%", given, 1)))
		if (len(ps) == 0) != ok {
			t.Errorf("%s: %v", given, ps)
		}
	}
}
