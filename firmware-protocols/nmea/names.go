package nmea

import "strconv"

// maxNames bounds the names kept for sentences of no standard meaning. Beyond it
// (noise with right checksums, or a very talkative device) each name is made anew.
const maxNames = 512

// names keeps made-up names, so that a device's unknown sentences cost no
// allocation after the first ones.
type names struct {
	have map[nameKey]string
}

// nameKey is a name's text, in one fixed array, so that a look-up allocates nothing.
type nameKey struct {
	text [40]byte
	n    uint8
}

// join returns head + "." + tail, or head + "." + number where tail is empty.
func (k *names) join(head, tail []byte, number int, suffix string) string {
	var b [40]byte
	s := append(b[:0], head...)
	s = append(s, '.')
	if len(tail) > 0 {
		s = append(s, tail...)
	} else {
		s = strconv.AppendInt(s, int64(number), 10)
	}
	s = append(s, suffix...)
	if k == nil || len(s) > len(b) {
		return string(s)
	}
	key := nameKey{n: uint8(len(s))}
	copy(key.text[:], s)
	if name, ok := k.have[key]; ok {
		return name
	}
	if len(k.have) >= maxNames {
		return string(s)
	}
	if k.have == nil {
		k.have = map[nameKey]string{}
	}
	name := string(s)
	k.have[key] = name
	return name
}
