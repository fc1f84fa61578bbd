package natsbus

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"labbox/edge"
)

// mqttDoor is one connection from outside, relayed to the embedded server. The
// server itself neither probes a connection nor says that one has ended; here it
// is known at once, a dead one after MQTTConfig.DeadAfter, and what has not left
// for the device can be counted.
type mqttDoor struct {
	m      *MQTT
	remote string
	tcp    *net.TCPConn
	dev    net.Conn // tcp, or TLS on it
	in     *net.TCPConn

	session atomic.Pointer[MQTTSession]
	over    atomic.Bool
	why     atomic.Pointer[error]
	down    atomic.Int64 // bytes that have come from the server
	held    atomic.Int64 // those of them that the system has not taken

	mu sync.Mutex // while in is set
}

func (m *MQTT) accept() {
	for {
		c, err := m.ln.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			time.Sleep(10 * time.Millisecond) // out of descriptors, mostly
			continue
		}
		tc, ok := c.(*net.TCPConn)
		if !ok {
			_ = c.Close()
			continue
		}
		d := &mqttDoor{m: m, remote: c.RemoteAddr().String(), tcp: tc, dev: tc}
		if why := m.admit(d); why != nil {
			_ = c.Close()
			m.cfg.Refused(d.remote, why)
			continue
		}
		m.wg.Go(d.serve)
	}
}

func (m *MQTT) admit(d *mqttDoor) *edge.Error {
	m.mu.Lock()
	defer m.mu.Unlock()
	host, each := hostOf(d.remote), 0
	for o := range m.open {
		if hostOf(o.remote) == host {
			each++
		}
	}
	if m.closed || each >= mqttEach || len(m.open) >= mqttDoors {
		return edge.Errorf(edge.CodeTooMany, "mqtt: too many connections").WithHint("does a program connect over and over?")
	}
	m.open[d] = struct{}{}
	return nil
}

func hostOf(addr string) string {
	host, _, _ := net.SplitHostPort(addr)
	return host
}

func (d *mqttDoor) serve() {
	defer func() {
		d.m.mu.Lock()
		delete(d.m.open, d)
		d.m.mu.Unlock()
	}()
	if err := d.setUp(); err != nil {
		_ = d.tcp.Close()
		return
	}
	key := d.in.LocalAddr().String()
	d.m.mu.Lock()
	d.m.doors[key] = d
	closed := d.m.closed
	d.m.mu.Unlock()
	if closed || d.over.Load() {
		d.end(errMQTTClosed)
	}
	var both sync.WaitGroup
	both.Go(d.upward)
	both.Go(d.downward)
	both.Wait()
	d.m.mu.Lock()
	delete(d.m.doors, key)
	d.m.mu.Unlock()
	if s := d.session.Load(); s != nil {
		d.m.farewell(s)
	}
}

// setUp reaches the server behind and, with TLS, shakes hands with the device.
func (d *mqttDoor) setUp() error {
	cfg := d.m.cfg
	_ = d.tcp.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true, Idle: time.Second, Interval: time.Second, Count: max(1, int(cfg.DeadAfter/time.Second)-1)})
	mqttSocket(d.tcp, cfg.DeadAfter)
	if cfg.TLS != nil {
		tc := tls.Server(d.tcp, cfg.TLS)
		_ = d.tcp.SetDeadline(time.Now().Add(5 * time.Second))
		if err := tc.Handshake(); err != nil {
			cfg.Refused(d.remote, edge.Errorf(edge.CodeForbidden, "mqtt: %w", err).WithHint("this port speaks TLS only"))
			return err
		}
		_ = d.tcp.SetDeadline(time.Time{})
		d.dev = tc
	}
	in, err := net.Dial("tcp", d.m.inner)
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.in = in.(*net.TCPConn) //nolint:errcheck // dialled as tcp
	_ = d.in.SetReadBuffer(16 << 10)
	return nil
}

// end breaks the connection off; the first reason stays.
func (d *mqttDoor) end(why error) {
	d.why.CompareAndSwap(nil, &why)
	d.over.Store(true)
	_ = d.tcp.Close()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.in != nil {
		_ = d.in.CloseWrite() // the server still takes what has come
		_ = d.in.SetReadDeadline(time.Now().Add(2 * time.Second))
	}
}

// upward carries what the device says. It stops reading while the session's
// queue is full: TCP then slows the device down.
func (d *mqttDoor) upward() {
	buf := make([]byte, 4<<10)
	for {
		for s := d.session.Load(); s != nil && s.full() && !d.over.Load(); time.Sleep(time.Millisecond) {
		}
		n, err := d.dev.Read(buf)
		if n > 0 {
			if _, werr := d.in.Write(buf[:n]); werr != nil {
				return // downward says why
			}
		}
		if err != nil {
			d.end(plainly(err))
			return
		}
	}
}

// plainly says what a connection's error means here.
func plainly(err error) error {
	switch {
	case errors.Is(err, io.EOF):
		return errors.New("the device closed the connection")
	case errors.Is(err, syscall.ECONNRESET):
		return errors.New("the device broke the connection off")
	case errors.Is(err, syscall.ETIMEDOUT):
		return errors.New("the device does not answer any more")
	}
	return err
}

// connAck is how the server lets a client in (MQTT 3.1.1, 3.2).
func connAck(b []byte) bool { return len(b) >= 4 && b[0] == 0x20 && b[3] == 0 }

// downward carries what the server says.
func (d *mqttDoor) downward() {
	buf := make([]byte, 4<<10)
	for first := true; ; first = false {
		n, err := d.in.Read(buf)
		if n > 0 {
			d.held.Store(int64(n))
			d.down.Add(int64(n))
			_, werr := d.dev.Write(buf[:n])
			d.held.Store(0)
			if werr != nil {
				d.end(fmt.Errorf("the device takes nothing: %w", werr))
			} else if s := d.session.Load(); first && s != nil && connAck(buf[:n]) {
				s.dev.Connected(s)
			}
		}
		if err != nil {
			if !d.over.Load() {
				d.end(d.refusal())
			}
			_ = d.in.Close()
			return
		}
	}
}

// refusal is why the server broke a session off; it says so a moment later.
func (d *mqttDoor) refusal() error {
	_, port, _ := net.SplitHostPort(d.in.LocalAddr().String())
	for range 50 {
		list, err := d.m.ns.Connz(&server.ConnzOptions{State: server.ConnClosed, Sort: server.ByStop, Limit: 32})
		if err != nil {
			break
		}
		for _, c := range list.Conns {
			if strconv.Itoa(c.Port) == port && c.Reason != "" {
				return fmt.Errorf("the broker ended the session: %s", c.Reason)
			}
		}
		time.Sleep(2 * time.Millisecond)
	}
	return errors.New("the broker ended the session")
}
