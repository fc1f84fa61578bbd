package devices

import (
	"fmt"
	"math"
	"strings"
	"sync"
	"time"

	"labbox/devices/transport"
	"labbox/edge"
	"labbox/firmware-protocols/lines"
	"labbox/firmware-protocols/modbus"
)

// ModbusProtocol is a table of registers (firmware-protocols/modbus). They are
// read again and again in few requests; a command writes them by name.
type ModbusProtocol struct {
	Mode      string            `yaml:"mode"`       // rtu (default) or tcp; tcp needs a tcp port, rtu may use one as well
	Unit      int               `yaml:"unit"`       // the device's address, default 1
	Poll      Duration          `yaml:"poll"`       // how often the registers are read, default 500ms
	WordOrder modbus.Order      `yaml:"word_order"` // which 16-bit word of a longer value comes first: big (default) or little
	ByteOrder modbus.Order      `yaml:"byte_order"` // which byte of a register comes first: big (default) or little
	Gap       int               `yaml:"gap"`        // registers that may be read over to join two reads; default 0
	Most      int               `yaml:"most"`       // registers in one request, default 125
	Retries   int               `yaml:"retries"`    // of a read that got no answer; default 0
	Echo      bool              `yaml:"echo"`       // the RS-485 adapter hands back what is sent
	Registers []modbus.Register `yaml:"registers"`  // those that a channel shows are read again and again
}

func (m *ModbusProtocol) unit() uint8 {
	if m.Unit == 0 {
		return 1
	}
	return uint8(m.Unit)
}

func (m *ModbusProtocol) poll() time.Duration {
	if m.Poll == 0 {
		return 500 * time.Millisecond
	}
	return m.Poll
}

func (m *ModbusProtocol) register(field string) (modbus.Register, bool) {
	for _, r := range modbus.WithOrder(m.Registers, m.WordOrder, m.ByteOrder) {
		if r.Field == field {
			return r, true
		}
	}
	return modbus.Register{}, false
}

// modbusCodec asks for the registers and writes them.
type modbusCodec struct {
	m      *ModbusProtocol
	t      *Type
	mode   modbus.Mode
	plan   []modbus.Read
	fields [][]byte // of the registers of plan
	quiet  time.Duration

	mu    sync.Mutex // of what follows: the writer begins requests, the reader decodes
	dec   *modbus.Decoder
	txid  uint16
	reply *modbus.Reply // the one that rec stands for
	rec   lines.Record
}

func newModbusCodec(t *Type) (*modbusCodec, error) {
	m := t.Protocol.Modbus
	mode := modbus.RTU
	if m.Mode != "" {
		var err error
		if mode, err = modbus.ParseMode(m.Mode); err != nil {
			return nil, err
		}
	}
	shown := t.shownRegisters()
	plan, err := modbus.Plan(modbus.WithOrder(shown, m.WordOrder, m.ByteOrder), m.Gap, m.Most)
	if err != nil {
		return nil, err
	}
	c := &modbusCodec{m: m, t: t, mode: mode, plan: plan, quiet: t.Timing.Read, dec: modbus.NewDecoder(modbus.Options{Mode: mode, Echo: m.Echo})}
	for i := range shown {
		c.fields = append(c.fields, []byte(shown[i].Field))
	}
	if c.quiet == 0 { // USB adapters deliver in bursts
		c.quiet = 50 * time.Millisecond
	}
	return c, nil
}

// shownRegisters are those that a channel shows. The others are not read again and
// again: there are registers that can only be written, and such as are read once.
func (t *Type) shownRegisters() []modbus.Register {
	var out []modbus.Register
	for _, r := range t.Protocol.Modbus.Registers {
		for i := range t.Channels {
			if t.Channels[i].from() == r.Field {
				out = append(out, r)
				break
			}
		}
	}
	return out
}

func (c *modbusCodec) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dec.Reset()
}

func (c *modbusCodec) silence() time.Duration { return c.quiet }

func (c *modbusCodec) silent(emit func(*lines.Record)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dec.Held() > 0 {
		c.taking(emit, c.dec.Silence)
	}
}

func (c *modbusCodec) feed(p []byte, _ transport.Kind, emit func(*lines.Record)) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.taking(emit, func(reply func(modbus.Reply)) { c.dec.Feed(p, reply) })
	return nil
}

// taking turns replies into records, and bytes that were none into garbage.
func (c *modbusCodec) taking(emit func(*lines.Record), decode func(func(modbus.Reply))) {
	before := c.dec.Stats().Garbage
	decode(func(r modbus.Reply) {
		c.reply = &r
		c.rec = lines.Record{Kind: lines.Values, Raw: r.Data, Fields: c.rec.Fields[:0]}
		emit(&c.rec)
		c.reply = nil
	})
	if n := c.dec.Stats().Garbage - before; n > 0 {
		c.rec = lines.Record{Kind: lines.Garbage, Why: fmt.Sprintf("%d bytes that are no answer", n), Fields: c.rec.Fields[:0]}
		emit(&c.rec)
	}
}

// sort: a Modbus device says nothing unasked.
func (c *modbusCodec) sort(r *lines.Record) {
	if r.Kind == lines.Values {
		r.Kind, r.Why = lines.Garbage, "an answer to something else"
	}
}

// polls are the planned reads.
func (c *modbusCodec) polls() []poll {
	out := make([]poll, len(c.plan))
	for i := range c.plan {
		read := &c.plan[i]
		every := read.Every
		if every == 0 {
			every = c.m.poll()
		}
		out[i] = poll{id: fmt.Sprintf("%s %d", read.Table, read.At), every: every, retries: c.m.Retries,
			message: func() (*outgoing, error) { return c.request(nil, read.Request(c.m.unit()), read, nil) }}
	}
	return out
}

// request is one request with its answer.
func (c *modbusCodec) request(dst []byte, req modbus.Request, read *modbus.Read, r *Reply) (*outgoing, error) {
	c.mu.Lock()
	c.txid++
	req.TxID = c.txid
	c.mu.Unlock()
	data, err := req.Append(dst, c.mode)
	if err != nil {
		return nil, edge.Errorf(edge.CodeBadValue, "%w", err)
	}
	out := &outgoing{data: data, kind: transport.Binary, within: c.t.Timing.Reply, begin: func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		_ = c.dec.Begin(req)
	}}
	if !req.Broadcast(c.mode) {
		out.answer = &modbusAnswer{c: c, req: req, read: read, reply: r}
	}
	if r != nil {
		out.within = r.Within
	}
	return out, nil
}

func (c *modbusCodec) encode(dst []byte, s *Send, r *Reply, args []argument) (*outgoing, error) {
	if len(s.Read) > 0 {
		return c.readNow(dst, s.Read, r)
	}
	writes, err := c.m.writes(s, args)
	if err != nil {
		return nil, err
	}
	reqs, err := modbus.EncodeMany(c.m.unit(), writes, 0)
	if err != nil {
		return nil, edge.Errorf(edge.CodeOutOfRange, "%w", err)
	}
	var first, last *outgoing
	for _, req := range reqs {
		out, err := c.request(dst, req, nil, r)
		if err != nil {
			return nil, err
		}
		if dst = nil; first == nil {
			first = out
		} else {
			last.next = out
		}
		last = out
	}
	return first, nil
}

// writes are the registers of a message with their values. What the register can
// hold is read back and judged: rounding must not leave the limits.
func (m *ModbusProtocol) writes(s *Send, args []argument) ([]modbus.Write, error) {
	var out []modbus.Write
	for _, kv := range s.Write {
		field := fmt.Sprint(kv.Key)
		reg, ok := m.register(field)
		if !ok {
			return nil, edge.Errorf(edge.CodeBadValue, "no register %q", field)
		}
		x, param, err := written(kv.Value, args)
		if err != nil {
			return nil, err
		}
		if param != nil && param.Range != nil {
			bank, err := modbus.NewBank([]modbus.Register{reg}, 0)
			if err == nil {
				err = bank.Set(reg, x)
			}
			if err != nil {
				return nil, edge.Errorf(edge.CodeOutOfRange, "%s: %w", param.ID, err).With("param", param.ID)
			}
			if back, ok := bank.Get(reg); !ok || !param.means(back) {
				return nil, rounded(param, x, back)
			}
		}
		out = append(out, modbus.Write{Register: reg, Value: x})
	}
	return out, nil
}

// readNow reads single registers once, such as a model number.
func (c *modbusCodec) readNow(dst []byte, names []string, r *Reply) (*outgoing, error) {
	var regs []modbus.Register
	for _, n := range names {
		reg, ok := c.m.register(n)
		if !ok {
			return nil, edge.Errorf(edge.CodeBadValue, "no register %q", n)
		}
		regs = append(regs, reg)
	}
	plan, err := modbus.Plan(regs, c.m.Gap, c.m.Most)
	if err != nil || len(plan) != 1 {
		return nil, edge.Errorf(edge.CodeBadValue, "these registers cannot be read in one request")
	}
	out, err := c.request(dst, plan[0].Request(c.m.unit()), &plan[0], r)
	if err == nil {
		a, _ := out.answer.(*modbusAnswer)
		for _, n := range names {
			a.names = append(a.names, []byte(n))
		}
	}
	return out, err
}

// modbusAnswer awaits the reply to one request.
type modbusAnswer struct {
	c     *modbusCodec
	req   modbus.Request
	read  *modbus.Read
	names [][]byte // of read's registers; nil: those of the plan
	reply *Reply
}

// modbusBusy is the pause after an answer that means "later".
const modbusBusy = 100 * time.Millisecond

func (*modbusAnswer) pause() time.Duration { return modbusBusy }

func answers(req modbus.Request, reply modbus.Reply) bool { return modbus.Match(req, reply) == nil }

func (a *modbusAnswer) answer(r *lines.Record) (verdict, error) {
	reply := a.c.reply
	if reply == nil || r.Kind != lines.Values || !answers(a.req, *reply) {
		return notMine, nil
	}
	switch reply.Exception {
	case 0:
	case modbus.Acknowledge: // it has begun, and takes long
		if !a.req.Function.IsRead() {
			return obeyed, nil
		}
		return busy, nil
	case modbus.ServerDeviceBusy:
		return busy, nil
	default:
		text := fmt.Sprintf("exception %d: %s", reply.Exception, reply.Exception.Name())
		return declined, edge.Errorf(edge.CodeDeviceRefused, "the device answered %s", text).With("reply", text)
	}
	if a.read == nil {
		return obeyed, nil
	}
	names := a.names
	if names == nil {
		names = a.c.fields
	}
	if err := a.read.Extract(reply.Data, func(i int, x float64, ok bool) {
		if !ok {
			x = math.NaN()
		}
		r.Fields = append(r.Fields, lines.Field{Key: names[i], Kind: lines.Number, NumOK: true, Num: x})
	}); err != nil { //nolint:nilerr // another reply
		return notMine, nil
	}
	if a.reply != nil && len(a.reply.OK) > 0 && !matchFields(r, a.reply.OK, nil) {
		return declined, edge.Errorf(edge.CodeDeviceRefused, "the device answered %s", shownFields(r)).With("reply", shownFields(r))
	}
	return obeyed, nil
}

// shownFields are a record's numbers for people.
func shownFields(r *lines.Record) string {
	var s []string
	for i := range r.Fields {
		s = append(s, fmt.Sprintf("%s %g", r.Fields[i].Key, r.Fields[i].Num))
	}
	return strings.Join(s, ", ")
}
