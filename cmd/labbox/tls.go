package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"labbox/bridge/mdns"
	"labbox/edge"
	"labbox/edge/datadir"
	"labbox/web"
	"labbox/web/localca"
)

// roomFlags say how people in the room reach the panel.
type roomFlags struct {
	tls, cert, key string
	mdns           string
}

func (f *roomFlags) add(fs *flag.FlagSet) {
	fs.StringVar(&f.tls, "tls", "", "`self`: speak TLS, with certificates of a CA of the box's own; default plain http")
	fs.StringVar(&f.cert, "tls-cert", "", "`FILE` with the certificate to speak TLS with, and those that signed it")
	fs.StringVar(&f.key, "tls-key", "", "`FILE` with its key")
	fs.StringVar(&f.mdns, "mdns", "labbox", "`NAME` that the box answers to on the network, as NAME.local; off: none")
}

const (
	tlsSelf = "self"
	off     = "off"
)

func (f *roomFlags) check(web bool) error {
	switch {
	case f.tls != "" && f.tls != off && f.tls != tlsSelf:
		return edge.Errorf(edge.CodeBadRequest, "--tls %q", f.tls).WithHint("--tls self makes certificates for this box; those of others: --tls-cert FILE --tls-key FILE")
	case (f.cert == "") != (f.key == ""):
		return edge.Errorf(edge.CodeBadRequest, "--tls-cert and --tls-key belong together").WithHint("give both, or --tls self")
	case f.cert != "" && f.tls != "":
		return edge.Errorf(edge.CodeBadRequest, "--tls %s and --tls-cert exclude each other", f.tls).WithHint("give one of them")
	case !web && (f.tls == tlsSelf || f.cert != ""):
		return edge.Errorf(edge.CodeBadRequest, "TLS is for processes with the panel").WithHint("leave --tls out where --roles has no web")
	case f.mdns != off:
		return mdns.CheckName(f.mdns)
	}
	return nil
}

// tlsDir is where a CA of the box's own is kept.
func (f *runFlags) tlsDir(p *parts) string {
	if p.dir != nil {
		return p.dir.Sub("tls")
	}
	path := f.data // a process without devices
	if path == "" {
		path, _ = datadir.Default()
	}
	return filepath.Join(path, "tls")
}

// entrance is what stands before the panel: the room, its name and its TLS.
type entrance struct {
	*room
	conf *tls.Config
	door localca.Door
	work []func(context.Context) error
}

// enter prepares TLS and the name. dir is where a CA of the box's own is kept.
func (f *roomFlags) enter(ln net.Listener, box, basePath, dir string, hosts []string, wall func() time.Time, log *slog.Logger) (*entrance, error) {
	e := &entrance{room: newRoom(ln, basePath), door: localca.Door{BasePath: basePath}}
	e.tls = f.tls == tlsSelf || f.cert != ""
	if f.mdns != off && e.open() {
		service := "_http._tcp"
		if e.tls {
			service = "_https._tcp"
		}
		var err error
		e.names, err = mdns.New(mdns.Config{Name: f.mdns, Instance: "labbox " + box, Service: service, Port: e.listen.Port(),
			Text: []string{"path=" + basePath + "/"}, Links: e.networks, Logger: log})
		if err != nil {
			return nil, err
		}
		e.work = append(e.work, e.names.Run)
	}
	if f.mdns != off {
		hosts = append(slices.Clone(hosts), f.mdns+".local")
	}
	certified := func() localca.Names { return e.certified(hosts) }
	switch {
	case f.cert != "":
		pair, err := localca.OpenPair(f.cert, f.key, log)
		if err != nil {
			return nil, err
		}
		e.conf = pair.Config()
		e.work = append(e.work, func(ctx context.Context) error { pair.Run(ctx); return nil })
	case e.tls:
		ca, err := localca.Open(dir, certified(), wall)
		if err != nil {
			return nil, err
		}
		keeper, err := localca.NewKeeper(ca, certified, wall, log)
		if err != nil {
			return nil, err
		}
		e.ca, e.door.CA, e.conf = ca, ca, keeper.Config()
		e.work = append(e.work, func(ctx context.Context) error { keeper.Run(ctx); return nil })
	}
	return e, nil
}

// tell gives the panel's configuration what it must know of the room.
func (e *entrance) tell(cfg *web.Config) {
	cfg.Hosts = append(cfg.Hosts, e.hosts()...)
	cfg.Info = e.info
}

// serve adds the panel to a service, behind TLS where that is wanted.
func (e *entrance) serve(svc *service, ln net.Listener, h *http.Server, mount map[string]http.Handler) {
	svc.work = append(svc.work, e.work...)
	if e.tls {
		e.door.Next, e.door.Plain = h.Handler, plainPaths(mount, e.basePath)
		h.Handler = e.door.Handler()
		ln = localca.Split(ln, e.conf)
	}
	svc.add(ln, h)
}

// plainPaths are served without TLS too: devices dial in there and other processes
// of the lab ask, with tokens of their own; and health, which is no secret.
func plainPaths(mount map[string]http.Handler, base string) func(string) bool {
	return func(path string) bool {
		if _, ok := mount[path]; ok || path == base+"/healthz" || path == base+"/readyz" {
			return true
		}
		for at := range mount {
			if len(at) > 1 && strings.HasSuffix(at, "/") && strings.HasPrefix(path, at) {
				return true
			}
		}
		return false
	}
}

// print writes the lines that tell people where to go.
func (e *entrance) print(w io.Writer) {
	info := e.info()
	for _, a := range info.Addresses {
		fmt.Fprintf(w, "address %s\n", a)
	}
	if info.Fingerprint != "" {
		fmt.Fprintf(w, "install %s\nfingerprint %s\n", info.InstallURL, info.Fingerprint)
	}
}

// clientTLS is how a command asks a box by https: against the certificates in a
// file, else the system's. Nothing lies between this machine and itself, so there
// any certificate does.
func clientTLS(host, caFile string) (*tls.Config, error) {
	if caFile == "" {
		if ip, err := netip.ParseAddr(host); host == "localhost" || err == nil && ip.IsLoopback() {
			return ownMachine(), nil
		}
		return &tls.Config{MinVersion: tls.VersionTLS12}, nil
	}
	b, err := os.ReadFile(caFile)
	if err != nil {
		return nil, edge.Errorf(edge.CodeBadRequest, "--ca: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(b) {
		return nil, edge.Errorf(edge.CodeBadRequest, "--ca %s: no certificate in it", caFile).WithHint("a PEM file, such as DATA/tls/ca.crt")
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}, nil
}

func ownMachine() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: true} //nolint:gosec // no network between
}
