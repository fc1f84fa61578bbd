package devices

import (
	"fmt"
	"strings"
	"time"

	"labbox/devices/sim"
	"labbox/firmware-protocols/modbus"
)

// modbusDevice is a table of registers that follow the model, behind a server.
type modbusDevice struct {
	t       *Type
	regs    []modbus.Register
	bank    *modbus.Bank
	scratch *modbus.Bank // where a write is tried
	srv     *modbus.Server
	m       *sim.Model // of the request under way
}

func newModbusDevice(t *Type) (*modbusDevice, error) {
	m := t.Protocol.Modbus
	d := &modbusDevice{t: t, regs: modbus.WithOrder(m.Registers, m.WordOrder, m.ByteOrder)}
	mode := modbus.RTU
	if m.Mode == "tcp" {
		mode = modbus.TCP
	}
	var err error
	if d.bank, err = modbus.NewBank(d.regs, m.Gap); err != nil {
		return nil, err
	}
	if d.scratch, err = modbus.NewBank(d.regs, m.Gap); err != nil {
		return nil, err
	}
	d.srv = modbus.NewServer(mode)
	d.srv.Attach(m.unit(), d.bank)
	d.bank.Before, d.bank.After = d.before, d.after
	return d, nil
}

func (d *modbusDevice) Open(time.Time, *sim.Model, sim.Output) { d.srv.Reset() }

func (d *modbusDevice) Report(time.Time, *sim.Model, sim.Output) {}

func (d *modbusDevice) Receive(_ time.Time, p []byte, m *sim.Model, out sim.Output) {
	d.m = m
	d.srv.Feed(p, func(adu []byte) { out.Binary(adu) })
	d.m = nil
}

// before measures what is read, and refuses what is written beyond its limits.
func (d *modbusDevice) before(a modbus.Access) modbus.Exception {
	if !a.Write {
		for i := range d.regs {
			if x, ok := d.m.Read(d.regs[i].Field); ok && d.moves(d.regs[i].Field) {
				if v, isNumber := x.(float64); isNumber {
					_ = d.bank.Set(d.regs[i], v)
				}
			}
		}
		return 0
	}
	cells := d.scratch.Cells(a.Table, a.At, a.Count)
	if cells == nil {
		return modbus.IllegalDataAddress
	}
	copy(cells, a.Values)
	bad := modbus.Exception(0)
	d.written(a, d.scratch, func(c *Command, p *Param, x float64) {
		if p != nil && p.Range != nil && !p.means(x) {
			bad = modbus.IllegalDataValue
		}
	})
	return bad
}

// moves says whether a field's channel lives by itself, rather than holding what
// was written to it.
func (d *modbusDevice) moves(field string) bool {
	for i := range d.t.Channels {
		if ch := &d.t.Channels[i]; ch.from() == field {
			return ch.Sim.given() || !d.isWritten(field)
		}
	}
	return false
}

func (d *modbusDevice) isWritten(field string) bool {
	for i := range d.t.Commands {
		if s := d.t.Commands[i].Send; s != nil {
			for _, kv := range s.Write {
				if fmt.Sprint(kv.Key) == field {
					return true
				}
			}
		}
	}
	return false
}

// after gives the parameters that a write stands for their values.
func (d *modbusDevice) after(a modbus.Access) {
	d.written(a, d.bank, func(c *Command, p *Param, x float64) {
		if p == nil {
			for i := range c.Shows {
				if ch := d.t.channel(c.Shows[i].Channel); ch != nil && !ch.Sim.driven() && d.moves(ch.from()) {
					d.m.Show(d.t.simEffect(&c.Shows[i], nil))
				}
			}
			return
		}
		for i := range p.Choices {
			if w, _, isText := (argument{param: p, num: p.Choices[i].value(i), place: i}).wire(); !isText && w == x {
				x = p.Choices[i].value(i)
				break
			}
		}
		if s := p.Wire.Scale; s != 0 {
			x /= s
		}
		d.m.Set(c.ID+"."+p.ID, x)
	})
}

// written calls fn for each parameter whose register a touches, and with a nil
// Param for each command whose constant stands there now.
func (d *modbusDevice) written(a modbus.Access, bank *modbus.Bank, fn func(c *Command, p *Param, x float64)) {
	for i := range d.regs {
		r := d.regs[i]
		if r.Table != a.Table || int(r.At)+r.Words() <= int(a.At) || int(r.At) >= int(a.At)+a.Count {
			continue
		}
		x, ok := bank.Get(r)
		if !ok {
			continue
		}
		for k := range d.t.Commands {
			c := &d.t.Commands[k]
			for _, kv := range c.Send.Write {
				if fmt.Sprint(kv.Key) != r.Field {
					continue
				}
				id, isParam := strings.CutPrefix(fmt.Sprint(kv.Value), "$")
				if v, isNumber := number(kv.Value); !isParam && isNumber && v == x {
					fn(c, nil, x)
				}
				for n := range c.Params {
					if isParam && c.Params[n].ID == id {
						fn(c, &c.Params[n], x)
					}
				}
			}
		}
	}
}
