package nmea_test

import (
	"fmt"

	"labbox/firmware-protocols/nmea"
)

func Example() {
	dec, err := nmea.New(nmea.Options{})
	if err != nil {
		panic(err)
	}
	input := ".038,N,01131.000,E*6A\r\n" + // the port was opened in mid-line
		"$GPHDT,274.07,T*03\r\n$GPHDT,275.00,T*03\r\n"
	dec.Feed([]byte(input), func(s *nmea.Sentence) {
		if s.Bad != nmea.Good {
			fmt.Println(s.Bad)
			return
		}
		nmea.Values(s, func(name string, number float64, _ []byte, _ bool) { fmt.Println(name, number) })
	})
	cmd, err := nmea.Append(nil, "P", "MTK220", "1000")
	fmt.Printf("%q %v\n", cmd, err)
	// Output:
	// HDT.heading 274.07
	// wrong checksum
	// "$PMTK220,1000*1F\r\n" <nil>
}
