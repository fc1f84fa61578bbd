package labwire

// Kind says which part of a Message holds.
type Kind uint8

// The kinds of messages.
const (
	KindGarbage Kind = iota
	KindText
	KindHello
	KindChunk
	KindSamples
	KindReply
	KindEvent
	KindStatus
)

func (k Kind) String() string {
	names := [...]string{"garbage", "text", "hello", "chunk", "samples", "reply", "event", "status"}
	if int(k) < len(names) {
		return names[k]
	}
	return "unknown"
}

// Message is what a Decoder found. It, and all it points to, ends with the call.
type Message struct {
	Kind Kind
	Lost int    // frames of any kind that never came before this one, modulo 256
	Raw  []byte // KindText: the line; KindGarbage: its first bytes
	Why  string // KindGarbage: cut, text, overlong, length, cobs, crc, type, shape, layout
	Size int    // KindGarbage: its bytes
	Boot bool   // KindText: a !hello line: the device has started anew

	Hello   Hello
	Chunk   Chunk
	Samples Samples
	Reply   Reply
	Event   Event
	Status  Status
}

// Hello says who is there.
type Hello struct {
	Version       uint8
	Safe          bool
	DictionaryCRC uint32 // CRC-32 (IEEE) of the dictionary's bytes
	DictionaryLen int
	UptimeMS      uint32
	Restarted     bool // the uptime is smaller than at the last hello: the device has started anew
	MaxRequest    int  // longest request the device takes, as MaxFrame counts
}

// Chunk is a part of the dictionary.
type Chunk struct {
	Offset int
	Data   []byte
}

// Samples are rows taken one period after the other.
type Samples struct {
	Epoch    uint8
	Safe     bool
	Restart  bool   // first frame of this epoch, or the count begins here
	Stale    bool   // of another epoch than was asked for
	First    uint32 // number of the first row since the epoch began
	LostRows uint32 // rows that never came before this frame
	TimeUS   uint64 // device time of the first row, continued over the wrap of the 32-bit clock
	StepUS   uint32 // between rows; 0 when there is one
	Rows     int
	Columns  [][]float64 // raw value by channel and row; NaN is missing; nil without a layout
	Data     []byte      // the rows as sent
}

// Code is a device's verdict.
type Code uint8

// The codes.
const (
	OK       Code = iota
	Unknown       // no such command
	Args          // wrong number or form of parameters
	Range         // a parameter outside its range; Text names it
	Busy          // try again
	Refused       // not now; Text may say why
	Overflow      // the message is too long
	Drift         // another dictionary than the device's
	Fault         // the device is broken
)

var codes = [...]string{"ok", "unknown", "args", "range", "busy", "refused", "overflow", "drift", "fault"}

func (c Code) String() string {
	if int(c) < len(codes) {
		return codes[c]
	}
	return "unknown"
}

// Reply answers the request with that number.
type Reply struct {
	ID   uint16
	Code Code
	Text []byte // may be empty; a parameter's id, or the sketch's own word
}

// OK reports whether the request was carried out.
func (r Reply) OK() bool { return r.Code == OK }

// Cause is why the device is, or was last, safe.
type Cause uint8

// The causes.
const (
	NotYet  Cause = iota
	Boot          // since it started
	DeadMan       // the box fell silent
	Asked         // by a safe message
	Sketch        // the sketch found a fault
	Undone        // a command was refused half way
)

var causes = [...]string{"none", "boot", "deadman", "asked", "sketch", "undone"}

func (c Cause) String() string {
	if int(c) < len(causes) {
		return causes[c]
	}
	return "unknown"
}

// EventKind is what happened.
type EventKind uint8

// The events.
const (
	WentSafe EventKind = 1 // Cause holds
	Note     EventKind = 2 // Text holds
)

// Event is something that happened.
type Event struct {
	Kind   EventKind
	Cause  Cause
	TimeMS uint32 // since boot
	Text   []byte
}

// Status is sent every second, after each event and when asked by AppendSafe.
type Status struct {
	Safe     bool
	Cause    Cause // of the last safe state
	Mode     Mode
	Epoch    uint8
	UptimeMS uint32
	Missed   uint16 // rows the device could not take or send, since boot; wraps
	Bad      uint16 // frames and lines from the box that were no good, since boot; wraps
}
