package framing

import (
	"fmt"
	"testing"
)

// got is a message that outlives the call.
type got struct {
	body, raw string
	why       Fault
	sum, want uint32
}

func (g got) String() string {
	if g.why == OK {
		return fmt.Sprintf("%q", g.body)
	}
	return fmt.Sprintf("(%v %q)", g.why, g.raw)
}

func decoder(t testing.TB, o Options) *Decoder {
	t.Helper()
	d, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func encoder(t testing.TB, o Options) *Encoder {
	t.Helper()
	e, err := NewEncoder(o)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// feed hands b to d in chunks, each in storage that is spoilt afterwards.
func feed(d *Decoder, b []byte, chunk int) (list []got) {
	tmp := make([]byte, 0, chunk)
	for len(b) > 0 {
		n := min(chunk, len(b))
		tmp = append(tmp[:0], b[:n]...)
		d.Feed(tmp, keep(&list))
		for i := range tmp {
			tmp[i] = '#'
		}
		b = b[n:]
	}
	return list
}

func keep(list *[]got) func(*Message) {
	return func(m *Message) {
		*list = append(*list, got{string(m.Body), string(m.Raw), m.Why, m.Sum, m.Want})
	}
}

func goods(list []got) (bodies []string) {
	for _, g := range list {
		if g.why == OK {
			bodies = append(bodies, g.body)
		}
	}
	return bodies
}

// ways are one set of options for each way and the marks it may have, with a
// body that fits.
var ways = []struct {
	name string
	o    Options
	body string
}{
	{"end", Options{End: "\r\n"}, "T=21.5 C"},
	{"end, empty ones count", Options{End: "\r", Empty: true}, "T=21.5 C"},
	{"end, checksum", Options{End: "\r", Checksum: &Checksum{Kind: "sum8", As: "hex", Upper: true}}, "T=21.5 C"},
	{"end, binary checksum", Options{End: "\r", Checksum: &Checksum{Kind: "sum8"}}, "T=21.5 C"},
	{"end, tail", Options{End: "\x03", Tail: 2, Checksum: &Checksum{Kind: "crc16-modbus", Order: "little"}}, "T=21.5 C"},
	{"end or silence", Options{End: "\n", Silence: 1}, "T=21.5 C"},
	{"start and end", Options{Start: "$", End: "\r\n"}, "GPGGA,1"},
	{"nmea", Options{Start: "$", After: "*", Tail: 2, End: "\r\n", Checksum: &Checksum{Kind: "xor", As: "hex", From: 1, Until: 1, Upper: true}}, "GPGGA,1"},
	{"modbus ascii", Options{Start: ":", End: "\r\n", Hex: true, Checksum: &Checksum{Kind: "lrc", From: 1}}, "\x11\x03\x00\x6b\x00\x03"},
	{"hex, no start mark", Options{End: "\n", Hex: true}, "\x11\x03:\n"},
	{"stx etx bcc", Options{Start: "\x02", End: "\x03", Tail: 1, Checksum: &Checksum{Kind: "xor", From: 1}}, "W01,+0021.5"},
	{"stx, checksum, etx", Options{Start: "\x02", End: "\x03", Checksum: &Checksum{Kind: "negsum", From: 1}}, "W01,+0021.5"},
	{"a tail with more than a checksum", Options{Start: "\x02", End: "\x03", Tail: 3, Checksum: &Checksum{Kind: "sum8", From: 1}}, "abcXY"},
	{"a tail without a checksum", Options{Start: "<", End: ">", Tail: 2}, "abcXY"},
	{"stuffed", Options{Start: "\x02", End: "\x03", Escape: "\x10"}, "a\x02b\x03c\x10d"},
	{"stuffed, xor", Options{Start: "\x02", End: "\x03", Escape: "\x10", Xor: 0x20, Checksum: &Checksum{Kind: "crc8"}}, "a\x02b\x03c\x10d"},
	{"dle stx dle etx", Options{Start: "\x10\x02", End: "\x10\x03", Escape: "\x10", Checksum: &Checksum{Kind: "crc16-xmodem", From: 2}}, "a\x02b\x03c\x10d"},
	{"3964R", Options{Start: "\x02", End: "\x10\x03", Escape: "\x10", Tail: 1, Checksum: &Checksum{Kind: "xor", From: 1, Stuffed: true}}, "a\x02b\x03c\x10d"},
	{"stuffed, tail", Options{Start: "\x02", End: "\x03", Escape: "\x1b", Tail: 3, Checksum: &Checksum{Kind: "sum16"}}, "a\x02b\x03c\x1bd"},
	{"hdlc", Options{Start: "~", End: "~", Escape: "}", Xor: 0x20, Checksum: &Checksum{Kind: "crc16-x25", Order: "little"}}, "a~b}c"},
	{"slip", Options{SLIP: true}, "a\xc0b\xdbc"},
	{"slip, checksum", Options{SLIP: true, Checksum: &Checksum{Kind: "crc32"}}, "a\xc0b\xdbc"},
	{"cobs", Options{COBS: true}, "a\x00b\x00\x00c\x00"},
	{"cobs, checksum", Options{COBS: true, Checksum: &Checksum{Kind: "crc16-ccitt"}}, "a\x00b\x00\x00c\x00"},
	{"length", Options{Start: "\u00aaU", Length: &Length{At: 2, Size: 1, Add: 3}}, "hello"},
	{"length, header, checksum", Options{Start: "\u00aaU", Length: &Length{At: 4, Size: 2, Order: "little", Add: 8},
		Checksum: &Checksum{Kind: "crc16-modbus", Order: "little", From: 2}}, "\x01\x03hello"},
	{"length in digits", Options{Start: "\x01", End: "\x04", Length: &Length{At: 1, Size: 3, As: "decimal"}}, "hello"},
	{"length in hex", Options{Start: ":", Length: &Length{At: 1, Size: 2, As: "hex", Add: 6}, Checksum: &Checksum{Kind: "lrc", As: "hex", From: 1, Until: 1}}, "hello"},
	{"length without start", Options{Length: &Length{Size: 2, Add: 4}, Checksum: &Checksum{Kind: "crc16-arc"}}, "hello"},
	{"size", Options{Start: "\u00aa", Size: 8}, "1234567"},
	{"size, end, checksum", Options{Start: "\x42M", End: "\r", Size: 12, Checksum: &Checksum{Kind: "sum16"}}, "1234567"},
	{"size without start", Options{Size: 10, Checksum: &Checksum{Kind: "crc16-x25"}}, "12345678"},
	{"silence", Options{Silence: 1, Checksum: &Checksum{Kind: "crc16-modbus", Order: "little"}}, "\x01\x03\x02\x00\x17"},
}
