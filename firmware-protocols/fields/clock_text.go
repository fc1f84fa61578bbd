package fields

import (
	"bytes"
	"math"
	"time"
)

// read reads one piece. n is how far it got where it fails.
func (t *moment) read(b []byte, it *item) (n int, ok bool) {
	switch it.what {
	case 0:
		n, ok = constant(it.text).match(b, 0, nil, nil)
		return n, ok
	case 'N':
		for i := range 12 {
			name := months[3*i : 3*i+3]
			if len(b) >= 3 && b[0]|0x20 == name[0]|0x20 && b[1]|0x20 == name[1] && b[2]|0x20 == name[2] {
				t.month = i + 1
				return 3, true
			}
		}
		return 0, false
	case 'A':
		if len(b) < 2 || b[0]|0x20 != 'a' && b[0]|0x20 != 'p' || b[1]|0x20 != 'm' {
			return 0, false
		}
		t.half = b[0] &^ 0x20
		return 2, true
	case 'z':
		return t.zone(b)
	}
	x, n := 0, 0
	for n < it.n && n < len(b) && isDigit(b[n]) {
		x = x*10 + int(b[n]-'0')
		n++
	}
	if n < it.n {
		return n, false
	}
	if it.n == 1 && it.what != 'f' && n < len(b) && isDigit(b[n]) {
		x = x*10 + int(b[n]-'0')
		n++
	}
	switch it.what {
	case 'Y':
		t.year = x
	case 'y':
		t.year = 1900 + x
		if x < 70 {
			t.year = 2000 + x
		}
	case 'M':
		t.month = x
	case 'D':
		t.day = x
	case 'h':
		t.hour = x
	case 'm':
		t.minute = x
	case 's':
		t.second = x
	case 'f':
		for range 9 - it.n {
			x *= 10
		}
		t.nano = x
	}
	return n, true
}

// zone reads Z, +hhmm or +hh:mm.
func (t *moment) zone(b []byte) (int, bool) {
	if len(b) > 0 && b[0]|0x20 == 'z' {
		return 1, true
	}
	if len(b) < 5 || b[0] != '+' && b[0] != '-' {
		return 0, false
	}
	n := 3
	if b[3] == ':' {
		n = 4
	}
	if len(b) < n+2 {
		return len(b), false
	}
	for _, i := range [...]int{1, 2, n, n + 1} {
		if !isDigit(b[i]) {
			return i, false
		}
	}
	m := int(b[n]-'0')*10 + int(b[n+1]-'0')
	t.offset = 60 * (60*(int(b[1]-'0')*10+int(b[2]-'0')) + m)
	if b[0] == '-' {
		t.offset = -t.offset
	}
	return n + 2, m < 60
}

func (c *clock) print(dst []byte, v Value) ([]byte, error) {
	x := v.Num
	if v.Kind != Number || math.IsNaN(x) || math.Abs(x) > 253402300800 {
		return dst, refuse("a time in seconds is needed")
	}
	digits := 0
	for _, it := range c.items {
		if it.what == 'f' {
			digits = it.n
		}
	}
	unit := math.Pow10(digits)
	sec := math.Floor(x)
	frac := math.Round((x - sec) * unit)
	if digits == 0 {
		frac = 0 // as a clock shows it: the second that has begun
	}
	if frac >= unit && digits > 0 {
		sec, frac = sec+1, 0
	}
	if !c.date && (sec < 0 || sec >= 86400) {
		return dst, refuse("%v is no time of a day in seconds", x)
	}
	t := time.Unix(int64(sec), 0).UTC()
	if y := t.Year(); y < 0 || y > 9999 {
		return dst, refuse("the year %d", y)
	}
	start := len(dst)
	for i := range c.items {
		it := &c.items[i]
		switch it.what {
		case 0:
			dst = append(dst, it.text...)
		case 'Y':
			dst = appendInt(dst, t.Year(), 4)
		case 'y':
			if t.Year() < 1970 || t.Year() > 2069 {
				return dst[:start], refuse("the year %d in two digits", t.Year())
			}
			dst = appendInt(dst, t.Year()%100, 2)
		case 'M':
			dst = appendInt(dst, int(t.Month()), it.n)
		case 'N':
			dst = append(dst, months[3*t.Month()-3:3*t.Month()]...)
		case 'D':
			dst = appendInt(dst, t.Day(), it.n)
		case 'h':
			h := t.Hour()
			if c.twelve() {
				h = (h+11)%12 + 1
			}
			dst = appendInt(dst, h, it.n)
		case 'm':
			dst = appendInt(dst, t.Minute(), 2)
		case 's':
			dst = appendInt(dst, t.Second(), 2)
		case 'f':
			dst = appendInt(dst, int(frac), it.n)
		case 'A':
			dst = append(dst, "AP"[t.Hour()/12], 'M')
		case 'z':
			dst = append(dst, "+0000"...)
		}
	}
	return dst, nil
}

func (c *clock) twelve() bool {
	for i := range c.items {
		if c.items[i].what == 'A' {
			return true
		}
	}
	return false
}

// appendInt writes x with at least n digits.
func appendInt(dst []byte, x, n int) []byte {
	var b [10]byte
	i := len(b)
	for x > 0 || n > 0 {
		i--
		b[i] = '0' + byte(x%10)
		x /= 10
		n--
	}
	return append(dst, bytes.TrimLeft(b[i:], "\x00")...)
}
