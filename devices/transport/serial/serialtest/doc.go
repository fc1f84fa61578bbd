// Package serialtest fakes what the kernel shows of USB serial ports, so that a
// test can plug boards in and out without USB: the identity of a board, its
// socket, and the name that its port gets this time.
//
//	bus := serialtest.NewBus(t)
//	device, _ := pty.Open(pty.Options{})
//	bus.Plug(serialtest.Board{TTY: "ttyACM0", Socket: "1-1.2", VID: "2341", PID: "0043", Port: device.Name()})
//	ports, err := serial.ListAt(bus.Sys, bus.Dev)
//	bus.Unplug("ttyACM0")
//
// Inside a mount namespace of its own (Namespace, needs root) the bus can stand
// in for /sys/class/tty and /dev (Bus.Mount), so that whole programs and
// libraries see it. Linux only.
//
// The layout is that of Documentation/ABI/testing/sysfs-bus-usb and sysfs-tty of
// the Linux kernel. Known limits: only what an enumerator reads is there; the
// files appear one after the other, the port's own name last.
package serialtest
