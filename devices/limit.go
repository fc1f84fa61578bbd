package devices

import (
	"fmt"
	"math"
	"strings"
	"time"

	"labbox/edge"
	"labbox/edge/config"
)

// errNoSuchLimit is that a limit's key names nothing that can be limited.
var errNoSuchLimit = &edge.Error{Code: edge.CodeBadConfig}

// limit narrows what key names: "command.param", a command (how often, how long)
// or a channel (its range).
func (t *Type) limit(key string, l config.Limit) error {
	nothing := func(what string) error {
		return edge.Errorf(edge.CodeBadConfig, "%s has no %s %q", t.Name, what, key).
			WithHint("limits are named command.param, or after a channel or a command")
	}
	wrap := func(err error) error {
		if err == nil {
			return nil
		}
		return edge.Errorf(edge.CodeOutOfRange, "%s: %w", key, err)
	}
	for _, x := range []*float64{l.Min, l.Max, l.Slew, l.MaxStep, l.Rate} {
		if x != nil && (math.IsNaN(*x) || math.IsInf(*x, 0)) {
			return wrap(fmt.Errorf("%g is no limit", *x))
		}
	}
	if strings.Contains(key, ".") {
		p := t.paramByKey(key)
		if p == nil || p.Range == nil {
			return nothing("numeric parameter")
		}
		if l.Rate != nil || l.LongestRun != 0 {
			return wrap(fmt.Errorf("rate and longest_run are limits of a command"))
		}
		return wrap(p.narrow(l))
	}
	if l.Rate != nil || l.LongestRun != 0 {
		c := t.command(key)
		if c == nil {
			return nothing("command")
		}
		if l.Min != nil || l.Max != nil || l.Slew != nil || l.MaxStep != nil {
			return wrap(fmt.Errorf("min, max, slew and max_step are limits of a parameter: %s.PARAMETER", key))
		}
		return wrap(c.narrow(l))
	}
	ch := t.channel(key)
	if ch == nil {
		return nothing("channel")
	}
	if t.Safe == nil || len(t.Safe.Steps) == 0 {
		return wrap(fmt.Errorf("a value outside would make the device safe, and it has no safe sequence"))
	}
	if l.Slew != nil || l.MaxStep != nil {
		return wrap(fmt.Errorf("slew and max_step are limits of a parameter"))
	}
	return wrap(ch.narrow(l))
}

// span narrows a range.
func span(r Range, l config.Limit) (Range, error) {
	if l.Min != nil {
		if *l.Min < r[0] {
			return r, fmt.Errorf("min %g would widen %g", *l.Min, r[0])
		}
		r[0] = *l.Min
	}
	if l.Max != nil {
		if *l.Max > r[1] {
			return r, fmt.Errorf("max %g would widen %g", *l.Max, r[1])
		}
		r[1] = *l.Max
	}
	if r[0] > r[1] {
		return r, fmt.Errorf("nothing is left between %g and %g", r[0], r[1])
	}
	return r, nil
}

func (p *Param) narrow(l config.Limit) error {
	r, err := span(*p.Range, l)
	if err != nil {
		return err
	}
	if p.kind() == edge.ParamInt {
		r[0], r[1] = math.Ceil(r[0]), math.Floor(r[1])
	}
	if r[0] > r[1] {
		return fmt.Errorf("no whole number is left between %g and %g", r[1], r[0])
	}
	for _, speed := range []struct {
		name string
		to   *float64
		of   *float64
	}{{"slew", l.Slew, &p.Slew}, {"max_step", l.MaxStep, &p.MaxStep}} {
		if speed.to == nil {
			continue
		}
		if *speed.to <= 0 {
			return fmt.Errorf("%s %g would let it move as it likes", speed.name, *speed.to)
		}
		if *speed.of > 0 && *speed.to > *speed.of {
			return fmt.Errorf("%s %g would widen the type's %g", speed.name, *speed.to, *speed.of)
		}
		if p.Channel == "" && p.Rest == nil {
			return fmt.Errorf("the type does not say where %s stands at first, so its %s cannot be limited", p.ID, speed.name)
		}
		*speed.of = *speed.to
	}
	p.Range = &r
	if x, ok := number(p.Default); ok {
		p.Default = math.Min(math.Max(x, r[0]), r[1])
	}
	return nil
}

func (c *Command) narrow(l config.Limit) error {
	if r := l.Rate; r != nil {
		if *r <= 0 {
			return fmt.Errorf("rate %g is none", *r)
		}
		if c.Rate > 0 && *r > c.Rate {
			return fmt.Errorf("rate %g would widen the type's %g", *r, c.Rate)
		}
		c.Rate = *r
	}
	if l.LongestRun != 0 {
		return shorten(&c.LongestRun, l.LongestRun)
	}
	return nil
}

// shorten narrows a longest run.
func shorten(longest *time.Duration, to time.Duration) error {
	if to < 0 {
		return fmt.Errorf("%v is no time to run", to)
	}
	if *longest > 0 && to > *longest {
		return fmt.Errorf("longest_run %v would widen the type's %v", to, *longest)
	}
	*longest = to
	return nil
}

// narrow of a channel: a value outside makes the device safe, without the type's
// tolerance.
func (ch *Channel) narrow(l config.Limit) error {
	if ch.Range == nil {
		ch.Range = &Range{math.Inf(-1), math.Inf(1)}
	}
	r, err := span(*ch.Range, l)
	if err != nil {
		return err
	}
	ch.Range, ch.Trip, ch.TripBeyond = &r, true, 0
	return nil
}

// beyond says whether a shown value is so far outside its range that the device
// is to be made safe. What is not known is not outside.
func (ch *Channel) beyond(x float64) bool {
	return ch.Trip && ch.Range != nil && (x < ch.Range[0]-ch.TripBeyond || x > ch.Range[1]+ch.TripBeyond)
}
