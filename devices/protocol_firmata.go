package devices

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"labbox/devices/transport"
	"labbox/edge"
	"labbox/firmware-protocols/firmata"
	"labbox/firmware-protocols/lines"
)

// FirmataProtocol is a board with StandardFirmata or ConfigurableFirmata, whose
// pins are used as they are listed (firmware-protocols/firmata). Analog inputs come
// by themselves, digital inputs when they change; what is written to a pin is
// confirmed by what the board says the pin has. A pin that becomes an output is low
// at first; a servo goes to its middle.
type FirmataProtocol struct {
	Sampling Duration            `yaml:"sampling"` // how often analog inputs are reported, 1ms to 16s; default 20ms. Boards have a smallest one, 1 or 10ms
	Poll     Duration            `yaml:"poll"`     // how often the outputs are read back, default 500ms
	Analog   bool                `yaml:"analog"`   // besides the pins, every analog input that the board has, as a channel a0, a1, ...; always so where no pins are listed
	Volts    float64             `yaml:"volts"`    // full scale of those inputs, such as 5; default: the board's own numbers
	Pins     []firmata.PinOption `yaml:"pins"`     // field, pin (13, D13, A0), mode (input, pullup, output, pwm, servo, analog), max (of analog and pwm), pulse (of servo)
}

// mostWaiting bounds what a board that starts again and again can make wait to be
// sent.
const mostWaiting = 1024

// bootField is in the record of a board that says that it has started.
const bootField = "boot"

func (f *FirmataProtocol) sampling() time.Duration {
	if f.Sampling == 0 {
		return 20 * time.Millisecond
	}
	return f.Sampling
}

func (f *FirmataProtocol) poll() time.Duration {
	if f.Poll == 0 {
		return 500 * time.Millisecond
	}
	return f.Poll
}

// all says whether the board's analog inputs make channels by themselves.
func (f *FirmataProtocol) all() bool { return f.Analog || len(f.Pins) == 0 }

func (f *FirmataProtocol) pin(field string) *firmata.PinOption {
	for i := range f.Pins {
		if f.Pins[i].Field == field {
			return &f.Pins[i]
		}
	}
	return nil
}

func drivenMode(mode string) bool {
	return oneOf(mode, firmata.Output.String(), firmata.PWM.String(), firmata.Servo.String())
}

// firmataCodec keeps a session with the board. Its clock is its own: the session
// wants one in feed as well.
type firmataCodec struct {
	f     *FirmataProtocol
	t     *Type
	began time.Time
	shape atomic.Pointer[firmataShape] // of the board, once it is set up; nil before

	mu     sync.Mutex // of what follows
	sess   *firmata.Session
	out    []byte // what the session wants to send
	fields []firmataField
	index  map[string]int
	state  *firmata.Event // the one that rec stands for
	gen    uint64         // of the last write that went out
	emit   func(*lines.Record)
	handle func(*firmata.Event)
	rec    lines.Record
	lost   uint64
	odd    string // what came in place of Firmata
}

// firmataField is what is known of one pin in use.
type firmataField struct {
	firmata.PinOption
	name  []byte
	value float64
	known bool
	at    time.Duration
	bits  int // of a PWM output
}

// firmataShape is how the board's values are had.
type firmataShape struct {
	scans   bool     // rows come by themselves, with every scan of the analog inputs
	driven  []string // outputs, which have to be asked for
	digital []string
}

func newFirmataCodec(t *Type) (*firmataCodec, error) {
	f := t.Protocol.Firmata
	o := firmata.Options{Sampling: f.sampling(), Boot: max(t.Connect.Boot, time.Millisecond), Pins: f.Pins, AllAnalog: f.all(), AnalogMax: f.Volts}
	s, err := firmata.NewSession(o)
	if err != nil {
		return nil, err
	}
	c := &firmataCodec{f: f, t: t, began: time.Now(), sess: s}
	c.handle = c.event
	return c, nil
}

func (c *firmataCodec) now() time.Duration { return time.Since(c.began) }

func (c *firmataCodec) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shape.Store(nil)
	c.fields, c.out, c.odd = nil, nil, ""
	c.sess.Start(c.now())
}

func (c *firmataCodec) feed(p []byte, _ transport.Kind, emit func(*lines.Record)) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	before, skipped := c.sess.State(), c.sess.Stats().Skipped
	c.emit = emit
	c.sess.Feed(c.now(), p, c.handle)
	c.emit = nil
	if c.out = append(c.out, c.sess.Output()...); len(c.out) > mostWaiting { // it is asked again
		c.out = c.out[:0]
	}
	if before <= firmata.AskVersion && c.sess.State() > firmata.AskVersion {
		c.say(bootField, emit)
	}
	st := c.sess.Stats()
	switch n := st.Lost() - c.lost; {
	case n > 0:
		c.lost = st.Lost()
		c.rec = lines.Record{Kind: lines.Garbage, Why: fmt.Sprintf("%d messages or bytes that are not understood", n), Fields: c.rec.Fields[:0]}
		emit(&c.rec)
	case st.Skipped > skipped && before <= firmata.AskVersion:
		c.odd = clip(p)
		c.rec = lines.Record{Kind: lines.Garbage, Plain: true, Why: "no Firmata", Raw: p, Fields: c.rec.Fields[:0]}
		emit(&c.rec)
	}
	return nil
}

// say emits a record that is only a word.
func (c *firmataCodec) say(word string, emit func(*lines.Record)) {
	c.rec = lines.Record{Kind: lines.Labels, Fields: append(c.rec.Fields[:0], lines.Field{Key: []byte(word), Kind: lines.Number, NumOK: true, Num: 1})}
	emit(&c.rec)
}

// event takes what the session has to tell.
func (c *firmataCodec) event(e *firmata.Event) {
	switch e.Kind {
	case firmata.RebootEvent:
		c.say(bootField, c.emit)
	case firmata.ReadyEvent:
		c.begin()
	case firmata.ValueEvent:
		f := &c.fields[c.index[e.Field]]
		changed := !f.known || f.value != e.Value
		f.value, f.known, f.at = e.Value, true, c.now()
		if changed && e.Mode != firmata.Analog { // at once: the next scan may be another level
			c.row()
			c.put(f)
			c.emit(&c.rec)
		}
	case firmata.ScanEvent:
		c.scan()
	case firmata.PinStateEvent:
		i, used := c.index[e.Field]
		if !used || e.Field == "" {
			return
		}
		if f := &c.fields[i]; drivenMode(f.Mode) {
			f.known = e.Mode.String() == f.Mode
			f.value, f.at = e.Value, c.now()
		}
		c.row()
		c.rec.Raw = fmt.Appendf(nil, "%s %s %g", e.Field, e.Mode, e.Value)
		c.state = e
		c.emit(&c.rec)
		c.state = nil
	case firmata.TextEvent:
		c.rec = lines.Record{Kind: lines.Garbage, Plain: true, Raw: e.Text, Fields: c.rec.Fields[:0]}
		c.emit(&c.rec)
	}
}

// begin notes the pins of a board that has just been set up.
func (c *firmataCodec) begin() {
	c.fields, c.index = nil, map[string]int{}
	shape := &firmataShape{}
	for i, o := range c.sess.Fields() {
		c.fields = append(c.fields, firmataField{PinOption: o, name: []byte(o.Field)})
		c.index[o.Field] = i
		if p := boardPin(c.sess.Board(), o.Pin); p != nil {
			c.fields[i].bits, _ = p.Bits(firmata.PWM)
		}
		switch {
		case drivenMode(o.Mode):
			shape.driven = append(shape.driven, o.Field)
		case o.Mode == firmata.Analog.String():
			shape.scans = true
		default:
			shape.digital = append(shape.digital, o.Field)
		}
	}
	c.shape.Store(shape)
}

// boardPin finds 13, D13 or A0 on a board.
func boardPin(b *firmata.Board, name string) *firmata.Pin {
	n, err := strconv.Atoi(strings.TrimLeft(name, "AD"))
	switch {
	case err != nil:
	case name[0] == 'A':
		return b.Analog(n)
	case n >= 0 && n < len(b.Pins):
		return &b.Pins[n]
	}
	return nil
}

func (c *firmataCodec) row() { c.rec = lines.Record{Kind: lines.Values, Fields: c.rec.Fields[:0]} }

func (c *firmataCodec) put(f *firmataField) {
	c.rec.Fields = append(c.rec.Fields, lines.Field{Key: f.name, Kind: lines.Number, NumOK: true, Num: f.value})
}

// scan emits one row: the analog inputs of this scan, the digital ones, which have
// not changed since they were reported, and the outputs as they were read back
// last.
func (c *firmataCodec) scan() {
	c.row()
	hold := c.now() - 2*c.f.poll() - c.t.Timing.Reply
	for i := range c.fields {
		f := &c.fields[i]
		switch {
		case !f.known, drivenMode(f.Mode) && f.at < hold:
			continue
		case f.Mode == firmata.Analog.String():
			f.known = false
		}
		c.put(f)
	}
	c.emit(&c.rec)
}

// sort: a pin's state that nobody awaited is no sample.
func (c *firmataCodec) sort(r *lines.Record) {
	if c.state != nil {
		r.Kind = lines.Labels
	}
}

// greet sets the board up.
func (c *firmataCodec) greet(time.Duration) (data []byte, done bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sess.State() != firmata.Ready {
		c.sess.Tick(c.now())
		c.out = append(c.out, c.sess.Output()...)
	}
	if c.sess.State() == firmata.Failed {
		return nil, false, c.failure()
	}
	if data = slices.Clone(c.out); len(data) > 0 || c.sess.State() != firmata.Ready {
		c.out = c.out[:0]
		return data, false, nil
	}
	return nil, true, c.fits()
}

// failure is why the board could not be set up.
func (c *firmataCodec) failure() error {
	why := strings.TrimPrefix(c.sess.Err().Error(), firmata.ErrBoard.Error()+": ")
	if c.sess.Board().Major == 0 {
		if c.odd != "" {
			why += "; it says " + c.odd
		}
		return edge.Errorf(edge.CodeNotReady, "no Firmata board: %s", why).
			WithHint("does it run StandardFirmata, and is the baud rate %d right?", c.t.Serial.Baud)
	}
	return edge.Errorf(edge.CodeContract, "the board is not what %s says: %s", c.t.Name, why).
		WithHint("choose pins that the board has, or the type of this board")
}

// described gives the analog inputs that no channel of the file shows.
func (c *firmataCodec) described() (*Type, []Channel) {
	c.mu.Lock()
	defer c.mu.Unlock()
	shown := map[string]bool{}
	for i := range c.t.Channels {
		shown[c.t.Channels[i].from()] = true
	}
	all := slices.Clone(c.t.Channels)
	for i := range c.fields {
		f := &c.fields[i]
		if shown[f.Field] || c.f.pin(f.Field) != nil {
			continue
		}
		ch := autoChannel(f.Field, all)
		if c.f.Volts > 0 {
			ch.Unit, ch.Range, ch.Resolution = "V", &Range{0, c.f.Volts}, c.f.Volts/1023
			three := 3
			ch.Decimals = &three
		} else {
			none := 0
			ch.Decimals = &none
		}
		all = append(all, ch)
	}
	return nil, all[len(c.t.Channels):]
}
