// Package floats is the wire format of controllers that send their state as one
// binary message of little-endian float32 values and take single-key JSON texts
// as commands, as the ESP32 of the aeropendulum does over a websocket. It does
// no I/O. SPEC.md defines it; vectors/ holds cases for Go and JavaScript.
//
//	state, err = floats.Decode(state, msg, 16) // 64 bytes become 16 values
//	...
//	cmd, err := floats.AppendCommand(nil, "event", 1) // {"event":"1.0"}
//
// Known errors in the field: programs that disagree about the number of floats
// (11, 15 or 16). The number the type file declares rules, and a message of
// another length is an error that names both, never a shifted reading.
package floats

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Hello is the first text message of the aeropendulum's ESP32.
const Hello = "Hola desde el ESP32"

// IsHello reports whether a text message is the greeting, blanks aside.
func IsHello(msg []byte) bool { return string(trim(msg)) == Hello }

// LengthError says that a message's length is not the declared one.
type LengthError struct {
	Bytes    int // of the message
	Declared int // floats
}

func (e *LengthError) Error() string {
	if e.Bytes%4 != 0 {
		return fmt.Sprintf("device sends %d bytes, which is no whole number of floats, the type file declares %d floats (%d bytes)",
			e.Bytes, e.Declared, 4*e.Declared)
	}
	return fmt.Sprintf("device sends %d floats, the type file declares %d", e.Bytes/4, e.Declared)
}

// Decode reads a message of exactly n floats into dst, whose storage it reuses,
// and returns the n values. NaN means a missing value and stays NaN; infinities
// pass. Any other length of msg is a *LengthError, and dst comes back empty.
func Decode(dst []float64, msg []byte, n int) ([]float64, error) {
	dst = dst[:0]
	if n < 0 || len(msg) != 4*n {
		return dst, &LengthError{Bytes: len(msg), Declared: n}
	}
	for i := 0; i < len(msg); i += 4 {
		dst = append(dst, float64(math.Float32frombits(binary.LittleEndian.Uint32(msg[i:]))))
	}
	return dst, nil
}

// Append appends vals as float32, rounded to nearest; beyond its range they
// become infinities.
func Append(dst []byte, vals []float64) []byte {
	for _, v := range vals {
		dst = binary.LittleEndian.AppendUint32(dst, math.Float32bits(float32(v)))
	}
	return dst
}
