package devices

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"labbox/devices/sim"
	"labbox/edge"
	"labbox/firmware-protocols/lines"
)

// Simulator returns a device that behaves as the type file says: the plant it
// names, else the dialogue that its channels, commands and safe sequence
// describe. o sets up a plant.
func (t *Type) Simulator(seed uint64, o ...sim.Options) (sim.Device, error) {
	if name := t.Simulate.Plant; name != "" {
		var opt sim.Options
		if len(o) > 0 {
			opt = o[0]
		}
		opt.Seed = seed
		d, err := sim.Plant(name, opt)
		if err != nil {
			return nil, edge.Errorf(edge.CodeBadConfig, "%s: simulate: %w", t.Name, err).
				WithHint("plants: %s", strings.Join(sim.Plants(), ", "))
		}
		return d, nil
	}
	var d sim.Device
	var err error
	if t.Protocol.Lines != nil || t.Protocol.Floats != nil {
		d, err = sim.New(t.simSpec(), seed)
	} else {
		d, err = t.dialectDevice(seed)
	}
	if err != nil {
		return nil, edge.Errorf(edge.CodeBadConfig, "%s: simulate: %w", t.Name, err)
	}
	return d, nil
}

// simSpec turns the type into what the dialogue needs.
func (t *Type) simSpec() sim.Spec {
	s := sim.Spec{RateHz: t.RateHz}
	t.simShape(&s)
	if f := t.Protocol.Floats; f != nil {
		s.Floats, s.Fields, s.Hello = true, f.Fields, f.Hello
	} else {
		s.Format, _ = lines.ParseFormat(t.Protocol.Lines.Format)
		if sep := t.Protocol.Lines.Separator; sep != "" {
			s.Separator = sep[0]
		}
	}
	if c := t.Time; c != nil {
		s.Time = &sim.Clock{Field: c.From, Unit: map[string]time.Duration{"s": time.Second, "us": time.Microsecond}[c.Unit]}
		if s.Time.Unit == 0 {
			s.Time.Unit = time.Millisecond
		}
		if c.Bits > 0 {
			s.Time.Wrap = math.Exp2(float64(c.Bits))
		}
	}
	if c := t.Count; c != nil {
		s.Count = c.From
		if bits := c.Bits; bits > 0 && bits < 64 {
			s.CountMax = uint64(1)<<bits - 1
		}
	}
	s.Asked = len(t.Polls) > 0
	s.Banner = t.simPairs(t.Connect.Banner)
	for i := range t.Commands {
		s.Messages = append(s.Messages, t.simCommand(&t.Commands[i], &s))
	}
	t.simSteps(&s)
	// A safe message may look like a command's; it does more.
	slices.SortStableFunc(s.Messages, func(a, b sim.Message) int {
		switch {
		case a.Reset == b.Reset:
			return 0
		case a.Reset:
			return -1
		}
		return 1
	})
	return s
}

// simShape adds what every protocol has: channels, and the clocks of reports.
func (t *Type) simShape(s *sim.Spec) {
	for i := range t.Channels {
		s.Channels = append(s.Channels, t.simChannel(i))
	}
}

// dialectDevice is a device that speaks a protocol other than lines and floats.
func (t *Type) dialectDevice(seed uint64) (sim.Device, error) {
	s := sim.Spec{RateHz: t.RateHz}
	if f := t.Protocol.Firmata; f != nil { // the board keeps its own time
		s.RateHz = 2 / f.sampling().Seconds()
	}
	t.simShape(&s)
	for i := range t.Commands {
		t.simParams(&t.Commands[i], &s)
	}
	d, err := t.dialect()
	if err != nil {
		return nil, err
	}
	if t.Protocol.Gcode != nil {
		s.RateHz = gcodeRate
	}
	return sim.NewDevice(s, seed, d), nil
}

func (t *Type) dialect() (sim.Dialect, error) {
	p := t.Protocol
	switch {
	case p.Messages != nil:
		return newMessagesDevice(t)
	case p.SCPI != nil:
		return newSCPIDevice(t), nil
	case p.Modbus != nil:
		return newModbusDevice(t)
	case p.Labwire != nil:
		return newLabwireDevice(t)
	case p.Firmata != nil:
		return newFirmataDevice(t)
	case p.NMEA != nil:
		return newNMEADevice(t)
	case p.Gcode != nil:
		return newGcodeDevice(t)
	}
	return nil, fmt.Errorf("%s cannot be simulated yet", p.given()[0])
}

// simParams adds a command's parameters with their initial values.
func (t *Type) simParams(c *Command, s *sim.Spec) {
	for i := range c.Params {
		p := &c.Params[i]
		initial := 0.0
		if a, err := p.resolve(defaultValue(p)); err == nil && p.Default != nil {
			initial = a.num
		}
		s.Params = append(s.Params, sim.Param{ID: c.ID + "." + p.ID, Initial: initial})
	}
}

// simSteps adds the messages that are no commands: those of connecting, of the
// safe sequence, of keeping alive.
func (t *Type) simSteps(s *sim.Spec) {
	for i := range t.Polls {
		s.Messages = append(s.Messages, sim.Message{Pattern: t.simPattern(t.Polls[i].Send, nil), Reply: t.simReply(t.Polls[i].Reply, nil)})
	}
	for _, st := range slices.Concat(t.Connect.Identify, t.Connect.Steps) {
		if st.Send != nil {
			s.Messages = append(s.Messages, sim.Message{Pattern: t.simPattern(st.Send, nil), Reply: t.simReply(st.Reply, nil)})
		}
	}
	if k := t.Keepalive; k != nil {
		s.Messages = append(s.Messages, sim.Message{Pattern: t.simPattern(k.Send, nil), Reply: t.simReply(k.Reply, nil)})
	}
	if t.Safe == nil {
		return
	}
	last := -1
	for i := range t.Safe.Steps {
		st := &t.Safe.Steps[i]
		if st.Send == nil {
			continue
		}
		s.Messages = append(s.Messages, sim.Message{Pattern: t.simPattern(st.Send, nil), Reply: t.simReply(st.Reply, nil), Reset: true})
		last = len(s.Messages) - 1
	}
	if last < 0 {
		return
	}
	for i := range t.Safe.Shows { // what no command moves is set as it must read
		sh := &t.Safe.Shows[i]
		if ch := t.channel(sh.Channel); ch != nil && !ch.Sim.driven() {
			s.Messages[last].Shows = append(s.Messages[last].Shows, t.simEffect(sh, nil))
		}
	}
}

func (t *Type) simCommand(c *Command, s *sim.Spec) sim.Message {
	t.simParams(c, s)
	m := sim.Message{Pattern: t.simPattern(c.Send, c), Reply: t.simReply(c.Reply, c)}
	for i := range c.Shows {
		sh := &c.Shows[i]
		if ch := t.channel(sh.Channel); ch != nil && !ch.Sim.driven() {
			m.Shows = append(m.Shows, t.simEffect(sh, c))
		}
	}
	return m
}

func (t *Type) simEffect(sh *Show, c *Command) sim.Effect {
	e, want := sim.Effect{}, sh.Equals
	if len(sh.OneOf) > 0 {
		want = sh.OneOf[0]
	}
	for i := range t.Channels {
		if t.Channels[i].ID == sh.Channel {
			e.Channel = i
		}
	}
	switch want := want.(type) {
	case string:
		if id, ok := strings.CutPrefix(want, "$"); ok && c != nil {
			e.Param = c.ID + "." + id
			break
		}
		ch := &t.Channels[e.Channel]
		for i := range ch.Choices {
			if ch.Choices[i].ID == want {
				e.Value = ch.Choices[i].value(i)
			}
		}
	case nil:
		if sh.Range != nil {
			e.Value = (sh.Range[0] + sh.Range[1]) / 2
		}
	default:
		e.Value, _ = number(want)
	}
	return e
}

// simPattern is what a message looks like; c is nil outside of commands.
func (t *Type) simPattern(send *Send, c *Command) []sim.Pair {
	var out []sim.Pair
	if send == nil {
		return nil
	}
	for _, kv := range flat("", send.JSON) {
		v := simValue(kv.Value, c)
		if s, ok := v.(string); ok && t.Protocol.Floats != nil {
			v = simNumber(s)
		}
		out = append(out, sim.Pair{Key: fmt.Sprint(kv.Key), Value: v})
	}
	for _, w := range send.Text {
		out = append(out, sim.Pair{Value: simValue(w, c)})
	}
	return out
}

// flat names the members of inner objects as they are received: by keys joined by
// dots.
func flat(prefix string, m yaml.MapSlice) yaml.MapSlice {
	var out yaml.MapSlice
	for _, kv := range m {
		key := prefix + fmt.Sprint(kv.Key)
		if inner, ok := kv.Value.(yaml.MapSlice); ok {
			out = append(out, flat(key+".", inner)...)
			continue
		}
		out = append(out, yaml.MapItem{Key: key, Value: kv.Value})
	}
	return out
}

// simNumber reads a number that a file gives as a text.
func simNumber(s string) any {
	var x float64
	if _, err := fmt.Sscanf(s, "%g", &x); err == nil {
		return x
	}
	return s
}

// simReply is the reply of a device that obeys. Where any value would do, the
// device says what the channel shows that the field belongs to, else 1.
func (t *Type) simReply(r *Reply, c *Command) []sim.Pair {
	if r == nil {
		return nil
	}
	out := t.simPairs(r.OK)
	for i := range out {
		out[i].Value = simValue(out[i].Value, c)
	}
	return out
}

func (t *Type) simPairs(f Fields) []sim.Pair {
	var out []sim.Pair
	for _, key := range slices.Sorted(maps.Keys(f)) {
		v := f[key]
		if v == "*" {
			out = append(out, sim.Pair{Key: key, Value: t.simAny(key)})
			continue
		}
		out = append(out, sim.Pair{Key: key, Value: simValue(v, nil)})
	}
	return out
}

func (t *Type) simAny(field string) any {
	for i := range t.Channels {
		if t.Channels[i].from() == field {
			return sim.Live(field)
		}
	}
	return 1.0
}

// simValue is a constant as a float64, bool or string, or the slot of a
// parameter.
func simValue(v any, c *Command) any {
	if s, ok := v.(string); ok {
		if id, isParam := strings.CutPrefix(s, "$"); isParam && c != nil {
			for i := range c.Params {
				if c.Params[i].ID == id {
					return c.Params[i].slot(c.ID)
				}
			}
		}
		return s
	}
	switch x := v.(type) {
	case bool, sim.Live:
		return x
	}
	if x, ok := number(v); ok {
		return x
	}
	return fmt.Sprint(v)
}

func (p *Param) slot(command string) sim.Slot {
	s := sim.Slot{Param: command + "." + p.ID, Scale: p.Wire.Scale, Offset: p.Wire.Offset}
	for i := range p.Choices {
		x, text, isText := argument{param: p, num: p.Choices[i].value(i), place: i}.wire()
		if isText {
			if s.Words == nil {
				s.Words = map[string]float64{}
			}
			s.Words[text] = p.Choices[i].value(i)
		} else {
			if s.Wire == nil {
				s.Wire = map[float64]float64{}
			}
			s.Wire[p.Choices[i].value(i)] = x
		}
	}
	return s
}
