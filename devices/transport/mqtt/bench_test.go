package mqtt_test

import (
	"net"
	"path/filepath"
	"testing"

	"labbox/devices/transport"
	"labbox/devices/transport/mqtt"
	"labbox/edge/natsbus"
)

// A command to a board that answers at once, and its answer.
func BenchmarkCommand(b *testing.B) {
	m, err := natsbus.StartMQTT(b.Context(), natsbus.MQTTConfig{Dir: filepath.Join(b.TempDir(), "mqtt"), Listen: "127.0.0.1:0"})
	if err != nil {
		b.Fatal(err)
	}
	defer m.Close()
	op, err := mqtt.New(mqtt.Options{Name: "plate", Password: secret, In: in, Out: out, Broker: door{m}})
	if err != nil {
		b.Fatal(err)
	}
	c, err := net.Dial("tcp", m.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	c.Write(packet(0x10, str("MQTT"), []byte{4, 0xC2, 0, 60}, str("bench"), str("plate"), str(secret)))
	readPacket(c)
	c.Write(packet(0x82, []byte{0, 1}, str(in), []byte{0}))
	readPacket(c)
	p, err := op.Open(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	go func() {
		for d := (&board{c: c, out: out}); ; {
			buf := make([]byte, 64)
			n, _, err := d.Receive(buf)
			if err != nil {
				return
			}
			d.Send(buf[:n], transport.Text)
		}
	}()
	msg, buf := []byte(`{"cmd":"duty","param":40}`), make([]byte, 64)
	b.ReportAllocs()
	for b.Loop() {
		if err := p.Send(msg, transport.Text); err != nil {
			b.Fatal(err)
		}
		if _, _, err := p.Receive(buf); err != nil {
			b.Fatal(err)
		}
	}
}
