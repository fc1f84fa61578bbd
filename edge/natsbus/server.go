package natsbus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"labbox/edge"
)

// Config says where the server keeps its streams and what they may take.
type Config struct {
	// Dir is the broker's own directory; it is made if it does not exist. One
	// process at a time may use it: locking is the caller's.
	Dir string
	// MaxStore bounds the bytes of all streams; 0 is 4 GiB. It is lowered to
	// what the disk really has.
	MaxStore int64
	// Reserve is the free space below which writes are refused; 0 is 64 MiB, at
	// most a tenth of the disk.
	Reserve int64
	// SyncEvery bounds what a power cut takes of what was not committed; 0 is 10 s.
	SyncEvery time.Duration
	// WatchEvery is how often disk and streams are looked at; 0 is 1 s.
	WatchEvery time.Duration
	// MaxPayload bounds one message; 0 is 8 MiB.
	MaxPayload int32
	// Logger takes the server's warnings and errors; nil discards them.
	Logger *slog.Logger
}

const (
	defaultMaxStore   = 4 << 30
	defaultReserve    = 64 << 20
	defaultSyncEvery  = 10 * time.Second
	defaultWatchEvery = time.Second
	defaultMaxPayload = 8 << 20
	readyWait         = 30 * time.Second
	maxMemory         = 64 << 20
)

func (c Config) withDefaults() Config {
	if c.MaxStore <= 0 {
		c.MaxStore = defaultMaxStore
	}
	if c.Reserve <= 0 {
		c.Reserve = defaultReserve
	}
	if c.SyncEvery <= 0 {
		c.SyncEvery = defaultSyncEvery
	}
	if c.WatchEvery <= 0 {
		c.WatchEvery = defaultWatchEvery
	}
	if c.MaxPayload <= 0 {
		c.MaxPayload = defaultMaxPayload
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// Server is the broker in this process. All methods are safe for concurrent use.
type Server struct {
	cfg  Config
	opts *server.Options

	running atomic.Pointer[server.Server]
	sick    atomic.Pointer[illness]

	mu       sync.Mutex
	own      *nats.Conn // behind JetStream()
	commits  map[string]*committer
	written  manifest
	expect   map[string]entry  // in the manifest, not seen since the start
	founded  map[string]string // by stream: the meta file that is durable
	cut      map[string]int64  // by stream: bytes lost at the start
	damage   []Damage
	closed   bool
	stop     chan struct{}
	watching sync.WaitGroup
}

// Start runs a server on cfg.Dir and returns when it is ready. ctx bounds the
// start only.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	cfg = cfg.withDefaults()
	if cfg.Dir == "" {
		return nil, errors.New("natsbus: no directory")
	}
	if err := os.MkdirAll(cfg.Dir, 0o750); err != nil {
		return nil, fmt.Errorf("natsbus: %w", err)
	}
	s := &Server{cfg: cfg, commits: map[string]*committer{}, expect: map[string]entry{}, founded: map[string]string{}, stop: make(chan struct{})}
	s.opts = &server.Options{
		ServerName:             "labbox",
		DontListen:             true,
		NoSigs:                 true,
		NoLog:                  true,
		JetStream:              true,
		DisableJetStreamBanner: true,
		StoreDir:               cfg.Dir,
		JetStreamMaxMemory:     maxMemory,
		JetStreamMaxStore:      cfg.MaxStore,
		SyncInterval:           cfg.SyncEvery,
		MaxPayload:             cfg.MaxPayload,
	}
	if err := s.boot(ctx); err != nil {
		s.halt()
		return nil, err
	}
	s.watching.Go(s.watch)
	return s, nil
}

// boot starts an embedded server and makes it the running one.
func (s *Server) boot(ctx context.Context) error {
	before := blocks(s.cfg.Dir)
	opts := s.opts.Clone()
	opts.JetStreamMaxStore = s.storeLimit()
	ns, err := server.NewServer(opts)
	if err != nil {
		return fmt.Errorf("natsbus: %w", err)
	}
	ns.SetLoggerV2(&serverLog{s: s, log: s.cfg.Logger}, false, false, false)
	ns.Start()
	wait := readyWait
	if d, ok := ctx.Deadline(); ok {
		wait = min(wait, time.Until(d))
	}
	if !ns.ReadyForConnections(wait) || !ns.JetStreamEnabled() {
		ns.Shutdown()
		ns.WaitForShutdown()
		return fmt.Errorf("natsbus: broker in %s not ready", s.cfg.Dir)
	}
	s.running.Store(ns)
	s.audit(before)
	if err := s.record(false); err != nil {
		s.cfg.Logger.Warn("manifest not written", "dir", s.cfg.Dir, "err", err)
	}
	return nil
}

// StoreDir is the directory that holds the streams, as given in Config.Dir.
func (s *Server) StoreDir() string { return s.cfg.Dir }

// InProcessConn implements nats.InProcessConnProvider on the server that runs
// now, so that connections find its successor after a restart.
func (s *Server) InProcessConn() (net.Conn, error) {
	ns := s.running.Load()
	if ns == nil {
		return nil, edge.Errorf(edge.CodeBusDown, "natsbus: broker is not running")
	}
	return ns.InProcessConn()
}

// Connect returns a new in-process connection. It outlives a restart of the
// embedded server. The caller closes it.
func (s *Server) Connect(opts ...nats.Option) (*nats.Conn, error) {
	all := []nats.Option{
		nats.InProcessServer(s),
		nats.Name("labbox"),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(20 * time.Millisecond),
		nats.ReconnectJitter(0, 0),
		nats.ReconnectBufSize(-1),
		nats.IgnoreAuthErrorAbort(),
	}
	nc, err := nats.Connect("", append(all, opts...)...)
	if err != nil {
		return nil, fmt.Errorf("natsbus: connect: %w", err)
	}
	return nc, nil
}

// JetStream returns the streams' API on a connection of the server's own, which
// Close closes.
func (s *Server) JetStream() (jetstream.JetStream, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, edge.Errorf(edge.CodeBusDown, "natsbus: broker is closed")
	}
	if s.own == nil {
		nc, err := s.Connect()
		if err != nil {
			return nil, err
		}
		s.own = nc
	}
	js, err := jetstream.New(s.own)
	if err != nil {
		return nil, fmt.Errorf("natsbus: %w", err)
	}
	return js, nil
}

// streamDir is where the server keeps one stream's files.
func (s *Server) streamDir(stream string) string {
	return filepath.Join(s.cfg.Dir, "jetstream", "$G", "streams", stream)
}

// Close stops the server after its streams are flushed. It is safe to call twice.
func (s *Server) Close() {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return
	}
	s.closed = true
	own := s.own
	close(s.stop)
	s.mu.Unlock()

	s.watching.Wait()
	if own != nil {
		own.Close()
	}
	if s.sick.Load() == nil {
		if err := s.record(s.idle()); err != nil {
			s.cfg.Logger.Warn("manifest not written", "dir", s.cfg.Dir, "err", err)
		}
	}
	s.halt()
}

// idle reports whether all connections are gone, so that nothing changes any
// more. Those that have just been closed get a moment.
func (s *Server) idle() bool {
	ns := s.running.Load()
	for range 50 {
		if ns == nil || ns.NumClients() == 0 {
			return ns != nil
		}
		time.Sleep(time.Millisecond)
	}
	return false
}

// halt ends the running embedded server and waits for it.
func (s *Server) halt() {
	if ns := s.running.Swap(nil); ns != nil {
		ns.Shutdown()
		ns.WaitForShutdown()
	}
}
