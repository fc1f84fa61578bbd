package labwire

// line reads one line. The first word says what it is; a word of two letters is a
// language, and labels the item before.
func (p *parser) line() {
	d, kind := p.d, p.str(0)
	if p.words[0].quoted {
		p.fail("a quoted first word")
		return
	}
	switch p.n {
	case 1:
		if kind != "labwire" || !p.want("n") || p.num(1) != 1 {
			p.fail("it must begin with `labwire 1`")
		}
		return
	case 2:
		if kind != "device" || !p.want("iqq") {
			p.fail("the second line must be `device ID \"label\" \"version\"`")
			return
		}
		d.Device, d.Firmware = p.str(1), p.str(3)
		p.item(&d.Label, &d.Help, 2)
		return
	}
	switch kind {
	case "rate":
		if p.want("d") {
			d.RateHz = p.dec(1)
		}
	case "safe":
		if p.want("qnn") {
			d.Safe.DeadManMS, d.Safe.TypedMS = p.num(2), p.num(3)
			p.item(&d.Safe.Text, nil, 1)
		}
	case "i16", "f32", "enum":
		p.channel(kind)
	case "command":
		p.command()
	case "float", "int", "pick":
		p.param(kind)
	case "choice":
		p.choice()
	case "help":
		if p.want("wq") {
			p.more(p.help, p.str(1), p.str(2))
		}
	default:
		if len(kind) == 2 {
			if p.want("q") {
				p.more(p.texts, kind, p.str(1))
			}
			return
		}
		p.detail(kind)
	}
}

// item notes the label of a new item, and where its other languages go.
func (p *parser) item(label, help *Texts, at int) {
	*label = Texts{"en": p.str(at)}
	p.texts, p.help = label, help
}

func (p *parser) more(to *Texts, lang, text string) {
	switch {
	case to == nil:
		p.fail("nothing before it takes a text")
		return
	case len(lang) != 2 || lang[0] < 'a' || lang[0] > 'z' || lang[1] < 'a' || lang[1] > 'z':
		p.fail("%q is no language", lang)
		return
	case *to == nil:
		*to = Texts{}
	case len(*to) == maxTexts:
		p.fail("more than %d languages", maxTexts)
		return
	}
	if _, twice := (*to)[lang]; twice {
		p.fail("%s twice", lang)
		return
	}
	(*to)[lang] = text
}

func (p *parser) channel(kind string) {
	d := p.d
	if len(d.Channels) == MaxChannels || len(d.Commands) > 0 {
		p.fail("channels stand before commands, at most %d", MaxChannels)
		return
	}
	c := Channel{Scale: Decimal{Mantissa: 1}}
	switch kind {
	case "i16":
		if !p.want("iqqddndd") {
			return
		}
		c.Scale, c.Offset = p.dec(7), p.dec(8)
	case "f32":
		if !p.want("iqqddn") {
			return
		}
		c.Kind = F32
	default:
		if !p.want("iq") {
			return
		}
		c.Kind = Enum
	}
	c.ID = p.str(1)
	if c.Kind != Enum {
		c.Unit, c.Min, c.Max, c.Decimals = p.str(3), p.dec(4), p.dec(5), p.num(6)
	}
	d.Channels = append(d.Channels, c)
	last := &d.Channels[len(d.Channels)-1]
	p.item(&last.Label, &last.Help, 2)
}

func (p *parser) command() {
	d := p.d
	if len(d.Commands) == MaxCommands {
		p.fail("more than %d commands", MaxCommands)
		return
	}
	if !p.want("iqw") {
		return
	}
	c := Command{ID: p.str(1)}
	switch p.str(3) {
	case "on":
	case "calming":
		c.Kind = Calming
	case "passive":
		c.Kind = Passive
	default:
		p.fail("a command is on, calming or passive")
	}
	d.Commands = append(d.Commands, c)
	last := &d.Commands[len(d.Commands)-1]
	p.item(&last.Label, &last.Help, 2)
}

func (p *parser) param(kind string) {
	cmd := p.lastCommand()
	if cmd == nil || len(cmd.Params) == MaxParams {
		p.fail("parameters stand behind a command, at most %d", MaxParams)
		return
	}
	var v Param
	switch kind {
	case "float":
		if !p.want("iqqddndd") {
			return
		}
		v.Decimals, v.Step, v.Default = p.num(6), p.dec(7), p.dec(8)
	case "int":
		if !p.want("iqqdddd") {
			return
		}
		v.Kind, v.Step, v.Default = Int, p.dec(6), p.dec(7)
	default:
		if !p.want("iqn") {
			return
		}
		v.Kind, v.Default = Pick, p.dec(3)
	}
	v.ID = p.str(1)
	if v.Kind != Pick {
		v.Unit, v.Min, v.Max = p.str(3), p.dec(4), p.dec(5)
	}
	cmd.Params = append(cmd.Params, v)
	last := &cmd.Params[len(cmd.Params)-1]
	p.item(&last.Label, &last.Help, 2)
}

func (p *parser) choice() {
	var list *[]Choice
	if v := p.lastParam(); v != nil && v.Kind == Pick {
		list = &v.Choices
	} else if c := p.lastChannel(); c != nil && c.Kind == Enum {
		list = &c.Choices
	}
	if list == nil || len(*list) == MaxChoices {
		p.fail("choices stand behind an enum or a pick, at most %d", MaxChoices)
		return
	}
	if !p.want("iq") {
		return
	}
	*list = append(*list, Choice{ID: p.str(1)})
	last := &(*list)[len(*list)-1]
	p.item(&last.Label, &last.Help, 2)
}

// detail reads a line that adds to the channel, command or parameter before it.
func (p *parser) detail(kind string) {
	ch, cmd, param := p.lastChannel(), p.lastCommand(), p.lastParam()
	switch {
	case kind == "most" && cmd != nil && param == nil && p.want("d"):
		cmd.MostHz = p.dec(1)
	case kind == "slew" && param != nil && p.want("d"):
		param.Slew = p.dec(1)
	case kind == "rest" && param != nil && p.want("d"):
		param.Rest, param.HasRest = p.dec(1), true
	case kind == "shows" && param != nil && p.want("i"):
		param.Channel = p.str(1)
	case kind == "group" && ch != nil && p.want("i"):
		ch.Group = p.str(1)
	case kind == "role" && ch != nil && p.want("i"):
		ch.Role = p.str(1)
	case kind == "hidden" && ch != nil && p.want(""):
		ch.Hidden = true
	default:
		p.fail("%q does not belong here", kind)
	}
}

// lastChannel is the channel that the next line may add to.
func (p *parser) lastChannel() *Channel {
	if n := len(p.d.Channels); n > 0 && len(p.d.Commands) == 0 {
		return &p.d.Channels[n-1]
	}
	return nil
}

func (p *parser) lastCommand() *Command {
	if n := len(p.d.Commands); n > 0 {
		return &p.d.Commands[n-1]
	}
	return nil
}

func (p *parser) lastParam() *Param {
	if cmd := p.lastCommand(); cmd != nil && len(cmd.Params) > 0 {
		return &cmd.Params[len(cmd.Params)-1]
	}
	return nil
}
