// Package mem is a line in memory: two connected ports, for the demo devices
// and for tests.
//
// With a baud rate, output leaves at that rate (ten bits a byte), so that a full
// output queue and what is discarded of it are exact, also under
// testing/synctest. Without, a byte sent can be received at once, and counts as
// queued until it is:
//
//	box, device := mem.Pipe(mem.Options{Baud: 9600})
//	box.Send([]byte("{\"cmd\":\"stop\"}\n"), transport.Stream)
//	box.Pending() // 15; two milliseconds later 14
//	device.Unplug()
//
// An Opener hands the driver one end and a simulated device the other, anew at
// every Open, and can be unplugged and plugged in again.
//
// Known differences from a real port: nothing is lost when the receiver is slow
// (the line waits, as USB does and a UART does not), and a port that is closed
// at one end is lost at the other.
package mem
