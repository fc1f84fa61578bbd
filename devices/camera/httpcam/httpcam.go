// Package httpcam takes pictures from a camera that has an address: a stream of them
// (`http:` in the box file) or one for each request (`snapshot:`).
//
//	src, err := httpcam.New(httpcam.Options{URL: "http://10.0.0.9/video.mjpg", User: "lab", Password: pw, Max: 4 << 20})
//	stream, err := src.Open(ctx)
//	jpeg, err := stream.Next()
//
// It signs in with digest (RFC 7616, and as older cameras do it, RFC 2617 and 2069) or
// basic (RFC 7617), after the camera has asked for it. The password goes to the scheme,
// host and port of the URL, nowhere else. A redirect within them is followed; to another
// host only where Options.Redirect names it, without the password, and never from https
// to http. No proxy is used, and no cookie kept.
//
// A part of the stream is found as package picture tells; its declared length does not
// matter. Snapshots are asked for at Options.RateHz over one connection that is kept; a
// camera that answers slower than that is asked again at once, never twice at a time.
//
// Known limits: basic over http sends a password that others on the wire can read, as
// such a camera wants it; whoever can change what is on the wire can ask for basic.
// Certificates are judged by the system's roots: a camera with one of its own making is
// refused. There is no HTTP/2.
package httpcam

import (
	"context"
	"crypto/x509"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"labbox/devices/camera/intake"
	"labbox/devices/camera/source"
)

// Options of a camera. URL and Max are required.
type Options struct {
	URL            string  // http or https, without a password
	Snapshot       bool    // one JPEG for each request, not a stream
	RateHz         float64 // requests per second with Snapshot; 0: 1
	Max            int     // bytes of one picture
	User, Password string
	Redirect       []string       // other hosts that it may lead to: HOST or HOST:PORT
	Connect        time.Duration  // until the answer begins, sign-in and redirects included; 0: DefaultConnect
	Stall          time.Duration  // without a byte; 0: intake.DefaultStall
	Roots          *x509.CertPool // nil: the system's
}

// DefaultConnect is how long an answer may take to begin.
const DefaultConnect = 5 * time.Second

type camera struct {
	o   Options
	url *url.URL
}

// New makes the source; nothing is asked yet.
func New(o Options) (source.Source, error) {
	u, err := url.Parse(o.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, source.Lost(source.Unsupported, "the address is none that begins with http:// or https://")
	}
	if u.User != nil {
		return nil, source.Lost(source.Unsupported, "the address has a password in it").WithHint("write `user:` and `password_file:` beside it")
	}
	if o.Connect <= 0 {
		o.Connect = DefaultConnect
	}
	if o.Stall <= 0 {
		o.Stall = intake.DefaultStall
	}
	if o.RateHz <= 0 {
		o.RateHz = 1
	}
	u.Fragment = ""
	return &camera{o: o, url: u}, nil
}

// String is without path and query: some cameras want a password there.
func (c *camera) String() string { return c.url.Scheme + "://" + c.url.Host }

// Open asks for a stream, or for the first snapshot's connection when Next does.
func (c *camera) Open(ctx context.Context) (source.Stream, error) {
	ctx, cancel := context.WithCancel(ctx)
	cl := &client{camera: c}
	if c.o.Snapshot {
		return &snapshots{client: cl, ctx: ctx, cancel: cancel}, nil
	}
	resp, err := cl.get(ctx)
	if err == nil {
		var in *intake.Intake
		if in, err = c.intake(resp, cancel); err == nil {
			return &stream{client: cl, in: in, cancel: cancel, body: resp.Body}, nil
		}
		_ = resp.Body.Close()
	}
	cancel()
	cl.pool.close()
	return nil, err
}

// named says whether the box file lets the camera lead to u.
func (c *camera) named(u *url.URL) bool {
	return slices.ContainsFunc(c.o.Redirect, func(host string) bool {
		return strings.EqualFold(host, u.Host) || strings.EqualFold(strings.Trim(host, "[]"), u.Hostname()) ||
			strings.EqualFold(host, net.JoinHostPort(u.Hostname(), port(u)))
	})
}

// same says whether two addresses are of one scheme, host and port.
func same(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && strings.EqualFold(a.Hostname(), b.Hostname()) && port(a) == port(b)
}

func port(u *url.URL) string {
	switch {
	case u.Port() != "":
		return u.Port()
	case u.Scheme == "https":
		return "443"
	}
	return "80"
}

// stream is an answer without end.
type stream struct {
	client *client
	in     *intake.Intake
	cancel context.CancelFunc
	body   interface{ Close() error }
	once   sync.Once
}

func (s *stream) Next() ([]byte, error) { return s.in.Next() }

func (s *stream) Close() error {
	s.once.Do(func() {
		s.cancel() // makes a Read that waits return; a Close alone might wait for it
		_ = s.body.Close()
		s.client.pool.close()
	})
	return nil
}
