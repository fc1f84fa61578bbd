package nmea

import (
	"bytes"
	"math"
)

// position reads ddmm.mmm or dddmm.mmm and the hemisphere, positive or negative;
// empty is NaN and no error, a position without hemisphere is one.
func position(f, letter []byte, limit float64, letters string) (float64, bool) {
	if len(f) == 0 {
		return math.NaN(), true
	}
	dot := bytes.IndexByte(f, '.')
	if dot < 0 {
		dot = len(f)
	}
	if dot < 3 || dot > 5 || len(letter) != 1 {
		return math.NaN(), false
	}
	deg, ok1 := parse(f[:dot-2])
	minutes, ok2 := parse(f[dot-2:])
	for _, c := range f[:dot] {
		ok1 = ok1 && c >= '0' && c <= '9'
	}
	deg += minutes / 60
	if !ok1 || !ok2 || minutes >= 60 || deg > limit {
		return math.NaN(), false
	}
	switch letter[0] {
	case letters[0]:
		return deg, true
	case letters[1]:
		return -deg, true
	}
	return math.NaN(), false
}

// timeOfDay reads hhmmss or hhmmss.sss.
func timeOfDay(f []byte) (float64, bool) {
	if len(f) == 0 {
		return math.NaN(), true
	}
	if len(f) < 6 {
		return math.NaN(), false
	}
	h, ok1 := two(f)
	m, ok2 := two(f[2:])
	s, ok3 := parse(f[4:])
	if !ok1 || !ok2 || !ok3 || h > 23 || m > 59 || !(s >= 0 && s < 61) || f[4] == '+' || f[4] == '-' || f[4] == ' ' {
		return math.NaN(), false
	}
	return float64(h*3600+m*60) + s, true // a leap second is 60
}

func two(f []byte) (int, bool) {
	if len(f) < 2 || f[0]-'0' > 9 || f[1]-'0' > 9 {
		return 0, false
	}
	return int(f[0]-'0')*10 + int(f[1]-'0'), true
}

// unix reads a time of the day and ddmmyy.
func unix(t, date []byte) (float64, bool) {
	if len(t) == 0 || len(date) == 0 {
		return math.NaN(), true
	}
	if len(date) != 6 {
		return math.NaN(), false
	}
	year, ok := two(date[4:])
	if !ok {
		return math.NaN(), false
	}
	if year < 80 {
		year += 100
	}
	return seconds(t, date[:2], date[2:4], 1900+year)
}

// unixOf reads a time of the day, day, month and a year of four digits.
func unixOf(t, day, month, year []byte) (float64, bool) {
	if len(t) == 0 || len(day) == 0 || len(month) == 0 || len(year) == 0 {
		return math.NaN(), true
	}
	century, ok1 := two(year)
	if len(year) != 4 || !ok1 {
		return math.NaN(), false
	}
	rest, ok2 := two(year[2:])
	if !ok2 {
		return math.NaN(), false
	}
	return seconds(t, day, month, century*100+rest)
}

func seconds(t, day, month []byte, year int) (float64, bool) {
	s, ok1 := timeOfDay(t)
	d, ok2 := two(day)
	m, ok3 := two(month)
	if !ok1 || !ok2 || !ok3 || len(day) != 2 || len(month) != 2 || m < 1 || m > 12 || d < 1 || d > monthDays(year, m) || year < 1900 {
		return math.NaN(), false
	}
	return float64(days(year, m, d))*86400 + s, true
}

func monthDays(year, m int) int {
	switch {
	case m == 2 && year%4 == 0 && (year%100 != 0 || year%400 == 0):
		return 29
	case m == 2:
		return 28
	case m == 4 || m == 6 || m == 9 || m == 11:
		return 30
	}
	return 31
}

// days counts from 1970-01-01 in the Gregorian calendar. The year begins in March,
// so that the leap day is its last (E. G. Richards, Mapping Time, 1998).
func days(y, m, d int) int {
	if m < 3 {
		y, m = y-1, m+12
	}
	return 365*y + y/4 - y/100 + y/400 + (153*(m-3)+2)/5 + d - 1 - 719468
}
