package modbus

import "time"

// CRC is the CRC-16 of RTU frames: polynomial 0x8005 reflected (0xA001), start
// 0xFFFF. It stands behind the frame, low byte first.
func CRC(p []byte) uint16 {
	crc := uint16(0xffff)
	for _, b := range p {
		crc = crc>>8 ^ crcTable[byte(crc)^b]
	}
	return crc
}

// crcTable[i] is i shifted out through the polynomial.
var crcTable = func() (t [256]uint16) {
	for i := range t {
		crc := uint16(i)
		for range 8 {
			crc = crc>>1 ^ 0xa001*(crc&1)
		}
		t[i] = crc
	}
	return t
}()

func appendCRC(dst []byte, p []byte) []byte {
	crc := CRC(p)
	return append(dst, byte(crc), byte(crc>>8))
}

// crcOK reports whether frame ends with its CRC.
func crcOK(frame []byte) bool {
	n := len(frame) - 2
	return n >= 2 && CRC(frame[:n]) == uint16(frame[n])|uint16(frame[n+1])<<8
}

// Silence gives the times of a serial line: a pause over t15 inside a frame
// spoils it, a pause of t35 ends it. A character has 11 bits; above 19200 baud
// the times are fixed at 750 and 1750 us. For a baud rate of no sense (0 or
// less) they are those of 9600 baud.
func Silence(baud int) (t15, t35 time.Duration) {
	if baud <= 0 {
		baud = 9600
	}
	if baud > 19200 {
		return 750 * time.Microsecond, 1750 * time.Microsecond
	}
	bit := func(tenths int64) time.Duration { // rounded up
		return time.Duration((tenths*11*int64(time.Second) + 10*int64(baud) - 1) / (10 * int64(baud)))
	}
	return bit(15), bit(35)
}
