package web

import "time"

// CameraTimes are shorter times for tests; 0: as they are.
type CameraTimes struct {
	Write, Linger, Again, Trust, Fresh, Snapshot, Seen, List, Pause time.Duration
}

// SetCameraTimes is called before anybody looks.
func (s *Server) SetCameraTimes(t CameraTimes) {
	own := &s.feeds.times
	for _, f := range []struct {
		to *time.Duration
		v  time.Duration
	}{{&own.write, t.Write}, {&own.linger, t.Linger}, {&own.again, t.Again}, {&own.trust, t.Trust}, {&own.fresh, t.Fresh}, {&own.snapshot, t.Snapshot},
		{&own.seen, t.Seen}, {&own.list, t.List}, {&own.pause, t.Pause}} {
		*f.to = orElse(f.v, *f.to)
	}
}

// Viewers counts those of this process, and the feeds.
func (s *Server) Viewers() (viewers, feeds int) {
	s.feeds.mu.Lock()
	defer s.feeds.mu.Unlock()
	return len(s.feeds.viewers), len(s.feeds.byID)
}

// ShortSilence makes an owner say something as often as that.
func (c *OwnerConfig) ShortSilence(d time.Duration) { c.quiet = d }

// ShortCameras are a peer's that notice silence after d.
func (p *Peer) ShortCameras(d time.Duration) Cameras { return &peerCameras{peer: p, silent: d} }
