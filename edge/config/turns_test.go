package config

import (
	"strings"
	"testing"

	"labbox/edge"
)

const turnsBox = `schema: 1
box: b
turns: %
devices:
  - {id: p, type: plate, port: {sim: true}}
`

func TestTurns(t *testing.T) {
	otherwise := edge.TurnRules{TurnMS: 300_000, WarnMS: 30_000, IdleMS: 60_000}
	for _, c := range []struct {
		turns string
		want  edge.TurnRules
	}{
		{"{}", otherwise},
		{"{length: 10m}", edge.TurnRules{TurnMS: 600_000, WarnMS: 30_000, IdleMS: 60_000}},
		{"{length: 0s, warn: 5s, idle: 0s}", edge.TurnRules{WarnMS: 5_000}},
	} {
		b, ps := ParseBox("box.yaml", []byte(strings.Replace(turnsBox, "%", c.turns, 1)))
		if len(ps) > 0 {
			t.Fatal(c.turns, ps)
		}
		if got := b.Turns.Rules(otherwise); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.turns, got, c.want)
		}
	}
	if got := (*Turns)(nil).Rules(otherwise); got != otherwise {
		t.Errorf("without turns: %+v", got)
	}
	for _, bad := range []string{"{length: 5}", "{idle: -1s}", "{warn: 25h}", "{turn: 5m}", "5m"} {
		if _, ps := ParseBox("box.yaml", []byte(strings.Replace(turnsBox, "%", bad, 1))); len(ps) != 1 || ps[0].Line != 3 {
			t.Errorf("turns: %s gives %v", bad, ps)
		}
	}
}
