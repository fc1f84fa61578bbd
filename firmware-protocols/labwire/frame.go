package labwire

import "encoding/binary"

// MaxFrame is the longest frame in bytes as sent between its two zero bytes: no
// run of COBS ever reaches its special length of 254.
const MaxFrame = 254

// Types of frames: the first byte of a frame's content. They are bytes that never
// stand in UTF-8 text, and COBS puts them second on the line, so that the two
// bytes after a zero tell a frame from text.
const (
	typeRequest = 0xF5 // host to device; all others device to host
	typeHello   = 0xF8
	typeSamples = 0xF9
	typeReply   = 0xFA
	typeEvent   = 0xFB
	typeStatus  = 0xFC
	typeChunk   = 0xFD
	lowestType  = 0xF5
)

// What a request asks for.
const (
	opPing = iota
	opHello
	opDictionary
	opStream
	opSafe
	opCommand
)

// can is the byte that means safe wherever it stands in text.
const can = 0x18

// crc16 is CRC-16/CCITT-FALSE (polynomial 1021, start FFFF, not reflected).
func crc16(crc uint16, p []byte) uint16 {
	for _, c := range p {
		x := byte(crc>>8) ^ c
		x ^= x >> 4
		crc = crc<<8 ^ uint16(x)<<12 ^ uint16(x)<<5 ^ uint16(x)
	}
	return crc
}

// open starts a frame: a zero, and room for the first COBS byte. seal ends what
// was appended since, at is the length of dst before open.
func open(dst []byte) []byte { return append(dst, 0, 0) }

func seal(dst []byte, at int) []byte {
	content := dst[at+2:]
	dst = binary.LittleEndian.AppendUint16(dst, crc16(0xFFFF, content))
	run := at + 1
	for i := run + 1; i < len(dst); i++ {
		if dst[i] == 0 {
			dst[run] = byte(i - run)
			run = i
		}
	}
	dst[run] = byte(len(dst) - run)
	return append(dst, 0)
}

// unstuff decodes the bytes between two zeros in place and checks them: the
// content without its CRC, or why it is none.
func unstuff(p []byte) (content []byte, why string) {
	if len(p) < 4 || len(p) > MaxFrame {
		return nil, "length"
	}
	for i := 0; i < len(p); {
		n := int(p[i])
		if n == 0 || n > len(p)-i {
			return nil, "cobs"
		}
		p[i] = 0
		i += n
	}
	n := len(p) - 2
	if crc16(0xFFFF, p[1:n]) != binary.LittleEndian.Uint16(p[n:]) {
		return nil, "crc"
	}
	return p[1:n], ""
}
