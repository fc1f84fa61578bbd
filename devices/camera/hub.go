package camera

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"labbox/devices/camera/source"
	"labbox/edge"
	"labbox/edge/config"
	"labbox/edge/picture"
)

// hub is one camera: one reader, any number of watchers.
type hub struct {
	set    *Set
	cfg    *config.Camera
	src    source.Source
	log    *slog.Logger
	latest picture.Latest
	wanted chan struct{} // says that somebody wants pictures; holds one

	covering sync.Mutex // one change of cover at a time, store and memory together

	mu      sync.Mutex
	state   edge.CameraState
	since   time.Duration
	reason  *edge.Error
	covered *edge.Stop
	// bare ends when the camera is covered, and with the set; uncover is closed when it
	// is uncovered.
	bare    context.Context
	blind   context.CancelCauseFunc
	uncover chan struct{}
	users   int                // watchers and recorders
	idle    *time.Timer        // runs while there are none
	quit    context.CancelFunc // ends the session; nil: there is none
	seen    map[string]seen    // by process
	runs    map[string]int     // recorders of a run
	meter   meter
	last    edge.Picture // of the newest: no JPEG
	counts  Counts
	barred  time.Time // the reader's: until then it does not sign in again
	refused error     // and why
	quiet   time.Time // until then a failure is not logged again
	told    bool      // the last failure was logged
}

// Counts are what has become of a camera's pictures since the owner started.
type Counts struct {
	Pictures uint64 // shown
	Skipped  uint64 // over the rate
	Bad      uint64 // no JPEG, too large, not to be masked
	Opened   uint64 // how often the source was opened
}

func newHub(s *Set, c *config.Camera, src source.Source) *hub {
	h := &hub{set: s, cfg: c, src: src, log: s.cfg.Logger.With("camera", c.ID), wanted: make(chan struct{}, 1),
		state: edge.CameraIdle, since: s.cfg.Clock.Mono(), uncover: make(chan struct{}), seen: map[string]seen{}, runs: map[string]int{}}
	h.bare, h.blind = context.WithCancelCause(s.over)
	return h
}

func errCovered(id string) *edge.Error {
	return edge.Errorf(edge.CodeCovered, "camera %s is covered", id).With("camera", id).WithHint("a teacher has covered it, and may uncover it")
}

// watch is Set.Watch.
func (h *hub) watch(ctx context.Context, fn func(edge.Picture) error) error {
	bare, err := h.enter()
	if err != nil {
		return err
	}
	defer h.leave()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(bare, func() { cancel(context.Cause(bare)) })()
	for seen := uint64(0); ; {
		p, err := h.latest.Next(ctx, seen)
		if bare.Err() != nil { // at once, whatever else there is
			return context.Cause(bare)
		}
		if err != nil || ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := fn(p); err != nil {
			return err
		}
		seen = p.Seq
	}
}

// enter counts one who wants pictures, and returns what ends when they end.
func (h *hub) enter() (context.Context, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.bare.Err() != nil {
		return nil, context.Cause(h.bare)
	}
	h.users++
	if h.idle != nil {
		h.idle.Stop()
		h.idle = nil
	}
	h.wake()
	return h.bare, nil
}

func (h *hub) wake() {
	select {
	case h.wanted <- struct{}{}:
	default:
	}
}

// leave counts one less; after the last the source is closed when Grace has passed.
func (h *hub) leave() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.users--; h.users > 0 || h.quit == nil {
		return
	}
	h.idle = time.AfterFunc(Grace, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.users == 0 && h.quit != nil {
			h.quit()
		}
	})
}

// put moves the camera to a state. With h.mu held.
func (h *hub) put(s edge.CameraState, why *edge.Error) {
	if h.state != s {
		h.state, h.since = s, h.set.cfg.Clock.Mono()
	}
	h.reason = why
	if s != edge.CameraLive {
		h.meter = meter{}
		h.latest.Clear()
	}
}

// word is the owner's word on the camera.
func (h *hub) word() edge.Camera {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.set.cfg.Clock.Mono()
	c := h.identity()
	c.State, c.SinceMS, c.Reason, c.NowMS = h.state, h.since.Milliseconds(), h.reason, now.Milliseconds()
	if h.covered != nil {
		by := *h.covered
		c.Covered = &by
	}
	c.Width, c.Height, c.RateHz = h.last.Width, h.last.Height, h.meter.rate(now, h.cfg.PictureRate())
	if h.last.Seq > 0 {
		c.LastMS = max(1, h.last.At.Milliseconds())
	}
	c.Viewers = h.viewers(now)
	c.Runs = slices.Sorted(maps.Keys(h.runs))
	return c
}

// identity is what does not change of a camera.
func (h *hub) identity() edge.Camera {
	return edge.Camera{ID: h.cfg.ID, Name: h.name(), Description: h.cfg.Description, Devices: h.cfg.Devices,
		Source: h.cfg.Source.Kind(), Masked: len(h.cfg.Mask) > 0}
}

func (h *hub) name() string {
	if h.cfg.Name != "" {
		return h.cfg.Name
	}
	return h.cfg.ID
}

// Stat is a camera with its counts.
type Stat struct {
	edge.Camera
	Counts
}

// Stats are the counts of every camera, in the order of the box file.
func (s *Set) Stats() []Stat {
	list := make([]Stat, len(s.hubs))
	for i, h := range s.hubs {
		list[i].Camera = h.word()
		h.mu.Lock()
		list[i].Counts = h.counts
		h.mu.Unlock()
	}
	return list
}
