package devices

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"labbox/devices/transport"
	"labbox/devices/transport/hotplug"
	"labbox/devices/transport/mqtt"
	"labbox/devices/transport/serial"
	"labbox/devices/transport/tcp"
	"labbox/devices/transport/wslisten"
	"labbox/edge"
	"labbox/edge/config"
	"labbox/edge/turn"
)

// BenchConfig is what all devices of a box share.
type BenchConfig struct {
	Clock  edge.Clock
	Ledger *Ledger
	Sinks  []edge.Sink
	Audit  func(*edge.Event) // see Config.Audit
	Logger *slog.Logger
	// MQTT lets devices in; nil where the box file has no `mqtt:`.
	MQTT mqtt.Broker
	// Seed of simulated devices.
	Seed uint64
}

// Bench is a box file come to life: a supervisor per device, and where devices
// that dial in are to be served.
type Bench struct {
	Supervisors []*Supervisor
	// Mounts are handlers for the box's own HTTP listener, by path.
	Mounts map[string]http.Handler
	// Listeners are addresses of their own, with what answers there.
	Listeners map[string]http.Handler

	dialled map[string]string // by address: the device that has it
	drawn   map[string]*Drawn // simulated devices, by id
	watch   *hotplug.Watcher  // once a device needs it
	close   []func() error
}

// NewBench builds the devices of a box file. Nothing is opened yet.
func NewBench(reg *Registry, box *config.Box, cfg BenchConfig) (*Bench, error) {
	b := &Bench{Mounts: map[string]http.Handler{}, Listeners: map[string]http.Handler{}}
	ports := serial.NewRegistry()
	for i := range box.Devices {
		if err := tellApart(box, i); err != nil {
			_ = b.Close()
			return nil, err
		}
		if err := b.add(reg, box, &box.Devices[i], ports, cfg); err != nil {
			_ = b.Close()
			return nil, err
		}
	}
	return b, nil
}

func (b *Bench) add(reg *Registry, box *config.Box, dev *config.Device, ports *serial.Registry, cfg BenchConfig) error {
	t, err := reg.Type(dev.Type, box.Dir)
	if err != nil {
		return err
	}
	if t, err = t.narrowed(dev); err != nil {
		return err
	}
	opener, baud, err := b.opener(t, box, dev, ports, cfg)
	if err != nil {
		return err
	}
	c := Config{Box: box.Box, ID: dev.ID, Name: dev.Name, Type: t, Opener: opener, Baud: baud, Clock: cfg.Clock,
		Ledger: cfg.Ledger, Sinks: cfg.Sinks, Audit: cfg.Audit, Logger: cfg.Logger}
	rules := box.Turns.Rules(turn.DefaultRules())
	c.Turns = &rules
	c.Narrow = func(t *Type) (*Type, error) { return t.narrowed(dev) }
	if dev.Port.Path != "" || dev.Port.USB != "" {
		c.Plugged = b.plugged(cfg.Logger)
	}
	s, err := New(c)
	if err != nil {
		return err
	}
	b.Supervisors = append(b.Supervisors, s)
	return nil
}

// plugged tells a device with a serial port that something was plugged in.
func (b *Bench) plugged(log *slog.Logger) <-chan struct{} {
	if b.watch == nil {
		b.watch = hotplug.New(hotplug.Options{Scan: portNames, Logger: log})
		b.close = append(b.close, b.watch.Close)
	}
	c, _ := b.watch.Subscribe()
	return c
}

// portNames names all there is to know of each serial port.
func portNames() ([]string, error) {
	ports, err := serial.List()
	names := make([]string, len(ports))
	for i, p := range ports {
		names[i] = fmt.Sprint(p)
	}
	return names, err
}

func (b *Bench) opener(t *Type, box *config.Box, dev *config.Device, ports *serial.Registry, cfg BenchConfig) (transport.Opener, int, error) {
	p := dev.Port
	if t.Protocol.Floats != nil && (p.Path != "" || p.USB != "" || p.TCP != "" || p.MQTT) {
		line := "a serial line has none"
		switch {
		case p.TCP != "":
			line = "a TCP connection has none"
		case p.MQTT:
			line = "MQTT does not tell bytes from text"
		}
		return nil, 0, edge.Errorf(edge.CodeBadConfig, "%s: %s sends messages, %s", dev.ID, t.Name, line).
			WithHint("write `port: {listen: /dial/%s}`", dev.ID)
	}
	switch {
	case p.Sim:
		o, err := b.simulated(t, dev, cfg)
		return o, 0, err
	case p.Listen != "":
		o, err := b.listen(box, dev, cfg)
		return o, 0, err
	case p.MQTT:
		o, err := b.mqtt(t, box, dev, cfg)
		return o, 0, err
	case p.TCP != "":
		o, err := b.dial(dev)
		return o, 0, err // no baud rate: the transport paces itself
	}
	o := serial.Options{Path: p.Path, Baud: t.Serial.Baud, DataBits: t.Serial.DataBits, ResetOnOpen: t.Connect.Reset,
		Registry: ports, Owner: dev.ID}
	if p.Baud > 0 {
		o.Baud = p.Baud
	}
	switch t.Serial.Parity {
	case "even":
		o.Parity = serial.EvenParity
	case "odd":
		o.Parity = serial.OddParity
	}
	if t.Serial.StopBits == "2" {
		o.StopBits = 2
	}
	if p.USB != "" {
		m, err := USBMatch(p)
		if err != nil {
			return nil, 0, edge.Errorf(edge.CodeBadConfig, "%s: %w", dev.ID, err).WithHint("%s", edge.AsError(err).Hint)
		}
		o.USB = m
	}
	op, err := serial.New(o)
	return op, o.Baud, err
}

func (b *Bench) dial(dev *config.Device) (transport.Opener, error) {
	addr, err := tcp.Canonical(dev.Port.TCP)
	if err != nil {
		return nil, edge.Errorf(edge.CodeBadConfig, "%s: %w", dev.ID, err).WithHint("%s", edge.AsError(err).Hint)
	}
	if other := b.dialled[addr]; other != "" {
		return nil, edge.Errorf(edge.CodeBadConfig, "%s: %s has %s already", dev.ID, other, addr).
			WithHint("one port belongs to one device")
	}
	if b.dialled == nil {
		b.dialled = map[string]string{}
	}
	b.dialled[addr] = dev.ID
	return tcp.New(tcp.Options{Addr: addr})
}

func (b *Bench) mqtt(t *Type, box *config.Box, dev *config.Device, cfg BenchConfig) (transport.Opener, error) {
	password, err := secret(box, dev)
	if err != nil {
		return nil, err
	}
	o := mqtt.Options{Name: dev.ID, Password: password, Broker: cfg.MQTT, Lines: t.Protocol.Lines != nil, Refused: turnedAway(dev, cfg)}
	o.In, o.Out = box.Topics(dev)
	op, err := mqtt.New(o)
	if err != nil {
		return nil, err
	}
	b.close = append(b.close, op.Close)
	return op, nil
}

// turnedAway logs who was turned away.
func turnedAway(dev *config.Device, cfg BenchConfig) func(string, *edge.Error) {
	log := cfg.Logger.With("device", dev.ID)
	return func(remote string, why *edge.Error) {
		log.Warn("device dialling in was refused", "remote", remote, "code", why.Code, "error", why.Message)
	}
}

// secret reads the device's token file.
func secret(box *config.Box, dev *config.Device) (string, error) {
	name := dev.Port.Token
	if !filepath.IsAbs(name) {
		name = filepath.Join(box.Dir, name)
	}
	b, err := os.ReadFile(name)
	if err != nil {
		return "", edge.Errorf(edge.CodeBadConfig, "%s: token_file: %w", dev.ID, err)
	}
	return strings.TrimSpace(string(b)), nil
}

func (b *Bench) listen(box *config.Box, dev *config.Device, cfg BenchConfig) (transport.Opener, error) {
	o := wslisten.Options{Name: dev.ID, Refused: turnedAway(dev, cfg)}
	for _, a := range dev.Port.Allow {
		prefix, err := netip.ParsePrefix(a)
		if err != nil {
			addr, aerr := netip.ParseAddr(a)
			if aerr != nil {
				return nil, edge.Errorf(edge.CodeBadConfig, "%s: allow: %w", dev.ID, aerr).WithHint("an address such as 192.168.4.20 or 192.168.4.0/24")
			}
			prefix = netip.PrefixFrom(addr, addr.BitLen())
		}
		o.AllowedAddrs = append(o.AllowedAddrs, prefix)
	}
	if dev.Port.Token != "" {
		var err error
		if o.Token, err = secret(box, dev); err != nil {
			return nil, err
		}
	}
	l, err := wslisten.New(o)
	if err != nil {
		return nil, err
	}
	b.close = append(b.close, l.Close)
	where, table := dev.Port.Listen, b.Listeners
	if strings.HasPrefix(where, "/") {
		table = b.Mounts
	} else if _, _, err := net.SplitHostPort(where); err != nil {
		return nil, edge.Errorf(edge.CodeBadConfig, "%s: listen: %w", dev.ID, err).WithHint("a path such as /dial/%s, or HOST:PORT", dev.ID)
	}
	if table[where] != nil {
		return nil, edge.Errorf(edge.CodeBadConfig, "%s: another device already listens at %s", dev.ID, where)
	}
	table[where] = l
	return l, nil
}

// Close turns away devices that dial in, and looks for none any more.
func (b *Bench) Close() error {
	for _, c := range b.close {
		_ = c()
	}
	return nil
}
