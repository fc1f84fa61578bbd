package devices

import (
	"math"
	"time"

	"labbox/edge"
)

// envelope keeps what limits over time need: how fast commands come and how
// fast each parameter moves. Ranges are judged by Command.resolve. It is guarded
// by its supervisor's lock, and holds no opinion on the safe sequence, which
// bypasses it.
type envelope struct {
	rates map[string]*bucket // by command
	moves map[string]*mover  // by command.param
}

// bucket is a token bucket: one command costs one token; a second's worth, at
// least one, may be saved up.
type bucket struct {
	tokens float64
	at     time.Duration
}

// mover bounds travel: |change| costs as much, slew*1s may be saved up. In any
// window of one second a value so travels at most twice its slew rate, and in
// the long run at most the slew rate.
type mover struct {
	last   float64
	known  bool
	travel float64
	at     time.Duration
}

func newEnvelope() *envelope {
	return &envelope{rates: map[string]*bucket{}, moves: map[string]*mover{}}
}

// forget drops every baseline: after a reconnect or a safe sequence the next
// one comes from reading back.
func (e *envelope) forget() { e.moves = map[string]*mover{} }

// admit checks a command's rate and slew at now. With commit it also spends; the
// writer commits right before the bytes go out. baseline reads a channel back.
func (e *envelope) admit(now time.Duration, c *Command, args []argument, baseline func(channel string) float64, commit bool) error {
	if c.Rate > 0 {
		b := e.rates[c.ID]
		if b == nil {
			b = &bucket{tokens: math.Max(1, c.Rate), at: now}
			e.rates[c.ID] = b
		}
		b.tokens = math.Min(math.Max(1, c.Rate), b.tokens+c.Rate*(now-b.at).Seconds())
		b.at = now
		if b.tokens < 1 {
			return edge.Errorf(edge.CodeRate, "%s comes faster than %g per second", c.ID, c.Rate).
				With("rate_per_s", c.Rate).WithHint("wait a moment")
		}
	}
	for _, a := range args {
		if a.param.Slew <= 0 {
			continue
		}
		key := c.ID + "." + a.param.ID
		m := e.moves[key]
		if m == nil {
			m = &mover{travel: a.param.Slew, at: now}
			e.moves[key] = m
		}
		if !m.known && a.param.Channel != "" {
			if x := baseline(a.param.Channel); !math.IsNaN(x) {
				m.last, m.known = x, true
			}
		}
		m.travel = math.Min(a.param.Slew, m.travel+a.param.Slew*(now-m.at).Seconds())
		m.at = now
		if d := math.Abs(a.num - m.last); m.known && d > m.travel+1e-9 {
			return edge.Errorf(edge.CodeSlew, "%s may change by %g %s now, not by %g", a.param.ID, m.travel, a.param.Unit, d).
				With("param", a.param.ID).With("slew_per_s", a.param.Slew).With("allowed", m.travel).
				WithHint("move in smaller steps: at most %g %s per second", a.param.Slew, a.param.Unit)
		}
	}
	if commit {
		e.spend(c, args)
	}
	return nil
}

func (e *envelope) spend(c *Command, args []argument) {
	if b := e.rates[c.ID]; b != nil {
		b.tokens--
	}
	for _, a := range args {
		if m := e.moves[c.ID+"."+a.param.ID]; m != nil {
			if m.known {
				m.travel -= math.Abs(a.num - m.last)
			}
			m.last, m.known = a.num, true
		}
	}
}
