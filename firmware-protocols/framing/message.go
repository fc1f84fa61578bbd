package framing

// Fault says why bytes are no message.
type Fault uint8

// The faults.
const (
	OK        Fault = iota
	Garbage         // bytes between frames
	BadSum          // the checksum does not fit
	TooLong         // no end within Max
	CutOff          // too short, or another frame or silence came before the end
	BadLength       // the length field is no number, or one that cannot be
	BadCode         // broken stuffing
	NoEnd           // the end mark is not where it must be
	faults
)

func (f Fault) String() string {
	names := [...]string{"ok", "garbage", "wrong checksum", "too long", "cut off", "impossible length", "broken stuffing", "no end mark"}
	if int(f) < len(names) {
		return names[f]
	}
	return "unknown"
}

// Message is a message, or bytes that are none. It and what it points to are
// valid only during the call that hands it over.
type Message struct {
	// Body is the frame without marks, length field and checksum, decoded. It is
	// nil in a bad message.
	Body []byte
	// Raw is the frame as it stood on the line. Of a message that is too long,
	// where End alone ends it, the first 64 bytes.
	Raw []byte
	// Why is OK, or what is wrong: the bytes are lost.
	Why Fault
	// Sum and Want are the checksum of the bytes and the one they came with,
	// where Why is BadSum. Want is 0 when it could not be read.
	Sum, Want uint32
}

// Stats counts since New. Reset does not clear them.
type Stats struct {
	Bytes    uint64         // fed
	Messages uint64         // good ones
	Bad      uint64         // bad ones: each is one loss
	Lost     uint64         // bytes in bad ones
	Skipped  uint64         // first partial messages discarded by SkipFirst
	Faults   [faults]uint64 // bad ones by Fault
}
