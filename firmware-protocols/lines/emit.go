package lines

import (
	"bytes"
	"unicode/utf8"
)

// values emits the parsed fields as one record.
func (d *Decoder) values(raw []byte, glued bool, emit func(*Record)) {
	d.stats.Records++
	d.rec = Record{Fields: d.fields, Raw: raw, Kind: Values, Glued: glued}
	emit(&d.rec)
}

// labels emits the parsed fields as a header.
func (d *Decoder) labels(raw []byte, emit func(*Record)) {
	d.rec = Record{Fields: d.fields, Raw: raw, Kind: Labels}
	emit(&d.rec)
}

// garbage emits raw as not of the format.
func (d *Decoder) garbage(raw []byte, glued bool, why string, emit func(*Record)) {
	d.lost(Record{Raw: raw, Kind: Garbage, Glued: glued, Plain: plain(raw), Why: why}, emit)
}

// broken emits raw as a record that was damaged, however readable it is.
func (d *Decoder) broken(raw []byte, why string, emit func(*Record)) {
	d.lost(Record{Raw: raw, Kind: Garbage, Why: why}, emit)
}

func (d *Decoder) lost(r Record, emit func(*Record)) {
	d.stats.Garbage++
	d.junk = r
	emit(&d.junk)
}

// overlong reports a dropped line by its first bytes. Its length is counted
// without the terminator, so the prefix never holds one.
func (d *Decoder) overlong(b []byte, emit func(*Record)) {
	d.stats.Overlong++
	d.junk = Record{Raw: b[:min(len(b), maxPrefix, d.opt.MaxLine)], Kind: Overlong}
	emit(&d.junk)
}

// plain reports whether b is text for people: UTF-8 without control characters
// and without a brace, which would be the sign of a broken record.
func plain(b []byte) bool {
	for _, c := range b {
		if c < ' ' && c != '\t' || c == 0x7f || c == '{' || c == '}' {
			return false
		}
	}
	return utf8.Valid(b)
}

func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

// trim cuts blanks and line ends off both sides.
func trim(b []byte) []byte {
	for len(b) > 0 && isSpace(b[0]) {
		b = b[1:]
	}
	for len(b) > 0 && isSpace(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return b
}

// space returns the index of the first byte at or after i that is no white
// space. The zero-width space and the byte-order mark count as white space:
// firmware pasted from web pages prints them.
func space(b []byte, i int) int {
	for i < len(b) {
		switch {
		case isSpace(b[i]):
			i++
		case b[i] == 0xE2 && bytes.HasPrefix(b[i:], []byte("\u200b")),
			b[i] == 0xEF && bytes.HasPrefix(b[i:], []byte("\ufeff")):
			i += 3
		default:
			return i
		}
	}
	return i
}
