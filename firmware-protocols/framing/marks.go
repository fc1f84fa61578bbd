package framing

import (
	"bytes"

	"labbox/firmware-protocols/checksum"
)

// markedFrame reads the frame at the begin of c up to its end mark.
func (d *Decoder) markedFrame(c []byte) (int, Fault) {
	l := d.l
	s, most := len(l.start), len(l.start)+l.max-l.extra // the mark stands at c[most] at the latest
	if l.tail == 0 {
		most += l.width
	}
	if l.opt.Hex {
		most = s + 2*(most-s)
	}
	from := max(d.seen, s)
	window := c[:min(len(c), most+len(l.mark))]
	m := bytes.Index(window[min(from, len(window)):], l.mark)
	if m < 0 {
		if d.seen = max(s, len(window)-len(l.mark)+1); len(c) >= most+len(l.mark) {
			return most + 1, TooLong
		}
		return 0, OK
	}
	m += from
	d.seen = m
	if s > 0 && l.width == 0 {
		// Only a checksum can tell that a start mark belongs to the message.
		if i := bytes.LastIndex(c[s:m], l.start); i >= 0 {
			return s + i, CutOff
		}
	}
	if s == 0 && m == 0 && l.tail == 0 && !l.opt.Empty {
		return len(l.mark), Garbage
	}
	if l.tail > 0 {
		return d.tailedFrame(c, m)
	}
	if l.opt.Hex {
		return m + len(l.mark), d.hexFrame(c[:m])
	}
	return d.summedFrame(c, m, most)
}

// hexFrame reads a frame, its end mark cut off, that is written in digits.
func (d *Decoder) hexFrame(c []byte) Fault {
	s := len(d.l.start)
	d.plain = append(d.plain[:0], c[:s]...)
	for p := c[s:]; len(p) > 0; p = p[2:] {
		if len(p) == 1 {
			return BadCode
		}
		hi, lo := hexDigit(p[0]), hexDigit(p[1])
		if hi|lo > 15 {
			return BadCode
		}
		d.plain = append(d.plain, hi<<4|lo)
	}
	at := len(d.plain) - d.l.width
	why := d.verify(d.plain, at)
	if why == OK {
		d.body(d.plain[s:at], nil)
	}
	return why
}

func hexDigit(c byte) byte {
	switch {
	case c-'0' <= 9:
		return c - '0'
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10
	}
	return 0xFF
}

// tailedFrame reads what follows the mark at c[m].
func (d *Decoder) tailedFrame(c []byte, m int) (int, Fault) {
	l := d.l
	tail := m + len(l.mark)
	n := tail + l.tail + len(l.final)
	if len(c) < n {
		return 0, OK
	}
	if !bytes.Equal(c[tail+l.tail:n], l.final) {
		return n, NoEnd
	}
	why := d.verify(c, tail+l.tail-l.width)
	if why == OK {
		d.body(c[len(l.start):m], c[tail:tail+l.extra])
	}
	return n, why
}

// summedFrame reads a frame whose end mark stands at c[m]. The bytes of a binary
// checksum may look like the mark; the mark is then the next one near it.
func (d *Decoder) summedFrame(c []byte, m, most int) (int, Fault) {
	l := d.l
	first, bad := m, OK
	var sum, want uint32
	for {
		why := d.verify(c, m-l.width)
		if why == OK {
			d.body(c[len(l.start):m-l.width], nil)
			return m + len(l.mark), OK
		}
		if m == first {
			bad, sum, want = why, d.msg.Sum, d.msg.Want
		}
		d.msg.Sum, d.msg.Want = sum, want
		stop := min(first+l.width+len(l.mark), most+1) // the true mark begins before
		if l.form != checksum.Binary || m+1 >= stop {
			return first + len(l.mark), bad
		}
		end := stop - 1 + len(l.mark)
		i := bytes.Index(c[m+1:min(len(c), end)], l.mark)
		if i < 0 {
			if len(c) < end && !d.last {
				return 0, OK
			}
			return first + len(l.mark), bad
		}
		m += 1 + i
	}
}

// dropped passes over bytes up to the end of what is dropped.
func (d *Decoder) dropped(c []byte) (n int, end bool) {
	l := d.l
	if l.way == silent {
		n = len(c)
	} else if m := bytes.Index(c, l.mark); m < 0 {
		n = max(0, len(c)-len(l.mark)+1)
	} else if n = m + len(l.mark) + l.tail + len(l.final); n > len(c) {
		n = m
	} else {
		end = true
	}
	if !d.skip {
		d.stats.Lost += uint64(n)
	}
	if end {
		if d.skip {
			d.stats.Skipped++
		}
		d.drop, d.skip = false, false
	}
	return n, end
}
