package v4l2

import (
	"bytes"
	"encoding/binary"
)

// Markers of ITU-T T.81, table B.1.
const (
	soi = 0xD8
	eoi = 0xD9
	sos = 0xDA
	dht = 0xC4
	tem = 0x01
)

// cleaned copies the JPEG at the beginning of b: to its end, without what a camera has
// left in the buffer behind it, and with the standard Huffman tables where it has none,
// as Motion-JPEG allows. It is not ok where the picture is damaged: where its markers
// make no sense, it has no frame header, or breaks off. A picture that is longer than
// most is copied no further than is needed to see that.
func cleaned(b []byte, most int) (jpeg []byte, ok bool) {
	end, tablesAt := shape(b)
	if end == 0 {
		return nil, false
	}
	if end > most {
		return b[: most+1 : most+1], true
	}
	if tablesAt == 0 {
		return bytes.Clone(b[:end]), true
	}
	tables := standardTables()
	out := make([]byte, 0, end+len(tables))
	out = append(out, b[:tablesAt]...)
	out = append(out, tables...)
	return append(out, b[tablesAt:end]...), true
}

// shape walks over a JPEG's markers. end is where it ends, 0: it is damaged; tablesAt is
// where its Huffman tables are missing, 0: nowhere.
func shape(b []byte) (end, tablesAt int) {
	if len(b) < 2 || b[0] != 0xFF || b[1] != soi {
		return 0, 0
	}
	frame, tables, scans := false, false, 0
	for i := 2; ; {
		if i+1 >= len(b) || b[i] != 0xFF {
			return 0, 0
		}
		m := b[i+1]
		switch {
		case m == 0xFF: // fill
			i++
			continue
		case m == tem:
			i += 2
			continue
		case m == eoi && scans > 0:
			return i + 2, tablesAt
		case m < 0xC0 || m >= 0xD0 && m <= eoi: // none that has a segment, or a second picture
			return 0, 0
		}
		if i+4 > len(b) {
			return 0, 0
		}
		n := int(binary.BigEndian.Uint16(b[i+2:]))
		if n < 2 || i+2+n > len(b) {
			return 0, 0
		}
		switch {
		case m == dht:
			tables = true
		case m >= 0xC0 && m <= 0xCF && m != 0xC8 && m != 0xCC: // frame headers
			// Those that browsers show, with a size.
			if m > 0xC2 || n < 8 || b[i+5] == 0 && b[i+6] == 0 || b[i+7] == 0 && b[i+8] == 0 {
				return 0, 0
			}
			frame = true
		case m == sos:
			if !frame {
				return 0, 0
			}
			if scans++; !tables && scans == 1 {
				tablesAt = i
			}
			if i = coded(b, i+2+n); i < 0 {
				return 0, 0
			}
			continue
		}
		i += 2 + n
	}
}

// coded is where the entropy-coded data at i ends, -1: it breaks off. FF 00 stands for a
// byte, FF D0 to FF D7 are restart markers.
func coded(b []byte, i int) int {
	for {
		n := bytes.IndexByte(b[i:], 0xFF)
		if n < 0 || i+n+1 >= len(b) {
			return -1
		}
		i += n
		if m := b[i+1]; m != 0 && (m < 0xD0 || m > 0xD7) {
			return i
		}
		i += 2
	}
}
