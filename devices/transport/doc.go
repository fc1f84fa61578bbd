// Package transport is the line between a driver and its device: bytes or
// whole messages, and nothing about what they mean.
//
// Implementations: serial (a real port), mem (an in-memory line for the demo and
// for tests), tcp (a device that listens on the network), mqtt (one that speaks
// to the box's own broker), pty (a simulated device offered to other programs),
// wslisten (a websocket that the device dials). Package transporttest holds the
// suite that all of them pass; package hotplug tells when a port has come.
//
// A driver owns a Port with two goroutines, one that receives and one that
// sends, and a third party that may stop both:
//
//	port, err := opener.Open(ctx)
//	if err != nil {
//		return err // a coded *edge.Error: port_missing, port_busy, port_forbidden
//	}
//	defer port.Close()
//	go func() {
//		buf := make([]byte, 4096)
//		for {
//			n, _, err := port.Receive(buf)
//			if err != nil {
//				return // errors.Is(err, transport.ErrLost): reopen with backoff
//			}
//			decoder.Feed(buf[:n], emit)
//		}
//	}()
//	err = port.Send([]byte("{\"cmd\":\"drive\",\"param\":40}\n"), transport.Stream)
//
// Known limits: how many bytes are still on their way (Pending, Drain) is what
// the operating system says; adapters with a buffer of their own (most USB
// bridges: 64 to 256 bytes) do not tell of it.
package transport
