package devices

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"labbox/devices/transport"
	"labbox/firmware-protocols/nmea"
)

// What the simulated devices of each protocol speak is found out, and the type
// file to begin with is one that labbox takes.
func TestGuess(t *testing.T) {
	gauge := strings.Replace(meter, "json", "csv", 1)
	for _, tt := range []struct{ name, text, want string }{
		{"plate", "", "json"}, {"penduino", "", "json"}, {"spinner", "", "json"}, {"plotter", "", "plotter"},
		{"firmata-plain", "", "firmata"}, {"labwire", "", "labwire"},
		{"psu", psu, "scpi"}, {"controller", strings.Replace(controller, "unit: 7", "unit: 2", 1), "modbus"},
		{"csv", gauge, "csv"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var typ *Type
				if tt.text != "" {
					typ = tryType(t, tt.text)
				} else {
					typ = catalogType(t, tt.name)
				}
				opener, err := SimOpener(typ, "sim", 1)
				if err != nil {
					t.Fatal(err)
				}
				var told []string
				g := Guesser{Bauds: []int{57600, 115200}, Tell: func(s string) { told = append(told, s) },
					Open: func(int) (transport.Opener, error) { return opener, nil }}
				got, err := g.Run(t.Context())
				time.Sleep(time.Second) // the far end sees the line close once it is empty
				if err != nil || got == nil || got.Protocol != tt.want {
					t.Fatalf("%+v, %v; %q", got, err, told)
				}
				if _, ps := ParseType("my-device.yaml", []byte(got.Skeleton)); len(ps) > 0 {
					t.Errorf("%v\n%s", ps, got.Skeleton)
				}
				golden(t, "testdata/try/guess_"+tt.name+".txt", strings.Join(told, "\n")+"\n"+got.Skeleton)
			})
		})
	}
}

// What arrives at a wrong baud rate, prose and silence are no protocol.
func TestGuessNothing(t *testing.T) {
	for _, b := range []string{"", "\x80\xfe\x00\xff\x1c\xe0\x9c\x80", "Hello, this is the bootloader.\r\nPress any key\r\n", "{\"volts\":1}", "$GPGGA,1*00\r\n$GPGGA,2*00\r\n"} {
		if g := GuessBytes([]byte(b), 9600); g != nil {
			t.Errorf("%q: %+v", b, g)
		}
	}
}

func TestGuessNMEA(t *testing.T) {
	var b []byte
	for range 2 {
		var err error
		if b, err = nmea.Append(b, "GP", "GGA", "120000", "4807.038", "N", "01131.000", "E", "1", "08", "0.9", "545.4", "M", "46.9", "M", "", ""); err != nil {
			t.Fatal(err)
		}
	}
	g := GuessBytes(b, 4800)
	if g == nil || g.Protocol != "nmea" || !strings.Contains(g.Skeleton, `from: "GGA.altitude"`) {
		t.Fatalf("%+v", g)
	}
	if _, ps := ParseType("my-device.yaml", []byte(g.Skeleton)); len(ps) > 0 {
		t.Errorf("%v\n%s", ps, g.Skeleton)
	}
}

func FuzzGuess(f *testing.F) {
	for _, s := range []string{"{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n", "a:1,b:2\na:2,b:3\n", "1,2\n3,4\n5,6\n", "{a:'x'}\n{a:'\"'}\n{a:'y'}\n",
		"$GPGGA,,,,,,0,,,,,,,,*66\r\n", "\xf9\x02\x05\xf0\x79\x02\x05\x41\x00\xf7", "{\"\\\\\":1}\n{\"\\\\\":2}\n{\"\\\\\":3}\n", "labbox,x\\,1,2\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, g := range []*Guess{GuessBytes(b, 9600), guessSCPI(b, 9600), guessFirmata(b, 0), guessLabwire(b, 0)} {
			if g == nil {
				continue
			}
			if _, ps := ParseType("my-device.yaml", []byte(g.Skeleton)); len(ps) > 0 {
				t.Fatalf("%v\n%s", ps, g.Skeleton)
			}
		}
	})
}
