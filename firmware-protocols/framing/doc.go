// Package framing cuts a stream of bytes into messages and wraps messages to
// send, in the ways that lab devices use: an end mark, start and end marks, byte
// stuffing, a length field, a fixed size, COBS, SLIP, silence on the line; with a
// checksum where there is one. It does no I/O and has no clock. SPEC.md defines
// every way; vectors/ holds cases for Go and JavaScript.
//
//	o := framing.Options{Start: "\x02", End: "\x03", Tail: 1,
//		Checksum: &framing.Checksum{Kind: "xor", From: 1}}
//	dec, err := framing.New(o)
//	...
//	n, err := port.Read(buf)
//	dec.Feed(buf[:n], func(m *framing.Message) {
//		if m.Why != framing.OK {
//			gap(m.Why, m.Raw) // lost, never hidden
//			return
//		}
//		parse(m.Body) // m and what it points to end with this call
//	})
//
//	enc, err := framing.NewEncoder(o)
//	frame, err := enc.Append(nil, []byte("W01")) // STX W01 ETX BCC
//
// Bytes that are no good message come out as bad ones: garbage between frames,
// wrong checksums, lengths that cannot be. With start marks, lengths and sizes
// every byte fed belongs to exactly one message, and what was damaged is searched
// again from its second byte, so that a false start or a length that lies costs no
// good frame that a checksum or an end mark can tell from a bad one.
//
// Known limits: without checksum and end mark a false start with a fitting length
// reads as a message. A length that lies holds back the frames behind it until the
// bytes it promised have come, or until Silent.
package framing
