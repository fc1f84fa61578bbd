// Package serial opens serial ports: USB bridges, USB-CDC boards, UARTs, and
// ptys that stand for them.
//
//	reg := serial.NewRegistry()
//	opener, err := serial.New(serial.Options{
//		USB: serial.Match{VID: "2341", PID: "0043"}, Baud: 57600,
//		ResetOnOpen: true, Registry: reg, Owner: "pendulum",
//	})
//	port, err := opener.Open(ctx) // *edge.Error: port_missing, port_busy, port_forbidden
//
// One program at a time has a port: an entry in the box's Registry, a lock on
// the device file (flock) and the terminal's exclusive mode, which root would
// get past otherwise, keep the others out. All three are gone when the process
// dies.
//
// A USB port is known by what the device says of itself (VID, PID, serial number,
// interface), and by the socket it is plugged in where that is not enough, so
// that it is found again under whatever name the kernel gives it next. All that
// is given must hold, and where several ports fit none is opened.
//
// The settings are made by go.bug.st/serial. On Linux the bytes then go through
// a descriptor of our own that never blocks in the kernel, so that a write that
// is stuck can be taken back; elsewhere they go through the library, whose handle
// is closed only after the last call on it has returned.
//
// Known limits. Opening a port raises DTR on most systems, which resets many
// boards, whether ResetOnOpen is set or not. What a USB bridge holds in its own
// buffer is not counted by Pending. A pty enforces no baud rate, has no DTR, and
// counts no pending bytes. On macOS the USB identity of a port is known only to
// a build with cgo; give paths there. Sockets and interfaces are known on Linux
// only. A socket's first number is the USB bus: buses are numbered as they are
// found at boot, which another kernel or another USB card may change.
package serial
