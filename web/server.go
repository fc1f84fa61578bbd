package web

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/netip"
	"path"
	"strings"
	"sync"
	"time"

	"labbox/edge"
	"labbox/edge/class"
	"labbox/edge/experiment"
)

// Runs is what the panel needs of the recorder. Errors are coded:
// CodeUnknownRun where there is no such run.
type Runs interface {
	// List returns the runs of a device, of all with "", newest first.
	List(ctx context.Context, device string) ([]edge.Run, error)
	Get(ctx context.Context, id string) (edge.Run, error)
	// CSV streams a run, labels in lang (en, fr, es).
	CSV(ctx context.Context, id, lang string, w io.Writer) error
	// Frames calls fn for every frame of a part of a run, in order; it is fn's during
	// the call only. An error of fn ends the walk and is returned.
	Frames(ctx context.Context, id string, ask edge.FramesAsk, fn func(frame []byte) error) error
	// Detail is the run with all besides its samples.
	Detail(ctx context.Context, id string) (edge.RunDetail, error)
	// Picture returns the newest picture that the run keeps of a camera ("": of its
	// first) taken at t since the run's start or before, else the first of all. Errors:
	// CodeUnknownCamera, CodeNoPicture where it keeps none.
	Picture(ctx context.Context, id, camera string, t time.Duration) (edge.RunPicture, error)
	Delete(ctx context.Context, id string) error
}

// Config is what a Server is made of. Box, Bus, KV, Clock and Seats are needed.
type Config struct {
	Box         string
	Bus         edge.Bus
	KV          edge.KV
	Clock       edge.Clock
	Seats       *class.Seats
	Accounts    *class.Accounts  // nil: those in KV, without a reset file
	Runs        Runs             // nil: nothing is recorded
	Experiments *experiment.Desk // nil: none are taken
	Cameras     Cameras          // nil: there are none
	// Stop asks the owner for an emergency stop by a way that needs no broker; nil:
	// there is none. Both ways are taken at once.
	Stop  func(context.Context, *edge.Ask) (*edge.Answer, error)
	Ready func() []edge.Error // further reasons not to be ready; may be nil
	// Warn lists what is unwise but keeps nobody from working, such as a store that
	// may forget; may be nil.
	Warn   func(context.Context) []edge.Error
	Logger *slog.Logger // nil: none
	// Open lets anybody take a student's seat with a nickname alone.
	Open bool
	// Audit is told of sign-ins, accounts, classes, seats and what a teacher does to
	// all devices; it must not block. May be nil.
	Audit func(edge.Event)
	// Info says how people in the room reach this box; may be nil.
	Info func() BoxInfo
	// SetClock sets what the box's calendar says; nil: it is not set from here.
	SetClock func(ctx context.Context, wall time.Time) error
	// Version is told by /healthz.
	Version string
	// BasePath is where a proxy puts the panel, such as "/lab"; "" is the root.
	BasePath string
	// Origins may use the API from other pages, such as "https://lab.example.org".
	Origins []string
	// Hosts are names this box is called by, besides localhost and addresses.
	Hosts []string
	// TrustedProxies and ProxyNames (host names) are those whose X-Forwarded-For,
	// -Host and -Proto are believed; see ParseProxies.
	TrustedProxies []netip.Prefix
	ProxyNames     []string
	// Mount serves the owner's own paths, such as where a device dials in. A path
	// that ends in "/" stands for all below it. Requests with an Origin are refused:
	// they come from a browser.
	Mount map[string]http.Handler
	// UI is the panel's files; nil: the embedded ones.
	UI fs.FS

	DisplayHz  float64       // how often panels get new samples; 0: 60
	Keep       time.Duration // history for those who reconnect; 0: 65 s
	RingBytes  int           // its bound per device; 0: 32 MiB
	MaxClients int           // websockets at once; 0: 2000
}

func (c *Config) complete() error {
	if c.Bus == nil || c.KV == nil || c.Clock == nil || c.Seats == nil {
		return errors.New("web: config needs Bus, KV, Clock and Seats")
	}
	if err := edge.CheckName(c.Box); err != nil {
		return err
	}
	if err := checkProxies(c.TrustedProxies); err != nil {
		return err
	}
	if c.Accounts == nil {
		c.Accounts = class.NewAccounts(class.AccountsConfig{KV: c.KV, Box: c.Box, Mono: c.Clock.Mono})
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.UI == nil {
		c.UI = embedded()
	}
	c.BasePath = strings.TrimSuffix(path.Clean("/"+c.BasePath), "/")
	c.DisplayHz = orElse(c.DisplayHz, 60)
	c.Keep = orElse(c.Keep, 65*time.Second)
	c.RingBytes = orElse(c.RingBytes, 32<<20)
	c.MaxClients = orElse(c.MaxClients, 2000)
	return nil
}

func orElse[T comparable](v, other T) T {
	var zero T
	if v == zero {
		return other
	}
	return v
}

// Server is the panel's http.Handler.
type Server struct {
	cfg      Config
	log      *slog.Logger
	mono     func() time.Duration
	statuses map[edge.Code]int
	routes   []route
	files    *files
	hub      *hub
	origins  map[string]bool
	hosts    map[string]bool
	proxies  *proxies

	ctx    context.Context // ends with Close
	cancel context.CancelFunc

	mu      sync.Mutex
	closing bool
	wg      sync.WaitGroup // hub, connections, requests on their way

	parts   parts
	seats   seatMemory
	joins   joins
	guesses guesses
	room    room
	feeds   *feeds
}

// New subscribes to the box's news and returns a Server that is ready to serve.
func New(cfg Config) (*Server, error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, log: cfg.Logger, mono: cfg.Clock.Mono, statuses: statuses()}
	var err error
	if s.files, err = newFiles(cfg.UI, cfg.BasePath); err != nil {
		return nil, err
	}
	s.origins, s.hosts = allowed(&cfg)
	s.proxies = newProxies(&cfg)
	s.routes = s.routeTable()
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.hub = newHub(&s.cfg)
	s.feeds = newFeeds(s)
	s.hub.seatGone = s.seatGone
	s.hub.classChanged = s.onClass
	s.hub.hide = func(b []byte) []byte { return s.veilNow().hide(b) }
	s.room.wake = make(chan struct{}, 1)
	s.room.renamed = map[string]bool{}
	start, done := context.WithTimeout(s.ctx, storeWithin)
	defer done()
	if err := s.hub.start(start); err != nil {
		s.cancel()
		return nil, err
	}
	s.reloadClass(start)
	every := time.Duration(float64(time.Second) / cfg.DisplayHz)
	s.wg.Go(func() { s.hub.work(s.ctx) })
	s.wg.Go(func() { s.hub.run(s.ctx, every) })
	s.wg.Go(func() { s.pulse(s.ctx) })
	s.wg.Go(func() { s.watchStore(s.ctx) })
	s.wg.Go(func() { s.watchClass(s.ctx) })
	return s, nil
}

// HTTP returns an http.Server with this handler and the time and size limits
// that a server in a classroom needs. The caller listens and serves.
func (s *Server) HTTP() *http.Server {
	return &http.Server{
		Handler:           s,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		IdleTimeout:       60 * time.Second,
		MaxHeaderBytes:    16 << 10,
		ConnContext:       ConnContext,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
}

// begin counts something that Close waits for; false: the server is closing.
func (s *Server) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return false
	}
	s.wg.Add(1)
	return true
}

// Close tells every panel that the box stops (1001) and ends when they are gone,
// or with ctx. Requests to owners that are on their way are given up.
func (s *Server) Close(ctx context.Context) error {
	s.mu.Lock()
	s.closing = true
	s.mu.Unlock()
	for _, c := range s.hub.snapshot() {
		c.bid(closeGoingAway, "the box stops")
	}
	s.cancel()
	s.hub.stop()
	done := make(chan struct{})
	go func() {
		s.wg.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		for _, c := range s.hub.snapshot() {
			_ = c.w.Close() // cut
		}
		return ctx.Err()
	}
}

func newSession() string {
	b := make([]byte, 8)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

// Panels is how many websockets are connected.
func (s *Server) Panels() int { return s.hub.count() }
