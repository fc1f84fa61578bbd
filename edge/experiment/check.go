package experiment

import (
	"math"

	"labbox/edge"
)

// setMS stands for the time a set takes, for the progress.
const setMS = 100

// Check judges steps against a device's contract and the limits, and returns
// their length in ms. The owner judges every command again when it goes out: what
// depends on time, such as rate and slew, is only known there.
func Check(c *edge.Contract, steps []Step, l Limits) (lengthMS int64, err error) {
	l = l.withDefaults()
	if !c.Drivable {
		return 0, edge.Errorf(edge.CodeForbidden, "%s has nothing to drive", c.Type)
	}
	k := checker{c: c}
	for i := range steps {
		if err := k.step(&steps[i]); err != nil {
			return 0, atStep(err, i)
		}
		if k.length > l.LengthMS {
			return 0, edge.Errorf(edge.CodeTooLarge, "waits and ramps last longer than %d ms", l.LengthMS).With("max_ms", l.LengthMS).With("step", i).
				WithHint("split it into several experiments")
		}
		if k.points > l.Points {
			return 0, edge.Errorf(edge.CodeTooLarge, "ramps give more than %d commands", l.Points).With("max", l.Points).With("step", i).
				WithHint("make the ramps shorter")
		}
	}
	return k.length, nil
}

type checker struct {
	c        *edge.Contract
	length   int64
	points   int
	recorded bool
	on       bool
}

func (k *checker) step(s *Step) error {
	switch {
	case s.Set != nil:
		spec, err := k.command(s.Set.Command)
		if err != nil {
			return err
		}
		return checkArgs(spec, s.Set.Args, "")
	case s.Wait != nil:
		if s.Wait.MS < 0 || s.Wait.MS > math.MaxInt32 {
			return outOfRange("ms", float64(s.Wait.MS), 0, math.MaxInt32, "ms")
		}
		k.length += s.Wait.MS
	case s.Ramp != nil:
		return k.ramp(s.Ramp)
	case s.Record != nil:
		return k.record(s.Record)
	default:
		return edge.Errorf(edge.CodeBadRequest, "an empty step")
	}
	return nil
}

func (k *checker) command(id string) (*edge.CommandSpec, error) {
	if spec := k.c.Command(id); spec != nil {
		return spec, nil
	}
	e := edge.Errorf(edge.CodeUnknownCommand, "%s has no command %q", k.c.Type, clip(id)).With("command", clip(id))
	ids := make([]string, len(k.c.Commands))
	for i := range k.c.Commands {
		ids[i] = k.c.Commands[i].ID
	}
	if near := nearest(id, ids); near != "" {
		return nil, e.WithHint("did you mean %s?", near)
	}
	return nil, e
}

func (k *checker) ramp(r *Ramp) error {
	spec, err := k.command(r.Command)
	if err != nil {
		return err
	}
	p := param(spec, r.Param)
	if p == nil {
		return unknownParam(spec, r.Param)
	}
	if p.Type == edge.ParamChoice {
		return edge.Errorf(edge.CodeBadValue, "%s is a choice and cannot be ramped", p.ID).With("param", p.ID)
	}
	if r.OverMS < 1 || r.OverMS > math.MaxInt32 {
		return outOfRange("over_ms", float64(r.OverMS), 1, math.MaxInt32, "ms")
	}
	for _, x := range []float64{r.From, r.To} {
		if err := checkValue(p, edge.Number(x)); err != nil {
			return err
		}
	}
	if _, given := r.Args[r.Param]; given {
		return edge.Errorf(edge.CodeBadRequest, "args of a ramp hold the other parameters, not %s", p.ID).With("param", p.ID)
	}
	if err := checkArgs(spec, r.Args, r.Param); err != nil {
		return err
	}
	if speed := math.Abs(r.To-r.From) * 1000 / float64(r.OverMS); p.SlewPS > 0 && speed > p.SlewPS {
		return edge.Errorf(edge.CodeSlew, "%s may change by %g %s per second, not by %g", p.ID, p.SlewPS, p.Unit, speed).
			With("param", p.ID).With("slew_per_s", p.SlewPS).
			WithHint("let it take %d ms or more", int64(math.Ceil(math.Abs(r.To-r.From)*1000/p.SlewPS)))
	}
	k.length += r.OverMS
	k.points += 1 + int(float64(r.OverMS)/1000*rampRate(spec))
	return nil
}

// rampRate is how many commands a ramp gives in a second.
func rampRate(spec *edge.CommandSpec) float64 {
	if spec.RatePerS > 0 {
		return math.Min(RampHz, 0.8*spec.RatePerS)
	}
	return RampHz
}

func (k *checker) record(r *Record) error {
	switch {
	case r.Stop && !k.on:
		return edge.Errorf(edge.CodeBadRequest, "nothing is recorded that could be stopped")
	case r.Stop:
		k.on = false
	case k.recorded:
		return edge.Errorf(edge.CodeBadRequest, "an experiment makes one recording").WithHint("submit one experiment for each")
	case len(r.Name) > maxText:
		return edge.Errorf(edge.CodeTooLarge, "name is longer than %d bytes", maxText).With("field", "name")
	case r.PreTriggerMS < 0 || r.PreTriggerMS > maxPreTrigger:
		return outOfRange("pre_trigger_ms", float64(r.PreTriggerMS), 0, maxPreTrigger, "ms")
	default:
		k.recorded, k.on = true, true
	}
	return nil
}

// checkArgs judges arguments; but is a parameter that somebody else gives.
func checkArgs(spec *edge.CommandSpec, args edge.Args, but string) error {
	for id, v := range args {
		p := param(spec, id)
		if p == nil {
			return unknownParam(spec, id)
		}
		if err := checkValue(p, v); err != nil {
			return err
		}
	}
	for i := range spec.Params {
		p := &spec.Params[i]
		if _, given := args[p.ID]; !given && p.ID != but && checkValue(p, p.Default) != nil {
			return edge.Errorf(edge.CodeMissingValue, "%s needs %s", spec.ID, p.ID).With("param", p.ID)
		}
	}
	return nil
}

func checkValue(p *edge.Param, v edge.Value) error {
	if p.Type == edge.ParamChoice {
		for i := range p.Choices {
			if p.Choices[i].ID == v.String() {
				return nil
			}
		}
		return edge.Errorf(edge.CodeBadValue, "%s cannot be %q", p.ID, clip(v.String())).With("param", p.ID)
	}
	x, ok := v.Number()
	switch {
	case !ok || math.IsNaN(x) || math.IsInf(x, 0):
		return edge.Errorf(edge.CodeBadValue, "%s must be a number, not %q", p.ID, clip(v.String())).With("param", p.ID)
	case p.Type == edge.ParamInt && x != math.Trunc(x):
		return edge.Errorf(edge.CodeBadValue, "%s must be a whole number, not %g", p.ID, x).With("param", p.ID)
	case x < p.Min || x > p.Max:
		return outOfRange(p.ID, x, p.Min, p.Max, p.Unit)
	}
	return nil
}

func outOfRange(id string, x, lo, hi float64, unit string) error {
	return edge.Errorf(edge.CodeOutOfRange, "%s %g is outside %g to %g %s", id, x, lo, hi, unit).
		With("param", id).With("value", x).With("min", lo).With("max", hi).With("unit", unit).WithHint("between %g and %g", lo, hi)
}

func param(spec *edge.CommandSpec, id string) *edge.Param {
	for i := range spec.Params {
		if spec.Params[i].ID == id {
			return &spec.Params[i]
		}
	}
	return nil
}

func unknownParam(spec *edge.CommandSpec, id string) error {
	e := edge.Errorf(edge.CodeBadValue, "%s has no parameter %s", spec.ID, clip(id)).With("param", clip(id))
	ids := make([]string, len(spec.Params))
	for i := range spec.Params {
		ids[i] = spec.Params[i].ID
	}
	if near := nearest(id, ids); near != "" {
		return e.WithHint("did you mean %s?", near)
	}
	return e
}

// weightMS is a step's share of the progress.
func (s *Step) weightMS() int64 {
	switch {
	case s.Wait != nil:
		return s.Wait.MS
	case s.Ramp != nil:
		return s.Ramp.OverMS
	}
	return setMS
}
