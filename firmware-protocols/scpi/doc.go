// Package scpi speaks IEEE 488.2 and SCPI-1999, both sides, over any stream: a serial
// line or TCP port 5025. It does no I/O: bytes go in as they arrive, in chunks of any
// size, and messages come out. SPEC.md says what is accepted; vectors/ holds cases.
//
// The box's side:
//
//	dec, err := scpi.New(scpi.Options{})
//	w := scpi.NewWriter(scpi.Options{}, 0)
//	w.Begin()
//	msg, err := w.Header("MEAS:VOLT?").Word("DEF").End() // MEAS:VOLT? DEF\n
//	...
//	n, err := port.Read(buf)
//	dec.Feed(buf[:n], func(r scpi.Response) {
//		if r.Kind == scpi.Reply {
//			volts = r.First().Num // r and what it points to end with this call
//		}
//	})
//
// An instrument reports what it refused in its error queue: ErrorQueue drains it.
// Device is the other side, an instrument for simulators.
//
// Known limits: messages only, no service requests and no device clear of the
// interface (GPIB, USBTMC); an indefinite block ends with the terminator, since a
// stream has no END message, so one that holds the terminator is cut there.
//
// Known errors of instruments in the field that the decoder lives with: CR LF mixes,
// blocks without a terminator or with two, prompts, echoes, replies without quotes,
// units behind numbers, 9.99999E+37, an error queue that never becomes empty.
package scpi
