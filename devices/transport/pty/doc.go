// Package pty offers a simulated device to other programs as a serial port: the
// far end of a pseudo terminal, under a name of its own.
//
//	port, err := pty.Open(pty.Options{Link: "/tmp/pendulum"})
//	defer port.Close()                       // the program that has it sees a hang-up
//	fmt.Println(port.Name())                 // /dev/pts/7; /tmp/pendulum leads there
//	port.Send([]byte("{\"enc\":0}\n"), transport.Stream)
//
// The port is raw from the start: nothing is echoed, no byte is changed. Other
// programs may close it and open it again, one after another, as they would a
// real one; what is sent while nobody has it open is lost, as on a real one.
//
// Linux only (pty(7)). Known limits: no baud rate, no DTR, no count of pending
// bytes; up to about 4 KiB lie in the kernel before a Send waits for the other
// program to read.
package pty
