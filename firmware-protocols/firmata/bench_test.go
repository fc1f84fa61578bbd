package firmata

import "testing"

// BenchmarkReports is a scan of six analog inputs and one port.
func BenchmarkReports(b *testing.B) {
	var in []byte
	for ch := range 6 {
		in = AppendAnalog(in, ch, 100*ch)
	}
	in = AppendDigitalPort(in, 0, 4)
	b.Run("decoder", func(b *testing.B) {
		d := NewDecoder(FromBoard)
		emit := func(*Message) {}
		b.SetBytes(int64(len(in)))
		b.ReportAllocs()
		for b.Loop() {
			d.Feed(in, emit)
		}
	})
	b.Run("session", func(b *testing.B) {
		p := newPair(b, Options{}, DeviceOptions{})
		p.s.Start(0)
		p.d.Boot(0)
		p.exchange()
		emit := func(*Event) {}
		b.SetBytes(int64(len(in)))
		b.ReportAllocs()
		for b.Loop() {
			p.s.Feed(0, in, emit)
		}
	})
}
