package framing

import "bytes"

const (
	slipEnd    = 0xC0
	slipEsc    = 0xDB
	slipEscEnd = 0xDC
	slipEscEsc = 0xDD
)

// escapes sets up byte stuffing.
func (l *layout) escapes(o Options) error {
	if o.SLIP {
		l.slip, l.esc, l.mark = true, slipEsc, []byte{slipEnd}
		return nil
	}
	if o.COBS {
		l.mark = []byte{0}
		return nil
	}
	if o.Escape == "" {
		return nil
	}
	l.way = stuffed
	esc, err := toBytes("escape", o.Escape, 1)
	if err != nil {
		return err
	}
	l.esc = esc[0]
	if o.Xor < 0 || o.Xor > 255 {
		return wrong("xor", "%d is no byte", o.Xor)
	}
	l.xor = byte(o.Xor)
	endKey := "end"
	if o.After != "" {
		endKey = "after"
	}
	if l.startEsc, err = l.escaped("start", l.start); err != nil {
		return err
	}
	if l.endEsc, err = l.escaped(endKey, l.mark); err != nil {
		return err
	}
	if bytes.Equal(l.start, l.mark) {
		if l.endEsc || o.Tail > 0 {
			return wrong("start", "marks that frames share are one byte, without a tail")
		}
		l.start, l.lead = nil, l.start
	}
	// 3964R: only the escape byte is doubled, a start mark may stand in the message.
	l.startCut = l.startEsc || !l.endEsc
	for c := range 256 {
		if !l.special(byte(c)) {
			continue
		}
		x := byte(c) ^ l.xor
		if l.xor != 0 && l.special(x) || l.startEsc && x == l.start[1] || l.endEsc && x == l.mark[1] {
			return wrong("xor", "the byte %02X behind the escape byte would be read as a mark", x)
		}
	}
	return nil
}

// escaped reports whether a mark is the escape byte and another one.
func (l *layout) escaped(key string, mark []byte) (bool, error) {
	switch {
	case len(mark) == 0 && key == "start", len(mark) == 1 && mark[0] != l.esc:
		return false, nil
	case len(mark) == 2 && mark[0] == l.esc && mark[1] != l.esc:
		return true, nil
	}
	return false, wrong(key, "with escape a mark is one byte, or the escape byte and another one")
}

// special reports whether a byte of the message is stuffed.
func (l *layout) special(c byte) bool {
	return c == l.esc || len(l.mark) == 1 && c == l.mark[0] || l.startCut && len(l.start) == 1 && c == l.start[0]
}

// stuff appends p with its special bytes escaped.
func (l *layout) stuff(dst, p []byte) []byte {
	for _, c := range p {
		switch {
		case !l.special(c):
			dst = append(dst, c)
		case l.slip && c == slipEnd:
			dst = append(dst, slipEsc, slipEscEnd)
		case l.slip:
			dst = append(dst, slipEsc, slipEscEsc)
		default:
			dst = append(dst, l.esc, c^l.xor)
		}
	}
	return dst
}

// unstuff reads what stands behind an escape byte. It is OK, or CutOff at a
// start mark, NoEnd at the end mark (for the caller to act on), or BadCode.
func (l *layout) unstuff(c byte) (byte, Fault) {
	switch {
	case l.slip:
		if c == slipEscEnd {
			return slipEnd, OK
		}
		if c == slipEscEsc {
			return slipEsc, OK
		}
		return 0, BadCode
	case l.endEsc && c == l.mark[1]:
		return 0, NoEnd
	case l.startEsc && c == l.start[1]:
		return 0, CutOff
	case l.xor != 0 && l.special(c), (l.startEsc || l.endEsc) && !l.special(c^l.xor):
		return 0, BadCode
	}
	return c ^ l.xor, OK
}

// stuffedFrame reads the stuffed frame at the begin of c. What it has decoded
// stays in d.plain between calls.
func (d *Decoder) stuffedFrame(c []byte) (int, Fault) {
	l := d.l
	i := d.seen
	if i == 0 {
		d.plain = append(d.plain[:0], l.start...)
		i = len(l.start)
	}
	most := len(l.start) + l.max - l.extra
	if l.tail == 0 {
		most += l.width
	}
	for i < len(c) && len(d.plain) <= most {
		ch := c[i]
		switch {
		case ch == l.esc:
			if i+1 == len(c) {
				d.seen = i
				return 0, OK
			}
			b, why := l.unstuff(c[i+1])
			switch why {
			case NoEnd:
				return d.stuffedEnd(c, i, 2)
			case CutOff:
				return i, CutOff
			case BadCode:
				return d.badCode(c, i)
			}
			d.plain = append(d.plain, b)
			i += 2
			continue
		case !l.endEsc && ch == l.mark[0]:
			return d.stuffedEnd(c, i, 1)
		case l.startCut && len(l.start) == 1 && ch == l.start[0]:
			return i, CutOff
		}
		d.plain = append(d.plain, ch)
		i++
	}
	d.seen = i
	if len(d.plain) > most {
		return i, TooLong
	}
	return 0, OK
}

// badCode ends a frame at a broken escape: nobody knows where it ends where
// frames have start marks, else at the next mark.
func (d *Decoder) badCode(c []byte, i int) (int, Fault) {
	if len(d.l.start) > 0 {
		return 0, BadCode
	}
	most := d.l.rawMax + 1
	k := bytes.IndexByte(c[i:min(len(c), most)], d.l.mark[0])
	if k < 0 {
		d.seen = i // found again, until the mark is here
		if len(c) >= most {
			return most, TooLong
		}
		return 0, OK
	}
	return i + k + 1, BadCode
}

// stuffedEnd finishes a frame whose end mark of n bytes stands at c[i].
func (d *Decoder) stuffedEnd(c []byte, i, n int) (int, Fault) {
	l := d.l
	content := len(d.plain)
	total := i + n + l.tail + len(l.final)
	if len(c) < total {
		d.seen = i
		return 0, OK
	}
	if content == 0 && len(l.start) == 0 && l.tail == 0 {
		return total, Garbage // nothing between two marks
	}
	if !bytes.Equal(c[total-len(l.final):total], l.final) {
		return total, NoEnd
	}
	frame, at := d.plain, content-l.width
	if l.tail > 0 {
		d.plain = append(append(d.plain, l.mark...), c[i+n:i+n+l.tail]...)
		frame, at = d.plain, len(d.plain)-l.width
	}
	if l.raw {
		frame, at = c, total-len(l.final)-l.width
	}
	why := d.verify(frame, at)
	if l.tail == 0 {
		content -= l.width
	}
	if why == OK {
		d.body(d.plain[len(l.start):content], c[i+n:i+n+l.extra])
	}
	return total, why
}
