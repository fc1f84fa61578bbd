package devices

import (
	"time"

	"github.com/goccy/go-yaml"

	"labbox/edge"
	"labbox/firmware-protocols/fields"
	"labbox/firmware-protocols/framing"
	"labbox/firmware-protocols/gcode"
	"labbox/firmware-protocols/scpi"
)

// Type is a device type as its file says it: how this model uses its wire
// protocol, what it measures, what it obeys, what is safe. A Type is read-only
// once loaded; docs/ref/device-types.md explains every key.
type Type struct {
	Schema      int         `yaml:"schema"`
	Name        string      `yaml:"type"`
	Label       edge.Text   `yaml:"label"`
	Description edge.Text   `yaml:"description"`
	Protocol    Protocol    `yaml:"protocol"`
	Serial      Serial      `yaml:"serial"`
	Match       Match       `yaml:"match"`
	Connect     Connect     `yaml:"connect"`
	Timing      Timing      `yaml:"timing"`
	Busy        *Busy       `yaml:"busy"`
	On          On          `yaml:"on"`
	Polls       []Poll      `yaml:"polls"`
	Time        *DeviceTime `yaml:"time"`
	Count       *Count      `yaml:"count"`
	RateHz      float64     `yaml:"rate"`        // samples per second, 0: unknown
	Stale       Duration    `yaml:"stale_after"` // default 1s
	Grace       Duration    `yaml:"grace"`       // heartbeat missing: go safe. Default 2s
	Keep        Duration    `yaml:"keep"`        // heartbeat missing: the turn ends. Default 30s
	Channels    []Channel   `yaml:"channels"`
	AutoChannel *Auto       `yaml:"auto_channels"` // the device names its own channels
	Commands    []Command   `yaml:"commands"`
	Keepalive   *Keepalive  `yaml:"keepalive"`
	Safe        *Safe       `yaml:"safe"`
	Between     *Between    `yaml:"between"`
	LongestRun  Duration    `yaml:"longest_run"`    // after any command that is not calming, 0: no limit
	Rest        Duration    `yaml:"rest_after_run"` // how long it then takes no commands but calming ones
	Interlocks  []Interlock `yaml:"interlocks"`
	Panel       Panel       `yaml:"panel"`
	Simulate    Simulate    `yaml:"simulate"`

	Transcripts []Transcript `yaml:"transcripts"`

	keys [][]byte // of the channels that the device told
	file string   // for messages
	hash string   // of the file's bytes
}

// Protocol chooses and sets up one wire protocol: exactly one is given.
type Protocol struct {
	Lines    *LinesProtocol    `yaml:"lines"`
	Floats   *FloatsProtocol   `yaml:"floats"`
	Messages *MessagesProtocol `yaml:"messages"`
	SCPI     *scpi.Options     `yaml:"scpi"`
	Modbus   *ModbusProtocol   `yaml:"modbus"`
	NMEA     *NMEAProtocol     `yaml:"nmea"`
	Firmata  *FirmataProtocol  `yaml:"firmata"`
	Gcode    *gcode.Options    `yaml:"gcode"`
	Labwire  *LabwireProtocol  `yaml:"labwire"`
}

// LinesProtocol is text, one record a line (firmware-protocols/lines).
type LinesProtocol struct {
	Format         string   `yaml:"format"`          // json, relaxed, plotter, csv
	MaxLine        int      `yaml:"max_line"`        // bytes, default 1024
	SendTerminator string   `yaml:"send_terminator"` // default "\n"
	MaxSend        int      `yaml:"max_send"`        // the device's input buffer in bytes, terminator included; 0: no limit
	Columns        []string `yaml:"columns"`         // csv, plotter: names of the columns, where the device prints none
	Separator      string   `yaml:"separator"`       // csv: one character, default ","
	// Notes are beginnings of lines that are no records but words for people,
	// such as broken JSON that a firmware is known to print: no data is lost there.
	Notes []string `yaml:"notes"`
}

// FloatsProtocol is binary messages of little-endian float32, and commands as
// one-key JSON text (firmware-protocols/floats).
type FloatsProtocol struct {
	Fields []string `yaml:"fields"` // names of the floats in order
	Hello  string   `yaml:"hello"`  // the text the device sends first
}

// MessagesProtocol is anything that is described by parts, text or binary
// (firmware-protocols/framing and fields).
type MessagesProtocol struct {
	In      framing.Options  `yaml:"in"`      // how messages of the device begin and end
	Out     *framing.Options `yaml:"out"`     // how those to it do; default: as in
	Max     int              `yaml:"max"`     // longest message in bytes, default 1024
	Extra   string           `yaml:"extra"`   // what matches nothing: garbage (default), which is shown as a gap, or ignore
	Receive []Message        `yaml:"receive"` // messages that come by themselves; the first that matches counts
}

// Message is one kind of message that a device sends by itself.
type Message struct {
	ID    string        `yaml:"id"`
	Parts []fields.Part `yaml:"parts"`
	// Example is such a message as the real device sends it, for the simulator
	// where the parts can only be read; it must match them.
	Example string `yaml:"example"`

	pattern, simulated *fields.Pattern
}

// Busy is an answer that means: ask again later.
type Busy struct {
	Parts []fields.Part `yaml:"parts"`
	Wait  Duration      `yaml:"wait"` // default 100ms

	pattern *fields.Pattern
}

// Serial sets up a serial line.
type Serial struct {
	Baud     int    `yaml:"baud"`      // default 115200
	DataBits int    `yaml:"data_bits"` // default 8
	Parity   string `yaml:"parity"`    // none (default), even, odd
	StopBits string `yaml:"stop_bits"` // 1 (default), 2
}

// Match says how the model is recognised before it is opened.
type Match struct {
	USB []string `yaml:"usb"` // vid:pid in hex
}

// Connect is what happens after the port opened, and after every reconnect.
type Connect struct {
	Reset      bool     `yaml:"reset_on_open"`   // opening resets the board (DTR)
	Boot       Duration `yaml:"boot"`            // longest time until it can listen
	Banner     Fields   `yaml:"banner"`          // a record that ends the boot sooner
	IdentifyIn Duration `yaml:"identify_within"` // default 3s after boot
	Identify   []Step   `yaml:"identify"`        // what the device must answer before anything else is done with it
	Steps      []Step   `yaml:"steps"`           // sent once it is identified, before the safe sequence
}

// Timing is what the device needs between messages, and how long it may take.
type Timing struct {
	Reply Duration `yaml:"reply"` // until an answer has come, where a reply gives no `within` of its own; default 500ms
	Read  Duration `yaml:"read"`  // longest silence within a message: then it is cut off; 0: any
	Write Duration `yaml:"write"` // how long a message may take to leave; default four times its time on the line, 1s at least
	Lock  Duration `yaml:"lock"`  // how long a command may wait for the line; default and most 2s
	Pause Duration `yaml:"pause"` // between the end of one exchange and the next message
}

// On is what to do when an answer is wrong or missing; it runs after the failed
// exchange, for a device that has to be brought back to its senses.
type On struct {
	Mismatch []Step `yaml:"mismatch"` // the answer was another than declared
	Timeout  []Step `yaml:"timeout"`  // there was none
}

// Poll is a question that the device is asked again and again; the fields of its
// answer are values of channels. Polls with the same `every` make one sample.
type Poll struct {
	ID      string   `yaml:"id"`
	Send    *Send    `yaml:"send"`
	Reply   *Reply   `yaml:"reply"`
	Every   Duration `yaml:"every"`
	Retries int      `yaml:"retries"` // at once, after no answer; default 0
}

// DeviceTime says where the device's own clock is.
type DeviceTime struct {
	From string `yaml:"from"` // field
	Unit string `yaml:"unit"` // s, ms, us
	Bits int    `yaml:"bits"` // it wraps after so many bits, 0: never
}

// Count names a field that numbers the samples, so that each gap is known.
type Count struct {
	From string `yaml:"from"`
	Bits int    `yaml:"bits"` // it wraps after so many bits; default 32
}

// Channel is one quantity.
type Channel struct {
	ID         string     `yaml:"id"`
	Label      edge.Text  `yaml:"label"`
	From       string     `yaml:"from"` // field, default the id
	Unit       string     `yaml:"unit"`
	Range      *Range     `yaml:"range"` // of the shown value
	Trip       bool       `yaml:"trip"`  // a value outside makes the device safe
	TripBeyond float64    `yaml:"trip_beyond"`
	Resolution float64    `yaml:"resolution"`
	Decimals   *int       `yaml:"decimals"`
	Scale      float64    `yaml:"scale"` // shown = raw*scale + offset; default 1
	Offset     float64    `yaml:"offset"`
	Points     []Point    `yaml:"points"` // two points [raw, shown] in place of scale and offset
	Format     string     `yaml:"format"` // f32 (default), f64, i16, enum
	Choices    []Choice   `yaml:"choices"`
	Group      string     `yaml:"group"`
	Role       string     `yaml:"role"`
	Hidden     bool       `yaml:"hidden"`
	Optional   bool       `yaml:"optional"` // a record without it is still of this type
	Sim        SimChannel `yaml:"simulate"`
}

// Point is a raw value and the value that is to be shown for it.
type Point [2]float64

// Auto lets the device name its channels: every numeric field becomes one.
type Auto struct {
	Max    int      `yaml:"max"`    // default 16
	Settle Duration `yaml:"settle"` // how long labels are collected at first, default 500ms
}

// Choice is one value of an enum channel or a choice parameter.
type Choice struct {
	ID    string    `yaml:"id"`
	Value *float64  `yaml:"value"` // in frames; default its place in the list
	Wire  any       `yaml:"wire"`  // as it stands on the wire; default id (text) or value
	Label edge.Text `yaml:"label"`
}

// Command is one thing a driver may ask.
type Command struct {
	ID      string    `yaml:"id"`
	Label   edge.Text `yaml:"label"`
	Help    edge.Text `yaml:"help"`
	Params  []Param   `yaml:"params"`
	Send    *Send     `yaml:"send"`
	Reply   *Reply    `yaml:"reply"`  // the device's own answer
	Shows   []Show    `yaml:"shows"`  // or what the telemetry must show
	Within  Duration  `yaml:"within"` // for Shows; default 1s
	Rate    float64   `yaml:"rate"`   // most per second, 0: no limit
	Calming bool      `yaml:"calming"`
	// LongestRun is how long after this command the device may go on before it is
	// made safe; 0: as long as it likes.
	LongestRun Duration `yaml:"longest_run"`

	confirmed bool     // the protocol answers by itself,
	answerIn  Duration // in so long
}

// Param is a typed, bounded parameter.
type Param struct {
	ID      string    `yaml:"id"`
	Label   edge.Text `yaml:"label"`
	Type    string    `yaml:"type"` // float (default), int, choice
	Unit    string    `yaml:"unit"`
	Range   *Range    `yaml:"range"`    // required for numbers
	Step    float64   `yaml:"step"`     // grid of the form's field
	MaxStep float64   `yaml:"max_step"` // largest change in one command, 0: none
	Default any       `yaml:"default"`
	Slew    float64   `yaml:"slew"` // largest change per second, 0: none
	Rest    *float64  `yaml:"rest"` // where the safe state leaves it; for slew and max_step where no channel shows it
	Choices []Choice  `yaml:"choices"`
	Channel string    `yaml:"channel"` // shows the present value
	Wire    Wire      `yaml:"wire"`
}

// Wire says how a parameter's number is written: wire = value*scale + offset.
type Wire struct {
	As       string  `yaml:"as"` // number (default), text
	Scale    float64 `yaml:"scale"`
	Offset   float64 `yaml:"offset"`
	Decimals *int    `yaml:"decimals"` // exactly so many places; default the shortest
}

// Send is one message to the device. Exactly one form is given; "$id" stands
// for a parameter.
type Send struct {
	JSON     yaml.MapSlice `yaml:"json"`     // lines/json, floats: an object, keys in order
	Text     []string      `yaml:"text"`     // lines: words that are joined as they are
	Parts    []fields.Part `yaml:"parts"`    // messages, scpi, gcode: texts and typed fields, each field a parameter
	Write    yaml.MapSlice `yaml:"write"`    // modbus, firmata: registers or pins and their values
	Realtime string        `yaml:"realtime"` // gcode: one byte that overtakes everything, such as "!"

	// Lines are several lines, each made of parts (gcode). They are sent as the
	// stage's buffer takes them, and answered when the last of them is.
	Lines [][]fields.Part `yaml:"lines"`

	// Read reads registers once (modbus), such as a model number that tells what
	// the device is; the reply's ok: compares them.
	Read []string `yaml:"read"`
	// Done asks the instrument to say when it has finished (scpi: *OPC?), and
	// waits as long for that.
	Done Duration `yaml:"done_within"`

	pattern  *fields.Pattern
	patterns []*fields.Pattern // of lines
	native   any               // a message of a type that the device told by itself
}

// Fields are conditions on a record: each field must be there and equal the
// value; "*" takes any, "$id" the parameter as it was sent.
type Fields map[string]any

// Reply is how the device answers a message.
type Reply struct {
	OK    Fields        `yaml:"ok"`
	Error Fields        `yaml:"error"`
	Parts []fields.Part `yaml:"parts"`       // messages, scpi: what the answer is made of; its fields are values of channels
	No    []fields.Part `yaml:"error_parts"` // an answer that means no
	// Example is an answer as the real device gives it: the simulator says it
	// where the parts can only be read; it must match them.
	Example      string   `yaml:"example"`
	ErrorExample string   `yaml:"error_example"`
	Within       Duration `yaml:"within"` // default: timing.reply

	// Then is what follows the answer before the exchange is over (messages): more
	// messages of the device, such as further lines, or messages to it with their
	// own answers, such as the ENQ that asks for what an ACK promised.
	Then []Turn `yaml:"then"`

	pattern, refusal *fields.Pattern
	simulated        *fields.Pattern // pattern, with something to say for what it only skips
}

// Turn is one more message to the device and its answer; without send it is one
// more message of the device.
type Turn struct {
	Send  *Send  `yaml:"send"`
	Reply *Reply `yaml:"reply"`
}

// Show is a condition on a channel's shown value.
type Show struct {
	Channel   string  `yaml:"channel"`
	Equals    any     `yaml:"equals"` // a number, a choice's id, or "$id"
	Tolerance float64 `yaml:"tolerance"`
	Range     *Range  `yaml:"range"`
	OneOf     []any   `yaml:"one_of"` // numbers or choices' ids
}

// Step is one step of a sequence. Exactly one of Command, Send, Wait is given.
type Step struct {
	Command string         `yaml:"command"` // of this type, checked against its ranges
	Expect  *Reply         `yaml:"expect"`  // a message that the device sends by itself
	Args    map[string]any `yaml:"args"`
	Send    *Send          `yaml:"send"`
	Reply   *Reply         `yaml:"reply"` // with Send
	Wait    Duration       `yaml:"wait"`
	Anyway  bool           `yaml:"anyway"` // safe sequence: it goes on where this step is not confirmed
}

// Keepalive is sent while somebody drives, for a device that goes safe by
// itself when the box falls silent.
type Keepalive struct {
	Send  *Send    `yaml:"send"`
	Reply *Reply   `yaml:"reply"`
	Every Duration `yaml:"every"`
}

// Safe is how the device is made safe and how that is known.
type Safe struct {
	Text   edge.Text `yaml:"text"`
	Resync string    `yaml:"resync"` // sent first, so that safe is not glued to half a line
	Steps  []Step    `yaml:"steps"`
	Shows  []Show    `yaml:"shows"`  // read back
	Within Duration  `yaml:"within"` // for Shows after the last step; default 1s
	Tries  int       `yaml:"tries"`  // default 3
}

// Between is the known state that a device is brought to between two turns, once
// it is safe: whoever drives next begins with that.
type Between struct {
	Text   edge.Text `yaml:"text"`
	Steps  []Step    `yaml:"steps"`  // commands and waits
	Shows  []Show    `yaml:"shows"`  // read back
	Within Duration  `yaml:"within"` // for Shows after the last step; default 1s
	Tries  int       `yaml:"tries"`  // default 3
}

// Panel hints at a good first view.
type Panel struct {
	Plots    []Plot   `yaml:"plots"`
	Readouts []string `yaml:"readouts"`
	Window   Duration `yaml:"window"`
	Icon     string   `yaml:"icon"`
}

// Plot is one graph.
type Plot struct {
	Label    edge.Text `yaml:"label"`
	Channels []string  `yaml:"channels"`
}

// Range is [min, max], both inclusive.
type Range [2]float64

// Duration is written like 500ms or 2s.
type Duration = time.Duration
