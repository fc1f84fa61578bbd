package frame

import "encoding/binary"

// Select appends to dst a frame with only the given columns of v (positions in
// v, in the order wanted, repeats allowed). The arrays are copied as they stand.
// With no column nothing is appended: a frame has one at least.
func Select(dst []byte, v View, columns []int) []byte {
	if len(columns) == 0 {
		return dst
	}
	at := len(dst)
	dst = append(dst, v.b[:headerSize]...)
	for _, ch := range columns {
		c := v.b[headerSize+columnSize*ch:]
		dst = append(dst, c[:columnSize]...)
	}
	dst = append(dst, v.b[headerSize+columnSize*v.h.Channels:v.data]...)
	for _, ch := range columns {
		from, c := v.array(ch)
		dst = append(dst, v.b[from:from+pad8(c.Format.Size()*v.h.Samples)]...)
	}
	binary.LittleEndian.PutUint16(dst[at+4:], uint16(len(columns)))
	binary.LittleEndian.PutUint32(dst[at+12:], uint32(len(dst)-at))
	return dst
}

// Positions appends to dst the columns of v that hold the given channels of the
// contract, in the order of channels; one that v does not have is left out.
func Positions(dst []int, v View, channels []uint16) []int {
	for _, want := range channels {
		for i := range v.h.Channels {
			if binary.LittleEndian.Uint16(v.b[headerSize+columnSize*i+2:]) == want {
				dst = append(dst, i)
				break
			}
		}
	}
	return dst
}

// SetLost writes the number of samples missing before the frame at the start of
// b, in place: only in a copy that nobody else reads. It is how a hub declares a
// gap to one slow client. Bytes shorter than a header are left alone.
func SetLost(b []byte, lost uint32) {
	if len(b) >= headerSize {
		binary.LittleEndian.PutUint32(b[28:], lost)
	}
}

// AppendLost appends a copy of v to dst with more missing before it than v says.
func AppendLost(dst []byte, v View, more uint32) []byte {
	at := len(dst)
	dst = append(dst, v.b...)
	SetLost(dst[at:], AddLost(v.h.Lost, more))
	return dst
}
