package devices

import (
	"fmt"
	"sync"
	"time"

	"labbox/devices/transport"
	"labbox/edge"
	"labbox/firmware-protocols/labwire"
	"labbox/firmware-protocols/lines"
)

// LabwireProtocol is firmware that describes itself (firmware-protocols/labwire):
// channels, commands, limits and the safe state come from the device.
type LabwireProtocol struct {
	// Device is the id that the firmware must give itself; another one is refused.
	// Default: any.
	Device string `yaml:"device"`
	// Example is a dictionary for the simulator.
	Example string `yaml:"example"`
}

// Names that the box adds to what the firmware declares.
const (
	labwireSafe = "safe"         // channel: the firmware's own flag
	labwireTime = "labwire time" // fields of a record
	labwireRow  = "labwire row"
	labwireBoot = "labwire boot"
)

// labwireStage is how far the greeting has come.
type labwireStage uint8

const (
	labwireCalling   labwireStage = iota // hello is sent until it is answered
	labwireReading                       // the dictionary is asked for
	labwireStreaming                     // fast samples are asked for
	labwireKnown
)

// labwireAsk is how long an answer of the greeting may take.
const labwireAsk = 500 * time.Millisecond

// labwireCodec speaks with a labwire device. Feed, encode and greet come from
// several goroutines.
type labwireCodec struct {
	o    *LabwireProtocol
	base *Type

	mu       sync.Mutex
	dec      *labwire.Decoder
	stage    labwireStage
	asked    time.Duration // when the last request of the greeting went out
	waiting  bool
	hello    labwire.Hello
	assembly *labwire.Assembly
	dict     *labwire.Dictionary
	crc      uint32 // of dict
	typ      *Type  // made of dict
	bad      error
	id       uint16
	epoch    uint8
	streamID uint16
	rebooted bool

	reply *labwire.Reply // the one that rec stands for
	rec   lines.Record
	times []float64
	rows  []float64
	safe  []float64
}

func newLabwireCodec(t *Type) *labwireCodec {
	return &labwireCodec{o: t.Protocol.Labwire, base: t, dec: labwire.NewDecoder()}
}

func (c *labwireCodec) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dec.Reset()
	c.stage, c.waiting, c.bad, c.rebooted = labwireCalling, false, nil, false
}

// next is a new number of a request; 0 would be none.
func (c *labwireCodec) next() uint16 {
	if c.id++; c.id == 0 {
		c.id = 1
	}
	return c.id
}

// greet implements describer.
func (c *labwireCodec) greet(now time.Duration) ([]byte, bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.bad != nil {
		return nil, false, c.bad
	}
	if c.stage == labwireKnown {
		return nil, true, nil
	}
	if c.waiting && now-c.asked < labwireAsk {
		return nil, false, nil
	}
	c.asked, c.waiting = now, true
	switch c.stage {
	case labwireReading:
		from, ok := c.assembly.Missing()
		if !ok {
			return nil, false, nil
		}
		return labwire.AppendDictionaryRequest(nil, from, 0), false, nil
	case labwireStreaming:
		return c.stream(), false, nil
	}
	return labwire.AppendHello(nil), false, nil
}

// stream asks for fast samples under a new epoch.
func (c *labwireCodec) stream() []byte {
	c.epoch++
	c.streamID = c.next()
	c.dec.Expect(c.epoch)
	return labwire.AppendStream(nil, c.streamID, labwire.Fast, c.epoch, c.crc)
}

// described implements describer.
func (c *labwireCodec) described() (*Type, []Channel) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.typ, nil
}

// polls keep the device awake: it makes itself safe when the box falls silent. A
// device that started anew is told again to send samples.
func (c *labwireCodec) polls() []poll {
	c.mu.Lock()
	defer c.mu.Unlock()
	every := 300 * time.Millisecond
	if c.dict != nil {
		every = max(20*time.Millisecond, time.Duration(c.dict.Safe.DeadManMS)*time.Millisecond/4)
	}
	return []poll{{id: "ping", every: every, quiet: true, message: func() (*outgoing, error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.rebooted {
			c.rebooted = false
			return &outgoing{data: c.stream(), kind: transport.Binary}, nil
		}
		return &outgoing{data: labwire.AppendPing(nil, 0), kind: transport.Binary}, nil
	}}}
}

func (c *labwireCodec) feed(p []byte, _ transport.Kind, emit func(*lines.Record)) (err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dec.Feed(p, func(m *labwire.Message) {
		if e := c.message(m, emit); e != nil {
			err = e
		}
	})
	return err
}

func (c *labwireCodec) message(m *labwire.Message, emit func(*lines.Record)) error {
	c.rec = lines.Record{Kind: lines.Garbage, Raw: m.Raw, Fields: c.rec.Fields[:0]}
	switch m.Kind {
	case labwire.KindSamples:
		if m.Samples.Columns == nil || m.Samples.Stale || c.stage < labwireStreaming {
			return nil
		}
		c.samples(&m.Samples)
	case labwire.KindReply:
		if c.stage >= labwireStreaming && m.Reply.ID == c.streamID { // also of a board that was flashed on an open line
			c.waiting = false
			switch m.Reply.Code {
			case labwire.OK:
				c.stage = labwireKnown
			case labwire.Drift:
				c.crc, c.dict, c.stage = 0, nil, labwireCalling
			}
		}
		c.reply, c.rec.Kind = &m.Reply, lines.Values
		defer func() { c.reply = nil }()
	case labwire.KindHello:
		return c.greeted(m.Hello)
	case labwire.KindChunk:
		return c.chunk(m.Chunk)
	case labwire.KindStatus:
		if c.slow() && c.stage == labwireKnown {
			c.rec.Kind = lines.Values
			c.field(labwireSafe, labwireFlag(m.Status.Safe))
			break
		}
		return nil
	case labwire.KindEvent:
		c.rec.Plain, c.rec.Raw = true, m.Event.Text
		if m.Event.Kind == labwire.WentSafe {
			c.rec.Raw = []byte("the firmware made itself safe: " + m.Event.Cause.String())
		}
	case labwire.KindText:
		c.rec.Plain = true
		if m.Boot {
			c.rebooted = c.stage == labwireKnown
			c.rec.Kind = lines.Values
			c.field(labwireBoot, 1)
		}
	default:
		c.rec.Why = m.Why
	}
	emit(&c.rec)
	return nil
}

// sort: an answer that nobody awaited says nothing.
func (c *labwireCodec) sort(r *lines.Record) {
	if r.Kind == lines.Values && len(r.Fields) == 0 {
		r.Kind = lines.Labels
	}
}

// slow says that samples are too rare to tell a living device from a dead one.
func (c *labwireCodec) slow() bool { return c.dict != nil && c.dict.RateHz.Float() < labwireSlow }

const labwireSlow = 2 // Hz

func labwireFlag(on bool) float64 {
	if on {
		return 1
	}
	return 0
}

func (c *labwireCodec) field(key string, x float64) {
	c.rec.Fields = append(c.rec.Fields, lines.Field{Key: []byte(key), Kind: lines.Number, NumOK: true, Num: x})
}

// samples makes one record of the rows of a frame.
func (c *labwireCodec) samples(s *labwire.Samples) {
	c.rec.Kind = lines.Values
	c.times, c.rows, c.safe = c.times[:0], c.rows[:0], c.safe[:0]
	for i := range s.Rows {
		c.times = append(c.times, float64(s.TimeUS+uint64(i)*uint64(s.StepUS)))
		c.rows = append(c.rows, float64(s.First+uint32(i)))
		c.safe = append(c.safe, labwireFlag(s.Safe))
	}
	array := func(key []byte, a []float64) {
		c.rec.Fields = append(c.rec.Fields, lines.Field{Key: key, Kind: lines.NumberArray, Array: a})
	}
	for i := range s.Columns {
		array(c.typ.keys[i], s.Columns[i])
	}
	array(labwireKeys.time, c.times)
	array(labwireKeys.row, c.rows)
	array(labwireKeys.safe, c.safe)
}

// labwireKeys are the box's own fields as bytes; nobody writes to them.
var labwireKeys = struct{ time, row, safe []byte }{[]byte(labwireTime), []byte(labwireRow), []byte(labwireSafe)}

// greeted takes a hello: of a dictionary that is known, it is not read again.
func (c *labwireCodec) greeted(h labwire.Hello) error {
	if c.stage != labwireCalling {
		return nil
	}
	c.hello, c.waiting = h, false
	if c.dict != nil && c.crc == h.DictionaryCRC {
		c.stage = labwireStreaming
		return nil
	}
	a, err := labwire.NewAssembly(h)
	if err != nil {
		return c.refuse(err)
	}
	c.assembly, c.stage = a, labwireReading
	return nil
}

// chunk takes a part of the dictionary, and makes a type of the whole.
func (c *labwireCodec) chunk(part labwire.Chunk) error {
	if c.stage != labwireReading {
		return nil
	}
	done, err := c.assembly.Add(part)
	if err != nil || !done {
		return nil //nolint:nilerr // what is missing is asked for again
	}
	dict, err := c.assembly.Dictionary()
	if err != nil {
		return c.refuse(err)
	}
	if want := c.o.Device; want != "" && dict.Device != want {
		return c.refuse(edge.Errorf(edge.CodeContract, "the firmware says that it is %q, not %q", dict.Device, want).
			WithHint("plug in the right device, or correct `device:` in its type file"))
	}
	typ, err := labwireType(c.base, dict, c.hello.DictionaryCRC)
	if err != nil {
		return c.refuse(err)
	}
	c.dict, c.crc, c.typ, c.stage, c.waiting = dict, c.hello.DictionaryCRC, typ, labwireStreaming, false
	c.dec.SetDictionary(dict)
	return nil
}

func (c *labwireCodec) refuse(err error) error {
	c.bad = err
	if edge.CodeOf(err) != edge.CodeContract {
		c.bad = edge.Errorf(edge.CodeContract, "what the firmware says of itself: %w", err).WithHint("build it again with the labwire library")
	}
	return nil
}

// labwireSend is a message of a type that a device told.
type labwireSend struct {
	index   int
	command *labwire.Command // nil: safe
}

func (c *labwireCodec) encode(dst []byte, s *Send, _ *Reply, args []argument) (*outgoing, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n, ok := s.native.(*labwireSend)
	if !ok {
		return nil, edge.Errorf(edge.CodeBadValue, "this device declares its messages by itself")
	}
	id := c.next()
	out := &outgoing{kind: transport.Binary, answer: &labwireAnswer{c: c, id: id}, within: labwireAsk, repeats: 2}
	if n.command == nil {
		out.data = labwire.AppendSafeRequest(dst, id)
		return out, nil
	}
	values := make([]float64, len(args))
	for i, a := range args {
		if values[i] = a.out; a.param.kind() == edge.ParamChoice {
			values[i] = float64(a.place)
		}
	}
	raw, err := n.command.Args(nil, values)
	if err != nil {
		return nil, edge.Errorf(edge.CodeOutOfRange, "%w", err)
	}
	out.data = labwire.AppendCommand(dst, id, n.index, raw)
	return out, nil
}

// labwireAnswer awaits the reply of one number.
type labwireAnswer struct {
	c  *labwireCodec
	id uint16
}

// labwireBusy is the pause after a reply that means "later".
const labwireBusy = 50 * time.Millisecond

func (*labwireAnswer) pause() time.Duration { return labwireBusy }

func (a *labwireAnswer) answer(r *lines.Record) (verdict, error) {
	reply := a.c.reply
	if reply == nil || reply.ID != a.id {
		return notMine, nil
	}
	switch reply.Code {
	case labwire.OK:
		return obeyed, nil
	case labwire.Busy:
		return busy, nil
	}
	text := clip(fmt.Appendf(nil, "%s %s", reply.Code, reply.Text))
	return declined, edge.Errorf(edge.CodeDeviceRefused, "the device answered %s", text).With("reply", text)
}
