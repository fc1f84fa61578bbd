package scpi_test

import (
	"fmt"

	"labbox/firmware-protocols/scpi"
)

// A supply is asked two things in one message; its waveform comes as a block.
func Example() {
	dec, err := scpi.New(scpi.Options{})
	if err != nil {
		panic(err)
	}
	w := scpi.NewWriter(scpi.Options{}, 256)
	w.Begin()
	msg, err := w.Header("MEAS:VOLT?").Header("CURR?").Word("MAX").End()
	if err != nil {
		panic(err)
	}
	fmt.Printf("send %q\n", msg)
	for _, chunk := range []string{"1.50", "0E+00;9.91E37\r\n#14\x00", "\n;,\n"} {
		dec.Feed([]byte(chunk), func(r scpi.Response) {
			for d := range r.Data() {
				fmt.Printf("%v %v [%x]\n", d.Kind, d.Num, d.Body)
			}
		})
	}
	// Output:
	// send "MEAS:VOLT?;CURR? MAX\n"
	// nr3 1.5 []
	// nr3 NaN []
	// block NaN [000a3b2c]
}
