package firmata

import "strconv"

// The bytes that begin a message.
const (
	cmdDigital      = 0x90 // + port; 2 bytes
	cmdReportAnalog = 0xC0 // + channel; 1 byte
	cmdReportPort   = 0xD0 // + port; 1 byte
	cmdAnalog       = 0xE0 // + channel or pin; 2 bytes
	cmdSysex        = 0xF0
	cmdPinMode      = 0xF4
	cmdPinValue     = 0xF5
	cmdEnd          = 0xF7
	cmdVersion      = 0xF9
	cmdReset        = 0xFF
)

// The sysex commands.
const (
	sysexReportAnalog   = 0x64 // 2.7: channels beyond 15
	sysexMappingQuery   = 0x69
	sysexMapping        = 0x6A
	sysexCapabilityAsk  = 0x6B
	sysexCapability     = 0x6C
	sysexPinStateQuery  = 0x6D
	sysexPinState       = 0x6E
	sysexAnalog         = 0x6F
	sysexServo          = 0x70
	sysexString         = 0x71
	sysexFirmware       = 0x79
	sysexSampling       = 0x7A
	none                = 0x7F // no analog channel; the end of a pin's modes
	maxPins             = 128
	maxModesPerPin      = 16
	maxValue            = 1<<28 - 1 // what four 7-bit groups hold
	maxServoPulseMicros = 1<<14 - 1
)

// The sizes of sysex messages, command included, without START and END.
const (
	// MaxReply is the longest the codec reads from a board: the capabilities of
	// 128 pins with 16 modes each, which is the most that the protocol can name.
	MaxReply = 1 + maxPins*(2*maxModesPerPin+1)
	// MaxRequest is the longest that a board takes, and that is ever sent to one:
	// StandardFirmata has 64 bytes, and before 2.5 did not look.
	MaxRequest = 64
)

// Resync is what ends whatever message a board may be in the middle of. A board
// that is inside a sysex message takes all other bytes for its content.
const Resync = "\xF7"

// Mode is what a pin does.
type Mode uint8

// The modes that have a meaning here; a board may list others.
const (
	Input  Mode = 0x00
	Output Mode = 0x01
	Analog Mode = 0x02
	PWM    Mode = 0x03
	Servo  Mode = 0x04
	I2C    Mode = 0x06
	PullUp Mode = 0x0B
)

func (m Mode) String() string {
	names := [...]string{"input", "output", "analog", "pwm", "servo", "shift", "i2c", "onewire", "stepper", "encoder", "serial", "pullup", "spi", "sonar", "tone", "dht"}
	if int(m) < len(names) {
		return names[m]
	}
	return "mode " + strconv.Itoa(int(m))
}

// ParseMode is the reverse of Mode.String for the modes a pin can be set to here:
// input, pullup, output, analog, pwm, servo.
func ParseMode(s string) (Mode, bool) {
	for _, m := range [...]Mode{Input, PullUp, Output, Analog, PWM, Servo} {
		if s == m.String() {
			return m, true
		}
	}
	return 0, false
}

func append14(dst []byte, v int) []byte { return append(dst, byte(v&0x7F), byte(v>>7&0x7F)) }
