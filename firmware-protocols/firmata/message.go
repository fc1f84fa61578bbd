package firmata

// Kind says what a message is.
type Kind uint8

// The kinds, and which members of Message they fill.
const (
	DigitalPort       Kind = iota // Number is the port, Value its 8 pins
	AnalogValue                   // Number is the channel (from a board) or the pin (to one), Value; extended messages too
	ReportAnalog                  // Number is the channel, Value 0 or not
	ReportPort                    // Number is the port, Value 0 or not
	SetPinMode                    // Number is the pin, Mode
	SetPinValue                   // Number is the pin, Value 0 or 1
	VersionRequest                //
	VersionReport                 // Major, Minor
	SystemReset                   //
	FirmwareRequest               //
	FirmwareReport                // Major, Minor, Text
	CapabilityRequest             //
	CapabilityReport              // Data: read it with ParseCapabilities
	MappingRequest                //
	MappingReport                 // Data: a channel or 127 for each pin
	PinStateRequest               // Number is the pin
	PinStateReport                // Number is the pin, Mode, Value
	String                        // Text
	SamplingInterval              // Value in ms
	ServoConfig                   // Number is the pin, Min and Max in microseconds
	UnknownSysex                  // Command, Data
)

// Message is one message. It and all it points to are valid only during the call
// of emit.
type Message struct {
	Kind         Kind
	Command      byte // of the sysex message, else the first byte
	Mode         Mode
	Number       int
	Value        int
	Major, Minor int
	Min, Max     int
	Text         []byte // as bytes; not checked to be UTF-8
	Data         []byte // a sysex message's content behind the command, 7 bits each
}

func (d *Decoder) finishShort(emit func(*Message)) {
	low, high := d.data[0], d.data[1]
	m := Message{Command: d.cmd, Number: int(d.cmd & 0x0F), Value: int(low)}
	switch {
	case d.cmd == cmdReset:
		m.Kind, m.Number, m.Value = SystemReset, 0, 0
	case d.cmd == cmdVersion && d.role == ToBoard:
		m.Kind, m.Number, m.Value = VersionRequest, 0, 0
	case d.cmd == cmdVersion:
		m = Message{Kind: VersionReport, Command: d.cmd, Major: int(low), Minor: int(high)}
	case d.cmd == cmdPinMode:
		m = Message{Kind: SetPinMode, Command: d.cmd, Number: int(low), Mode: Mode(high)}
	case d.cmd == cmdPinValue:
		m.Kind, m.Number, m.Value = SetPinValue, int(low), int(high)
	case d.cmd&0xF0 == cmdDigital:
		m.Kind, m.Value = DigitalPort, (int(low)|int(high)<<7)&0xFF
	case d.cmd&0xF0 == cmdAnalog:
		m.Kind, m.Value = AnalogValue, int(low)|int(high)<<7
	case d.cmd&0xF0 == cmdReportAnalog:
		m.Kind = ReportAnalog
	default:
		m.Kind = ReportPort
	}
	d.stats.Messages++
	d.m = m
	emit(&d.m)
}

func (d *Decoder) finishSysex(emit func(*Message)) {
	d.stats.Messages++
	if len(d.buf) == 0 {
		d.stats.Unknown++
		return
	}
	d.m = Message{Kind: UnknownSysex, Command: d.buf[0], Data: d.buf[1:]}
	if !d.meaning(&d.m) {
		d.m = Message{Kind: UnknownSysex, Command: d.buf[0], Data: d.buf[1:]}
		d.stats.Unknown++
	}
	emit(&d.m)
}

// meaning fills m from its command and data; false where they have none here.
func (d *Decoder) meaning(m *Message) bool {
	b, n := m.Data, len(m.Data)
	switch {
	case m.Command == sysexFirmware && n == 0:
		m.Kind = FirmwareRequest
	case m.Command == sysexFirmware && n >= 2:
		m.Kind, m.Major, m.Minor, m.Text = FirmwareReport, int(b[0]), int(b[1]), d.pairs(b[2:])
	case m.Command == sysexCapabilityAsk && n == 0:
		m.Kind = CapabilityRequest
	case m.Command == sysexCapability:
		m.Kind = CapabilityReport
	case m.Command == sysexMappingQuery && n == 0:
		m.Kind = MappingRequest
	case m.Command == sysexMapping:
		m.Kind = MappingReport
	case m.Command == sysexPinStateQuery && n == 1:
		m.Kind, m.Number = PinStateRequest, int(b[0])
	case m.Command == sysexPinState && n >= 3 && n <= 6:
		m.Kind, m.Number, m.Mode, m.Value = PinStateReport, int(b[0]), Mode(b[1]), groups(b[2:])
	case m.Command == sysexAnalog && n >= 2 && n <= 5:
		m.Kind, m.Number, m.Value = AnalogValue, int(b[0]), groups(b[1:])
	case m.Command == sysexReportAnalog && n == 2:
		m.Kind, m.Number, m.Value = ReportAnalog, int(b[0]), int(b[1])
	case m.Command == sysexString:
		m.Kind, m.Text = String, d.pairs(b)
	case m.Command == sysexSampling && n == 2:
		m.Kind, m.Value = SamplingInterval, groups(b)
	case m.Command == sysexServo && n >= 5:
		m.Kind, m.Number, m.Min, m.Max = ServoConfig, int(b[0]), groups(b[1:3]), groups(b[3:5])
	default:
		return false
	}
	return true
}

// groups joins 7-bit groups, least significant first.
func groups(b []byte) int {
	v := 0
	for i, c := range b {
		v |= int(c) << (7 * i)
	}
	return v
}

// pairs joins each two bytes of a text to one; a last single byte is kept.
func (d *Decoder) pairs(b []byte) []byte {
	d.text = d.text[:0]
	for i := 0; i < len(b); i += 2 {
		c := b[i]
		if i+1 < len(b) {
			if b[i+1] > 1 {
				c = '?' // 14 bits a character is allowed, and used by nobody
			} else {
				c |= b[i+1] << 7
			}
		}
		d.text = append(d.text, c)
	}
	return d.text
}
