package rabbitbus

import (
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"labbox/edge"
)

// Config says where the broker is and what slow parts may hold.
type Config struct {
	// URL is amqp://user:password@host:port/vhost, or amqps for TLS. Its query
	// may hold cacertfile, certfile, keyfile, server_name_indication, heartbeat
	// (seconds) and auth_mechanism (plain, external). A vhost's own slash is %2F.
	URL string
	// PasswordFile holds the password, in the URL's place. It is read for every
	// connection, so that a changed one needs no restart.
	PasswordFile string
	// CAFile, CertFile and KeyFile are PEM files, as the query's.
	CAFile, CertFile, KeyFile string
	// Memory is shared by all processes on the broker and remembers job ids for
	// Queue.Dedup. nil: this process alone remembers, and forgets when it ends.
	Memory edge.KV
	// Name is what the broker's list of connections shows; "" is labbox.
	Name string
	// Heartbeat finds a dead link within twice its length; 0 is 10 s.
	Heartbeat time.Duration
	// ConfirmWithin is the longest that Enqueue waits for the broker's word,
	// reconnects included; 0 is 10 s.
	ConfirmWithin time.Duration

	// QueueLen is how many live messages wait for one subscriber before they are
	// dropped; 0 is 1024.
	QueueLen int
	// QueueBytes bounds the same in bytes; 0 is 32 MiB.
	QueueBytes int64
	// MaxServing bounds the requests one Serve works on at a time; more are
	// answered with CodeTooMany. 0 is 1024.
	MaxServing int
	// Logger takes what no caller hears of; nil discards it.
	Logger *slog.Logger

	recheck time.Duration // of bindings
}

func (c Config) withDefaults() Config {
	if c.Name == "" {
		c.Name = "labbox"
	}
	if c.Heartbeat <= 0 {
		c.Heartbeat = 10 * time.Second
	}
	if c.ConfirmWithin <= 0 {
		c.ConfirmWithin = 10 * time.Second
	}
	if c.QueueLen <= 0 {
		c.QueueLen = 1024
	}
	if c.QueueBytes <= 0 {
		c.QueueBytes = 32 << 20
	}
	if c.MaxServing <= 0 {
		c.MaxServing = 1024
	}
	if c.recheck <= 0 {
		c.recheck = 15 * time.Second
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// target is a parsed Config: how to reach the broker.
type target struct {
	url          string // without user and password
	addr         string // host:port, for people
	user         string
	password     string
	passwordFile string
	vhost        string
	external     bool // sign in by the client certificate
	tls          *tls.Config
	heartbeat    time.Duration
}

func badConfig(format string, args ...any) *edge.Error {
	return edge.Errorf(edge.CodeBadConfig, "rabbitbus: "+format, args...).
		WithHint("amqp://user:password@host:5672/vhost, amqps:// for TLS; %%2F stands for a slash in the vhost")
}

// parse reads c.URL. No error of it shows the password.
func (c Config) parse() (*target, error) {
	u, err := url.Parse(c.URL)
	if err != nil { // its text would show the password
		return nil, badConfig("the broker's url is no url (special characters of a password stand as %%XX)")
	}
	t := &target{vhost: "/", passwordFile: c.PasswordFile, heartbeat: c.Heartbeat, user: "guest", password: "guest"}
	port := "5672"
	switch u.Scheme {
	case "amqp":
	case "amqps":
		port = "5671"
	default:
		return nil, badConfig("scheme %.20q of the broker's url is neither amqp nor amqps", u.Scheme)
	}
	if u.Hostname() == "" {
		return nil, badConfig("the broker's url names no host")
	}
	if p := u.Port(); p != "" {
		if n, err := strconv.ParseUint(p, 10, 16); err != nil || n == 0 {
			return nil, badConfig("port %.20q of the broker's url", p)
		}
		port = p
	}
	t.addr = net.JoinHostPort(u.Hostname(), port)
	t.url = u.Scheme + "://" + t.addr + "/"
	if v := strings.TrimPrefix(u.Path, "/"); v != "" {
		t.vhost = v
	}
	if len(t.vhost) > 255 {
		return nil, badConfig("the vhost is longer than 255 bytes")
	}
	if u.User != nil {
		t.user, t.password = u.User.Username(), ""
		if p, ok := u.User.Password(); ok {
			t.password = p
		}
	}
	if err := c.query(u, t); err != nil {
		return nil, err
	}
	_, err = t.auth() // a password file that cannot be read is found at once
	return t, err
}

// query reads the options behind the "?" and the files they and c name.
func (c Config) query(u *url.URL, t *target) error {
	var server string
	for key, values := range u.Query() {
		v := values[len(values)-1]
		switch key {
		case "cacertfile":
			c.CAFile = v
		case "certfile":
			c.CertFile = v
		case "keyfile":
			c.KeyFile = v
		case "server_name_indication":
			server = v
		case "heartbeat":
			n, err := strconv.ParseUint(v, 10, 16)
			if err != nil {
				return badConfig("heartbeat %.20q is no number of seconds", v)
			}
			if n == 0 {
				return badConfig("heartbeat=0 is refused: a dead link would not be found").WithHint("leave it out for 10 seconds")
			}
			t.heartbeat = time.Duration(n) * time.Second
		case "auth_mechanism":
			if t.external = strings.EqualFold(v, "external"); !t.external && !strings.EqualFold(v, "plain") {
				return badConfig("auth_mechanism %.20q is neither plain nor external", v)
			}
		default:
			return badConfig("unknown option %.40q in the broker's url", key).
				WithHint("known are cacertfile, certfile, keyfile, server_name_indication, heartbeat, auth_mechanism")
		}
	}
	if u.Scheme != "amqps" {
		if c.CAFile != "" || c.CertFile != "" || c.KeyFile != "" || t.external {
			return badConfig("certificates need amqps")
		}
		return nil
	}
	return c.certificates(u.Hostname(), server, t)
}

func (c Config) certificates(host, server string, t *target) error {
	if server == "" {
		server = host
	}
	t.tls = &tls.Config{MinVersion: tls.VersionTLS12, ServerName: server}
	if c.CAFile != "" {
		pem, err := os.ReadFile(c.CAFile)
		if err != nil {
			return badConfig("CA certificate: %w", err).WithHint("check the path and who may read it")
		}
		t.tls.RootCAs = x509.NewCertPool()
		if !t.tls.RootCAs.AppendCertsFromPEM(pem) {
			return badConfig("CA certificate %q holds no certificate", c.CAFile).WithHint("a PEM file is needed")
		}
	}
	if (c.CertFile == "") != (c.KeyFile == "") {
		return badConfig("a client certificate needs both certfile and keyfile")
	}
	if c.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
		if err != nil {
			return badConfig("client certificate: %w", err).WithHint("PEM files of a certificate and its key are needed")
		}
		t.tls.Certificates = []tls.Certificate{pair}
	}
	return nil
}

// auth is how to sign in now.
func (t *target) auth() (amqp.Authentication, error) {
	if t.external {
		return &amqp.ExternalAuth{}, nil
	}
	password := t.password
	if t.passwordFile != "" {
		b, err := os.ReadFile(t.passwordFile)
		if err != nil {
			return nil, badConfig("password file: %w", err).WithHint("check the path and who may read it")
		}
		password = strings.TrimRight(string(b), "\r\n")
	}
	return &amqp.PlainAuth{Username: t.user, Password: password}, nil
}
