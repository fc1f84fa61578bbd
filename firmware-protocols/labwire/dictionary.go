package labwire

import (
	"errors"
	"fmt"
	"hash/crc32"
)

// Limits of a dictionary.
const (
	MaxDictionary = 16000
	MaxChannels   = 32
	MaxCommands   = 32
	MaxParams     = 8
	MaxChoices    = 32
	maxWords      = 12
	maxID         = 24  // of an id
	maxLabel      = 80  // of a label or unit
	maxHelp       = 240 // of a help or the safe text
	maxTexts      = 8   // languages of one text
)

// ErrDictionary is wrapped by what ParseDictionary and Check return.
var ErrDictionary = errors.New("labwire: bad dictionary")

// Texts is a label by language tag; "en" is always there.
type Texts map[string]string

// Dictionary is what the firmware says of itself: everything a device type needs.
type Dictionary struct {
	Device   string
	Label    Texts
	Help     Texts
	Firmware string
	RateHz   Decimal // rows per second, 0: the sketch takes them when it likes
	Safe     SafeState
	Channels []Channel
	Commands []Command
}

// SafeState is what the firmware does by itself.
type SafeState struct {
	Text      Texts
	DeadManMS int // silence of the box after which it goes safe
	TypedMS   int // the same after a command typed by hand
}

// ChannelKind is how a channel's values travel.
type ChannelKind uint8

// The kinds of channels.
const (
	I16 ChannelKind = iota
	F32
	Enum // an i16 that is the place of a choice
)

func (k ChannelKind) bytes() int {
	if k == F32 {
		return 4
	}
	return 2
}

var channelKinds = [...]string{"i16", "f32", "enum"}

func (k ChannelKind) String() string { return channelKinds[min(k, Enum)] }

// Channel is one quantity. Shown = raw*Scale + Offset.
type Channel struct {
	ID            string
	Label, Help   Texts
	Kind          ChannelKind
	Unit          string
	Min, Max      Decimal // of the shown value
	Decimals      int
	Scale, Offset Decimal
	Choices       []Choice
	Group, Role   string
	Hidden        bool
}

// Shown turns a raw value into the channel's unit.
func (c *Channel) Shown(raw float64) float64 {
	if c.Kind != I16 {
		return raw
	}
	return raw*c.Scale.Float() + c.Offset.Float()
}

// Choice is one value of an enum or a pick; its place is its number.
type Choice struct {
	ID          string
	Label, Help Texts
}

// CommandKind says what a command does to the safe state.
type CommandKind uint8

// The kinds of commands.
const (
	On      CommandKind = iota // may switch something on: the device is no longer safe
	Calming                    // never makes anything more dangerous
	Passive                    // moves no output
)

var commandKinds = [...]string{"on", "calming", "passive"}

func (k CommandKind) String() string { return commandKinds[min(k, Passive)] }

// Command is one thing the device can be asked.
type Command struct {
	ID          string
	Label, Help Texts
	Kind        CommandKind
	MostHz      Decimal // most per second, 0: no limit
	Params      []Param
}

// ParamKind is the type of a parameter.
type ParamKind uint8

// The kinds of parameters.
const (
	Float ParamKind = iota
	Int
	Pick // one of Choices
)

var paramKinds = [...]string{"float", "int", "pick"}

func (k ParamKind) String() string { return paramKinds[min(k, Pick)] }

// Param is one parameter. It travels as a whole number of 10^-Decimals.
type Param struct {
	ID          string
	Label, Help Texts
	Kind        ParamKind
	Unit        string
	Min, Max    Decimal
	Decimals    int // of Float
	Step        Decimal
	Default     Decimal // of Pick: the place of a choice
	Slew        Decimal // largest change per second, 0: none; the box keeps it
	Rest        Decimal // where the safe state leaves it
	HasRest     bool
	Channel     string // shows the present value
	Choices     []Choice
}

// CRC is how a Hello names a dictionary: the CRC-32 (IEEE) of its bytes.
func CRC(text []byte) uint32 { return crc32.ChecksumIEEE(text) }

// Command finds a command and its place.
func (d *Dictionary) Command(id string) (index int, c *Command) {
	for i := range d.Commands {
		if d.Commands[i].ID == id {
			return i, &d.Commands[i]
		}
	}
	return -1, nil
}

// Args turns values, in the order of the parameters, into what AppendCommand
// takes. The ranges are checked after rounding to the places that travel.
func (c *Command) Args(dst []int32, values []float64) ([]int32, error) {
	if len(values) != len(c.Params) {
		return dst, fmt.Errorf("labwire: command %s takes %d parameters, not %d", c.ID, len(c.Params), len(values))
	}
	for i := range c.Params {
		p := &c.Params[i]
		v, ok := toFixed(values[i], p.Decimals)
		if lo, hi := p.raw(); !ok || v < lo || v > hi {
			return dst, fmt.Errorf("labwire: %s: parameter %s: %g is not within %g to %g", c.ID, p.ID, values[i], p.Min.Float(), p.Max.Float())
		}
		dst = append(dst, v)
	}
	return dst, nil
}

// raw returns the range as it travels.
func (p *Param) raw() (lo, hi int32) {
	if p.Kind == Pick {
		return 0, int32(len(p.Choices)) - 1
	}
	lo, ok1 := p.Min.at(p.Decimals)
	hi, ok2 := p.Max.at(p.Decimals)
	if !ok1 || !ok2 {
		return 1, 0 // takes nothing
	}
	return lo, hi
}
