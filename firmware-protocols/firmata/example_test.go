package firmata_test

import (
	"fmt"
	"time"

	"labbox/firmware-protocols/firmata"
)

// A session and a simulated Uno, joined without a wire.
func Example() {
	board, err := firmata.NewDevice(firmata.DeviceOptions{})
	if err != nil {
		panic(err)
	}
	s, err := firmata.NewSession(firmata.Options{Sampling: 20 * time.Millisecond, Pins: []firmata.PinOption{
		{Field: "led", Pin: "13", Mode: "output"}, {Field: "light", Pin: "A0", Mode: "analog", Max: 5}}})
	if err != nil {
		panic(err)
	}
	board.SetAnalog(0, 1023)
	now := time.Duration(0)
	s.Start(now)
	board.Boot(now)
	for range 100 {
		now += time.Millisecond
		board.Tick(now)
		s.Feed(now, board.Output(), func(e *firmata.Event) {
			switch e.Kind {
			case firmata.ReadyEvent:
				fmt.Println("ready:", s.Board().Name, len(s.Board().Pins), "pins")
				fmt.Println(s.Write("led", 1), s.Write("led", 2))
			case firmata.ValueEvent:
				if now > 70*time.Millisecond {
					fmt.Println(e.Field, e.Value)
				}
			}
		})
		s.Tick(now)
		board.Feed(now, s.Output())
	}
	mode, value := board.Pin(13)
	fmt.Println("pin 13:", mode, value)
	// Output:
	// ready: StandardFirmata.ino 20 pins
	// <nil> firmata: write refused: 2 for output "led", must be 0 or 1
	// light 5
	// pin 13: output 1
}
