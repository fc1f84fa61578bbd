package main

import (
	"context"
	"crypto/rand"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"labbox/devices"
	"labbox/devices/camera"
	"labbox/edge"
	"labbox/edge/class"
	"labbox/edge/config"
	"labbox/edge/experiment"
	"labbox/edge/record"
	"labbox/web"
)

func runCommand(fs *flag.FlagSet) func(context.Context, streams, []string) error {
	f := &runFlags{}
	f.add(fs)
	return f.run
}

// demoBox is what a box without a box file serves.
const demoBox = `schema: 1
box: demo
devices:
  - {id: pendulum, type: penduino, port: {sim: true}}
  - {id: aeropendulum, type: aeropendulum, port: {sim: true}}
cameras:
  - id: pendulum
    name: Pendulum
    devices: [pendulum]
    source: {sim: pendulum}
    description:
      en: "A drawing of the simulated pendulum: a rod with a red bob swings before a plate with an angle scale."
      fr: "Un dessin du pendule simulé : une tige avec une boule rouge oscille devant un disque gradué en degrés."
      es: "Un dibujo del péndulo simulado: una varilla con una bola roja oscila ante un disco graduado en grados."
  - id: aeropendulum
    name: Aeropendulum
    devices: [aeropendulum]
    source: {sim: aeropendulum}
    description:
      en: "A drawing of the simulated aeropendulum: two propellers at the end of an arm push it up an angle scale."
      fr: "Un dessin de l'aéropendule simulé : deux hélices au bout d'un bras le font monter le long d'un cadran gradué."
      es: "Un dibujo del aeropéndulo simulado: dos hélices al final de un brazo lo empujan a lo largo de una escala de ángulos."
`

// run serves until ctx ends; then every device is safe.
func (f *runFlags) run(ctx context.Context, s streams, _ []string) error {
	log, err := f.logger(s.err)
	if err != nil {
		return err
	}
	if err := f.check(); err != nil {
		return err
	}
	redis.SetLogger(redisLog{log})
	box, err := f.boxFile()
	if err != nil {
		return err
	}
	parts, err := f.open(ctx, box, log)
	if err != nil {
		return err
	}
	defer parts.close()
	svc := &service{log: log, work: []func(context.Context) error{parts.followClock}}
	ln, err := net.Listen("tcp", f.listen)
	if err != nil {
		return edge.Errorf(edge.CodePortBusy, "listen on %s: %w", f.listen, err).
			WithHint("another program may use the port; try --listen 127.0.0.1:0")
	}
	defer ln.Close()

	var own *owned
	if f.has(roleDevices) {
		if own, err = f.own(ctx, parts, box, ln); err != nil {
			return err
		}
		defer own.close()
		svc.work = append(svc.work, own.owner.Run, own.worker.Run, own.cameras.Run)
		for addr, h := range own.bench.Listeners {
			if _, err := svc.listen(addr, &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second}); err != nil {
				return err
			}
		}
	}
	enter, err := f.room.enter(ln, box.Box, f.basePath, f.tlsDir(parts), f.hosts, parts.clock.Wall, log)
	if err != nil {
		return err
	}
	desk := &console{out: s.out, listening: make(chan struct{}), url: enter.scheme() + "://" + reachable(ln.Addr()) + f.basePath}
	if f.has(roleWeb) {
		err = f.panel(parts, own, svc, ln, enter, desk)
	} else {
		svc.add(ln, f.ownerListener(parts, own))
	}
	if err != nil {
		return err
	}
	if f.pprof != "" {
		pln, h, err := profiler(f.pprof)
		if err != nil {
			return err
		}
		svc.add(pln, h)
	}
	return svc.run(ctx, func() {
		fmt.Fprintf(s.out, "listening %s://%s%s\n", enter.scheme(), reachable(ln.Addr()), f.basePath)
		if f.has(roleWeb) {
			enter.print(s.out)
		}
		close(desk.listening)
	})
}

func (f *runFlags) boxFile() (*config.Box, error) {
	var box *config.Box
	var ps config.Problems
	if f.config == "" {
		box, ps = config.ParseBox("demo", []byte(demoBox))
	} else {
		box, ps = config.LoadBox(f.config)
	}
	if err := ps.Err(); err != nil {
		return nil, err
	}
	if f.box == "" || f.box == box.Box {
		return box, nil
	}
	if f.has(roleDevices) {
		return nil, edge.Errorf(edge.CodeBadRequest, "--box %s, but the box file says %s", f.box, box.Box).
			WithHint("--box is for `--roles web`; a process that owns devices takes the name from its box file")
	}
	box.Box = f.box
	return box, edge.CheckName(f.box)
}

// owned is what a process has that owns devices.
type owned struct {
	owner   *devices.Owner
	bench   *devices.Bench
	cameras *camera.Set
	rec     *record.Store
	runs    runs
	worker  *experiment.Worker
	serve   web.OwnerConfig
}

func (o *owned) close() {
	_ = o.bench.Close()
	_ = o.rec.Close()
}

func (o *owned) statuses() []edge.Status {
	list := make([]edge.Status, 0, len(o.bench.Supervisors))
	for _, sup := range o.bench.Supervisors {
		list = append(list, sup.Status())
	}
	return list
}

// own brings the devices of a box file to life.
func (f *runFlags) own(ctx context.Context, p *parts, box *config.Box, ln net.Listener) (*owned, error) {
	reg, err := devices.NewRegistry()
	if err != nil {
		return nil, err
	}
	rec, err := record.Open(ctx, record.Config{Dir: p.dir.Sub("record"), Box: box.Box, Clock: p.clock, Logger: p.log})
	if err != nil {
		return nil, err
	}
	o := &owned{rec: rec, bench: &devices.Bench{}}
	ledger, err := devices.NewLedger(ctx, box.Box, p.local, p.shared(), p.log)
	if err != nil {
		o.close()
		return nil, err
	}
	var presence edge.Presence
	if p.shared() != nil { // others may look for this process
		if presence, err = f.presence(p, ln); err != nil {
			o.close()
			return nil, err
		}
	}
	pics := newPictures(rec, box)
	o.runs = runs{rec, pics}
	o.owner = devices.NewOwner(devices.OwnerConfig{Box: box.Box, Bus: p.bus, Shared: p.kv, Clock: p.clock, Recorder: recorder{rec, pics},
		Logger: p.log, Presence: presence})
	door, err := p.openMQTT(ctx, box)
	if err != nil {
		o.close()
		return nil, err
	}
	o.bench, err = devices.NewBench(reg, box, devices.BenchConfig{Clock: p.clock, Ledger: ledger, Logger: p.log, MQTT: door, Audit: p.audit.Note,
		Sinks: []edge.Sink{o.owner, rec.Sink(), p.count.Sink()}, Seed: uint64(p.clock.Wall().UnixNano())})
	if err != nil {
		o.bench = &devices.Bench{}
		o.close()
		return nil, err
	}
	for _, sup := range o.bench.Supervisors {
		o.owner.Add(sup)
	}
	if o.cameras, err = openCameras(p, box, o.bench); err != nil {
		o.close()
		return nil, err
	}
	pics.set = o.cameras
	o.serve = web.OwnerConfig{Token: presence.Token, Stop: p.count.Do(o.owner.Do), Runs: o.runs, Cameras: o.cameras}
	o.worker, err = experiment.NewWorker(experiment.Config{Box: box.Box, Devices: o.owner.Devices(), Bus: p.bus, Local: p.own(), Shared: p.kv,
		Driver: o.owner, Clock: p.clock, Logger: p.log})
	if err == nil {
		err = o.owner.Claim(ctx)
	}
	if err != nil {
		o.close()
		return nil, err
	}
	p.count.Devices(o.statuses)
	p.count.DataDir(p.dir.Sub("record"))
	return o, nil
}

// presence is what this process says of itself to the lab's other processes.
func (f *runFlags) presence(p *parts, ln net.Listener) (edge.Presence, error) {
	instance, err := p.dir.Instance()
	if err != nil {
		return edge.Presence{}, err
	}
	at := strings.TrimSuffix(f.advertise, "/")
	if at == "" {
		at = advertised(ln.Addr(), f.backends.brokerAddress())
	}
	host, _ := os.Hostname()
	return edge.Presence{Instance: instance, URL: at, Token: rand.Text(), Host: host, Version: version,
		StartedMS: p.clock.Wall().UnixMilli()}, nil
}

// panel adds the panel to what is served.
func (f *runFlags) panel(p *parts, own *owned, svc *service, ln net.Listener, enter *entrance, desk *console) error {
	proxies, names, err := web.ParseProxies(f.proxies)
	if err != nil {
		return err
	}
	cfg := web.Config{Box: p.box, Bus: p.bus, KV: p.kv, Clock: p.clock, Seats: class.New(p.kv, p.box), Logger: p.log, Version: version,
		BasePath: f.basePath, Origins: f.origins, Hosts: f.hosts, TrustedProxies: proxies, ProxyNames: names, Mount: map[string]http.Handler{},
		Accounts: class.NewAccounts(class.AccountsConfig{KV: p.kv, Box: p.box, Mono: p.clock.Mono, ResetFile: f.resetFile(p)}),
		Open:     f.anybody, Audit: p.note(), SetClock: p.setClock,
		Warn: p.warnings, Experiments: experiment.NewDesk(p.box, p.bus, p.kv, p.clock, experiment.Limits{})}
	if own != nil {
		cfg.Runs, cfg.Ready, cfg.Mount = own.runs, func() []edge.Error { return p.localReasons(own.rec) }, own.bench.Mounts
		cfg.Cameras = own.cameras
		if own.serve.Token != "" {
			cfg.Mount[web.OwnerPath] = web.NewOwnerHandler(own.serve)
		}
	} else {
		peer := web.NewPeer(p.box, p.kv)
		cfg.Runs, cfg.Stop, cfg.Cameras = peer, peer.Stop, peer.Cameras()
		svc.work = append(svc.work, func(ctx context.Context) error { peer.Run(ctx); return nil })
	}
	cfg.Mount["/metrics"] = p.count.Handler()
	enter.tell(&cfg)
	srv, err := web.New(cfg)
	if err != nil {
		return err
	}
	p.count.Panels(srv.Panels)
	p.count.Ready(srv.Reasons)
	svc.drain = srv.Close
	svc.work = append(svc.work, desk.run(cfg.Accounts, srv))
	enter.serve(svc, ln, srv.HTTP(), cfg.Mount)
	return nil
}

// ownerListener is what a process serves that owns devices and has no panel.
func (f *runFlags) ownerListener(p *parts, own *owned) *http.Server {
	ready := func(ctx context.Context) []edge.Error { return append(p.reasons(ctx), p.localReasons(own.rec)...) }
	p.count.Ready(ready)
	own.bench.Mounts["/metrics"] = p.count.Handler()
	h := web.NewListener(web.ListenerConfig{Owner: own.serve, Box: p.box, Version: version, Mount: own.bench.Mounts,
		Ready: ready, Warn: p.warnings})
	return &http.Server{Handler: web.Logged(h, p.log), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10, ConnContext: web.ConnContext,
		ErrorLog: slog.NewLogLogger(p.log.Handler(), slog.LevelDebug)}
}

// redisLog takes what the Redis client has to say.
type redisLog struct{ log *slog.Logger }

// Printf implements the client's logging interface.
func (l redisLog) Printf(_ context.Context, format string, v ...any) {
	l.log.Debug("store client", "message", fmt.Sprintf(format, v...))
}
