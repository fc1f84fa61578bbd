package camera

import (
	"bytes"
	"encoding/binary"
)

// bare is a JPEG without what cameras write into it besides the picture: where and by
// whom it was taken, and small copies of it (Exif, XMP, comments). What is needed to show
// it right stays: JFIF, Adobe's colours, profiles. b is not changed.
func bare(b []byte) []byte {
	var out []byte // nil: nothing was left out so far
	from := 0      // what of b is not in out yet
	for i := 2; i+4 <= len(b) && b[i] == 0xFF; {
		m := b[i+1]
		if m == 0xFF { // fill
			i++
			continue
		}
		if m == 0x01 || m >= 0xD0 && m <= 0xD7 { // stand alone
			i += 2
			continue
		}
		end := i + 2 + int(binary.BigEndian.Uint16(b[i+2:]))
		if m == 0xDA || end < i+4 || end > len(b) { // the picture itself
			break
		}
		if body := b[i+4 : end]; (m >= 0xE0 && m <= 0xEF || m == 0xFE) &&
			(m != 0xE0 || !bytes.HasPrefix(body, []byte("JFIF\x00"))) &&
			(m != 0xE2 || !bytes.HasPrefix(body, []byte("ICC_PROFILE\x00"))) &&
			(m != 0xEE || !bytes.HasPrefix(body, []byte("Adobe"))) {
			out = append(out, b[from:i]...)
			from = end
		}
		i = end
	}
	if from == 0 {
		return b
	}
	return append(out, b[from:]...)
}
