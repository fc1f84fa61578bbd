package gcode

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strconv"
)

// ErrLine is wrapped by every refusal to write or read a line for a stage.
var ErrLine = errors.New("gcode: bad line")

// The realtime bytes: taken out of the stream as they arrive, never buffered, never
// answered with ok.
const (
	StatusQuery     byte = '?'
	FeedHold        byte = '!'
	CycleStart      byte = '~'
	SoftReset       byte = 0x18
	SafetyDoor      byte = 0x84
	JogCancel       byte = 0x85
	FeedNormal      byte = 0x90 // override back to 100 %
	FeedPlus10      byte = 0x91
	FeedMinus10     byte = 0x92
	FeedPlus1       byte = 0x93
	FeedMinus1      byte = 0x94
	RapidFull       byte = 0x95
	RapidHalf       byte = 0x96
	RapidQuarter    byte = 0x97
	SpeedNormal     byte = 0x99
	SpeedPlus10     byte = 0x9A
	SpeedMinus10    byte = 0x9B
	SpeedPlus1      byte = 0x9C
	SpeedMinus1     byte = 0x9D
	SpindleStop     byte = 0x9E
	FloodToggle     byte = 0xA0
	MistToggle      byte = 0xA1
	maxWordDecimals      = 6
)

// IsRealtime reports whether a stage takes b out of the stream wherever it stands:
// the four of GRBL, and every byte above ASCII.
func IsRealtime(b byte) bool {
	return b == StatusQuery || b == FeedHold || b == CycleStart || b == SoftReset || b >= 0x80
}

// Check refuses a line that must not be sent: one that does not end with its only
// LF, is longer than the buffer, or holds a control character or a realtime byte,
// which would act at once.
func Check(line []byte, buffer int) error {
	n := len(line)
	switch {
	case n < 2 || line[n-1] != '\n':
		return fmt.Errorf("%w: %.40q is no line", ErrLine, line)
	case buffer > 0 && n > buffer:
		return fmt.Errorf("%w: %d bytes, the stage takes %d", ErrLine, n, buffer)
	}
	for _, c := range line[:n-1] {
		if c < ' ' && c != '\t' || c == 0x7f || IsRealtime(c) {
			return fmt.Errorf("%w: byte %#02x in %.40q", ErrLine, c, line)
		}
	}
	return nil
}

// AppendWord appends a letter and a number. decimals is 0 to 6, or negative
// for as many as are needed, 6 at most. NaN, infinities and numbers of 1e9 and above
// are refused.
func AppendWord(dst []byte, letter byte, x float64, decimals int) ([]byte, error) {
	if letter < 'A' || letter > 'Z' || math.IsNaN(x) || math.Abs(x) >= 1e9 || decimals > maxWordDecimals {
		return dst, fmt.Errorf("%w: word %q %v with %d decimals", ErrLine, letter, x, decimals)
	}
	dst = append(dst, letter)
	n := len(dst)
	if decimals >= 0 {
		dst = strconv.AppendFloat(dst, x, 'f', decimals, 64)
	} else {
		dst = strconv.AppendFloat(dst, x, 'f', maxWordDecimals, 64)
		dst = bytes.TrimRight(dst, "0")
		dst = bytes.TrimSuffix(dst, []byte("."))
	}
	if dst[n] == '-' && len(bytes.Trim(dst[n+1:], "0.")) == 0 {
		dst = append(dst[:n], dst[n+1:]...) // no minus zero
	}
	return dst, nil
}

// AppendNumbered appends a line with its number and checksum: N5 G1 X1*100\n. The line
// is given without number, checksum and terminator.
func AppendNumbered(dst []byte, number int, line []byte) ([]byte, error) {
	if number < 0 || len(line) == 0 || bytes.ContainsAny(line, "*;(\r\n") {
		return dst, fmt.Errorf("%w: number %d of %.40q", ErrLine, number, line)
	}
	start := len(dst)
	dst = append(dst, 'N')
	dst = strconv.AppendInt(dst, int64(number), 10)
	dst = append(append(dst, ' '), line...)
	sum := Checksum(dst[start:])
	dst = append(dst, '*')
	dst = strconv.AppendUint(dst, uint64(sum), 10)
	return append(dst, '\n'), nil
}

// Checksum is the exclusive or of all bytes before the asterisk.
func Checksum(b []byte) (sum byte) {
	for _, c := range b {
		sum ^= c
	}
	return sum
}

// ParseNumbered reads a numbered line, for simulators: the line without number and
// checksum.
func ParseNumbered(b []byte) (number int, line []byte, err error) {
	b = bytes.TrimRight(b, " \r\n")
	i := bytes.LastIndexByte(b, '*')
	if i < 0 || len(b) == 0 || b[0] != 'N' {
		return 0, nil, fmt.Errorf("%w: no number or no checksum in %.40q", ErrLine, b)
	}
	sum, err := strconv.ParseUint(string(b[i+1:]), 10, 8)
	if err != nil || byte(sum) != Checksum(b[:i]) {
		return 0, nil, fmt.Errorf("%w: checksum of %.40q", ErrLine, b)
	}
	n := 1
	for n < i && isDigit(b[n]) {
		n++
	}
	if number, err = strconv.Atoi(string(b[1:n])); err != nil {
		return 0, nil, fmt.Errorf("%w: number of %.40q", ErrLine, b)
	}
	return number, bytes.TrimLeft(b[n:i], " "), nil
}
