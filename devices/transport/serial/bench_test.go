//go:build linux

package serial

import (
	"testing"

	"labbox/devices/transport"
	"labbox/devices/transport/pty"
)

func BenchmarkRoundTripOverAPty(b *testing.B) {
	device, err := pty.Open(pty.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer device.Close()
	s, err := New(Options{Path: device.Name()})
	if err != nil {
		b.Fatal(err)
	}
	box, err := s.Open(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	defer box.Close()
	go func() {
		buf := make([]byte, 256)
		for {
			n, _, err := device.Receive(buf)
			if err != nil || device.Send(buf[:n], transport.Stream) != nil {
				return
			}
		}
	}()
	msg, buf := []byte("{\"cmd\":\"drive\",\"param\":40}\n"), make([]byte, 256)
	b.ReportAllocs()
	for b.Loop() {
		if err := box.Send(msg, transport.Stream); err != nil {
			b.Fatal(err)
		}
		for got := 0; got < len(msg); {
			n, _, err := box.Receive(buf)
			if err != nil {
				b.Fatal(err)
			}
			got += n
		}
	}
}
