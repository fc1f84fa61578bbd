// Package firmata speaks Firmata 2.3 to 2.7, the protocol by which a computer uses
// the pins of a board that runs StandardFirmata or ConfigurableFirmata. It does no
// I/O and reads no clock. SPEC.md defines it; vectors/ holds cases.
//
// [Decoder] and the Append functions are the codec of both sides. [Session] is the
// computer's side as a state machine: it waits for the board to boot, asks what it
// is and can, sets the pins up, and then gives values and takes writes. [Device]
// is a board for simulators, an Arduino Uno unless told otherwise.
//
//	s, err := firmata.NewSession(firmata.Options{Sampling: 20 * time.Millisecond,
//		Pins: []firmata.PinOption{{Field: "led", Pin: "13", Mode: "output"}, {Field: "light", Pin: "A0", Mode: "analog", Max: 5}}})
//	...
//	s.Start(now) // after opening the port, and after each reopening
//	for {        // then, whenever bytes have come or s.Deadline() is over
//		s.Feed(now, buf[:n], func(e *firmata.Event) {
//			if e.Kind == firmata.ValueEvent {
//				fmt.Println(e.Field, e.Value)
//			}
//		})
//		s.Tick(now)
//		port.Write(s.Output())
//	}
//	...
//	err = s.Write("led", 1) // when s.State() is Ready; goes out by Output
//
// Errors of firmware in the field that it lives with: boards that restart when the
// port is opened and are deaf for 1.6 to 2.5 s; firmware that does not leave a
// sysex message at a system reset (so an END goes first); the 64 bytes of a
// board's message buffer, which old firmware does not guard; StandardFirmata
// before 2.5, which knows neither pull-up mode nor single-pin writes; two or more
// version reports at boot; analog channels beyond 15.
//
// Limits: the protocol has no checksum, so a damaged byte inside a message can
// give a wrong value; I2C, serial, stepper, encoder and 1-Wire messages are
// passed by as unknown sysex.
package firmata
