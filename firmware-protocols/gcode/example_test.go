package gcode_test

import (
	"fmt"

	"labbox/firmware-protocols/gcode"
)

// Two lines are sent; the second waits until the first is answered.
func Example() {
	dec, err := gcode.New(gcode.Options{})
	if err != nil {
		panic(err)
	}
	win := gcode.NewWindow(16)
	for _, line := range []string{"G1 X10 F100\n", "G1 X0\n"} {
		_, fits := win.Push([]byte(line))
		fmt.Printf("%q fits: %v\n", line, fits)
	}
	dec.Feed([]byte("ok\r\n<Run|MPos:2.500,0.000,0.000|FS:100,0|WCO:1.000,0.000,0.000>\r\n"), func(l *gcode.Line) {
		switch l.Kind {
		case gcode.OK:
			id, _ := win.Ok()
			fmt.Println("answered:", id)
		case gcode.Status:
			state, _ := l.Get("state")
			wx, _ := l.Get("wx")
			fmt.Printf("%s at %v\n", state.Text, wx.Num)
		}
	})
	// Output:
	// "G1 X10 F100\n" fits: true
	// "G1 X0\n" fits: false
	// answered: 1
	// Run at 1.5
}
