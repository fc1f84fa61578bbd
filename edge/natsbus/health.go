package natsbus

import (
	"context"
	"time"

	"labbox/edge"
)

// illness is why the server takes no durable work.
type illness struct {
	err   *edge.Error
	since time.Time
	fatal bool // a stream is dead until the embedded server restarts
}

// Health is nil while the server takes durable work. Else it is CodeStoreFull
// (not enough room on the disk) or CodeStoreDown (a write or sync failed). It
// costs one atomic load: call it before a write to refuse work that the disk
// cannot take, because the server does not answer a failed write at all.
func (s *Server) Health() error {
	if s.running.Load() == nil {
		return edge.Errorf(edge.CodeBusDown, "natsbus: broker is not running")
	}
	if ill := s.sick.Load(); ill != nil {
		return ill.err.With("since", ill.since.UTC().Format(time.RFC3339))
	}
	return nil
}

// failed notes that a stream of the running server is dead.
func (s *Server) failed(text string) {
	s.sick.Store(&illness{
		err: edge.Errorf(edge.CodeStoreDown, "natsbus: a write to the disk failed").
			WithHint("free some disk space; the broker restarts by itself").With("detail", text),
		since: time.Now(), fatal: true,
	})
}

// watch looks after room on the disk and restarts a server with a dead stream.
func (s *Server) watch() {
	tick := time.NewTicker(s.cfg.WatchEvery)
	defer tick.Stop()
	for {
		select {
		case <-s.stop:
			return
		case <-tick.C:
			s.look()
			if s.sick.Load() == nil {
				if err := s.record(false); err != nil {
					s.cfg.Logger.Warn("manifest not written", "dir", s.cfg.Dir, "err", err)
				}
			}
		}
	}
}

func (s *Server) look() {
	free, reserve, err := s.room()
	if err != nil {
		return // no figures on this system: the limits alone must do
	}
	ill := s.sick.Load()
	switch full := free < reserve; {
	case ill != nil && ill.fatal:
		if !full {
			s.restart()
		}
	case full && ill == nil:
		s.sick.CompareAndSwap(nil, &illness{
			err: edge.Errorf(edge.CodeStoreFull, "natsbus: disk nearly full").
				WithHint("free some disk space").With("free", free).With("reserve", reserve),
			since: time.Now(),
		})
		s.cfg.Logger.Error("disk nearly full", "dir", s.cfg.Dir, "free", free, "reserve", reserve)
	case !full && ill != nil:
		if s.sick.CompareAndSwap(ill, nil) {
			s.cfg.Logger.Info("disk has room again", "dir", s.cfg.Dir, "free", free)
		}
	}
}

// restart replaces the embedded server; connections reconnect by themselves.
func (s *Server) restart() {
	ill := s.sick.Load()
	s.cfg.Logger.Warn("broker restarts after a failed write", "dir", s.cfg.Dir)
	s.halt()
	s.forgetCommits()
	ctx, cancel := context.WithTimeout(context.Background(), readyWait)
	defer cancel()
	if err := s.boot(ctx); err != nil {
		s.cfg.Logger.Error("broker did not come back", "dir", s.cfg.Dir, "err", err)
		return
	}
	s.sick.CompareAndSwap(ill, nil)
}

// room returns the free bytes of the disk and how many must stay free.
func (s *Server) room() (free, reserve int64, err error) {
	free, total, err := diskSpace(s.cfg.Dir)
	return free, min(s.cfg.Reserve, total/10), err
}

// storeLimit is Config.MaxStore, lowered to what the disk can hold.
func (s *Server) storeLimit() int64 {
	free, reserve, err := s.room()
	if err != nil {
		return s.cfg.MaxStore
	}
	limit := min(s.cfg.MaxStore, max(free-reserve, 0)+dirSize(s.cfg.Dir))
	if limit < s.cfg.MaxStore {
		s.cfg.Logger.Warn("broker may take less than configured", "dir", s.cfg.Dir, "limit", limit, "configured", s.cfg.MaxStore)
	}
	return max(limit, 1)
}
