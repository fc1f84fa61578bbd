package mqtt_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"labbox/devices/transport"
	"labbox/devices/transport/mqtt"
	"labbox/devices/transport/transporttest"
	"labbox/edge"
	"labbox/edge/natsbus"
)

// Topics that are not the device's: what is published there is nobody's, what is
// subscribed there is refused, wildcards among them.
func TestForeignTopics(t *testing.T) {
	b := serve(t, nil)
	device := mustConnect(t, b.addr)
	p := b.open(t)
	for _, topic := range []string{"lab/bench/plate/out2", "lab/bench/plate", in, "lab/bench/other/out", "$SYS/x", "$JS/API/INFO", "$MQTT/msgs/x"} {
		if err := device.publish(0x30, topic, []byte("foreign")); err != nil {
			t.Fatal(err)
		}
	}
	if err := device.Send([]byte("own"), transport.Text); err != nil {
		t.Fatal(err)
	}
	if got := receive(t, p); got != "own" {
		t.Errorf("got %q", got)
	}
	p.Send([]byte("stop"), transport.Text)
	if got := receive(t, device); got != "stop" { // it cannot give itself commands
		t.Errorf("the device got %q", got)
	}
	for _, topic := range []string{"#", "+/+/+/+", "lab/#", "lab/bench/plate/#", out, "lab/bench/other/in", "$SYS/#", "$JS/#"} {
		if code := device.subscribe(t, topic); code != 0x80 {
			t.Errorf("subscribing %s: %d, want 0x80", topic, code)
		}
	}
	if code := device.subscribe(t, in); code == 0x80 {
		t.Error("its own topic is refused")
	}
}

// What was published with QoS 0, 1 or 2, retained or not, comes once.
func TestEveryQualityOfService(t *testing.T) {
	b := serve(t, nil)
	device := mustConnect(t, b.addr)
	p := b.open(t)
	go func() { // the device's answers to QoS 2
		for {
			first, body, err := readPacket(device.c)
			if err != nil {
				return
			}
			if first == 0x50 { // PUBREC
				device.mu.Lock()
				device.c.Write(packet(0x62, body))
				device.mu.Unlock()
			}
		}
	}()
	for i, first := range []byte{0x30, 0x32, 0x34, 0x31, 0x33, 0x35} {
		want := fmt.Sprint("message ", i)
		if err := device.publish(first, out, []byte(want)); err != nil {
			t.Fatal(err)
		}
		if got := receive(t, p); got != want {
			t.Errorf("%#x: got %q, want %q", first, got, want)
		}
	}
	device.Close()
	if err := wantLost(t, p); !strings.Contains(err.Error(), "the device closed") && !strings.Contains(err.Error(), "the device broke") {
		t.Error(err)
	}
	p.Close()
	// what the device had retained is not told again
	device = mustConnect(t, b.addr)
	p = b.open(t)
	device.Send([]byte("fresh"), transport.Text)
	if got := receive(t, p); got != "fresh" {
		t.Errorf("got %q after a reconnect", got)
	}
}

// A device that was away gets nothing old, also where it asked the broker to
// keep its session and subscribed with QoS 2.
func TestNoLateCommands(t *testing.T) {
	b := serve(t, nil)
	l := plate
	l.keep, l.subscribe = true, ""
	device, _ := connect(t, b.addr, l)
	device.c.Write(packet(0x82, []byte{0, 1}, str(in), []byte{2}))
	readPacket(device.c)
	p := b.open(t)
	p.Send([]byte("drive 10"), transport.Text)
	if got := receive(t, device); got != "drive 10" {
		t.Fatalf("got %q", got)
	}
	device.Close()
	for range 20 { // into the void, while nobody may have noticed
		p.Send([]byte("drive 80"), transport.Text)
	}
	wantLost(t, p)
	p.Close()
	device, code := connect(t, b.addr, l)
	if device == nil {
		t.Fatal(code)
	}
	p = b.open(t)
	if err := p.Send([]byte("stop"), transport.Text); err != nil {
		t.Fatal(err)
	}
	if got := receive(t, device); got != "stop" {
		t.Errorf("the first thing the device got is %q", got)
	}
}

func TestMessageOverTheLimit(t *testing.T) {
	b := serve(t, func(c *natsbus.MQTTConfig, _ *mqtt.Options) { c.MaxMessage = 2000 })
	device := mustConnect(t, b.addr)
	p := b.open(t)
	fits := bytes.Repeat([]byte("x"), 1900)
	device.Send(fits, transport.Text)
	if got := receive(t, p); got != string(fits) {
		t.Errorf("%d bytes came", len(got))
	}
	device.Send(bytes.Repeat([]byte("x"), 9000), transport.Text)
	if err := wantLost(t, p); !strings.Contains(err.Error(), "Payload") {
		t.Error(err)
	}
	p.Close()
	mustConnect(t, b.addr)
	b.open(t)
}

// A device that floods is slowed down; nothing is lost, and the box holds little.
func TestFlood(t *testing.T) {
	b := serve(t, nil)
	device := mustConnect(t, b.addr)
	p := b.open(t)
	const n = 20000
	go func() {
		for i := range n {
			if device.Send(fmt.Appendf(nil, "%d %0500d", i, 0), transport.Text) != nil {
				return
			}
		}
	}()
	time.Sleep(300 * time.Millisecond) // nobody receives
	transporttest.Within(t, "20000 messages", func() {
		buf := make([]byte, 4096)
		for i := range n {
			k, _, err := p.Receive(buf)
			if got := 0; err != nil {
				t.Errorf("message %d: %v", i, err)
				return
			} else if fmt.Sscan(string(buf[:k]), &got); got != i {
				t.Errorf("message %d where %d was due", got, i)
				return
			}
		}
	})
}

// A will is the last message, or nobody's; it never opens anything.
func TestWill(t *testing.T) {
	b := serve(t, nil)
	l := plate
	l.will, l.willTopic = "I am gone", out
	device, _ := connect(t, b.addr, l)
	p := b.open(t)
	device.Close()
	var got []string
	transporttest.Within(t, "Receive", func() {
		for buf := make([]byte, 100); ; {
			n, _, err := p.Receive(buf)
			if err != nil {
				return
			}
			got = append(got, string(buf[:n]))
		}
	})
	t.Logf("received before the loss: %q", got)
	p.Close()
	device = mustConnect(t, b.addr)
	p = b.open(t)
	device.Send([]byte("here"), transport.Text)
	if s := receive(t, p); s != "here" && (len(got) > 0 || s != "I am gone") {
		t.Errorf("got %q", s)
	}
}

func TestKindAndLines(t *testing.T) {
	b := serve(t, func(_ *natsbus.MQTTConfig, o *mqtt.Options) { o.Lines = true })
	device := mustConnect(t, b.addr)
	p := b.open(t)
	for in, want := range map[string]struct {
		text string
		kind transport.Kind
	}{
		`{"t":1}`:        {"{\"t\":1}\n", transport.Text},
		"a\r\n":          {"a\r\n", transport.Text},
		"20 \u00b0C":     {"20 \u00b0C\n", transport.Text},
		"\x01\x02":       {"\x01\x02", transport.Binary},
		"\xff\xfe plate": {"\xff\xfe plate", transport.Binary},
	} {
		device.Send([]byte(in), transport.Text)
		buf := make([]byte, 64)
		n, k, err := p.Receive(buf)
		if string(buf[:n]) != want.text || k != want.kind || err != nil {
			t.Errorf("%q: %q, %v, %v", in, buf[:n], k, err)
		}
	}
	device.Send([]byte("12345678"), transport.Text)
	if _, _, err := p.Receive(make([]byte, 8)); err == nil { // no room for the line's end
		t.Error("a line lost its end")
	}
}

// Bytes that are no MQTT cost the connection that they come on and nothing else.
func TestJunk(t *testing.T) {
	b := serve(t, nil)
	device := mustConnect(t, b.addr)
	p := b.open(t)
	device.c.Write(bytes.Repeat([]byte{0xFF, 0, 0x30, 0x7F}, 100))
	if err := wantLost(t, p); err != nil {
		t.Log(err)
	}
	p.Close()
	for _, junk := range []string{"GET / HTTP/1.1\r\n\r\n", "\x10\xff\xff\xff\x7f", "\x10\x00", "\x30\x02\x00\x00", strings.Repeat("\x00", 1000)} {
		raw, err := netDial(b.addr)
		if err != nil {
			t.Fatal(err)
		}
		raw.Write([]byte(junk))
		raw.SetReadDeadline(time.Now().Add(20 * time.Second))
		if _, err := raw.Read(make([]byte, 10)); err == nil {
			t.Logf("%.10q is answered", junk)
		}
		raw.Close()
	}
	mustConnect(t, b.addr)
	b.open(t)
}

// Connections that say nothing do not keep a device out.
func TestSilentConnections(t *testing.T) {
	t.Parallel()
	b := serve(t, nil)
	for range 40 {
		if c, err := netDial(b.addr); err == nil {
			defer c.Close()
		}
	}
	b.wantTold(t, edge.CodeTooMany)
	end := time.Now().Add(20 * time.Second)
	for {
		d, _ := connect(t, b.addr, plate)
		if d != nil {
			break
		}
		if time.Now().After(end) {
			t.Fatal("kept out")
		}
		time.Sleep(100 * time.Millisecond)
	}
	b.open(t)
}

func TestUnwantedDeviceIsLetGo(t *testing.T) {
	b := serve(t, func(_ *natsbus.MQTTConfig, o *mqtt.Options) { o.HoldFor = 50 * time.Millisecond })
	device := mustConnect(t, b.addr)
	transporttest.Within(t, "the device's Receive", func() {
		if _, _, err := device.Receive(make([]byte, 8)); err == nil {
			t.Error("a message came")
		}
	})
}

func TestShutdown(t *testing.T) {
	b := serve(t, nil)
	device := mustConnect(t, b.addr)
	p := b.open(t)
	b.Close()
	if _, _, err := p.Receive(make([]byte, 8)); err == nil {
		t.Error("a message came")
	}
	transporttest.Within(t, "the device's Receive", func() {
		if _, _, err := device.Receive(make([]byte, 8)); err == nil {
			t.Error("a message came")
		}
	})
	if _, err := b.Open(t.Context()); edge.CodeOf(err) != edge.CodePortMissing {
		t.Errorf("open: %v", err)
	}
	b.broker.Close()
}
