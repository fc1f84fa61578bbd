package devices

import (
	"math"
	"time"

	"labbox/edge"
)

// envelope keeps what limits over time need: how fast commands come, how far and
// how fast each parameter moves, and how long the device has run. Ranges are judged by Command.resolve. It is guarded
// by its supervisor's lock, and holds no opinion on the safe sequence, which
// bypasses it.
type envelope struct {
	rates map[string]*bucket // by command
	moves map[string]*mover  // by command.param; those without a limit only to know where they stand
	ran   running
	// outside are channels that were outside a range that trips when they were
	// shown last.
	outside map[string]bool
}

// bucket is a token bucket: one command costs one token; a second's worth, at
// least one, may be saved up.
type bucket struct {
	tokens float64
	at     time.Duration
}

// take spends a token of a bucket that holds so many and gets one each time.
func (b *bucket) take(now time.Duration, most float64, each time.Duration) bool {
	if b.at == 0 {
		b.tokens = most
	}
	b.tokens = math.Min(most, b.tokens+(now-b.at).Seconds()/each.Seconds())
	b.at = max(now, 1)
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}

// mover bounds travel: |change| costs as much, slew*1s may be saved up. In any
// window of one second a value so travels at most twice its slew rate, and in
// the long run at most the slew rate. Where it is not known what the device made
// of a value, the parameter stands anywhere from lo to hi.
type mover struct {
	lo, hi float64
	known  bool
	was    struct { // before the command that is under way
		lo, hi float64
		known  bool
	}
	travel float64
	at     time.Duration
}

func newEnvelope() *envelope {
	return &envelope{rates: map[string]*bucket{}, moves: map[string]*mover{}, outside: map[string]bool{}}
}

// forget drops every baseline: after a reconnect or a safe sequence the next
// one comes from reading back, or is where the safe state leaves the parameter.
// How long the device has run is not forgotten: see calmed.
func (e *envelope) forget() { e.moves = map[string]*mover{} }

// admit checks a command's rate, steps, slew and run time at now. With commit it also spends; the
// writer commits right before the bytes go out. baseline reads a channel back,
// NaN where it does not show.
func (e *envelope) admit(now time.Duration, c *Command, args []argument, baseline func(channel string) float64, commit bool) error {
	if err := e.ran.admit(now, c); err != nil {
		return err
	}
	if c.Rate > 0 {
		b := e.rates[c.ID]
		if b == nil {
			b = &bucket{tokens: math.Max(1, c.Rate), at: now}
			e.rates[c.ID] = b
		}
		b.tokens = math.Min(math.Max(1, c.Rate), b.tokens+c.Rate*(now-b.at).Seconds())
		b.at = now
		if b.tokens < 1-1e-9 {
			return edge.Errorf(edge.CodeRate, "%s comes faster than %g per second", c.ID, c.Rate).
				With("rate_per_s", c.Rate).WithHint("wait a moment")
		}
	}
	for _, a := range args {
		if a.param.Range == nil {
			continue // a choice
		}
		m := e.mover(now, c, a.param)
		if a.param.Slew <= 0 && a.param.MaxStep <= 0 {
			continue
		}
		if err := m.admit(now, a, baseline); err != nil {
			return err
		}
	}
	if commit {
		e.spend(now, c, args)
	}
	return nil
}

func (e *envelope) mover(now time.Duration, c *Command, p *Param) *mover {
	key := c.ID + "." + p.ID
	m := e.moves[key]
	if m == nil {
		m = &mover{travel: p.Slew, at: now}
		e.moves[key] = m
	}
	return m
}

// stands is where a parameter may stand by what was written since the last safe
// sequence; known is false where nothing was, or only its channel can tell.
func (e *envelope) stands(command, param string) (lo, hi float64, known bool) {
	m := e.moves[command+"."+param]
	if m == nil || !m.known {
		return 0, 0, false
	}
	return m.lo, m.hi, true
}

func (m *mover) admit(now time.Duration, a argument, baseline func(channel string) float64) error {
	p := a.param
	if !m.known {
		switch {
		case p.Channel != "":
			x := baseline(p.Channel)
			if math.IsNaN(x) {
				return edge.Errorf(edge.CodeNotReady, "%s does not show where %s stands", p.Channel, p.ID).With("param", p.ID).
					WithHint("wait until %s is shown", p.Channel)
			}
			m.lo, m.hi, m.known = x, x, true
		case p.Rest != nil:
			m.lo, m.hi, m.known = *p.Rest, *p.Rest, true
		}
	}
	d := m.distance(a.num)
	if p.MaxStep > 0 && d > p.MaxStep+1e-9 {
		return edge.Errorf(edge.CodeSlew, "%s may change by %g %s at once, not by %g", p.ID, p.MaxStep, p.Unit, d).
			With("param", p.ID).With("max_step", p.MaxStep).With("allowed", p.MaxStep).
			WithHint("move in smaller steps: at most %g %s each", p.MaxStep, p.Unit)
	}
	if p.Slew <= 0 {
		return nil
	}
	m.travel = math.Min(p.Slew, m.travel+p.Slew*(now-m.at).Seconds())
	m.at = now
	if d > m.travel+1e-9 {
		return edge.Errorf(edge.CodeSlew, "%s may change by %g %s now, not by %g", p.ID, m.travel, p.Unit, d).
			With("param", p.ID).With("slew_per_s", p.Slew).With("allowed", m.travel).
			WithHint("move in smaller steps: at most %g %s per second", p.Slew, p.Unit)
	}
	return nil
}

// distance is the farthest that x may be from where the parameter stands.
func (m *mover) distance(x float64) float64 {
	if !m.known {
		return 0
	}
	return math.Max(math.Abs(x-m.lo), math.Abs(x-m.hi))
}

// spend is for a command that goes out now. Until settle it is not known if the
// device takes it.
func (e *envelope) spend(now time.Duration, c *Command, args []argument) {
	e.ran.began(now, c)
	if b := e.rates[c.ID]; b != nil {
		b.tokens--
	}
	for _, a := range args {
		if m := e.moves[c.ID+"."+a.param.ID]; m != nil {
			m.travel -= m.distance(a.num)
			m.was.lo, m.was.hi, m.was.known = m.lo, m.hi, m.known
			if !m.known {
				m.lo, m.hi, m.known = a.num, a.num, true
			}
			m.lo, m.hi = math.Min(m.lo, a.num), math.Max(m.hi, a.num)
		}
	}
}

// settle is told what became of a command that went out: nil, device_refused, or
// an error that leaves it open.
func (e *envelope) settle(c *Command, args []argument, err error) {
	for _, a := range args {
		m := e.moves[c.ID+"."+a.param.ID]
		switch {
		case m == nil:
		case err == nil:
			m.lo, m.hi = a.num, a.num
		case edge.CodeOf(err) == edge.CodeDeviceRefused:
			m.lo, m.hi, m.known = m.was.lo, m.was.hi, m.was.known
		case a.param.Channel != "":
			m.known = false // the channel will tell
		}
	}
}
