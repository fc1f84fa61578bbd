package natsbus

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"labbox/edge"
)

// MQTTConfig opens a door for devices that speak MQTT 3.1.1.
//
// Behind it stands an embedded server of its own, which shares nothing with the
// broker of the lab: every device has an account of its own there, and whatever
// a device stores is thrown away at the next start, so that nothing old is ever
// delivered. Config.Dir's rules do not apply to Dir: it is emptied.
type MQTTConfig struct {
	Dir    string      // emptied at the start
	Listen string      // host:port; port 0 picks a free one
	TLS    *tls.Config // nil: none
	// MaxMessage bounds one message in bytes; a longer one ends its session. 0: 64 KiB.
	MaxMessage int
	// DeadAfter is how long a device may leave TCP unanswered; 0: 4 s.
	DeadAfter time.Duration
	// Refused is told of everyone who was turned away and named no device.
	Refused func(remote string, why *edge.Error)
	Logger  *slog.Logger // nil discards
}

// MQTTDevice is one that may connect, with its id for a user name.
type MQTTDevice struct {
	ID, Password string
	In, Out      string // topics: what it subscribes, what it publishes
	// Connected gets each session of the device, one at a time.
	Connected func(*MQTTSession)
	// Refused is told who was turned away, and why.
	Refused func(remote string, why *edge.Error)
}

// MQTT is the door. All methods are safe for concurrent use.
type MQTT struct {
	cfg    MQTTConfig
	ns     *server.Server
	secret string // of the box's own connections
	inner  string // where the embedded server listens
	ln     net.Listener

	mu      sync.Mutex
	closed  bool
	devices map[string]*mqttDevice
	doors   map[string]*mqttDoor // by the address the embedded server sees
	open    map[*mqttDoor]struct{}
	wg      sync.WaitGroup
}

type mqttDevice struct {
	MQTTDevice
	acc     *server.Account
	nc      *nats.Conn
	in, out string // subjects

	session *MQTTSession // guarded by MQTT.mu; nil: none
}

const (
	mqttStore = 16 << 20 // bytes of a device's sessions and retained messages
	mqttDoors = 256      // connections at a time
	mqttEach  = 16       // of one address
)

// StartMQTT opens the door. Nobody may come in until Register.
func StartMQTT(ctx context.Context, cfg MQTTConfig) (*MQTT, error) {
	if cfg.MaxMessage <= 0 {
		cfg.MaxMessage = 64 << 10
	}
	if cfg.DeadAfter <= 0 {
		cfg.DeadAfter = 4 * time.Second
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Refused == nil {
		cfg.Refused = func(string, *edge.Error) {}
	}
	if cfg.Dir == "" {
		return nil, errors.New("natsbus: mqtt: no directory")
	}
	ln, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return nil, edge.Errorf(edge.CodePortBusy, "listen for mqtt on %s: %w", cfg.Listen, err).
			WithHint("another MQTT broker may use the port; name another in the box file: `mqtt: {listen: \":1884\"}`")
	}
	m := &MQTT{cfg: cfg, secret: rand.Text(), ln: ln, devices: map[string]*mqttDevice{}, doors: map[string]*mqttDoor{}, open: map[*mqttDoor]struct{}{}}
	if err := m.boot(ctx); err != nil {
		_ = ln.Close()
		return nil, err
	}
	m.wg.Go(m.accept)
	return m, nil
}

func (m *MQTT) boot(ctx context.Context) error {
	if err := errors.Join(os.RemoveAll(m.cfg.Dir), os.MkdirAll(m.cfg.Dir, 0o750)); err != nil {
		return fmt.Errorf("natsbus: mqtt: %w", err)
	}
	opts := &server.Options{
		ServerName: "labbox-mqtt", DontListen: true, NoSigs: true, NoLog: true,
		JetStream: true, DisableJetStreamBanner: true, StoreDir: m.cfg.Dir, JetStreamMaxMemory: maxMemory, JetStreamMaxStore: 1 << 30,
		MaxPayload: int32(m.cfg.MaxMessage), MaxPending: int64(8*m.cfg.MaxMessage + 1<<20), //nolint:gosec // bounded by the caller
		CustomClientAuthentication: mqttGate{m},
		MQTT:                       server.MQTTOpts{Host: "127.0.0.1", Port: -1, AuthTimeout: 3},
	}
	ns, err := server.NewServer(opts)
	if err != nil {
		return fmt.Errorf("natsbus: mqtt: %w", err)
	}
	ns.SetLoggerV2(&mqttLog{m.cfg.Logger}, false, false, false)
	ns.Start()
	wait := readyWait
	if d, ok := ctx.Deadline(); ok {
		wait = min(wait, time.Until(d))
	}
	if !ns.ReadyForConnections(wait) || !ns.JetStreamEnabled() {
		ns.Shutdown()
		ns.WaitForShutdown()
		return errors.New("natsbus: mqtt: broker not ready")
	}
	m.ns, m.inner = ns, fmt.Sprintf("127.0.0.1:%d", opts.MQTT.Port)
	return nil
}

// Addr is where devices connect.
func (m *MQTT) Addr() net.Addr { return m.ln.Addr() }

// Register lets a device in.
func (m *MQTT) Register(d MQTTDevice) error {
	bad := func(err error) error { return edge.Errorf(edge.CodeBadConfig, "mqtt: %s: %w", d.ID, err) }
	if d.Password == "" {
		return bad(errors.New("no password"))
	}
	if d.In == d.Out {
		return bad(errors.New("one topic for both directions"))
	}
	dev := &mqttDevice{MQTTDevice: d}
	var err error
	if dev.in, err = mqttSubject(d.In); err != nil {
		return bad(err)
	}
	if dev.out, err = mqttSubject(d.Out); err != nil {
		return bad(err)
	}
	if dev.Refused == nil {
		dev.Refused = m.cfg.Refused
	}
	if dev.acc, err = m.ns.RegisterAccount("device-" + d.ID); err != nil {
		return bad(err) // among others: registered already
	}
	limits := map[string]server.JetStreamAccountLimits{"": {MaxMemory: 0, MaxStore: mqttStore, MaxStreams: -1, MaxConsumers: -1,
		MaxAckPending: -1, MemoryMaxStreamBytes: -1, StoreMaxStreamBytes: -1}}
	if err := dev.acc.EnableJetStream(limits, nil); err != nil {
		return bad(err)
	}
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return edge.Errorf(edge.CodeNotReady, "mqtt: this box is shutting down")
	}
	m.devices[d.ID] = dev
	m.mu.Unlock()
	nc, err := nats.Connect("", nats.InProcessServer(m.ns), nats.Name("labbox"), nats.UserInfo(d.ID, m.secret), nats.NoReconnect())
	if err != nil {
		m.forget(d.ID)
		return bad(err)
	}
	sub, err := nc.Subscribe(dev.out, func(msg *nats.Msg) { m.deliver(dev, msg) })
	if err == nil {
		err = errors.Join(sub.SetPendingLimits(-1, -1), nc.Flush())
	}
	if err != nil {
		m.forget(d.ID)
		nc.Close()
		return bad(err)
	}
	m.mu.Lock()
	dev.nc = nc
	m.mu.Unlock()
	return nil
}

func (m *MQTT) forget(id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.devices, id)
}

// mqttEnded marks, behind a session's last message, that it was the last.
const mqttEnded = "Labbox-Ended"

// deliver hands a device's message to its session. One that comes between two
// sessions (a will, mostly) is nobody's.
func (m *MQTT) deliver(dev *mqttDevice, msg *nats.Msg) {
	m.mu.Lock()
	s := dev.session
	m.mu.Unlock()
	switch {
	case s == nil:
	case msg.Header.Get(mqttEnded) != "":
		if msg.Header.Get(mqttEnded) == s.id {
			m.finish(s)
		}
	default:
		s.push(msg.Data)
	}
}

// Close ends every session and the server.
func (m *MQTT) Close() {
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return
	}
	m.closed = true
	var doors []*mqttDoor
	for d := range m.open {
		doors = append(doors, d)
	}
	devices := m.devices
	m.mu.Unlock()
	_ = m.ln.Close()
	for _, d := range doors {
		d.end(errMQTTClosed)
	}
	m.wg.Wait()
	for _, d := range devices {
		if d.nc != nil {
			d.nc.Close()
		}
		m.mu.Lock()
		s := d.session
		m.mu.Unlock()
		if s != nil {
			m.finish(s)
		}
	}
	m.ns.Shutdown()
	m.ns.WaitForShutdown()
}

var errMQTTClosed = errors.New("the box is shutting down")

// mqttLog hands the server's log on, for technicians: what devices do wrong is
// told by Refused or ends their session.
type mqttLog struct{ log *slog.Logger }

func (l *mqttLog) Noticef(string, ...any) {}
func (l *mqttLog) Debugf(string, ...any)  {}
func (l *mqttLog) Tracef(string, ...any)  {}

func (l *mqttLog) Warnf(f string, v ...any)  { l.log.Debug("mqtt broker warning", "text", text(f, v)) }
func (l *mqttLog) Errorf(f string, v ...any) { l.log.Warn("mqtt broker error", "text", text(f, v)) }
func (l *mqttLog) Fatalf(f string, v ...any) { l.log.Error("mqtt broker fatal", "text", text(f, v)) }
