package devices

import (
	"math"
	"testing"
	"time"

	"labbox/edge"
)

// before is what has to be done for a command to be obeyed: commands with their
// first argument, or, for "await", a channel and the choice it must show.
var before = map[string]map[string][][3]string{
	"aeropendulum": {"start": {{"power_on"}, {"await", "mode", "ready"}}},
	"spinner":      {"volts": {{"mode", "motor"}}, "velocity": {{"mode", "velocity"}}, "position": {{"mode", "position"}}},
}

// unconfirmed are the commands that a device has no way to confirm.
var unconfirmed = map[string]bool{
	"spinner.parameters":     true,
	"truss.position":         true,
	"mhz19.self_calibration": true,
}

// Every type of the catalogue, simulated, passes through the real supervisor to
// live, at its rate and with all its channels, and obeys each of its commands.
func TestCatalog(t *testing.T) {
	for _, name := range catalogNames(t) {
		t.Run(name, func(t *testing.T) {
			inSimulation(t, catalogType(t, name), func(t *testing.T, r *simRig) {
				checkLive(t, r)
				if len(r.typ.Commands) > 0 {
					r.seize()
				}
				for i := range r.typ.Commands {
					checkCommand(t, r, &r.typ.Commands[i])
				}
				if st := r.Status(); st.Counts.Garbage > 0 || st.Counts.Lost > 0 || st.State != edge.StateLive {
					t.Errorf("afterwards %s, %+v", st.State, st.Counts)
				}
			})
		})
	}
}

func checkLive(t *testing.T, r *simRig) {
	t.Helper()
	r.typ = r.Supervisor.typ() // as the device told it, where it does
	hz := r.typ.RateHz
	slow := hz > 0 && hz < 0.5 // too few samples to count
	if slow {
		time.Sleep(time.Duration(3 / hz * float64(time.Second)))
	}
	time.Sleep(4 * time.Second)
	st := r.Status()
	if want := map[bool]string{true: edge.SafeConfirmed, false: edge.SafeNone}[r.drives()]; st.Safe != want {
		t.Errorf("safe %s, want %s", st.Safe, want)
	}
	if !slow && (hz > 0 && math.Abs(st.Stream.RateHz-hz) > 0.02*hz || st.Stream.RateHz == 0) {
		t.Errorf("%g samples a second, the file says %g", st.Stream.RateHz, hz)
	}
	c := r.Contract()
	if len(c.Channels) == 0 {
		t.Error("no channels")
	}
	for i := range c.Channels {
		ch := &c.Channels[i]
		x := r.stream.shown(ch.ID)
		if tc := r.typ.channel(ch.ID); math.IsNaN(x) && (tc == nil || !tc.Optional) {
			t.Errorf("channel %s: nothing arrives", ch.ID)
		}
		if ch.Min != nil && (x < *ch.Min || x > *ch.Max) {
			t.Errorf("channel %s: %g is outside its range", ch.ID, x)
		}
	}
}

// drives says whether there is anything to make safe.
func (r *simRig) drives() bool {
	s := r.Supervisor.typ().Safe // a device may describe itself
	return s != nil && len(s.Steps) > 0
}

func checkCommand(t *testing.T, r *simRig, c *Command) {
	t.Helper()
	for _, b := range before[r.typ.Name][c.ID] {
		switch {
		case b[0] == "await":
			r.mode(b[1], b[2])
		case b[1] != "":
			r.do(b[0], b[1])
		default:
			r.do(b[0])
		}
	}
	time.Sleep(time.Second) // what the rate limits allow
	res, err := r.ask(c.ID)
	want := edge.OutcomeConfirmed
	if unconfirmed[r.typ.Name+"."+c.ID] {
		want = edge.OutcomeSent
	}
	if err != nil || res.Outcome != want {
		t.Errorf("%s with its defaults: %+v, %v", c.ID, res, err)
	}
	if len(c.Params) == 0 {
		return
	}
	var values []any
	for i := range c.Params {
		p := &c.Params[i]
		if p.Default == nil {
			t.Errorf("%s.%s has no default", c.ID, p.ID)
			return
		}
		if x, ok := number(p.Default); ok && p.Step > 0 {
			if n := (x - p.Range[0]) / p.Step; math.Abs(n-math.Round(n)) > 1e-6 {
				t.Errorf("%s.%s: the default %g is not on a step of %g from %g", c.ID, p.ID, x, p.Step, p.Range[0])
			}
		}
		values = append(values, otherValue(p))
	}
	time.Sleep(time.Second)
	if res, err := r.ask(c.ID, values...); err != nil || res.Outcome != want {
		t.Errorf("%s %v: %+v, %v", c.ID, values, res, err)
	}
}

// otherValue is one that is not the default: what a device shows before it is
// told must not do for an answer.
func otherValue(p *Param) any {
	if len(p.Choices) > 0 {
		for i := range p.Choices {
			if p.Choices[i].ID != p.Default {
				return p.Choices[i].ID
			}
		}
	}
	x, _ := number(p.Default)
	step := p.Step
	if step == 0 {
		step = 1
	}
	by := math.Floor((p.Range[1] - x) / 2 / step)
	if p.Slew > 0 { // a second has passed since the command before
		by = math.Min(by, math.Floor(0.9*p.Slew/step))
	}
	return x + step*math.Max(1, by)
}

// Driven, then left alone: the turn ends, and the device is safe, confirmed.
func TestCatalogIsSafeAfterATurn(t *testing.T) {
	for _, name := range catalogNames(t) {
		typ := catalogType(t, name)
		if len(typ.Commands) == 0 {
			continue
		}
		t.Run(name, func(t *testing.T) {
			inSimulation(t, typ, func(t *testing.T, r *simRig) {
				let := r.seize()
				c := &typ.Commands[0]
				checkCommand(t, r, c)
				let()
				r.until("away", func(st edge.Status) bool { return st.Lease != nil && st.Lease.Away })
				r.until("safe", func(st edge.Status) bool {
					return live(st) && (st.Safe == edge.SafeConfirmed || !r.drives() && st.Safe == edge.SafeNone)
				})
			})
		})
	}
}

// The catalogue is worth its name: types for the instruments of a teaching lab,
// each of which can be run without the device.
func TestCatalogIsComplete(t *testing.T) {
	names := catalogNames(t)
	if len(names) < 24 {
		t.Errorf("%d types, want 24 or more", len(names))
	}
	protocols := map[string]bool{}
	for _, name := range names {
		typ := catalogType(t, name)
		for _, p := range typ.Protocol.given() {
			protocols[p] = true
		}
		if len(typ.Commands) > 0 && typ.Safe == nil {
			t.Errorf("%s: commands and no safe state", name)
		}
		if len(typ.Transcripts) == 0 {
			t.Errorf("%s: no transcript", name)
		}
		if _, err := typ.Simulator(1); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, p := range protocolNames() {
		if !protocols[p] {
			t.Errorf("no type speaks %s", p)
		}
	}
}

// What a person reads is there in every language, and every message fits into
// the device's buffer.
func TestCatalogTexts(t *testing.T) {
	for _, name := range catalogNames(t) {
		t.Run(name, func(t *testing.T) {
			typ := catalogType(t, name)
			text := func(where string, x edge.Text) {
				t.Helper()
				for _, lang := range edge.Languages() {
					if x[lang] == "" {
						t.Errorf("%s: no text in %s", where, lang)
					}
				}
			}
			choices := func(where string, cs []Choice) {
				for i := range cs {
					text(where+"."+cs[i].ID, cs[i].Label)
				}
			}
			text("label", typ.Label)
			text("description", typ.Description)
			for i := range typ.Channels {
				ch := &typ.Channels[i]
				text(ch.ID, ch.Label)
				choices(ch.ID, ch.Choices)
			}
			for i := range typ.Commands {
				c := &typ.Commands[i]
				text(c.ID, c.Label)
				if c.Help != nil {
					text(c.ID+" help", c.Help)
				}
				for k := range c.Params {
					text(c.ID+"."+c.Params[k].ID, c.Params[k].Label)
					choices(c.ID+"."+c.Params[k].ID, c.Params[k].Choices)
				}
			}
			if typ.Safe != nil {
				text("safe", typ.Safe.Text)
			}
			for i := range typ.Panel.Plots {
				if typ.Panel.Plots[i].Label != nil {
					text("plot", typ.Panel.Plots[i].Label)
				}
			}
			if typ.Panel.Icon == "" || typ.Panel.Window == 0 || typ.Simulate.Plant == "" && len(typ.Channels) == 0 && !typ.Protocol.describes() {
				t.Error("the panel wants an icon and a window")
			}
			checkEncodes(t, typ)
		})
	}
}

func checkEncodes(t *testing.T, typ *Type) {
	t.Helper()
	c, err := newCodec(typ)
	if err != nil {
		t.Fatal(err)
	}
	for i := range typ.Commands {
		cmd := &typ.Commands[i]
		for end := range 2 {
			args := edge.Args{}
			for k := range cmd.Params {
				p := &cmd.Params[k]
				if p.Range != nil {
					args[p.ID] = edge.Number(p.Range[end])
				} else {
					args[p.ID] = edge.Word(p.Choices[end*(len(p.Choices)-1)].ID)
				}
			}
			a, err := cmd.resolve(args)
			if err != nil {
				t.Fatal(cmd.ID, err)
			}
			if o, err := c.encode(nil, cmd.Send, cmd.Reply, a); err != nil || len(o.data) == 0 {
				t.Errorf("%s %v: %v, %v", cmd.ID, args, o, err)
			}
		}
	}
}
