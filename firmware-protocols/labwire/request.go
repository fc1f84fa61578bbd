package labwire

import "encoding/binary"

// Mode is what the device sends by itself.
type Mode uint8

// The modes.
const (
	Off  Mode = iota
	Text      // label:value lines, a few a second; the mode after boot
	Fast      // frames of samples
)

func (m Mode) String() string {
	names := [...]string{"off", "text", "fast"}
	if int(m) < len(names) {
		return names[m]
	}
	return "unknown"
}

func request(dst []byte, id uint16, op byte) []byte {
	dst = append(open(dst), typeRequest)
	dst = binary.LittleEndian.AppendUint16(dst, id)
	return append(dst, op)
}

// AppendHello asks who is there. The device answers with Hello and forgets the
// numbers of earlier commands, so a box that starts anew begins with it.
func AppendHello(dst []byte) []byte { return seal(request(dst, 0, opHello), len(dst)) }

// AppendPing says that the box is alive. With an id other than 0 it is answered.
func AppendPing(dst []byte, id uint16) []byte { return seal(request(dst, id, opPing), len(dst)) }

// AppendDictionaryRequest asks for the dictionary from a byte offset on: so many
// chunks, 0 for all.
func AppendDictionaryRequest(dst []byte, offset uint16, chunks uint8) []byte {
	at := len(dst)
	dst = binary.LittleEndian.AppendUint16(request(dst, 0, opDictionary), offset)
	return seal(append(dst, chunks), at)
}

// AppendStream sets the mode. Every frame of samples carries the epoch, which the
// box counts on; crc is that of the dictionary the box reads the samples by, which
// Fast needs (the device refuses another with Drift).
func AppendStream(dst []byte, id uint16, m Mode, epoch uint8, crc uint32) []byte {
	at := len(dst)
	dst = append(request(dst, id, opStream), byte(m), epoch)
	return seal(binary.LittleEndian.AppendUint32(dst, crc), at)
}

// AppendSafe is the realtime message: it is understood after half a line or half
// a frame too, and answered with a Status.
func AppendSafe(dst []byte) []byte { return append(dst, 0, can, 0) }

// AppendSafeRequest is safe with a number, answered with a Reply.
func AppendSafeRequest(dst []byte, id uint16) []byte {
	return seal(request(dst, id, opSafe), len(dst))
}

// AppendCommand asks for the command with that place in the dictionary, with all
// its parameters as Command.Args gives them. An id of 0 is answered, but a
// repetition of it would be carried out again.
func AppendCommand(dst []byte, id uint16, index int, args []int32) []byte {
	at := len(dst)
	dst = append(request(dst, id, opCommand), byte(index))
	for _, a := range args {
		dst = binary.LittleEndian.AppendUint32(dst, uint32(a))
	}
	return seal(dst, at)
}
