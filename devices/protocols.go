package devices

import (
	"reflect"

	"labbox/firmware-protocols/scpi"
)

// given names the protocols that a type file sets up.
func (p Protocol) given() []string {
	var out []string
	v := reflect.ValueOf(p)
	for i := range v.NumField() {
		if !v.Field(i).IsNil() {
			out = append(out, v.Type().Field(i).Tag.Get("yaml"))
		}
	}
	return out
}

// protocolNames are all that a type file may choose from.
func protocolNames() []string {
	var out []string
	t := reflect.TypeFor[Protocol]()
	for i := range t.NumField() {
		out = append(out, t.Field(i).Tag.Get("yaml"))
	}
	return out
}

// describes says that the device may tell its channels by itself.
func (p Protocol) describes() bool { return p.Labwire != nil || p.Firmata != nil }

// answers says that every command is answered, whether or not the file tells how.
func (p Protocol) answers() bool {
	return p.SCPI != nil && p.SCPI.Errors != scpi.NoErrors || p.Modbus != nil || p.Firmata != nil || p.Gcode != nil || p.Labwire != nil
}

// forms are the keys of a message that each protocol takes.
func (p Protocol) forms() []string {
	switch {
	case p.Lines != nil:
		return []string{"json", "text"}
	case p.Floats != nil:
		return []string{"json"}
	case p.Modbus != nil:
		return []string{"write", "read"}
	case p.Firmata != nil:
		return []string{"write"}
	case p.Gcode != nil:
		return []string{"parts", "lines", "realtime"}
	case p.Labwire != nil:
		return nil
	}
	return []string{"parts"}
}

// sendForm checks that a message is given in one form, one that the protocol has.
func (c *checker) sendForm(s *Send, path []any) {
	var given []string
	for _, f := range []struct {
		name string
		on   bool
	}{{"json", len(s.JSON) > 0}, {"text", len(s.Text) > 0}, {"parts", len(s.Parts) > 0}, {"lines", len(s.Lines) > 0}, {"write", len(s.Write) > 0}, {"read", len(s.Read) > 0}, {"realtime", s.Realtime != ""}} {
		if f.on {
			given = append(given, f.name)
		}
	}
	forms := c.t.Protocol.forms()
	switch {
	case len(given) != 1:
		c.bad("missing", c.choose("", forms...), path, "exactly one form of message is needed")
	case !oneOf(given[0], forms...):
		c.bad("bad_value", c.choose(given[0], forms...), append(path, given[0]), "this protocol's messages have no `%s`", given[0])
	}
}
