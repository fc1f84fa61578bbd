package scpi

// Codes of errors that Device makes by itself (SCPI-1999 volume 2, 21.8).
const (
	InvalidCharacter = -101
	SyntaxError      = -102
	WrongType        = -104
	TooManyParams    = -108
	MissingParam     = -109
	UndefinedHeader  = -113
	SuffixRange      = -114
	BadNumber        = -121
	InvalidSuffix    = -131
	SuffixNotAllowed = -138
	InvalidString    = -151
	InvalidBlock     = -161
	OutOfRange       = -222
	IllegalParameter = -224
	QueueOverflow    = -350
	InputOverrun     = -363
)

// errorText gives the standard's name of a code, of its class where there is none.
func errorText(code int) string {
	switch code {
	case 0:
		return "No error"
	case InvalidCharacter:
		return "Invalid character"
	case SyntaxError:
		return "Syntax error"
	case WrongType:
		return "Data type error"
	case TooManyParams:
		return "Parameter not allowed"
	case MissingParam:
		return "Missing parameter"
	case UndefinedHeader:
		return "Undefined header"
	case SuffixRange:
		return "Header suffix out of range"
	case BadNumber:
		return "Invalid character in number"
	case InvalidSuffix:
		return "Invalid suffix"
	case SuffixNotAllowed:
		return "Suffix not allowed"
	case InvalidString:
		return "Invalid string data"
	case InvalidBlock:
		return "Invalid block data"
	case -221:
		return "Settings conflict"
	case OutOfRange:
		return "Data out of range"
	case -223:
		return "Too much data"
	case IllegalParameter:
		return "Illegal parameter value"
	case -230:
		return "Data corrupt or stale"
	case -240:
		return "Hardware error"
	case -310:
		return "System error"
	case -330:
		return "Self-test failed"
	case QueueOverflow:
		return "Queue overflow"
	case InputOverrun:
		return "Input buffer overrun"
	case -410:
		return "Query INTERRUPTED"
	}
	switch {
	case code <= -500 || code > 0:
		return "Device-specific error"
	case code <= -400:
		return "Query error"
	case code <= -300:
		return "Device-specific error"
	case code <= -200:
		return "Execution error"
	}
	return "Command error"
}

// Bits of the standard event status register (IEEE 488.2, 11.5.1).
const (
	eventOPC       = 1
	eventQuery     = 4
	eventDevice    = 8
	eventExecution = 16
	eventCommand   = 32
	eventPowerOn   = 128
)

func eventOf(code int) byte {
	switch {
	case code <= -500:
		return 0
	case code <= -400:
		return eventQuery
	case code <= -300 || code > 0:
		return eventDevice
	case code <= -200:
		return eventExecution
	case code <= -100:
		return eventCommand
	}
	return 0
}

// Push puts an error into the queue. A full queue ends with -350 from then on.
func (d *Device) Push(code int, text string) {
	d.esr |= eventOf(code)
	if text == "" {
		text = errorText(code)
	}
	if len(d.queue) < d.depth {
		d.queue = append(d.queue, Error{code, text})
		return
	}
	d.queue[len(d.queue)-1] = Error{QueueOverflow, errorText(QueueOverflow)}
	d.esr |= eventDevice
}

// pop takes the oldest entry.
func (d *Device) pop() Error {
	if len(d.queue) == 0 {
		return Error{0, errorText(0)}
	}
	e := d.queue[0]
	d.queue = append(d.queue[:0], d.queue[1:]...)
	return e
}

// statusByte is what *STB? answers: error queue, message available, event summary and
// master summary. While a query of the same message has answered, a message is
// available.
func (d *Device) statusByte() (b byte) {
	if len(d.queue) > 0 {
		b |= 4
	}
	if d.answered {
		b |= 16
	}
	if d.esr&d.ese != 0 {
		b |= 32
	}
	if b&d.sre != 0 {
		b |= 64
	}
	return b
}
