package checksum_test

import (
	"fmt"

	"labbox/firmware-protocols/checksum"
)

// A Modbus request gets its CRC, low byte first; a sentence of a GPS receiver
// has its in hex.
func Example() {
	crc, _ := checksum.Lookup("crc16-modbus")
	msg := []byte{1, 3, 0, 0, 0, 10}
	fmt.Printf("% x\n", checksum.Append(msg, crc, crc.Sum(msg), checksum.Binary, true, false))

	xor, _ := checksum.Lookup("xor")
	sentence := []byte("GPGLL,4916.45,N,12311.12,W,225444,A,")
	want, ok := checksum.Parse([]byte("1D"), xor, checksum.Hex, false)
	fmt.Println(ok && want == xor.Sum(sentence))
	// Output:
	// 01 03 00 00 00 0a c5 cd
	// true
}
