package mdns

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/net/dns/dnsmessage"

	"labbox/edge"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// wire is a network in memory, IPv4 only; every port hears what goes to the group,
// its own messages too.
type wire struct {
	mu    sync.Mutex
	ports []*wirePort
}

type wirePort struct {
	w    *wire
	at   netip.AddrPort
	in   chan packet
	done chan struct{}
	once sync.Once
}

func (w *wire) plug(at string) *wirePort {
	p := &wirePort{w: w, at: netip.MustParseAddrPort(at), in: make(chan packet, 1000), done: make(chan struct{})}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ports = append(w.ports, p)
	return p
}

func (p *wirePort) read(b []byte) (int, netip.AddrPort, error) {
	select {
	case m := <-p.in:
		return copy(b, m.data), m.from, nil
	case <-p.done:
		return 0, netip.AddrPort{}, errors.New("closed")
	}
}

func (p *wirePort) send(b []byte, to netip.AddrPort) error {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	for _, o := range p.w.ports {
		if !to.IsValid() && o.at.Port() == port || o.at == to {
			select {
			case o.in <- packet{data: slices.Clone(b), from: p.at}:
			default:
			}
		}
	}
	return nil
}

func (p *wirePort) Close() error { p.once.Do(func() { close(p.done) }); return nil }

// box is a responder at an address of the wire.
func box(t *testing.T, w *wire, addr, name string) (*Responder, func()) {
	t.Helper()
	at := netip.MustParseAddr(addr)
	r, err := New(Config{Name: name, Instance: "labbox bench", Service: "_http._tcp", Port: 8080, Text: []string{"path=/"},
		Links: func() []Link {
			return []Link{{net.Interface{Index: 1, Name: "lan"}, []netip.Prefix{netip.PrefixFrom(at, 24)}}}
		},
		join: func(net.Interface, bool) (conn, error) { return w.plug(netip.AddrPortFrom(at, port).String()), nil }})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { _ = r.Run(ctx); close(done) }()
	return r, func() { cancel(); <-done }
}

func settle(d time.Duration) { time.Sleep(d); synctest.Wait() }

// drained are the messages that a port has got.
func (p *wirePort) drained(t *testing.T) (out []dnsmessage.Message) {
	t.Helper()
	for {
		select {
		case m := <-p.in:
			var msg dnsmessage.Message
			if err := msg.Unpack(m.data); err != nil {
				t.Fatalf("not DNS: %v", err)
			}
			out = append(out, msg)
		default:
			return out
		}
	}
}

func ask(t *testing.T, p *wirePort, n string, typ dnsmessage.Type, class dnsmessage.Class, known ...dnsmessage.Resource) {
	t.Helper()
	m := dnsmessage.Message{Header: dnsmessage.Header{ID: 77}, Answers: known,
		Questions: []dnsmessage.Question{{Name: dnsmessage.MustNewName(n), Type: typ, Class: class}}}
	b, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	_ = p.send(b, netip.AddrPort{})
	settle(300 * time.Millisecond)
}

func addrs(list []dnsmessage.Resource) (out []string) {
	for _, r := range list {
		if a, ok := r.Body.(*dnsmessage.AResource); ok {
			out = append(out, r.Header.Name.String()+" "+netip.AddrFrom4(a.A).String())
		}
	}
	return out
}

func TestProbeAnnounceAnswerGoodbye(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &wire{}
		ear := w.plug("192.168.1.9:5353")
		r, stop := box(t, w, "192.168.1.5", "labbox")
		settle(700 * time.Millisecond)
		if r.Host() != "" {
			t.Error("named before the probes are over")
		}
		settle(3 * time.Second)
		if r.Host() != "labbox.local" {
			t.Errorf("host %q", r.Host())
		}
		var probed, announced int
		for _, m := range ear.drained(t) {
			switch {
			case !m.Response:
				probed++
				if announced > 0 || len(m.Authorities) != 2 || m.Questions[0].Class&topBit == 0 {
					t.Errorf("probe %+v", m)
				}
			default:
				announced++
				if a := addrs(m.Answers); len(a) != 1 || a[0] != "labbox.local. 192.168.1.5" || m.Answers[0].Header.Class != 1|topBit || m.Answers[0].Header.TTL != 120 {
					t.Errorf("announced %v %+v", a, m.Answers[0].Header)
				}
			}
		}
		if probed != 3 || announced != 2 {
			t.Errorf("%d probes, %d announcements", probed, announced)
		}

		settle(2 * time.Second)
		ask(t, ear, "LabBox.local.", dnsmessage.TypeA, 1)
		got := ear.drained(t)[1:] // the question itself is heard too
		if len(got) != 1 || len(addrs(got[0].Answers)) != 1 || got[0].ID != 0 || len(got[0].Questions) != 0 {
			t.Errorf("answer %+v", got)
		}
		ask(t, ear, "labbox.local.", dnsmessage.TypeA, 1)
		if got := ear.drained(t)[1:]; len(got) != 0 {
			t.Errorf("the group hears a record twice in a second: %+v", got)
		}
		settle(2 * time.Second)
		ask(t, ear, "labbox.local.", dnsmessage.TypeAAAA, 1)
		if got := ear.drained(t)[1:]; len(got) != 1 || got[0].Answers[0].Header.Type != typeNSEC {
			t.Errorf("no word of what is not there: %+v", got)
		} else if u := got[0].Answers[0].Body.(*dnsmessage.UnknownResource); string(u.Data) != "\x06labbox\x05local\x00\x00\x01\x40" {
			t.Errorf("NSEC %q", u.Data)
		}
		ask(t, ear, "labbox.local.", dnsmessage.TypeA, 1, dnsmessage.Resource{
			Header: dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName("labbox.local."), Type: dnsmessage.TypeA, Class: 1, TTL: 100},
			Body:   &dnsmessage.AResource{A: [4]byte{192, 168, 1, 5}}})
		if got := ear.drained(t)[1:]; len(got) != 0 {
			t.Errorf("told what the asker knows: %+v", got)
		}
		settle(2 * time.Second)
		ask(t, ear, "_http._tcp.local.", dnsmessage.TypePTR, 1)
		if got := ear.drained(t)[1:]; len(got) != 1 || len(got[0].Answers) != 4 {
			t.Errorf("service: %+v", got)
		} else if s := got[0].Answers[1].Body.(*dnsmessage.SRVResource); s.Port != 8080 || s.Target.String() != "labbox.local." {
			t.Errorf("service at %v", s)
		}
		for _, n := range []string{"other.local.", "local.", "labbox.local.lan."} {
			ask(t, ear, n, dnsmessage.TypeALL, 1)
			if got := ear.drained(t)[1:]; len(got) != 0 {
				t.Errorf("answer for %s: %+v", n, got)
			}
		}
		stop()
		got = ear.drained(t)
		if len(got) != 1 || got[0].Answers[0].Header.TTL != 0 {
			t.Errorf("goodbye: %+v", got)
		}
		if r.Host() != "" {
			t.Error("named after the end")
		}
	})
}

// Ordinary resolvers ask from a port of their own and get their question back (6.7).
func TestLegacyAskersAndThoseFarAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &wire{}
		dig, far := w.plug("192.168.1.9:40000"), w.plug("10.9.9.9:40000")
		_, stop := box(t, w, "192.168.1.5", "labbox")
		defer stop()
		settle(5 * time.Second)
		ask(t, dig, "labbox.local.", dnsmessage.TypeA, 1)
		got := dig.drained(t)
		if len(got) != 1 || got[0].ID != 77 || len(got[0].Questions) != 1 || got[0].Answers[0].Header.TTL > 10 || got[0].Answers[0].Header.Class != 1 {
			t.Errorf("%+v", got)
		}
		ask(t, far, "labbox.local.", dnsmessage.TypeA, 1)
		if got := far.drained(t); len(got) != 0 {
			t.Errorf("answered who is on another network: %+v", got)
		}
		for range 3 * unicastRate {
			m := dnsmessage.Message{Questions: []dnsmessage.Question{{Name: dnsmessage.MustNewName("labbox.local."), Type: dnsmessage.TypeA, Class: 1}}}
			b, _ := m.Pack()
			_ = dig.send(b, netip.AddrPort{})
		}
		settle(100 * time.Millisecond)
		if n := len(dig.drained(t)); n < unicastRate/2 || n > unicastRate {
			t.Errorf("%d replies in a second", n)
		}
		settle(2 * time.Second)
		peer := w.plug("192.168.1.8:5353")
		ask(t, peer, "labbox.local.", dnsmessage.TypeA, 1|topBit)
		if got := dig.drained(t); len(got) != 0 {
			t.Errorf("a unicast question was answered to others: %+v", got)
		}
		if got := peer.drained(t)[1:]; len(got) != 1 || len(addrs(got[0].Answers)) != 1 {
			t.Errorf("a unicast question: %+v", got)
		}
	})
}

func TestTwoBoxesOfOneName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &wire{}
		a, stopA := box(t, w, "192.168.1.5", "labbox")
		settle(4 * time.Second)
		b, stopB := box(t, w, "192.168.1.6", "labbox")
		defer stopB()
		settle(6 * time.Second)
		if a.Host() != "labbox.local" || b.Host() != "labbox-2.local" {
			t.Errorf("%q and %q", a.Host(), b.Host())
		}
		c, stopC := box(t, w, "192.168.1.7", "labbox")
		defer stopC()
		settle(6 * time.Second)
		if c.Host() != "labbox-3.local" {
			t.Errorf("the third is %q", c.Host())
		}
		stopA()
		ear := w.plug("192.168.1.9:5353")
		ask(t, ear, "labbox.local.", dnsmessage.TypeA, 1)
		if got := ear.drained(t)[1:]; len(got) != 0 {
			t.Errorf("somebody answers for who is gone: %+v", got)
		}
	})
}

// Boxes that are switched on together end with names of their own.
func TestBoxesSwitchedOnTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &wire{}
		var all []*Responder
		for _, a := range []string{"192.168.1.5", "192.168.1.6", "192.168.1.7", "192.168.1.8", "192.168.1.9"} {
			r, stop := box(t, w, a, "labbox")
			defer stop()
			all = append(all, r)
		}
		settle(30 * time.Second)
		names := map[string]bool{}
		for _, r := range all {
			names[r.Host()] = true
		}
		if len(names) != 5 || names[""] {
			t.Errorf("names %v", names)
		}
	})
}

// Two probes at once: who has the earlier data waits (RFC 6762, 8.2).
func TestProbesAtOnce(t *testing.T) {
	for other, waits := range map[string]bool{"192.168.1.4": false, "192.168.1.5": false, "192.168.1.6": true} {
		r, err := New(Config{Name: "labbox", Instance: "labbox bench", Service: "_http._tcp", Port: 8080, Text: []string{"path=/"}})
		if err != nil {
			t.Fatal(err)
		}
		l := &link{Link: Link{net.Interface{Index: 1, Name: "lan"}, []netip.Prefix{netip.MustParsePrefix("192.168.1.5/24")}},
			conns: []conn{&counting{}}, stage: 1, said: map[string]time.Time{}}
		r.links["lan"] = l
		theirs := identity{host: "labbox.local.", instance: "x._http._tcp.local.", service: "_http._tcp.local.", port: 1, v4: []netip.Addr{netip.MustParseAddr(other)}}
		b, err := theirs.probe()
		if err != nil {
			t.Fatal(err)
		}
		now := time.Unix(1000, 0)
		r.heard(packet{l, &counting{}, b, netip.MustParseAddrPort("192.168.1.9:5353")}, now)
		if got := l.stage == 0 && l.next.Equal(now.Add(time.Second)); got != waits {
			t.Errorf("against %s: waits %v", other, got)
		}
	}
}

func TestNameIsDefended(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &wire{}
		r, stop := box(t, w, "192.168.1.5", "labbox")
		defer stop()
		settle(4 * time.Second)
		thief := w.plug("192.168.1.66:5353")
		m := dnsmessage.Message{Header: dnsmessage.Header{Response: true}, Answers: []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName("labbox.local."), Type: dnsmessage.TypeA, Class: 1 | topBit, TTL: 120},
			Body:   &dnsmessage.AResource{A: [4]byte{192, 168, 1, 66}}}}}
		b, _ := m.Pack()
		_ = thief.send(b, netip.AddrPort{}) // once, and then it is silent
		settle(5 * time.Second)
		if r.Host() != "labbox.local" {
			t.Errorf("gave its name up: %q", r.Host())
		}
		if got := thief.drained(t); !slices.ContainsFunc(got, func(m dnsmessage.Message) bool {
			return m.Response && len(addrs(m.Answers)) > 0 && strings.Contains(addrs(m.Answers)[0], "1.5")
		}) {
			t.Error("said nothing")
		}
	})
}

func TestNames(t *testing.T) {
	for _, bad := range []string{"", "a.b", "-a", "a-", "A", "é", strings.Repeat("a", 61)} {
		if edge.CodeOf(CheckName(bad)) != edge.CodeBadRequest {
			t.Errorf("%q is taken", bad)
		}
	}
	if err := CheckName("bench-3"); err != nil {
		t.Error(err)
	}
}

func FuzzHeard(f *testing.F) {
	id := identity{host: "labbox.local.", instance: "labbox bench._http._tcp.local.", service: "_http._tcp.local.", port: 8080, text: []string{"path=/"},
		v4: []netip.Addr{netip.MustParseAddr("192.168.1.5")}, v6: []netip.Addr{netip.MustParseAddr("fd00::5")}}
	probe, _ := id.probe()
	said, _ := pack(nil, id.all(), nil, ttlOther)
	f.Add(probe, uint16(5353), 4)
	f.Add(said, uint16(5353), 4)
	f.Add(probe, uint16(4000), 4)
	f.Add([]byte("\x00\x01\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x06labbox\x05local\x00\x00\x01\x00\x01"), uint16(4000), 4)
	f.Fuzz(func(t *testing.T, b []byte, from uint16, stage int) {
		r, err := New(Config{Name: "labbox", Instance: "labbox bench", Service: "_http._tcp", Port: 8080, Text: []string{"path=/"}})
		if err != nil {
			t.Fatal(err)
		}
		c := &counting{}
		l := &link{Link: Link{net.Interface{Index: 1, Name: "lan"}, []netip.Prefix{netip.MustParsePrefix("192.168.1.5/24")}},
			conns: []conn{c}, stage: min(max(stage, 0), claimed+announces), said: map[string]time.Time{}}
		r.links["lan"] = l
		now := time.Unix(1000, 0)
		r.heard(packet{l, c, b, netip.AddrPortFrom(netip.MustParseAddr("192.168.1.9"), from)}, now)
		if l.stage >= claimed { // a probe's own sending apart
			r.step(l, now.Add(200*time.Millisecond))
		}
		for _, m := range c.sent {
			var got dnsmessage.Message
			if err := got.Unpack(m); err != nil {
				t.Fatalf("%x is answered by %x: %v", b, m, err)
			}
			if len(m) > maxMessage {
				t.Fatalf("%d bytes", len(m))
			}
		}
		if len(c.sent) > 3 {
			t.Fatalf("one message is answered by %d", len(c.sent))
		}
	})
}

type counting struct{ sent [][]byte }

func (c *counting) read([]byte) (int, netip.AddrPort, error) {
	return 0, netip.AddrPort{}, net.ErrClosed
}
func (c *counting) send(b []byte, _ netip.AddrPort) error { c.sent = append(c.sent, b); return nil }
func (c *counting) Close() error                          { return nil }
