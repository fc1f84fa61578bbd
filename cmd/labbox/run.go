package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

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

type runCmd struct {
	Listen   string   `default:"127.0.0.1:8080" help:"HOST:PORT of the panel; port 0 picks a free one."`
	Data     string   `type:"path" help:"Data directory; default: the user's own."`
	Config   string   `type:"path" help:"Box file; default: two demo devices."`
	BasePath string   `help:"Path below which a proxy serves the panel, such as /lab."`
	Host     []string `help:"Name by which browsers call this box, besides localhost and its addresses."`
	Origin   []string `help:"Other origin that may use the API; default none."`
	logFlags
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

// Run serves until ctx ends; then every device is safe.
func (c *runCmd) Run(ctx context.Context, s streams) error {
	log := c.logger(s.err)
	box, err := c.box()
	if err != nil {
		return err
	}
	reg, err := devices.NewRegistry()
	if err != nil {
		return err
	}
	path := c.Data
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
	ln, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return edge.Errorf(edge.CodePortBusy, "listen on %s: %w", c.Listen, err).
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
		Ready: readiness(store, broker, rec), Logger: log, Version: version, BasePath: c.BasePath, Origins: c.Origin,
		Hosts: c.Host, Mount: bench.Mounts})
	if err != nil {
		return err
	}
	return serve(ctx, s, log, ln, c.BasePath, srv, owner, bench)
}

func (c *runCmd) box() (*config.Box, error) {
	var box *config.Box
	var ps config.Problems
	if c.Config == "" {
		box, ps = config.ParseBox("demo", []byte(demoBox))
	} else {
		box, ps = config.LoadBox(c.Config)
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
	fmt.Fprintf(s.out, "listening http://%s%s\n", ln.Addr(), strings.TrimSuffix(base, "/"))
	return g.Wait()
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
