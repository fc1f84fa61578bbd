package nmea

import "bytes"

// sentence reads one sentence, which begins with $ or !.
func (d *Decoder) sentence(raw []byte, ended bool, emit func(*Sentence)) {
	why := d.parse(raw, ended)
	if why == Good {
		d.stats.Sentences++
		emit(&d.s)
		return
	}
	// The end of one sentence may have got lost together with the beginning of
	// the next line's $: a ! further on may begin a good one.
	if at := bytes.LastIndexByte(raw, '!'); at > 0 && why != Overlong {
		if d.parse(raw[at:], ended) == Good {
			d.bad(Cut, raw[:at], emit)
			d.parse(raw[at:], ended)
			d.stats.Sentences++
			emit(&d.s)
			return
		}
	}
	d.bad(why, raw, emit)
}

// parse fills d.s.
func (d *Decoder) parse(raw []byte, ended bool) Bad {
	body := bytes.TrimRight(raw[1:], " \t\x00")
	checked := false
	if star := len(body) - 3; star >= 0 && body[star] == '*' {
		sum, ok := hexByte(body[star+1], body[star+2])
		if !ok || sum != xor(body[:star]) {
			return Checksum
		}
		body, checked = body[:star], true
	}
	for _, c := range body {
		if c < 0x20 || c >= 0x7f && !checked {
			return Characters
		}
	}
	switch {
	case checked:
	case !ended:
		return Cut
	case bytes.IndexByte(body, '*') >= 0:
		return Checksum // cut or followed by something
	case !d.opt.NoChecksum:
		return NoChecksum
	}
	address, rest, more := bytes.Cut(body, []byte{','})
	talker := 2
	if len(address) > 0 && address[0] == 'P' {
		talker = 1
	}
	if len(address) <= talker || len(address) > 16 {
		return Address
	}
	for _, c := range address {
		if !isAddress(c) {
			return Address
		}
	}
	d.s = Sentence{Talker: address[:talker], Type: address[talker:], Encapsulated: raw[0] == '!', Checked: checked, Raw: raw, names: &d.names}
	d.fields = d.fields[:0]
	for more {
		if len(d.fields) == MaxFields {
			return Fields
		}
		var field []byte
		field, rest, more = bytes.Cut(rest, []byte{','})
		d.fields = append(d.fields, field)
	}
	d.s.Fields = d.fields
	return Good
}

func isAddress(c byte) bool { return c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' }

func xor(b []byte) (sum byte) {
	for _, c := range b {
		sum ^= c
	}
	return sum
}

func hexByte(hi, lo byte) (byte, bool) {
	h, ok := nibble(hi)
	l, ok2 := nibble(lo)
	return h<<4 | l, ok && ok2
}

func nibble(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10, true
	}
	return 0, false
}
