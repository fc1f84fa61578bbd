package tcp_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"labbox/devices/transport"
	"labbox/devices/transport/tcp"
	"labbox/devices/transport/transporttest"
	"labbox/edge"
)

// instrument is the far end: a TCP server with one client.
type instrument struct {
	transport.Port
	c *net.TCPConn
}

func (i *instrument) Receive(b []byte) (int, transport.Kind, error) {
	n, err := i.c.Read(b)
	return n, transport.Stream, err
}

func (i *instrument) Send(b []byte, _ transport.Kind) error {
	_, err := i.c.Write(b)
	return err
}

func (i *instrument) Close() error { return i.c.Close() }

func listen(t *testing.T) *net.TCPListener {
	t.Helper()
	ln, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return ln
}

func opener(t *testing.T, addr string, change func(*tcp.Options)) *tcp.Opener {
	t.Helper()
	o := tcp.Options{Addr: addr}
	if change != nil {
		change(&o)
	}
	op, err := tcp.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return op
}

// patient keeps a slow machine from taking a stuck line for a dead one.
func patient(o *tcp.Options) { o.DeadAfter = time.Hour }

// pair is an open line and the instrument at its end.
func pair(t *testing.T, change func(*tcp.Options)) (transport.Port, *instrument) {
	t.Helper()
	ln := listen(t)
	p, err := opener(t, ln.Addr().String(), change).Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	c, err := ln.AcceptTCP()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return p, &instrument{c: c}
}

func wantLost(t *testing.T, err error, text string) {
	t.Helper()
	if !errors.Is(err, transport.ErrLost) || edge.CodeOf(err) != edge.CodePortLost || !strings.Contains(err.Error(), text) {
		t.Errorf("%v (%s), want it lost, with %q", err, edge.CodeOf(err), text)
	}
}

func TestAddresses(t *testing.T) {
	for in, want := range map[string]string{
		"192.168.1.20:5025": "192.168.1.20:5025", "Scope.Lab.:05025": "scope.lab:5025", "[::1]:502": "[::1]:502",
		"[0:0:0:0:0:0:0:1]:502": "[::1]:502", "[fe80::1%eth0]:502": "[fe80::1%eth0]:502", "h:65535": "h:65535",
		"": "", "h": "", ":5025": "", "h:": "", "h:0": "", "h:65536": "", "h:-1": "", "h:scpi": "", "::1:502": "",
		"tcp://h:1": "", "a b:1": "", "u@h:1": "", "h:1:2": "", "h:+1": "",
	} {
		got, err := tcp.Canonical(in)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v; want %q", in, got, err, want)
		}
		if err != nil && (edge.CodeOf(err) != edge.CodeBadConfig || edge.AsError(err).Hint == "") {
			t.Errorf("%q: %v, hint %q", in, err, edge.AsError(err).Hint)
		}
	}
	for _, o := range []tcp.Options{{Addr: "h:1", DialTimeout: -1}, {Addr: "h:1", KeepAlive: time.Minute}, {Addr: "h"}} {
		if _, err := tcp.New(o); edge.CodeOf(err) != edge.CodeBadConfig {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

// What was made canonical stays as it is.
func FuzzCanonical(f *testing.F) {
	for _, s := range []string{"192.168.1.20:5025", "[::1]:502", "h:0", "[fe80::1%25en0]:1", "h.:1", "[::ffff:1.2.3.4]:7", "[]:1", "%:1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		once, err := tcp.Canonical(s)
		if err != nil {
			return
		}
		if twice, err := tcp.Canonical(once); err != nil || twice != once {
			t.Errorf("%q became %q became %q, %v", s, once, twice, err)
		}
	})
}

func TestNobodyThere(t *testing.T) {
	ln := listen(t)
	addr := ln.Addr().String()
	ln.Close()
	for where, hint := range map[string]string{addr: "takes no connection on port", "no-such-instrument.invalid:5025": "needs no"} {
		op := opener(t, where, nil)
		_, err := op.Open(t.Context())
		if e := edge.AsError(err); e == nil || e.Code != edge.CodePortMissing || e.Args["address"] != where ||
			where == addr && !strings.Contains(e.Hint, hint) || e.Hint == "" {
			t.Errorf("%s: %+v", where, e)
		}
		if op.String() != "tcp "+where {
			t.Error(op)
		}
	}
}

// The device says half a message and breaks off: what it said arrives.
func TestResetInMidMessage(t *testing.T) {
	p, device := pair(t, nil)
	if err := device.Send([]byte("+1.234"), transport.Stream); err != nil {
		t.Fatal(err)
	}
	device.c.SetLinger(0)
	device.Close()
	if got := transporttest.ReadN(t, p, 6); string(got) != "+1.234" {
		t.Errorf("got %q", got)
	}
	_, _, err := p.Receive(make([]byte, 8))
	wantLost(t, err, "broke the connection off")
	wantLost(t, p.Send([]byte("x"), transport.Stream), "broke the connection off")
	wantLost(t, p.DiscardOutput(), "")
	wantLost(t, p.Drain(t.Context()), "")
}

func TestHangUpIsLost(t *testing.T) {
	p, device := pair(t, nil)
	device.Close()
	_, _, err := p.Receive(make([]byte, 8))
	wantLost(t, err, "closed the connection")
}

func TestWhatWasSentBeforeCloseArrives(t *testing.T) {
	for range 20 {
		p, device := pair(t, nil)
		for range 50 { // unread: closing resets the connection
			if err := device.Send(make([]byte, 64), transport.Stream); err != nil {
				t.Fatal(err)
			}
		}
		if err := p.Send([]byte("OUTP OFF\n"), transport.Stream); err != nil {
			t.Fatal(err)
		}
		p.Close()
		if got := make([]byte, 9); true {
			if _, err := io.ReadFull(device.c, got); err != nil || string(got) != "OUTP OFF\n" {
				t.Fatalf("the device got %q, %v", got, err)
			}
		}
		device.Close()
	}
}

func TestThroughput(t *testing.T) {
	p, device := pair(t, nil)
	want := bytes.Repeat([]byte("0123456789abcdef"), 64<<10)
	go func() {
		if err := p.Send(want, transport.Stream); err != nil {
			t.Error(err)
		}
	}()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(device.c, got); err != nil || !bytes.Equal(got, want) {
		t.Errorf("1 MiB did not arrive whole: %v", err)
	}
}

func BenchmarkQuery(b *testing.B) {
	ln, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		b.Fatal(err)
	}
	defer ln.Close()
	go func() {
		c, err := ln.Accept()
		if err == nil {
			io.Copy(c, c)
			c.Close()
		}
	}()
	op, err := tcp.New(tcp.Options{Addr: ln.Addr().String()})
	if err != nil {
		b.Fatal(err)
	}
	p, err := op.Open(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	query, buf := []byte("MEAS:VOLT?\n"), make([]byte, 64)
	b.ReportAllocs()
	for b.Loop() {
		if err := p.Send(query, transport.Stream); err != nil {
			b.Fatal(err)
		}
		if _, _, err := p.Receive(buf); err != nil {
			b.Fatal(err)
		}
	}
}
