// Package tty moves bytes through a terminal device of Linux without ever
// blocking in the kernel, so that a transfer under way can be taken back. serial
// and pty are built on it.
//
//	f, err := tty.Open("/dev/ttyUSB0")
//	n, err := f.Receive(buf)             // until f.Close()
//	err = f.Send(msg)                    // until f.Discard() or f.Close()
//	err = f.Control(func(fd int) error { return unix.IoctlSetInt(fd, unix.TIOCEXCL, 0) })
//
// See termios(3), ioctl_tty(2). Known limits: TIOCOUTQ knows the kernel's queue
// only, and is always 0 on a pty.
package tty
