package config

import (
	"time"

	"labbox/edge"
)

// Turns are the turn rules of all devices of a box, until a teacher sets others.
type Turns struct {
	Length *time.Duration `yaml:"length"` // of a turn where somebody waits; 0: as long as its driver likes
	Warn   *time.Duration `yaml:"warn"`   // how long before its end a driver is told
	Idle   *time.Duration `yaml:"idle"`   // without a command, where somebody waits; 0: never
}

// longestTurn bounds all three.
const longestTurn = 24 * time.Hour

// Rules are these turns over the rules that apply where nothing is said.
func (t *Turns) Rules(otherwise edge.TurnRules) edge.TurnRules {
	if t == nil {
		return otherwise
	}
	for _, r := range []struct {
		given *time.Duration
		ms    *int64
	}{{t.Length, &otherwise.TurnMS}, {t.Warn, &otherwise.WarnMS}, {t.Idle, &otherwise.IdleMS}} {
		if r.given != nil {
			*r.ms = r.given.Milliseconds()
		}
	}
	return otherwise
}

func (b *Box) checkTurns(d *Doc) {
	if b.Turns == nil {
		return
	}
	for key, v := range map[string]*time.Duration{"length": b.Turns.Length, "warn": b.Turns.Warn, "idle": b.Turns.Idle} {
		if v != nil && *v > longestTurn {
			d.Add("bad_range", key+" is longer than a day", "for no end write `0s`", "turns", key)
		}
	}
}
