// Package tcp is a device that listens on the network: an instrument with a raw
// SCPI socket (port 5025), a serial server, Modbus TCP (port 502).
//
//	o, err := tcp.New(tcp.Options{Addr: "192.168.1.20:5025"})
//	port, err := o.Open(ctx) // port_missing, with what is wrong
//	err = port.Send([]byte("*IDN?\n"), transport.Stream)
//	n, _, err := port.Receive(buf)
//
// TCP is a stream: boundaries of messages are the codec's affair, and the kind
// given to Send is ignored.
//
// At most one message sits in this machine: where the system tells what the
// device has not acknowledged (Linux), a Send waits for that before it hands over
// anything of its own. A device that acknowledges late (up to a quarter of a
// second, RFC 9293 3.8.6.3) and does not answer gets so many messages the fewer.
// The first Send after DiscardOutput does not wait: it carries the safe state.
//
// A cable that is pulled, or a device that is switched off or takes nothing, is
// noticed after Options.DeadAfter: by TCP_USER_TIMEOUT on Linux (tcp(7), RFC
// 5482), else by keepalive probes alone, which do not see a device that answers
// them and takes nothing.
//
// Known limits. What TCP has taken cannot be taken back, so DiscardOutput frees a
// stuck Send only at the price of the line once a part of its message is out, and
// a message that went before may still arrive, in order and before any other.
// Close resets a connection that still holds output. RFC 2217 (settings of the
// line behind a serial server) is not spoken: set speed and format in the
// server's own menu, raw TCP mode. Neither is Telnet, which would double 0xFF.
// Nobody is asked to prove who they are: whoever can answer at the address is the
// device.
package tcp
