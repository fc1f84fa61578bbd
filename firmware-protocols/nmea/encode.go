package nmea

import (
	"errors"
	"fmt"
	"strings"
)

// ErrSentence is wrapped by what Append returns.
var ErrSentence = errors.New("nmea: bad sentence")

// Append appends $, talker, type and fields, the checksum and CR LF: what a device
// sends ("GP", "GGA"), and a proprietary command ("P", "MTK220"). Talker is two
// capital letters or digits, or P alone. Fields are printable ASCII without the
// characters that mean something: $ ! * , \ ^ ~. On an error, also for more than
// DefaultMax bytes, dst is returned as it was. The standard's own limit is
// [StandardMax].
func Append(dst []byte, talker, typ string, fields ...string) ([]byte, error) {
	if talker != "P" && (len(talker) != 2 || talker[0] == 'P') || typ == "" || len(talker)+len(typ) > 16 {
		return dst, fmt.Errorf("%w: address %q%q", ErrSentence, talker, typ)
	}
	for _, part := range [...]string{talker, typ} {
		for i := range len(part) {
			if !isAddress(part[i]) {
				return dst, fmt.Errorf("%w: address %q%q", ErrSentence, talker, typ)
			}
		}
	}
	if len(fields) > MaxFields {
		return dst, fmt.Errorf("%w: %d fields, at most %d", ErrSentence, len(fields), MaxFields)
	}
	start := len(dst)
	out := append(dst, '$')
	out = append(append(out, talker...), typ...)
	for i, f := range fields {
		for j := range len(f) {
			if c := f[j]; c < 0x20 || c >= 0x7f || strings.IndexByte("$!*,\\^~", c) >= 0 {
				return dst, fmt.Errorf("%w: character %q in field %d", ErrSentence, c, i+1)
			}
		}
		out = append(append(out, ','), f...)
	}
	const digits = "0123456789ABCDEF"
	sum := xor(out[start+1:])
	out = append(out, '*', digits[sum>>4], digits[sum&15], '\r', '\n')
	if n := len(out) - start; n > DefaultMax {
		return dst, fmt.Errorf("%w: %d bytes, at most %d", ErrSentence, n, DefaultMax)
	}
	return out, nil
}

// AppendAngle appends a latitude or longitude as two fields, "4807.0380,N": degrees
// and minutes with four decimals, which is 0.2 m. Longitude says which. NaN, and
// what lies beyond 90 or 180 degrees, is two empty fields.
func AppendAngle(dst []byte, deg float64, longitude bool) []byte {
	limit, width, letters := 90.0, 2, "NS"
	if longitude {
		limit, width, letters = 180, 3, "EW"
	}
	if !(deg >= -limit && deg <= limit) {
		return append(dst, ',')
	}
	letter := letters[0]
	if deg < 0 {
		deg, letter = -deg, letters[1]
	}
	const perDegree = 60 * 10000
	n := int64(deg*perDegree + 0.5)
	dst = digitsOf(dst, n/perDegree, width)
	dst = digitsOf(dst, n%perDegree/10000, 2)
	dst = append(dst, '.')
	dst = digitsOf(dst, n%10000, 4)
	return append(dst, ',', letter)
}

// AppendTime appends a time of the day, in seconds, as hhmmss.ss; NaN and what is
// no time of a day is an empty field.
func AppendTime(dst []byte, seconds float64) []byte {
	if !(seconds >= 0 && seconds < 86400) {
		return dst
	}
	n := min(int64(seconds*100+0.5), 8639999)
	dst = digitsOf(dst, n/360000, 2)
	dst = digitsOf(dst, n/6000%60, 2)
	dst = digitsOf(dst, n/100%60, 2)
	dst = append(dst, '.')
	return digitsOf(dst, n%100, 2)
}

func digitsOf(dst []byte, n int64, width int) []byte {
	var b [20]byte
	i := len(b)
	for ; width > 0 || n > 0; width-- {
		i--
		b[i] = byte('0' + n%10)
		n /= 10
	}
	return append(dst, b[i:]...)
}
