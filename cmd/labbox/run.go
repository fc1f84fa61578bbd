package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"labbox/devices"
	"labbox/edge"
	"labbox/edge/class"
	"labbox/edge/config"
	"labbox/edge/datadir"
	"labbox/edge/minikv"
	"labbox/edge/natsbus"
	"labbox/edge/record"
	"labbox/web"
)

// runFlags are the flags of `labbox run`; part of the stable surface.
type runFlags struct {
	listen, data, config, basePath string
	hosts, origins                 list
	logFormat, logLevel            string
}

// list is a flag that may be given several times.
type list []string

func (l *list) String() string     { return strings.Join(*l, ",") }
func (l *list) Set(s string) error { *l = append(*l, s); return nil }

func runCommand(fs *flag.FlagSet) func(context.Context, streams, []string) error {
	f := &runFlags{}
	fs.StringVar(&f.listen, "listen", "127.0.0.1:8080", "`HOST:PORT` of the panel; port 0 picks a free one")
	fs.StringVar(&f.data, "data", "", "data `DIR`; default the user's own data directory")
	fs.StringVar(&f.config, "config", "", "box `FILE`; default two demo devices")
	fs.StringVar(&f.basePath, "base-path", "", "`PATH` below which a proxy serves the panel, such as /lab")
	fs.Var(&f.hosts, "host", "`NAME` by which browsers call this box, besides localhost and its addresses; may be repeated")
	fs.Var(&f.origins, "origin", "other `ORIGIN` that may use the API; may be repeated")
	fs.StringVar(&f.logFormat, "log-format", "text", "log lines as text or json")
	fs.StringVar(&f.logLevel, "log-level", "info", "least level to log: debug, info, warn, error")
	return f.run
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

// demoBox is what a box without a box file serves.
const demoBox = `schema: 1
box: demo
devices:
  - {id: pendulum, type: penduino, port: {sim: true}}
  - {id: aeropendulum, type: aeropendulum, port: {sim: true}}
`

// drainTime is how long panels get to say goodbye.
const drainTime = 2 * time.Second

// run serves until ctx ends; then every device is safe.
func (f *runFlags) run(ctx context.Context, s streams, _ []string) error {
	log, err := f.logger(s.err)
	if err != nil {
		return err
	}
	if f.basePath = strings.TrimSuffix(f.basePath, "/"); f.basePath != "" && !strings.HasPrefix(f.basePath, "/") {
		return edge.Errorf(edge.CodeBadRequest, "--base-path %q", f.basePath).WithHint("start it with a slash: /%s", f.basePath)
	}
	redis.SetLogger(redisLog{log})
	box, err := f.box()
	if err != nil {
		return err
	}
	reg, err := devices.NewRegistry()
	if err != nil {
		return err
	}
	path := f.data
	if path == "" {
		if path, err = datadir.Default(); err != nil {
			return err
		}
	}
	dir, err := datadir.Open(path)
	if err != nil {
		return err
	}
	defer dir.Close()
	ln, err := net.Listen("tcp", f.listen)
	if err != nil {
		return edge.Errorf(edge.CodePortBusy, "listen on %s: %w", f.listen, err).
			WithHint("another program may use the port; try --listen 127.0.0.1:0")
	}
	defer ln.Close()

	clock := edge.NewSystemClock()
	broker, err := natsbus.Start(ctx, natsbus.Config{Dir: dir.Sub("broker"), Logger: log})
	if err != nil {
		return err
	}
	defer broker.Close()
	bus, err := natsbus.New(broker, natsbus.Options{Logger: log})
	if err != nil {
		return err
	}
	defer bus.Close()
	store, err := minikv.Open(ctx, minikv.Config{Server: broker, Clock: clock, Logger: log})
	if err != nil {
		return err
	}
	defer store.Close()
	kv := store.KV()
	rec, err := record.Open(ctx, record.Config{Dir: dir.Sub("record"), Box: box.Box, Clock: clock, Logger: log})
	if err != nil {
		return err
	}
	defer rec.Close()
	ledger, err := devices.NewLedger(ctx, box.Box, kv, nil, log)
	if err != nil {
		return err
	}

	owner := devices.NewOwner(devices.OwnerConfig{Box: box.Box, Bus: bus, Shared: kv, Clock: clock, Recorder: recorder{rec}, Logger: log})
	bench, err := devices.NewBench(reg, box, devices.BenchConfig{Clock: clock, Ledger: ledger, Logger: log,
		Sinks: []edge.Sink{owner, rec.Sink()}, Seed: uint64(clock.Wall().UnixNano())})
	if err != nil {
		return err
	}
	defer bench.Close()
	for _, sup := range bench.Supervisors {
		owner.Add(sup)
	}
	srv, err := web.New(web.Config{Box: box.Box, Bus: bus, KV: kv, Clock: clock, Seats: class.New(kv, box.Box), Runs: runs{rec},
		Ready: readiness(store, broker, rec), Logger: log, Version: version, BasePath: f.basePath, Origins: f.origins,
		Hosts: f.hosts, Mount: bench.Mounts})
	if err != nil {
		return err
	}
	return serve(ctx, s, log, ln, f.basePath, srv, owner, bench)
}

func (f *runFlags) box() (*config.Box, error) {
	var box *config.Box
	var ps config.Problems
	if f.config == "" {
		box, ps = config.ParseBox("demo", []byte(demoBox))
	} else {
		box, ps = config.LoadBox(f.config)
	}
	return box, ps.Err()
}

// serve runs panel and devices until ctx ends, devices last: they are made safe
// while the panel still shows it.
func serve(ctx context.Context, s streams, log *slog.Logger, ln net.Listener, base string, srv *web.Server, owner *devices.Owner, bench *devices.Bench) error {
	g, ctx := errgroup.WithContext(ctx)
	hs := srv.HTTP()
	servers := []*http.Server{hs}
	g.Go(func() error { return ignoreClosed(hs.Serve(ln)) })
	for addr, h := range bench.Listeners {
		dial := &http.Server{Addr: addr, Handler: h, ReadHeaderTimeout: 5 * time.Second}
		servers = append(servers, dial)
		l, err := net.Listen("tcp", addr)
		if err != nil {
			return edge.Errorf(edge.CodePortBusy, "listen on %s: %w", addr, err)
		}
		g.Go(func() error { return ignoreClosed(dial.Serve(l)) })
	}
	g.Go(func() error {
		defer func() {
			dctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
			defer cancel()
			if err := srv.Close(dctx); err != nil {
				log.Warn("panels not drained", "error", err)
			}
			for _, h := range servers {
				_ = h.Shutdown(dctx)
				_ = h.Close()
			}
		}()
		return owner.Run(ctx)
	})
	fmt.Fprintf(s.out, "listening http://%s%s\n", reachable(ln.Addr()), strings.TrimSuffix(base, "/"))
	return g.Wait()
}

// reachable is an address that a browser on this machine can open: where the
// box listens on all addresses, loopback stands for them.
func reachable(a net.Addr) string {
	tcp, ok := a.(*net.TCPAddr)
	if !ok || !tcp.IP.IsUnspecified() {
		return a.String()
	}
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(tcp.Port))
}

func ignoreClosed(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// readiness gathers what keeps a box from being fully fit.
func readiness(store *minikv.Store, broker *natsbus.Server, rec *record.Store) func() []edge.Error {
	return func() []edge.Error {
		var out []edge.Error
		for _, err := range []error{broker.Health(), store.Health(), rec.Health()} {
			if err != nil {
				out = append(out, *edge.AsError(err))
			}
		}
		return out
	}
}

// redisLog takes what the Redis client has to say.
type redisLog struct{ log *slog.Logger }

// Printf implements the client's logging interface.
func (l redisLog) Printf(_ context.Context, format string, v ...any) {
	l.log.Debug("store client", "message", fmt.Sprintf(format, v...))
}
