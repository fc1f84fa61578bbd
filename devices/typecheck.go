package devices

import (
	"fmt"
	"math"
	"sort"
	"strings"

	"labbox/edge"
	"labbox/edge/config"
)

// checker walks a Type and notes what is wrong at its place in the file.
type checker struct {
	*config.Doc
	t       *Type
	unclear bool // some parts are wrong: which fields there are is not known
}

func (c *checker) bad(code, hint string, path []any, format string, args ...any) {
	c.Add(code, fmt.Sprintf(format, args...), hint, path...)
}

func at(path ...any) []any { return path }

func (c *checker) check() {
	t := c.t
	if t.Schema != 1 {
		c.bad("bad_schema", "write `schema: 1`", at("schema"), "schema must be 1")
	}
	c.name(t.Name, at("type"))
	c.text(t.Label, true, at("label"))
	c.text(t.Description, false, at("description"))
	c.protocol()
	c.serial()
	c.channels()
	if len(t.Channels) == 0 && t.AutoChannel == nil && !t.Protocol.describes() {
		c.bad("missing", "list them, or write `auto_channels: {}` for a device that names its own", at("channels"), "no channels")
	}
	seen := map[string]bool{}
	for i := range t.Commands {
		cmd := &t.Commands[i]
		p := at("commands", i)
		c.name(cmd.ID, append(p, "id"))
		if seen[cmd.ID] {
			c.bad("duplicate", "ids are unique within a type", append(p, "id"), "a second command `%s`", cmd.ID)
		}
		seen[cmd.ID] = true
		c.command(cmd, p)
	}
	c.safe()
	c.between()
	if k := t.Keepalive; k != nil {
		c.send(k.Send, nil, at("keepalive", "send"))
		if k.Every <= 0 {
			c.bad("missing", "such as 500ms", at("keepalive", "every"), "no `every`")
		}
	}
	for i := range t.Connect.Steps {
		c.step(&t.Connect.Steps[i], at("connect", "steps", i))
	}
	for i := range t.Connect.Identify {
		c.step(&t.Connect.Identify[i], at("connect", "identify", i))
	}
	for i := range t.On.Mismatch {
		c.step(&t.On.Mismatch[i], at("on", "mismatch", i))
	}
	for i := range t.On.Timeout {
		c.step(&t.On.Timeout[i], at("on", "timeout", i))
	}
	c.polls()
	c.busyAnswer()
	c.sources()
	c.interlocks()
	c.panel()
	c.simulate()
	c.transcripts()
	for _, d := range []struct {
		v    Duration
		path []any
	}{{t.Stale, at("stale_after")}, {t.Grace, at("grace")}, {t.Keep, at("keep")}, {t.Connect.Boot, at("connect", "boot")}} {
		if d.v < 0 {
			c.bad("bad_range", "", d.path, "a duration cannot be negative")
		}
	}
}

func (c *checker) name(s string, path []any) {
	if err := edge.CheckName(s); err != nil {
		c.bad("bad_name", edge.AsError(err).Hint, path, "%s", err)
	}
}

func (c *checker) text(t edge.Text, required bool, path []any) {
	if required && t.In("en") == "" {
		c.bad("missing", "such as {en: Pendulum, fr: Pendule, es: Péndulo}", path, "no label")
	}
	for lang := range t {
		if len(lang) != 2 {
			c.bad("bad_value", "use en, fr, es", path, "`%s` is no language", lang)
		}
	}
}

func (c *checker) protocol() {
	p := c.t.Protocol
	if n := len(p.given()); n != 1 {
		c.bad("missing", "such as `protocol: {lines: {format: json}}`; one of "+strings.Join(protocolNames(), ", "), at("protocol"), "exactly one protocol is needed")
		return
	}
	switch {
	case p.Messages != nil:
		c.messages()
	case p.Modbus != nil:
		c.modbus()
	case p.Firmata != nil:
		c.firmata()
	case p.NMEA != nil:
		c.nmea()
	case p.Gcode != nil:
		c.gcode()
	case p.SCPI != nil:
		if _, err := newSCPICodec(c.t); err != nil {
			c.bad("bad_value", "", at("protocol", "scpi"), "%s", err)
		}
	case p.Lines != nil:
		switch p.Lines.Format {
		case "json", "relaxed", "plotter", "csv":
		default:
			c.bad("bad_value", c.choose(p.Lines.Format, "json", "relaxed", "plotter", "csv"), at("protocol", "lines", "format"), "unknown format `%s`", p.Lines.Format)
		}
		if p.Lines.MaxLine < 0 || p.Lines.MaxLine > 1<<16 {
			c.bad("bad_range", "at most 65536", at("protocol", "lines", "max_line"), "max_line %d", p.Lines.MaxLine)
		}
		if len(p.Lines.Separator) > 1 {
			c.bad("bad_value", "one character", at("protocol", "lines", "separator"), "separator %q", p.Lines.Separator)
		}
	case p.Floats != nil:
		if n := len(p.Floats.Fields); n == 0 || n > 256 {
			c.bad("missing", "name each float in order", at("protocol", "floats", "fields"), "%d fields", n)
		}
	}
}

func (c *checker) serial() {
	s := c.t.Serial
	if s.Baud < 0 || s.Baud > 12_000_000 {
		c.bad("bad_range", "such as 115200", at("serial", "baud"), "baud %d", s.Baud)
	}
	if s.DataBits != 0 && (s.DataBits < 5 || s.DataBits > 8) {
		c.bad("bad_range", "5 to 8", at("serial", "data_bits"), "data_bits %d", s.DataBits)
	}
	if !oneOf(s.Parity, "", "none", "even", "odd") {
		c.bad("bad_value", c.choose(s.Parity, "none", "even", "odd"), at("serial", "parity"), "unknown parity `%s`", s.Parity)
	}
	if !oneOf(s.StopBits, "", "1", "2") {
		c.bad("bad_value", "1 or 2", at("serial", "stop_bits"), "stop_bits `%s`", s.StopBits)
	}
}

func (c *checker) channels() {
	seen := map[string]bool{}
	for i := range c.t.Channels {
		ch := &c.t.Channels[i]
		p := at("channels", i)
		c.name(ch.ID, append(p, "id"))
		if seen[ch.ID] {
			c.bad("duplicate", "ids are unique within a type", append(p, "id"), "a second channel `%s`", ch.ID)
		}
		seen[ch.ID] = true
		c.text(ch.Label, true, append(p, "label"))
		c.choiceTexts(ch.Choices, append(p, "choices"))
		c.unit(ch.Unit, append(p, "unit"))
		c.rang(ch.Range, append(p, "range"))
		c.choices(ch.Choices, append(p, "choices"))
		if !oneOf(ch.Format, "", "f32", "f64", "i16", "enum") {
			c.bad("bad_value", c.choose(ch.Format, "f32", "f64", "i16", "enum"), append(p, "format"), "unknown format `%s`", ch.Format)
		}
		if ch.Format == "enum" && len(ch.Choices) == 0 {
			c.bad("missing", "name its values under `choices:`", append(p, "format"), "an enum without choices")
		}
		if ch.Resolution < 0 || (ch.Decimals != nil && (*ch.Decimals < 0 || *ch.Decimals > 12)) {
			c.bad("bad_range", "", p, "resolution and decimals cannot be negative")
		}
		if !oneOf(ch.Role, "", "measure", "setpoint", "status") {
			c.bad("bad_value", c.choose(ch.Role, "measure", "setpoint", "status"), append(p, "role"), "unknown role `%s`", ch.Role)
		}
		if f := c.t.Protocol.Floats; f != nil && !oneOf(ch.from(), f.Fields...) {
			c.bad("unknown_field", c.choose(ch.from(), f.Fields...), append(p, "from"), "the frame has no field `%s`", ch.from())
		}
	}
}

func (c *checker) unit(u string, path []any) {
	if !KnownUnit(u) {
		hint := "UCUM or a plain symbol: m/s, deg, Cel, mV, 1/min"
		if n := unitByName(u); n != "" {
			hint = fmt.Sprintf("write `%s`", n)
		} else if n := config.Nearest(u, commonUnits()); n != "" {
			hint = fmt.Sprintf("did you mean `%s`?", n)
		}
		c.bad("bad_unit", hint, path, "unknown unit `%s`", u)
	}
}

func (c *checker) rang(r *Range, path []any) {
	if r == nil {
		return
	}
	if math.IsNaN(r[0]) || math.IsNaN(r[1]) || math.IsInf(r[0], 0) || math.IsInf(r[1], 0) {
		c.bad("bad_range", "give two numbers", path, "a limit is not a number")
	} else if r[0] > r[1] {
		c.bad("bad_range", fmt.Sprintf("did you mean [%g, %g]?", r[1], r[0]), path, "min %g exceeds max %g", r[0], r[1])
	}
}

func (c *checker) choices(cs []Choice, path []any) {
	ids, vals := map[string]bool{}, map[float64]bool{}
	for i := range cs {
		p := append(path, i)
		c.name(cs[i].ID, append(p, "id"))
		v := cs[i].value(i)
		if ids[cs[i].ID] || vals[v] {
			c.bad("duplicate", "ids and values are unique", p, "choice `%s` stands twice", cs[i].ID)
		}
		ids[cs[i].ID], vals[v] = true, true
		if v != math.Trunc(v) || v < 0 || v > 254 {
			c.bad("bad_range", "0 to 254", p, "an enum value must be a whole number, not %g", v)
		}
	}
}

func (c *checker) command(cmd *Command, p []any) {
	c.text(cmd.Label, true, append(p, "label"))
	c.text(cmd.Help, false, append(p, "help"))
	seen := map[string]bool{}
	for i := range cmd.Params {
		par := &cmd.Params[i]
		pp := append(append([]any{}, p...), "params", i)
		c.name(par.ID, append(pp, "id"))
		if seen[par.ID] {
			c.bad("duplicate", "ids are unique within a command", append(pp, "id"), "a second parameter `%s`", par.ID)
		}
		seen[par.ID] = true
		c.param(par, pp)
	}
	c.send(cmd.Send, cmd, append(p, "send"))
	c.reply(cmd.Reply, cmd, append(p, "reply"))
	for i := range cmd.Shows {
		c.show(&cmd.Shows[i], cmd, append(append([]any{}, p...), "shows", i))
	}
	if cmd.Rate < 0 {
		c.bad("bad_range", "commands per second", append(p, "rate"), "rate %g", cmd.Rate)
	}
}

func (c *checker) choiceTexts(cs []Choice, path []any) {
	for i := range cs {
		c.text(cs[i].Label, false, append(append([]any{}, path...), i, "label"))
	}
}

func (c *checker) param(par *Param, p []any) {
	c.text(par.Label, false, append(p, "label"))
	c.choiceTexts(par.Choices, append(p, "choices"))
	c.unit(par.Unit, append(p, "unit"))
	c.rang(par.Range, append(p, "range"))
	c.choices(par.Choices, append(p, "choices"))
	switch par.kind() {
	case edge.ParamFloat, edge.ParamInt:
		if par.Range == nil {
			c.bad("missing", "a number that reaches a device has limits: `range: [min, max]`", p, "parameter `%s` has no range", par.ID)
			return
		}
		if par.Default != nil {
			if x, ok := number(par.Default); !ok || x < par.Range[0] || x > par.Range[1] {
				c.bad("out_of_range", fmt.Sprintf("between %g and %g", par.Range[0], par.Range[1]), append(p, "default"), "default %v is outside the range", par.Default)
			}
		}
	case edge.ParamChoice:
		if len(par.Choices) == 0 {
			c.bad("missing", "list them under `choices:`", p, "parameter `%s` has no choices", par.ID)
		}
		if par.Default != nil {
			if _, ok := par.choice(fmt.Sprint(par.Default)); !ok {
				c.bad("bad_value", "name one of its choices", append(p, "default"), "default `%v` is no choice", par.Default)
			}
		}
	default:
		c.bad("bad_value", c.choose(par.Type, "float", "int", "choice"), append(p, "type"), "unknown type `%s`", par.Type)
	}
	if par.Channel != "" {
		c.channel(par.Channel, append(p, "channel"))
	}
	if !oneOf(par.Wire.As, "", "number", "text") {
		c.bad("bad_value", "number or text", append(p, "wire", "as"), "unknown `as: %s`", par.Wire.As)
	}
	if par.Slew < 0 || par.Step < 0 {
		c.bad("bad_range", "", p, "slew and step cannot be negative")
	}
}

func (c *checker) channel(id string, path []any) {
	var ids []string
	for i := range c.t.Channels {
		ids = append(ids, c.t.Channels[i].ID)
	}
	if !oneOf(id, ids...) {
		c.bad("unknown_channel", c.choose(id, ids...), path, "no channel `%s`", id)
	}
}

func (c *checker) placeholder(v any, cmd *Command, path []any) {
	s, ok := v.(string)
	if !ok || !strings.HasPrefix(s, "$") {
		return
	}
	var ids []string
	if cmd != nil {
		for i := range cmd.Params {
			ids = append(ids, cmd.Params[i].ID)
		}
	}
	if !oneOf(s[1:], ids...) {
		c.bad("unknown_param", c.choose(s[1:], ids...), path, "`%s` names no parameter", s)
	}
}

func (c *checker) reply(r *Reply, cmd *Command, path []any) {
	if r == nil {
		return
	}
	if len(r.Parts)+len(r.No) > 0 && !c.partsAllowed() {
		c.bad("bad_value", "such as `ok: {result: ok}`", path, "this protocol's answers are not made of parts")
		return
	}
	c.replyParts(r, cmd, path)
	c.turns(r, cmd, path)
	if len(r.OK) == 0 && len(r.Parts) == 0 && (c.t.Protocol.Gcode == nil || r.Within == 0) {
		c.bad("missing", "`ok: {result: ok}`, or `parts:` where answers are made of parts", path, "a reply needs to say what means yes")
	}
	for k, v := range r.OK {
		c.placeholder(v, cmd, append(path, "ok", k))
	}
	for k, v := range r.Error {
		c.placeholder(v, cmd, append(path, "error", k))
	}
}

func (c *checker) show(s *Show, cmd *Command, path []any) {
	c.channel(s.Channel, append(path, "channel"))
	c.placeholder(s.Equals, cmd, append(path, "equals"))
	n := 0
	for _, given := range []bool{s.Equals != nil, s.Range != nil, len(s.OneOf) > 0} {
		if given {
			n++
		}
	}
	if n != 1 {
		c.bad("missing", "`equals:`, `range:` or `one_of:`", path, "a condition needs exactly one of equals, range, one_of")
	}
	for i, v := range s.OneOf {
		c.placeholder(v, cmd, append(append([]any{}, path...), "one_of", i))
	}
	c.rang(s.Range, append(path, "range"))
}

func (c *checker) panel() {
	for i, p := range c.t.Panel.Plots {
		c.text(p.Label, false, at("panel", "plots", i, "label"))
		for j, id := range p.Channels {
			c.channel(id, at("panel", "plots", i, "channels", j))
		}
	}
	for i, id := range c.t.Panel.Readouts {
		c.channel(id, at("panel", "readouts", i))
	}
}

// choose is a hint: the nearest candidate, or all of them.
func (c *checker) choose(got string, candidates ...string) string {
	if best := config.Nearest(got, candidates); best != "" {
		return fmt.Sprintf("did you mean `%s`?", best)
	}
	if len(candidates) == 0 {
		return "there are none"
	}
	sort.Strings(candidates)
	return "one of " + strings.Join(candidates, ", ")
}

func oneOf(s string, of ...string) bool {
	for _, o := range of {
		if s == o {
			return true
		}
	}
	return false
}
