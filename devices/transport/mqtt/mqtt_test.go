package mqtt_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"labbox/devices/transport"
	"labbox/devices/transport/mqtt"
	"labbox/devices/transport/transporttest"
	"labbox/edge"
	"labbox/edge/natsbus"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// door is the adapter that cmd has.
type door struct{ *natsbus.MQTT }

func (d door) Register(x mqtt.Device) error {
	return d.MQTT.Register(natsbus.MQTTDevice{ID: x.ID, Password: x.Password, In: x.In, Out: x.Out, Refused: x.Refused,
		Connected: func(s *natsbus.MQTTSession) { x.Connected(s) }})
}

// bench is a broker with the device "plate".
type bench struct {
	*mqtt.Opener
	broker  *natsbus.MQTT
	addr    string
	refused chan *edge.Error
}

const (
	secret = "tr0ub4dor"
	in     = "lab/bench/plate/in"
	out    = "lab/bench/plate/out"
)

func serve(t *testing.T, change func(*natsbus.MQTTConfig, *mqtt.Options)) *bench {
	t.Helper()
	b := &bench{refused: make(chan *edge.Error, 100)}
	refused := func(_ string, why *edge.Error) { b.refused <- why }
	cfg := natsbus.MQTTConfig{Dir: filepath.Join(t.TempDir(), "mqtt"), Listen: "127.0.0.1:0", Refused: refused}
	o := mqtt.Options{Name: "plate", Password: secret, In: in, Out: out, Refused: refused}
	if change != nil {
		change(&cfg, &o)
	}
	var err error
	if b.broker, err = natsbus.StartMQTT(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.broker.Close)
	o.Broker = door{b.broker}
	if b.Opener, err = mqtt.New(o); err != nil {
		t.Fatal(err)
	}
	b.addr = b.broker.Addr().String()
	return b
}

func (b *bench) wantTold(t *testing.T, code edge.Code) {
	t.Helper()
	select {
	case told := <-b.refused:
		if told.Code != code || told.Hint == "" {
			t.Errorf("told %v, want %s with a hint", told, code)
		}
	case <-time.After(10 * time.Second):
		t.Errorf("nobody was told of %s", code)
	}
}

func (b *bench) open(t *testing.T) transport.Port {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	p, err := b.Open(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// board is an MQTT 3.1.1 client as small as one can be (OASIS MQTT 3.1.1,
// chapter 3); QoS 0 but for what a test writes itself. It looks like a
// transport.Port to the suite.
type board struct {
	transport.Port
	c   net.Conn
	mu  sync.Mutex
	out string
}

func netDial(addr string) (net.Conn, error) { return net.Dial("tcp", addr) }

func str(s string) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(s))), s...)
}

func packet(first byte, parts ...[]byte) []byte {
	n := 0
	for _, p := range parts {
		n += len(p)
	}
	b := binary.AppendUvarint([]byte{first}, uint64(n)) // the same format for lengths
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

func readPacket(c io.Reader) (first byte, body []byte, err error) {
	var one [1]byte
	if _, err = io.ReadFull(c, one[:]); err != nil {
		return 0, nil, err
	}
	first = one[0]
	n, shift := 0, 0
	for {
		if _, err = io.ReadFull(c, one[:]); err != nil {
			return 0, nil, err
		}
		n |= int(one[0]&0x7F) << shift
		if shift += 7; one[0] < 0x80 {
			break
		}
	}
	body = make([]byte, n)
	_, err = io.ReadFull(c, body)
	return first, body, err
}

type login struct {
	client, user, password string
	will, willTopic        string
	keep                   bool // the session
	subscribe              string
}

var plate = login{client: "board-1", user: "plate", password: secret, subscribe: in}

// connect returns the board, or the return code that it was given (3.2.2.3; 255
// where it got none).
func connect(t *testing.T, addr string, l login) (*board, byte) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(20 * time.Second))
	flags := byte(0xC0)
	if !l.keep {
		flags |= 2
	}
	body := [][]byte{str("MQTT"), {4, flags, 0, 60}, str(l.client)}
	if l.willTopic != "" {
		body[1][1] |= 4
		body = append(body, str(l.willTopic), str(l.will))
	}
	body = append(body, str(l.user), str(l.password))
	c.Write(packet(0x10, body...))
	first, ack, err := readPacket(c)
	if err != nil || first != 0x20 || len(ack) != 2 {
		return nil, 255
	}
	if ack[1] != 0 {
		return nil, ack[1]
	}
	b := &board{c: c, out: out}
	if l.subscribe != "" {
		if code := b.subscribe(t, l.subscribe); code != 0 {
			t.Fatalf("subscribe: %d", code)
		}
	}
	c.SetDeadline(time.Time{})
	return b, 0
}

func mustConnect(t *testing.T, addr string) *board {
	t.Helper()
	b, code := connect(t, addr, plate)
	if b == nil {
		t.Fatalf("refused: %d", code)
	}
	return b
}

// subscribe returns the granted QoS or 0x80. A message may come before.
func (b *board) subscribe(t *testing.T, topic string) byte {
	t.Helper()
	b.c.Write(packet(0x82, []byte{0, 1}, str(topic), []byte{0}))
	for {
		first, body, err := readPacket(b.c)
		if err != nil {
			t.Fatal(err)
		}
		if first == 0x90 {
			return body[2]
		}
	}
}

func (b *board) Receive(p []byte) (int, transport.Kind, error) {
	for {
		first, body, err := readPacket(b.c)
		if err != nil {
			return 0, transport.Stream, err
		}
		if first>>4 == 3 {
			return copy(p, body[2+binary.BigEndian.Uint16(body):]), transport.Text, nil
		}
	}
}

func (b *board) publish(first byte, topic string, msg []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	var id []byte
	if first&6 != 0 {
		id = []byte{0, 9}
	}
	_, err := b.c.Write(packet(first, str(topic), id, msg))
	return err
}

func (b *board) Send(p []byte, _ transport.Kind) error { return b.publish(0x30, b.out, p) }
func (b *board) Close() error                          { return b.c.Close() }

func TestSuite(t *testing.T) {
	transporttest.Run(t, func(t *testing.T) transporttest.Line {
		b := serve(t, func(c *natsbus.MQTTConfig, _ *mqtt.Options) { c.DeadAfter = time.Hour })
		device := mustConnect(t, b.addr)
		return transporttest.Line{Box: b.open(t), Device: device, Messages: true, Unplug: func() { device.Close() }}
	})
}

func receive(t *testing.T, p transport.Port) string {
	t.Helper()
	buf, got := make([]byte, 1<<20), ""
	transporttest.Within(t, "Receive", func() {
		n, _, err := p.Receive(buf)
		if err != nil {
			t.Errorf("receive: %v", err)
		}
		got = string(buf[:n])
	})
	return got
}

func wantLost(t *testing.T, p transport.Port) error {
	t.Helper()
	var err error
	transporttest.Within(t, "Receive", func() {
		for err == nil {
			_, _, err = p.Receive(make([]byte, 1<<20))
		}
	})
	if !errors.Is(err, transport.ErrLost) || edge.CodeOf(err) != edge.CodePortLost {
		t.Errorf("%v, want it lost", err)
	}
	return err
}

func TestOpenWaitsForTheDevice(t *testing.T) {
	b := serve(t, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := b.Open(ctx); edge.CodeOf(err) != edge.CodePortMissing || edge.AsError(err).Hint == "" {
		t.Errorf("nobody connects: %v", err)
	}
	for round := range 5 { // connected again at once, each time
		device := mustConnect(t, b.addr)
		p := b.open(t)
		if _, err := b.Open(t.Context()); edge.CodeOf(err) != edge.CodePortBusy {
			t.Errorf("opened twice: %v", err)
		}
		if err := p.Send([]byte(fmt.Sprint("stop ", round)), transport.Text); err != nil {
			t.Fatal(err)
		}
		if got := receive(t, device); got != fmt.Sprint("stop ", round) {
			t.Errorf("the device got %q", got)
		}
		device.c.Write([]byte{0xE0, 0}) // DISCONNECT
		device.Close()
		wantLost(t, p)
		p.Close()
	}
}

func TestWhoMayConnect(t *testing.T) {
	b := serve(t, nil)
	for name, tt := range map[string]struct {
		change func(*login)
		code   byte
	}{
		"wrong password":  {func(l *login) { l.password = "secret" }, 5},
		"empty password":  {func(l *login) { l.password = "" }, 5},
		"another device":  {func(l *login) { l.user = "plate2" }, 5},
		"the box itself?": {func(l *login) { l.user = "labbox" }, 5},
		"right":           {func(*login) {}, 0},
	} {
		l := plate
		tt.change(&l)
		d, code := connect(t, b.addr, l)
		if code != tt.code && (tt.code == 0 || code != 255) { // the code may be lost with the connection
			t.Errorf("%s: %d, want %d", name, code, tt.code)
		}
		if tt.code != 0 {
			b.wantTold(t, edge.CodeForbidden)
		}
		if d != nil {
			d.Close()
		}
	}
}

// A second with the same name is refused, with the same client id or another,
// and the first does not notice.
func TestSecondDeviceIsRefused(t *testing.T) {
	b := serve(t, nil)
	first := mustConnect(t, b.addr)
	p := b.open(t)
	for _, client := range []string{"board-1", "board-2"} {
		l := plate
		l.client = client
		if second, code := connect(t, b.addr, l); second != nil {
			t.Errorf("%s was let in: %d", client, code)
		}
		b.wantTold(t, edge.CodePortBusy)
	}
	if err := first.Send([]byte("still here"), transport.Text); err != nil {
		t.Fatal(err)
	}
	if got := receive(t, p); got != "still here" {
		t.Errorf("got %q", got)
	}
}

// Two boards with the same firmware: same topics, same client id. Each is its
// own device, and hears nothing of the other.
func TestTwinsDoNotMeet(t *testing.T) {
	b := serve(t, nil)
	twin, err := mqtt.New(mqtt.Options{Name: "twin", Password: "other", In: in, Out: out, Broker: door{b.broker}})
	if err != nil {
		t.Fatal(err)
	}
	defer twin.Close()
	one := mustConnect(t, b.addr)
	l := plate
	l.user, l.password = "twin", "other"
	two, code := connect(t, b.addr, l)
	if two == nil {
		t.Fatal(code)
	}
	p1 := b.open(t)
	p2, err := twin.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer p2.Close()
	for i, d := range []*board{one, two} {
		if err := d.Send([]byte{'A' + byte(i)}, transport.Text); err != nil {
			t.Fatal(err)
		}
	}
	if a, b := receive(t, p1), receive(t, p2); a != "A" || b != "B" {
		t.Errorf("got %q and %q", a, b)
	}
	p1.Send([]byte("to one"), transport.Text)
	p2.Send([]byte("to two"), transport.Text)
	if a, b := receive(t, one), receive(t, two); a != "to one" || b != "to two" {
		t.Errorf("the devices got %q and %q", a, b)
	}
}
