// Package gcode drives positioning stages that take G-code: GRBL 1.1 and what speaks
// like it, older GRBL, and Marlin's replies. It does no I/O. SPEC.md says what is
// accepted; vectors/ holds cases.
//
//	dec, err := gcode.New(gcode.Options{})
//	win := gcode.NewWindow(127)
//	if err := gcode.Check(line, 127); err == nil {
//		if id, ok := win.Push(line); ok {
//			port.Write(line) // else wait for an answer
//		}
//	}
//	port.Write([]byte{gcode.StatusQuery}) // goes past the window
//	...
//	dec.Feed(buf[:n], func(l *gcode.Line) {
//		switch l.Kind {
//		case gcode.OK, gcode.Error:
//			id, expected := win.Ok()
//		case gcode.Banner:
//			win.Reset()
//		case gcode.Status:
//			x, _ := l.Get("x") // l and what it points to end with this call
//		}
//	})
//
// Stage is the other side: a three-axis stage for simulators, whose motions take the
// time that they take.
//
// Known limits: the units of positions are the stage's setting (GRBL $13), not said in
// its reports. A lost ok is seen only by the time it takes: the driver resets then.
//
// Known errors of firmware in the field: GRBL sends the work offset in some reports
// only; it leaves out pins where none is active; versions before 1.1 say error: and
// ALARM: with words, and separate fields by commas; Marlin puts temperatures behind ok,
// and blanks between a name and its value.
package gcode
