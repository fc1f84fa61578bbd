package mdns

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// Hundreds of questions for the same at once have one answer, with each record once.
func TestFloodOfQuestions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &wire{}
		_, stop := box(t, w, "10.0.0.2", "labbox")
		defer stop()
		p := w.plug("10.0.0.9:5353")
		settle(20 * time.Second)
		p.drained(t)
		m := dnsmessage.Message{Questions: []dnsmessage.Question{{Name: dnsmessage.MustNewName("_http._tcp.local."), Type: dnsmessage.TypePTR, Class: dnsmessage.ClassINET}}}
		b, err := m.Pack()
		if err != nil {
			t.Fatal(err)
		}
		for range 300 {
			_ = p.send(b, netip.AddrPort{})
			synctest.Wait()
		}
		settle(time.Second)
		answers := 0
		for {
			select {
			case got := <-p.in:
				var msg dnsmessage.Message
				if err := msg.Unpack(got.data); err != nil {
					t.Fatal(err)
				}
				if !msg.Response {
					continue
				}
				if answers++; len(got.data) > 1400 || len(msg.Answers) > 10 {
					t.Fatalf("an answer of %d bytes, %d records", len(got.data), len(msg.Answers))
				}
				continue
			default:
			}
			break
		}
		if answers != 1 {
			t.Fatalf("%d answers", answers)
		}
	})
}
