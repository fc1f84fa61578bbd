// Package capture keeps what goes over a device's line, byte for byte and with
// its times, in a text file that grep and diff can read:
//
//	# labbox capture 1
//	# type: plate
//	# hash: 3f1c0b9a7e5d42f8a1b2c3d4e5f60718
//	# port: /dev/ttyACM0
//	# baud: 115200
//	# date: 2026-11-22T11:05:00Z
//	1043201 < "{\"n\":0,\"t\":10,\"temp\":21.97,\"duty\":0,\"fan\":0,\"safe\":1}\r\n"
//	1050377 > "{\"cmd\":\"beat\"}\n"
//	1052012 < "\xff\x00"
//
// A line is a chunk as it came or went: microseconds since the file was begun,
// the direction (< from the device, > to it), and the bytes in double quotes.
// Printable ASCII stands for itself, \" \\ \r \n \t as in many languages, every
// other byte is \x and two hexadecimal digits. Of a line of whole messages the
// direction says the kind: <t a text, <b bytes. Lines that begin with # are
// notes; the known ones before the first chunk are the header.
//
//	f, err := os.Create("plate.capture")
//	w, err := capture.NewWriter(f, capture.Header{Type: "plate", Baud: 115200})
//	port = capture.Tap(port, clock.Mono, func(c capture.Chunk) { _ = w.Add(c) })
//
//	r, err := capture.NewReader(f)
//	for {
//		c, err := r.Next() // io.EOF at the end
//		...
//	}
//
// Each chunk is one write, so a process that is killed loses none that it has
// added; a last line that was cut off is dropped by the Reader, and said.
//
// Known limits: times are those of the computer when a chunk was read, not of
// the wire; what a port's buffer joins stays joined.
package capture
