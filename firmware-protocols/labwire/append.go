package labwire

import (
	"slices"
	"strconv"
)

// Append writes a dictionary as ParseDictionary reads it. It does not check.
func (d *Dictionary) Append(dst []byte) []byte {
	w := &writer{append(dst, "labwire 1\n"...)}
	w.start("device", d.Device).quote(d.Label["en"]).quote(d.Firmware).end(d.Label, d.Help)
	if d.RateHz.Mantissa != 0 {
		w.start("rate", "").dec(d.RateHz).end(nil, nil)
	}
	w.start("safe", "").quote(d.Safe.Text["en"]).int(d.Safe.DeadManMS).int(d.Safe.TypedMS).end(d.Safe.Text, nil)
	for i := range d.Channels {
		w.channel(&d.Channels[i])
	}
	for i := range d.Commands {
		c := &d.Commands[i]
		w.start("command", c.ID).quote(c.Label["en"]).word(c.Kind.String()).end(c.Label, c.Help)
		if c.MostHz.Mantissa != 0 {
			w.start("most", "").dec(c.MostHz).end(nil, nil)
		}
		for j := range c.Params {
			w.param(&c.Params[j])
		}
	}
	return w.dst
}

type writer struct{ dst []byte }

func (w *writer) start(kind, id string) *writer {
	w.dst = append(w.dst, kind...)
	if id != "" {
		w.word(id)
	}
	return w
}

func (w *writer) word(s string) *writer {
	w.dst = append(append(w.dst, ' '), s...)
	return w
}

func (w *writer) quote(s string) *writer {
	w.dst = append(append(append(w.dst, ' ', '"'), s...), '"')
	return w
}

func (w *writer) dec(d Decimal) *writer {
	w.dst = d.append(append(w.dst, ' '))
	return w
}

func (w *writer) int(n int) *writer {
	w.dst = strconv.AppendInt(append(w.dst, ' '), int64(n), 10)
	return w
}

// end ends the line and writes the texts that are not in it.
func (w *writer) end(label, help Texts) {
	w.dst = append(w.dst, '\n')
	for _, lang := range sorted(label) {
		if lang != "en" {
			w.start(lang, "").quote(label[lang]).end(nil, nil)
		}
	}
	for _, lang := range sorted(help) {
		w.start("help", lang).quote(help[lang]).end(nil, nil)
	}
}

func sorted(t Texts) []string {
	langs := make([]string, 0, len(t))
	for lang := range t {
		langs = append(langs, lang)
	}
	slices.Sort(langs)
	return langs
}

func (w *writer) choices(list []Choice) {
	for i := range list {
		w.start("choice", list[i].ID).quote(list[i].Label["en"]).end(list[i].Label, list[i].Help)
	}
}

func (w *writer) channel(c *Channel) {
	w.start(c.Kind.String(), c.ID).quote(c.Label["en"])
	if c.Kind != Enum {
		w.quote(c.Unit).dec(c.Min).dec(c.Max).int(c.Decimals)
	}
	if c.Kind == I16 {
		w.dec(c.Scale).dec(c.Offset)
	}
	w.end(c.Label, c.Help)
	w.choices(c.Choices)
	if c.Group != "" {
		w.start("group", c.Group).end(nil, nil)
	}
	if c.Role != "" {
		w.start("role", c.Role).end(nil, nil)
	}
	if c.Hidden {
		w.start("hidden", "").end(nil, nil)
	}
}

func (w *writer) param(p *Param) {
	w.start(p.Kind.String(), p.ID).quote(p.Label["en"])
	switch p.Kind {
	case Float:
		w.quote(p.Unit).dec(p.Min).dec(p.Max).int(p.Decimals).dec(p.Step).dec(p.Default)
	case Int:
		w.quote(p.Unit).dec(p.Min).dec(p.Max).dec(p.Step).dec(p.Default)
	default:
		w.dec(p.Default)
	}
	w.end(p.Label, p.Help)
	w.choices(p.Choices)
	if p.Slew.Mantissa != 0 {
		w.start("slew", "").dec(p.Slew).end(nil, nil)
	}
	if p.HasRest {
		w.start("rest", "").dec(p.Rest).end(nil, nil)
	}
	if p.Channel != "" {
		w.start("shows", p.Channel).end(nil, nil)
	}
}
