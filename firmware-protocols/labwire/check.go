package labwire

import "fmt"

// maxScale is the largest mantissa of a scale: times an int16, and with an offset
// of nine digits, it fits an int32.
const maxScale = 32767

// Check reports the first thing that is wrong with a dictionary.
func (d *Dictionary) Check() error {
	c := &checker{}
	c.want(goodID(d.Device), "device %q is no id", d.Device)
	c.want(d.RateHz.Mantissa >= 0 && d.RateHz.Places <= 3 && d.RateHz.Float() <= 10000, "rate %g Hz: 0 to 10000, at most 3 places", d.RateHz.Float())
	c.text(d.Label, "device")
	c.want(len(d.Firmware) > 0 && len(d.Firmware) <= maxID, "version %q", d.Firmware)
	s := d.Safe
	c.want(s.DeadManMS >= 100 && s.DeadManMS <= 60000 && s.TypedMS >= s.DeadManMS && s.TypedMS <= 60000,
		"safe: %d and %d ms: 100 to 60000, the second no shorter", s.DeadManMS, s.TypedMS)
	c.want(s.Text["en"] != "", "no line `safe`")
	row := 0
	for i := range d.Channels {
		c.channel(d, i)
		row += d.Channels[i].Kind.bytes()
	}
	c.want(row <= maxRowBytes, "a row of %d bytes, at most %d", row, maxRowBytes)
	for i := range d.Commands {
		cmd := &d.Commands[i]
		c.want(goodID(cmd.ID) && !reserved(cmd.ID), "%q cannot be the id of a command", cmd.ID)
		c.text(cmd.Label, cmd.ID)
		c.want(cmd.MostHz.Mantissa >= 0, "%s: most below 0", cmd.ID)
		for j := range i {
			c.want(d.Commands[j].ID != cmd.ID, "two commands %q", cmd.ID)
		}
		for j := range cmd.Params {
			c.param(d, cmd, j)
		}
	}
	return c.err
}

type checker struct{ err error }

func (c *checker) want(ok bool, format string, args ...any) {
	if !ok && c.err == nil {
		c.err = fmt.Errorf("%w: %s", ErrDictionary, fmt.Sprintf(format, args...))
	}
}

func (c *checker) text(t Texts, of string) {
	c.want(t["en"] != "", "%s has no label", of)
	for _, s := range t {
		c.want(len(s) <= maxLabel, "%s: a label over %d bytes", of, maxLabel)
	}
}

func (c *checker) choices(list []Choice, of string) {
	c.want(len(list) > 0, "%s has no choices", of)
	for i := range list {
		c.want(goodID(list[i].ID), "%q is no id", list[i].ID)
		c.text(list[i].Label, list[i].ID)
		for j := range i {
			c.want(list[j].ID != list[i].ID, "%s: two choices %q", of, list[i].ID)
		}
	}
}

func (c *checker) channel(d *Dictionary, i int) {
	ch := &d.Channels[i]
	c.want(goodID(ch.ID) && ch.ID != "safe", "%q cannot be the id of a channel", ch.ID)
	c.text(ch.Label, ch.ID)
	for j := range i {
		c.want(d.Channels[j].ID != ch.ID, "two channels %q", ch.ID)
	}
	if ch.Kind == Enum {
		c.choices(ch.Choices, ch.ID)
		return
	}
	c.want(len(ch.Unit) <= maxLabel, "%s: a long unit", ch.ID)
	c.want(ch.Min.Float() < ch.Max.Float(), "%s: the range is empty", ch.ID)
	c.want(ch.Decimals >= 0 && ch.Decimals <= 6, "%s: %d decimals, at most 6", ch.ID, ch.Decimals)
	if ch.Kind == I16 {
		m := ch.Scale.Mantissa
		c.want(m != 0 && m <= maxScale && m >= -maxScale, "%s: scale: its digits are 1 to %d", ch.ID, maxScale)
		_, ok := ch.Offset.at(int(ch.Scale.Places))
		c.want(ok, "%s: the offset has more places than the scale, or is too long", ch.ID)
	}
}

func (c *checker) param(d *Dictionary, cmd *Command, i int) {
	p := &cmd.Params[i]
	name := cmd.ID + "." + p.ID
	c.want(goodID(p.ID), "%q is no id", p.ID)
	c.text(p.Label, name)
	for j := range i {
		c.want(cmd.Params[j].ID != p.ID, "%s: two of them", name)
	}
	if p.Kind == Pick {
		c.choices(p.Choices, name)
	}
	c.want(p.Decimals >= 0 && p.Decimals <= 6 && (p.Kind == Float || p.Decimals == 0), "%s: %d decimals, at most 6", name, p.Decimals)
	if c.err != nil {
		return
	}
	lo, hi := p.raw()
	def, ok := p.Default.at(p.Decimals)
	c.want(lo <= hi, "%s: the range is empty, or has more places than travel", name)
	c.want(ok && def >= lo && def <= hi, "%s: the default is outside the range", name)
	step, ok := p.Step.at(p.Decimals)
	c.want(ok && step >= 0, "%s: step", name)
	c.want(p.Slew.Mantissa >= 0, "%s: slew below 0", name)
	if rest, ok := p.Rest.at(p.Decimals); p.HasRest {
		c.want(ok && rest >= lo && rest <= hi, "%s: rest is outside the range", name)
	}
	found := p.Channel == ""
	for j := range d.Channels {
		found = found || d.Channels[j].ID == p.Channel
	}
	c.want(found, "%s: no channel %q", name, p.Channel)
}

// reserved are the words of the text mode.
func reserved(id string) bool {
	switch id {
	case "set", "safe", "ping", "hello", "stream", "help":
		return true
	}
	return false
}
