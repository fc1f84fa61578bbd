package framing

import "time"

// Options say how messages stand in a stream of bytes. Exactly one way is
// chosen: End (with or without Start and Escape), Length, Size, COBS, SLIP, or
// Silence. Check explains what does not fit together.
//
// Texts are bytes: a character from U+0000 to U+00FF is the byte of that number,
// which is what "\xAA" in YAML gives. In Go write "\u00aa", not "\xaa".
type Options struct {
	// Start is the mark every frame begins with, 1 to 8 bytes. Bytes before it
	// are garbage.
	Start string `yaml:"start"`
	// End is the mark a frame ends with, 1 to 8 bytes. With Length or Size it is
	// the end that the frame must have.
	End string `yaml:"end"`
	// Escape is the byte before each byte of the message that would otherwise be
	// read as a mark. Marks are one byte then, or the escape byte and another
	// one (DLE STX ... DLE ETX). The same Start and End, or End alone, makes
	// frames that share their marks, as in HDLC.
	Escape string `yaml:"escape"`
	// Xor changes the byte behind Escape, such as 0x20. 0: it stands as it is.
	Xor int `yaml:"xor"`
	// After is the mark that the tail stands behind, where a closing End follows
	// the tail: {start: "\x02", after: "\x03", tail: 2, end: "\r\n"}.
	After string `yaml:"after"`
	// Tail is how many bytes follow the mark (After, else End): any bytes, the
	// checksum being the last of them. 16 at most.
	Tail int `yaml:"tail"`
	// Length is a field at a fixed place that says how long the frame is.
	Length *Length `yaml:"length"`
	// Size is the length of every frame in bytes, marks and checksum included.
	Size int `yaml:"size"`
	// COBS: consistent overhead byte stuffing, a zero byte ends each frame.
	COBS bool `yaml:"cobs"`
	// SLIP: the framing of RFC 1055.
	SLIP bool `yaml:"slip"`
	// Hex: the bytes between the marks, a binary checksum with them, stand on the
	// line as pairs of hexadecimal digits (Modbus ASCII, Intel HEX). They are
	// summed decoded.
	Hex bool `yaml:"hex"`
	// Silence on the line ends a message. The owner's clock measures it and
	// calls Silent. Beside End alone: whichever comes first.
	Silence time.Duration `yaml:"silence"`
	// Empty makes messages without a byte count, where End alone ends them. By
	// default they are passed over.
	Empty bool `yaml:"empty"`
	// Checksum stands last in the message: before the end mark, or last in the
	// tail. It is checked and removed.
	Checksum *Checksum `yaml:"checksum"`
	// Max is the longest message (Body) in bytes, default 1024, at most 1048576;
	// at most 65536 with Start, Length or Size, which search again in what was
	// damaged.
	Max int `yaml:"-"`
	// SkipFirst discards what comes first until a frame can begin: a port that
	// is opened in mid-message shows half a one. With End alone, and the other
	// ways without a start mark, that is all up to the first end mark.
	SkipFirst bool `yaml:"-"`
}

// Length is a frame's length field.
type Length struct {
	// At is the field's place, counted from the frame's first byte: 0 is the
	// first byte of the start mark. Bytes between start mark and field belong to
	// the message.
	At int `yaml:"at"`
	// Size is the field's width: 1 to 4 bytes, or 1 to 8 digits.
	Size int `yaml:"size"`
	// As is how it is written: binary (default), decimal or hex digits.
	As string `yaml:"as"`
	// Order of a binary field's bytes: big (default) or little.
	Order string `yaml:"order"`
	// Add is what is missing in the value: the whole frame has value + add
	// bytes. It may be negative.
	Add int `yaml:"add"`
}

// Checksum is the checksum of a frame.
type Checksum struct {
	// Kind is a name from firmware-protocols/checksum, such as crc16-modbus.
	Kind string `yaml:"kind"`
	// As is how it is written: binary (default), hex or decimal digits.
	As string `yaml:"as"`
	// Order of its bytes, or pairs of hex digits: big (default) or little.
	Order string `yaml:"order"`
	// From is how many bytes at the frame's begin are not summed. The start mark
	// counts as the frame's; in frames with shared marks, COBS and SLIP the frame
	// is what stands between the marks, decoded.
	From int `yaml:"from"`
	// Until is how many bytes before the checksum are not summed.
	Until int `yaml:"until"`
	// Upper writes hex digits as capitals. Both are read.
	Upper bool `yaml:"upper"`
	// Stuffed sums the bytes as they stand on the line, escape bytes included
	// (3964R). Only with Escape and Tail.
	Stuffed bool `yaml:"stuffed"`
}

// Limits.
const (
	DefaultMax = 1024
	maxMark    = 8
	maxTail    = 16
	maxMax     = 1 << 20
	maxRescan  = 1 << 16
	slack      = 128 // all marks, fields and checksums of a frame
)

// KeyError says which key of the Options is wrong.
type KeyError struct {
	Key  string // such as length.size
	Text string
}

func (e *KeyError) Error() string { return "framing: " + e.Key + ": " + e.Text }

// Check reports the first key that is wrong, as a *KeyError.
func (o Options) Check() error {
	_, err := compile(o)
	return err
}
