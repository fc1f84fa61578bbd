package camera

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"labbox/devices/camera/source"
	"labbox/edge"
	"labbox/edge/config"
)

// Config is what the cameras of a box need. Box, Clock and KV are required.
type Config struct {
	Box    *config.Box
	Clock  edge.Clock
	KV     edge.KV // the process's own store: what is covered
	Logger *slog.Logger
	Audit  func(edge.Event) // may be nil
	// Sources makes a camera's source; nothing is opened yet. An error with
	// edge.CodeNoPicture belongs to the camera, any other ends New.
	Sources func(*config.Camera) (source.Source, error)
}

// Grace is how long a source stays open that nobody watches any more.
const Grace = 5 * time.Second

// Set is the cameras of a box. Its methods are safe for concurrent use.
type Set struct {
	cfg  Config
	hubs []*hub // in the order of the box file
	byID map[string]*hub

	over   context.Context // ends with Run
	end    context.CancelCauseFunc
	begin  sync.Mutex // guards closed, and keepers.Add against keepers.Wait
	closed bool
	// keepers are the recorders' goroutines.
	keepers sync.WaitGroup
}

// New returns the cameras of a box, covered as they were. Run gives them life.
func New(cfg Config) (*Set, error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Set{cfg: cfg, byID: map[string]*hub{}}
	s.over, s.end = context.WithCancelCause(context.Background())
	for i := range cfg.Box.Cameras {
		c := &cfg.Box.Cameras[i]
		src, err := cfg.Sources(c)
		if err != nil {
			if edge.CodeOf(err) != edge.CodeNoPicture {
				return nil, err
			}
			src = unusable{err}
		}
		h := newHub(s, c, src)
		if h.covered = s.keptCover(c.ID); h.covered != nil {
			h.state = edge.CameraCovered
			h.blind(errCovered(c.ID))
		}
		s.hubs = append(s.hubs, h)
		s.byID[c.ID] = h
	}
	return s, nil
}

// Run lives until ctx ends; then every source is closed, and watchers and recorders
// have ended. Call it once.
func (s *Set) Run(ctx context.Context) error {
	var hubs sync.WaitGroup
	for _, h := range s.hubs {
		hubs.Go(func() { h.run(ctx) })
	}
	<-ctx.Done()
	s.begin.Lock()
	s.closed = true
	s.begin.Unlock()
	s.end(source.Lost(source.Ended, "the box stops"))
	hubs.Wait()
	s.keepers.Wait()
	return nil
}

func (s *Set) hub(id string) (*hub, error) {
	if h := s.byID[id]; h != nil {
		return h, nil
	}
	return nil, edge.Errorf(edge.CodeUnknownCamera, "no camera %q", id).With("camera", id)
}

// List is the word on every camera, in the order of the box file.
func (s *Set) List(context.Context) ([]edge.Camera, error) {
	list := make([]edge.Camera, len(s.hubs))
	for i, h := range s.hubs {
		list[i] = h.word()
	}
	return list, nil
}

// Watch calls fn, on the caller's goroutine, with the newest picture again and again,
// and skips those that come while fn runs. It goes on while the source is lost, and ends
// with ctx's error, with fn's, or with CodeCovered at the moment when the camera is
// covered.
func (s *Set) Watch(ctx context.Context, id string, fn func(edge.Picture) error) error {
	h, err := s.hub(id)
	if err != nil {
		return err
	}
	return h.watch(ctx, fn)
}

// unusable is the source of a camera that this program cannot read.
type unusable struct{ err error }

// Open implements source.Source.
func (u unusable) Open(context.Context) (source.Stream, error) { return nil, u.err }

func (u unusable) String() string { return "unusable" }
