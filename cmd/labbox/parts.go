package main

import (
	"context"
	"log/slog"
	"net/url"
	"time"

	"labbox/bridge/rabbitbus"
	"labbox/edge"
	"labbox/edge/audit"
	"labbox/edge/config"
	"labbox/edge/datadir"
	"labbox/edge/metrics"
	"labbox/edge/minikv"
	"labbox/edge/natsbus"
	"labbox/edge/record"
	"labbox/edge/rediskv"
)

// parts are broker and store of a process, embedded or not. A process that owns
// devices always has a store of its own in its data directory: what must not be
// forgotten does not depend on a network.
type parts struct {
	box    string
	log    *slog.Logger
	clock  edge.Clock // system, whose calendar a teacher may set
	count  *metrics.Metrics
	bus    edge.Bus // these two are counted
	kv     edge.KV  // what the lab's processes share
	system *edge.SystemClock
	redis  *rediskv.KV // kv, where it is not the process's own

	dir    *datadir.Dir    // these five only where devices are owned
	broker *natsbus.Server //
	store  *minikv.Store   //
	local  edge.KV         // the store's face
	audit  *audit.Log      //

	ends []func() error
}

// storeWithin bounds a question to the store.
const storeWithin = 3 * time.Second

func (f *runFlags) open(ctx context.Context, box *config.Box, log *slog.Logger) (_ *parts, err error) {
	system := edge.NewSystemClock()
	p := &parts{box: box.Box, log: log, clock: system, system: system}
	p.count = metrics.New(box.Box, version, p.clock)
	defer func() {
		if err != nil {
			p.close()
		}
	}()
	if f.has(roleDevices) {
		if err := p.openLocal(ctx, f.data); err != nil {
			return nil, err
		}
	}
	if f.backends.kv == "" {
		p.kv = p.local
	} else {
		kv, err := f.backends.openStore()
		if err != nil {
			return nil, err
		}
		p.kv, p.redis = kv, kv
		p.ends = append(p.ends, kv.Close)
	}
	if f.backends.broker == "" {
		bus, err := natsbus.New(p.broker, natsbus.Options{Logger: log})
		if err != nil {
			return nil, err
		}
		p.bus = bus
	} else {
		bus, err := f.backends.openBroker(ctx, p.kv, "labbox "+box.Box, log)
		if err != nil {
			return nil, err
		}
		p.bus = bus
	}
	p.ends = append(p.ends, p.bus.Close)
	p.bus, p.kv = p.count.Bus(p.bus), p.count.KV(p.kv)
	if err := p.loadClock(ctx); err != nil {
		log.Warn("the calendar is the machine's", "error", err)
	}
	if p.local != nil {
		if err := p.openAudit(ctx); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// openLocal opens the data directory, and on it a store with its broker.
func (p *parts) openLocal(ctx context.Context, path string) (err error) {
	if path == "" {
		if path, err = datadir.Default(); err != nil {
			return err
		}
	}
	if p.dir, err = datadir.Open(path); err != nil {
		return err
	}
	p.ends = append(p.ends, p.dir.Close)
	if p.broker, err = natsbus.Start(ctx, natsbus.Config{Dir: p.dir.Sub("broker"), Logger: p.log}); err != nil {
		return err
	}
	p.ends = append(p.ends, func() error { p.broker.Close(); return nil })
	if p.store, err = minikv.Open(ctx, minikv.Config{Server: p.broker, Clock: machineClock{p.clock}, Logger: p.log}); err != nil {
		return err
	}
	p.local = p.store.KV()
	p.ends = append(p.ends, p.store.Close, p.local.Close)
	return nil
}

// shared is the store that others see too, nil where it is this process's own.
func (p *parts) shared() edge.KV {
	if p.redis == nil {
		return nil
	}
	return p.kv
}

// own is the store of the process itself: the same value as kv where there is one
// store only.
func (p *parts) own() edge.KV {
	if p.redis == nil {
		return p.kv
	}
	return p.local
}

func (p *parts) close() {
	for i := len(p.ends) - 1; i >= 0; i-- {
		_ = p.ends[i]()
	}
}

func (f *backendFlags) openStore() (*rediskv.KV, error) {
	return rediskv.Dial(rediskv.Config{URL: f.kv, PasswordFile: f.kvPassword, CAFile: f.kvCA})
}

// openBroker does not wait for the broker: devices are made safe without it.
func (f *backendFlags) openBroker(ctx context.Context, memory edge.KV, name string, log *slog.Logger) (*rabbitbus.Bus, error) {
	return rabbitbus.Open(ctx, rabbitbus.Config{URL: f.broker, PasswordFile: f.brokerPassword, CAFile: f.brokerCA, Memory: memory,
		Name: name, Logger: log})
}

// brokerAddress is the broker's host and port, for finding out by which address
// this machine reaches it.
func (f *backendFlags) brokerAddress() string {
	u, err := url.Parse(f.broker)
	if err != nil || u.Host == "" {
		return "192.0.2.1:9" // never asked: only its route counts
	}
	if u.Port() == "" {
		return u.Host + ":5672"
	}
	return u.Host
}

// reasons are why broker and store are not fully fit.
func (p *parts) reasons(ctx context.Context) []edge.Error {
	ctx, cancel := context.WithTimeout(ctx, storeWithin)
	defer cancel()
	return coded(p.bus.Health(), p.kv.Health(ctx))
}

// warnings are what is unwise about the store, such as that it may evict keys.
func (p *parts) warnings(ctx context.Context) []edge.Error {
	if p.redis == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, storeWithin)
	defer cancel()
	return p.redis.Warnings(ctx)
}

// localReasons are why what lies in the data directory is not fully fit.
func (p *parts) localReasons(rec *record.Store) []edge.Error {
	return coded(p.broker.Health(), p.store.Health(), rec.Health(), p.audit.Health())
}

// coded leaves out what is nil.
func coded(errs ...error) []edge.Error {
	var out []edge.Error
	for _, err := range errs {
		if err != nil {
			out = append(out, *edge.AsError(err))
		}
	}
	return out
}
