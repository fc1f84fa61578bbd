package devices

import (
	"fmt"
	"strings"

	"labbox/firmware-protocols/modbus"
)

// modbus checks the registers.
func (c *checker) modbus() {
	m, p := c.t.Protocol.Modbus, at("protocol", "modbus")
	if !oneOf(m.Mode, "", "rtu", "tcp") {
		c.bad("bad_value", c.choose(m.Mode, "rtu", "tcp"), append(p, "mode"), "unknown mode `%s`", m.Mode)
		return
	}
	if m.Unit < 0 || m.Unit > modbus.MaxUnit {
		c.bad("bad_range", "1 to 247", append(p, "unit"), "unit %d", m.Unit)
	}
	if m.Poll < 0 || m.Poll > 0 && m.Poll < fastest {
		c.bad("bad_range", "such as 500ms", append(p, "poll"), "poll %v", m.Poll)
	}
	if m.Retries < 0 || m.Retries > 10 {
		c.bad("bad_range", "0 to 10", append(p, "retries"), "retries %d", m.Retries)
	}
	for key, o := range map[string]modbus.Order{"word_order": m.WordOrder, "byte_order": m.ByteOrder} {
		if o != "" && o != modbus.Big && o != modbus.Little {
			c.bad("bad_value", c.choose(string(o), "big", "little"), append(p, key), "unknown order `%s`", o)
		}
	}
	if len(m.Registers) == 0 {
		c.bad("missing", "such as `registers: [{field: temperature, table: input, at: 0}]`", append(p, "registers"), "no registers")
		return
	}
	seen := map[string]bool{}
	for i := range m.Registers {
		r, rp := &m.Registers[i], at("protocol", "modbus", "registers", i)
		c.name(r.Field, append(rp, "field"))
		if seen[r.Field] {
			c.bad("duplicate", "fields are unique within a type", append(rp, "field"), "a second register `%s`", r.Field)
		}
		seen[r.Field] = true
		if err := r.Check(); err != nil {
			hint := ""
			if !oneOf(string(r.Table), "coil", "discrete", "holding", "input") {
				hint = c.choose(string(r.Table), "coil", "discrete", "holding", "input")
			}
			c.bad("bad_register", hint, rp, "%s", err)
		}
	}
	if _, err := newModbusCodec(c.t); err != nil {
		c.bad("bad_register", "", append(p, "registers"), "%s", err)
	}
	for i := range c.t.Channels {
		if from := c.t.Channels[i].from(); !seen[from] {
			c.bad("unknown_field", c.choose(from, c.registers()...), at("channels", i, "from"), "no register `%s`", from)
		}
	}
}

func (c *checker) registers() []string {
	var out []string
	for i := range c.t.Protocol.Modbus.Registers {
		out = append(out, c.t.Protocol.Modbus.Registers[i].Field)
	}
	return out
}

// writeRegisters checks a message that names registers.
func (c *checker) writeRegisters(s *Send, cmd *Command, path []any) {
	for _, kv := range s.Write {
		key := fmt.Sprint(kv.Key)
		if !oneOf(key, c.registers()...) {
			c.bad("unknown_field", c.choose(key, c.registers()...), append(path, "write", key), "no register `%s`", key)
		}
		if _, ok := number(kv.Value); !ok && !strings.HasPrefix(fmt.Sprint(kv.Value), "$") {
			c.bad("bad_value", "a number, or `$` and a parameter", append(path, "write", key), "%v is no number", kv.Value)
		}
		c.placeholder(kv.Value, cmd, append(path, "write", key))
	}
	for _, name := range s.Read {
		if !oneOf(name, c.registers()...) {
			c.bad("unknown_field", c.choose(name, c.registers()...), append(path, "read"), "no register `%s`", name)
		}
	}
}
