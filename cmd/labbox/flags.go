package main

import (
	"flag"
	"io"
	"log/slog"
	"net/url"
	"os"
	"slices"
	"strings"

	"labbox/edge"
)

// runFlags are the flags of `labbox run`; part of the stable surface.
type runFlags struct {
	listen, data, config, basePath string
	hosts, origins, proxies        list
	logFormat, logLevel            string
	anybody                        bool

	roles     list
	box       string
	advertise string
	pprof     string
	backends  backendFlags
	room      roomFlags
}

// backendFlags say where broker and store are; without a URL they are this
// process's own.
type backendFlags struct {
	broker, brokerPassword, brokerCA string
	kv, kvPassword, kvCA             string
}

func (f *backendFlags) add(fs *flag.FlagSet) {
	fs.StringVar(&f.broker, "broker", "", "`URL` of RabbitMQ, such as amqp://labbox@rabbit.lab:5672/lab; default the embedded broker")
	fs.StringVar(&f.brokerPassword, "broker-password-file", "", "`FILE` with the broker's password")
	fs.StringVar(&f.brokerCA, "broker-ca-file", "", "`FILE` with the certificates that the broker's is checked against")
	fs.StringVar(&f.kv, "kv", "", "`URL` of Redis, such as redis://labbox@redis.lab:6379/0; default the embedded store")
	fs.StringVar(&f.kvPassword, "kv-password-file", "", "`FILE` with the store's password")
	fs.StringVar(&f.kvCA, "kv-ca-file", "", "`FILE` with the certificates that the store's is checked against")
}

// list is a flag that may be given several times, or with commas.
type list []string

func (l *list) String() string { return strings.Join(*l, ",") }

func (l *list) Set(s string) error {
	for part := range strings.SplitSeq(s, ",") {
		if part = strings.TrimSpace(part); part != "" {
			*l = append(*l, part)
		}
	}
	return nil
}

func (f *runFlags) add(fs *flag.FlagSet) {
	fs.StringVar(&f.listen, "listen", "127.0.0.1:8080", "`HOST:PORT` of the panel; port 0 picks a free one")
	fs.StringVar(&f.data, "data", "", "data `DIR`; default the user's own data directory")
	fs.StringVar(&f.config, "config", "", "box `FILE`; default two demo devices")
	fs.StringVar(&f.basePath, "base-path", "", "`PATH` below which a proxy serves the panel, such as /lab")
	fs.BoolVar(&f.anybody, "open", false, "let anybody take a student's seat with a nickname alone, without the code of a class")
	fs.Var(&f.hosts, "host", "`NAME` by which browsers call this box, besides localhost and its addresses; may be repeated")
	fs.Var(&f.origins, "origin", "other `ORIGIN` that may use the API; may be repeated")
	fs.Var(&f.proxies, "trusted-proxy", "address, name or `NETWORK` of a proxy whose X-Forwarded headers are believed; may be repeated")
	fs.StringVar(&f.logFormat, "log-format", "text", "log lines as text or json")
	fs.StringVar(&f.logLevel, "log-level", "info", "least level to log: debug, info, warn, error")
	fs.Var(&f.roles, "roles", "what this process does: `LIST` of devices, web; default both")
	fs.StringVar(&f.box, "box", "", "`NAME` of the box that a web process shows; default the box file's")
	fs.StringVar(&f.advertise, "advertise", "", "`URL` by which web processes reach this process's listener; default its address")
	fs.StringVar(&f.pprof, "pprof", "", "loopback `HOST:PORT` for Go's profiler; default off")
	f.backends.add(fs)
	f.room.add(fs)
}

// Roles of a process.
const (
	roleDevices = "devices"
	roleWeb     = "web"
)

func (f *runFlags) has(role string) bool { return len(f.roles) == 0 || slices.Contains(f.roles, role) }

// check refuses what cannot work, before anything is opened.
func (f *runFlags) check() error {
	for _, r := range f.roles {
		if r != roleDevices && r != roleWeb {
			return edge.Errorf(edge.CodeBadRequest, "--roles %q", r).WithHint("devices, web, or both: --roles devices,web")
		}
	}
	if f.basePath = strings.TrimSuffix(f.basePath, "/"); f.basePath != "" && !strings.HasPrefix(f.basePath, "/") {
		return edge.Errorf(edge.CodeBadRequest, "--base-path %q", f.basePath).WithHint("start it with a slash: /%s", f.basePath)
	}
	if err := f.room.check(f.has(roleWeb)); err != nil {
		return err
	}
	if f.advertise != "" {
		u, err := url.Parse(f.advertise)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" {
			return edge.Errorf(edge.CodeBadRequest, "--advertise is no address of a listener").WithHint("such as http://bench-3:8080")
		}
	}
	if f.has(roleDevices) == f.has(roleWeb) {
		return nil
	}
	for flag, url := range map[string]string{"--broker": f.backends.broker, "--kv": f.backends.kv} {
		if url == "" {
			return edge.Errorf(edge.CodeBadRequest, "--roles %s needs %s", f.roles.String(), flag).
				WithHint("the processes of a lab meet at a broker and a store: --broker amqp://... --kv redis://...")
		}
	}
	return nil
}

func (f *runFlags) logger(w io.Writer) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(f.logLevel)); err != nil {
		return nil, edge.Errorf(edge.CodeBadRequest, "--log-level %q", f.logLevel).WithHint("debug, info, warn or error")
	}
	o := &slog.HandlerOptions{Level: level}
	switch f.logFormat {
	case "json":
		return slog.New(slog.NewJSONHandler(w, o)), nil
	case "text":
		return slog.New(slog.NewTextHandler(w, o)), nil
	}
	return nil, edge.Errorf(edge.CodeBadRequest, "--log-format %q", f.logFormat).WithHint("text or json")
}

// fromEnvironment sets every flag that was not given from LABBOX_<NAME>, such as
// LABBOX_BASE_PATH.
func fromEnvironment(fs *flag.FlagSet) error {
	given := map[string]bool{}
	fs.Visit(func(f *flag.Flag) { given[f.Name] = true })
	var bad error
	fs.VisitAll(func(f *flag.Flag) {
		name := "LABBOX_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		v, ok := os.LookupEnv(name)
		if !ok || v == "" || given[f.Name] || bad != nil {
			return
		}
		if err := fs.Set(f.Name, v); err != nil {
			bad = edge.Errorf(edge.CodeBadRequest, "environment variable %s: %w", name, err)
		}
	})
	return bad
}
