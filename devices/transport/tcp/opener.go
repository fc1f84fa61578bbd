package tcp

import (
	"context"
	"errors"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"labbox/devices/transport"
	"labbox/edge"
)

// Options of an Opener.
type Options struct {
	Addr        string        // host:port
	DialTimeout time.Duration // 0: 3 s
	// KeepAlive is how long a line is silent before the device's machine is
	// asked whether it is still there, and how often then; 0: 1 s.
	KeepAlive time.Duration
	// DeadAfter is how long it may leave that, or what was sent to it,
	// unanswered; 0: 4 s. At least KeepAlive.
	DeadAfter time.Duration
	// SendBuffer is about how many bytes the system takes of one message; 0: 16 KiB.
	SendBuffer int
}

// Opener dials one address.
type Opener struct {
	o      Options
	dialer net.Dialer
}

var _ transport.Opener = (*Opener)(nil)

// New returns an Opener, or what is wrong with o (bad_config).
func New(o Options) (*Opener, error) {
	addr, err := Canonical(o.Addr)
	if err != nil {
		return nil, err
	}
	o.Addr = addr
	if o.DialTimeout < 0 || o.KeepAlive < 0 || o.DeadAfter < 0 || o.SendBuffer < 0 {
		return nil, edge.Errorf(edge.CodeBadConfig, "tcp %s: negative limit or time", addr)
	}
	setDefault(&o.DialTimeout, 3*time.Second)
	setDefault(&o.KeepAlive, time.Second)
	setDefault(&o.DeadAfter, 4*time.Second)
	setDefault(&o.SendBuffer, 16<<10)
	if o.DeadAfter < o.KeepAlive {
		return nil, edge.Errorf(edge.CodeBadConfig, "tcp %s: a line cannot be dead after %v and be asked after %v", addr, o.DeadAfter, o.KeepAlive)
	}
	op := &Opener{o: o}
	op.dialer = net.Dialer{
		Timeout: o.DialTimeout,
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: o.KeepAlive, Interval: o.KeepAlive,
			Count: int(max(1, (o.DeadAfter-1)/o.KeepAlive))},
		Control: func(_, _ string, c syscall.RawConn) error { return setUp(c, &op.o) },
	}
	return op, nil
}

func setDefault[T int | time.Duration](v *T, d T) {
	if *v == 0 {
		*v = d
	}
}

// Canonical returns host:port in the one way it is written, or bad_config: two
// devices must not be given the same address.
func Canonical(addr string) (string, error) {
	bad := func(format string, args ...any) error {
		return edge.Errorf(edge.CodeBadConfig, "tcp %q: "+format, append([]any{addr}, args...)...).
			WithHint("an address and a port, such as 192.168.1.20:5025 or [fe80::1%%eth0]:502")
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "", bad("%w", err)
	}
	if host == "" {
		return "", bad("no address before the port")
	}
	if strings.ContainsAny(host, " \t\r\n/@?#") {
		return "", bad("this is no address")
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return "", bad("a port is a number from 1 to 65535")
	}
	if ip := net.ParseIP(host); ip != nil {
		host = ip.String()
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	return net.JoinHostPort(host, strconv.FormatUint(n, 10)), nil
}

// String implements transport.Opener.
func (o *Opener) String() string { return "tcp " + o.o.Addr }

// Open implements transport.Opener.
func (o *Opener) Open(ctx context.Context) (transport.Port, error) {
	c, err := o.dialer.DialContext(ctx, "tcp", o.o.Addr)
	if err != nil {
		return nil, o.dialError(err)
	}
	tc, ok := c.(*net.TCPConn)
	if !ok {
		_ = c.Close()
		return nil, edge.Errorf(edge.CodePortMissing, "%s: no TCP connection", o)
	}
	return newPort(o.String(), tc)
}

// dialError says what kept a line from opening, and what to look at.
func (o *Opener) dialError(err error) error {
	host, port, _ := net.SplitHostPort(o.o.Addr)
	e := edge.Errorf(edge.CodePortMissing, "open %s: %w", o, err).With("address", o.o.Addr)
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns):
		if dns.IsNotFound {
			return e.WithHint("no machine is called %s here; is it spelled right? An address such as 192.168.1.20 needs no name server", host)
		}
		return e.WithHint("the name server does not answer; an address such as 192.168.1.20 needs none")
	case errors.Is(err, syscall.ECONNREFUSED):
		return e.WithHint("%s is there, but takes no connection on port %s: switch that interface on in the device's menu, "+
			"and end other programs that are connected (many devices take one only)", host, port)
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return e.WithHint("there is no way to %s from here: is it switched on, plugged in, and on this computer's network?", host)
	case errors.Is(err, os.ErrPermission):
		e.Code = edge.CodePortForbidden
		return e.WithHint("a firewall on this computer forbids it")
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, syscall.ETIMEDOUT), errors.Is(err, context.DeadlineExceeded):
		return e.WithHint("%s does not answer: is it switched on, plugged in, and is the address right?", host)
	}
	return e.WithHint("is %s switched on and plugged in?", host)
}
