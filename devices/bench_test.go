package devices

import (
	"net"
	"strings"
	"testing"
	"time"

	"labbox/devices/transport"
	"labbox/devices/transport/mem"
	"labbox/devices/transport/serial"
	"labbox/edge"
	"labbox/edge/config"
)

// netPort is a TCP connection as the far end of a line.
type netPort struct {
	transport.Port
	net.Conn
}

func (p netPort) Receive(b []byte) (int, transport.Kind, error) {
	n, err := p.Read(b)
	return n, transport.Stream, err
}

func (p netPort) Send(b []byte, _ transport.Kind) error {
	_, err := p.Write(b)
	return err
}

func (p netPort) Close() error { return p.Conn.Close() }

// A device behind a serial server: driven, cut off, made safe when it is back.
func TestTCPDevice(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	r := newRig(t, mem.Options{}, func(typ *Type) { typ.Keep = time.Hour })
	r.cancel()
	<-r.done
	b, box := &Bench{}, &config.Box{Box: "bench"}
	dev := &config.Device{ID: "plate", Port: config.Port{TCP: ln.Addr().String()}}
	var baud int
	if r.line, baud, err = b.opener(r.t2(), box, dev, serial.NewRegistry(), BenchConfig{}); err != nil || baud != 0 {
		t.Fatal(baud, err)
	}
	other := *dev
	other.ID = "twin"
	if _, _, err := b.opener(r.t2(), box, &other, serial.NewRegistry(), BenchConfig{}); edge.CodeOf(err) != edge.CodeBadConfig ||
		!strings.Contains(err.Error(), "plate has ") {
		t.Errorf("two devices at one address: %v", err)
	}
	conns := make(chan net.Conn, 10)
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				close(conns)
				return
			}
			conns <- c
			go r.plate.run(netPort{Conn: c})
		}
	}()
	r.start(r.t2(), baud)
	f := r.driven(50)
	defer r.beats(ann, f)()
	for round := range 5 {
		n := len(r.plate.lines())
		(<-conns).Close()
		r.until("away", func(st edge.Status) bool { return st.State != edge.StateLive })
		r.until("live", live)
		if got := r.plate.lines()[n:]; len(got) == 0 || got[0] != safeLine {
			t.Fatalf("round %d: the device got %q", round, got)
		}
		if err := r.duty(ann, f, 50); err != nil {
			t.Fatal(err)
		}
	}
}
