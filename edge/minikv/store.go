package minikv

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/alicebob/miniredis/v2/server"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"labbox/edge"
	"labbox/edge/natsbus"
	"labbox/edge/rediskv"
)

// Config says where a store keeps its log and what it may hold.
type Config struct {
	// Server is the broker whose disk holds the log. nil: the store is in memory
	// only and forgets everything at Close.
	Server *natsbus.Server
	// Name tells stores on one broker apart: A-Z, a-z, 0-9, _ and -; "" is "lab".
	Name string
	// Clock is the time; nil is the system's.
	Clock edge.Clock
	// Logger takes what an operator must know; nil discards it.
	Logger *slog.Logger
	// MaxBytes bounds keys and values; 0 is 16 MiB. Writes beyond it are
	// edge.CodeStoreFull. The log takes up to 3 times as much and
	// 32 MiB, twice that for a moment when it is written anew; the broker must have
	// room for both.
	MaxBytes int64
	// CompactBytes is how much the log may hold besides twice the live data before
	// it is written anew; 0 is 4 MiB.
	CompactBytes int64
	// ClockEvery is how often the calendar is compared; 0 is 1 s.
	ClockEvery time.Duration
	// ClockStep is by how much the calendar must move to be noted; 0 is 1 s.
	ClockStep time.Duration
}

const maxKey = 1024

func (c Config) withDefaults() Config {
	if c.Name == "" {
		c.Name = "lab"
	}
	if c.Clock == nil {
		c.Clock = edge.NewSystemClock()
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.MaxBytes <= 0 {
		c.MaxBytes = 16 << 20
	}
	if c.CompactBytes <= 0 {
		c.CompactBytes = 4 << 20
	}
	if c.ClockEvery <= 0 {
		c.ClockEvery = time.Second
	}
	if c.ClockStep <= 0 {
		c.ClockStep = time.Second
	}
	return c
}

// Store is a running store. All methods are safe for concurrent use.
type Store struct {
	cfg      Config
	m        *miniredis.Miniredis
	srv      *server.Server
	db       *miniredis.RedisDB
	commands map[string]command
	peers    sync.Map // *server.Peer to *conn; see classify
	start    time.Duration
	nextDue  atomic.Int64
	down     atomic.Pointer[error]
	damage   error

	mu        sync.Mutex // one write at a time
	exp       expiry
	touched   []string // keys that the running command wrote
	grown     int64    // what the running script stored, at most
	sizes     map[string]int
	used      int64
	boot      uint64
	startWall int64 // calendar in ns when mono was 0

	log *journal // nil: in memory only

	stop    chan struct{}
	running sync.WaitGroup
	once    sync.Once
}

// Open starts a store and brings back what its log holds. ctx bounds the start only.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	cfg = cfg.withDefaults()
	if strings.Trim(cfg.Name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") != "" {
		return nil, edge.Errorf(edge.CodeBadName, "minikv: store name %q", cfg.Name)
	}
	s := &Store{
		cfg: cfg, m: miniredis.NewMiniRedis(), commands: commandTable(), start: cfg.Clock.Mono(),
		exp: expiry{keys: map[string]time.Duration{}}, sizes: map[string]int{}, stop: make(chan struct{}),
	}
	s.startWall = cfg.Clock.Wall().UnixNano()
	s.nextDue.Store(never)
	c, err := s.m.Dial() // starts it without a listener
	if err != nil {
		return nil, fmt.Errorf("minikv: %w", err)
	}
	_ = c.Close()
	s.srv, s.db = s.m.Server(), s.m.DB(0)
	s.srv.SetPreHook(s.gate)
	if cfg.Server != nil {
		if err := s.openLog(ctx); err != nil {
			s.m.Close()
			return nil, fmt.Errorf("minikv: open %s: %w", cfg.Name, err)
		}
	}
	s.running.Go(s.expiring)
	return s, nil
}

// mono is the store's clock: 0 when it was opened.
func (s *Store) mono() time.Duration { return s.cfg.Clock.Mono() - s.start }

// Dialer returns what go-redis needs to connect in memory, as Options.Dialer.
func (s *Store) Dialer() func(ctx context.Context, network, addr string) (net.Conn, error) {
	return func(context.Context, string, string) (net.Conn, error) {
		select {
		case <-s.stop:
			return nil, &net.OpError{Op: "dial", Net: "memory", Err: net.ErrClosed}
		default:
		}
		client, server := newPipe()
		s.srv.ServeConn(server)
		return client, nil
	}
}

// KV returns a new edge.KV on the store. Its Close leaves the store running.
func (s *Store) KV() edge.KV {
	c := redis.NewClient(&redis.Options{
		Addr: "minikv", Dialer: s.Dialer(), MaxRetries: -1, DialerRetries: 1, PoolSize: 64, Protocol: 2,
		DisableIdentity: true, ReadTimeout: time.Minute, WriteTimeout: -1, PoolTimeout: 10 * time.Second, ContextTimeoutEnabled: true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})
	return rediskv.New(c, rediskv.Options{Health: func(context.Context) error { return s.Health() }})
}

// Health is nil while the store takes writes and has found all it once held.
// Else it is edge.CodeStoreDown or edge.CodeStoreFull.
func (s *Store) Health() error {
	select {
	case <-s.stop:
		return edge.Errorf(edge.CodeStoreDown, "minikv: the store is closed")
	default:
	}
	if err := s.down.Load(); err != nil {
		return edge.Errorf(edge.CodeStoreDown, "minikv: out of service: %w", *err).WithHint("free some disk space and restart labbox")
	}
	if s.damage != nil {
		return edge.Errorf(edge.CodeStoreDown, "minikv: %w", s.damage).WithHint("restore the data directory from a backup")
	}
	if s.cfg.Server != nil {
		if err := s.cfg.Server.Health(); err != nil {
			return fmt.Errorf("minikv: %w", err)
		}
	}
	return nil
}

// Close ends all connections and the log. Writes that were answered are durable
// already. It is safe to call twice.
func (s *Store) Close() error {
	s.once.Do(func() {
		close(s.stop)
		s.m.Close()
		s.running.Wait()
		if s.log != nil {
			s.log.close()
		}
	})
	return nil
}

// fail takes the store out of service.
func (s *Store) fail(err error) {
	if s.down.CompareAndSwap(nil, &err) {
		s.cfg.Logger.Error("store out of service", "store", s.cfg.Name, "err", err)
	}
}
