package camera

import (
	"context"
	"slices"
	"sync"
	"time"

	"labbox/edge"
	"labbox/edge/config"
)

// maxRecordRate is the most pictures a second that a run keeps of a camera.
const maxRecordRate = 60

// Asked returns the cameras that a run of a device would keep, or why it cannot: an
// unknown camera, a rate that is none.
func (s *Set) Asked(device string, ask edge.PictureAsk) ([]string, error) {
	if r := ask.RateHz; r != 0 && !(r >= 0.01 && r <= maxRecordRate) {
		return nil, edge.Errorf(edge.CodeOutOfRange, "%g pictures a second", r).WithHint("0.01 to %d, or leave it out", maxRecordRate)
	}
	var ids []string
	for _, h := range s.hubs {
		c := h.identity()
		if len(ask.Cameras) == 0 && c.Shows(device) || slices.Contains(ask.Cameras, c.ID) {
			ids = append(ids, c.ID)
		}
	}
	for _, id := range ask.Cameras {
		if _, err := s.hub(id); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

// Record hands pictures to keep from now until stop, which waits until keep is called no
// more: those of the cameras asked for, each on a goroutine of its own, at most at the
// rate asked for, else at the box file's. A keep error of CodeTooLarge, CodeUnknownRun
// or CodeNotReady ends that camera's recording; after another, such as of a disk that is
// full for a while, it goes on. Of a covered camera nothing is kept meanwhile.
func (s *Set) Record(run edge.Run, ask edge.PictureAsk, keep func(edge.Camera, edge.Picture) error) (cameras []string, stop func(), err error) {
	ids, err := s.Asked(run.Device, ask)
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithCancel(s.over)
	var all sync.WaitGroup
	s.begin.Lock()
	defer s.begin.Unlock()
	if s.closed {
		cancel()
		return nil, nil, context.Cause(s.over)
	}
	for _, id := range ids {
		h := s.byID[id]
		rate := ask.RateHz
		if rate == 0 {
			rate = h.cfg.Record.Rate
		}
		if rate == 0 {
			rate = config.DefaultRecordRate
		}
		h.mu.Lock()
		h.runs[run.ID]++
		h.mu.Unlock()
		s.keepers.Add(1)
		all.Go(func() {
			defer s.keepers.Done()
			h.record(ctx, run.ID, pacer{period: time.Duration(float64(time.Second) / rate)}, keep)
		})
	}
	return ids, func() { cancel(); all.Wait() }, nil
}

// record keeps one camera's pictures until ctx ends, or keep takes no more.
func (h *hub) record(ctx context.Context, run string, pace pacer, keep func(edge.Camera, edge.Picture) error) {
	defer h.recorded(run)
	var quiet time.Duration
	c := h.identity()
	for ctx.Err() == nil {
		err := h.watch(ctx, func(p edge.Picture) error {
			if !pace.take(p.At) {
				return nil
			}
			err := keep(c, p)
			switch edge.CodeOf(err) {
			case "":
				return nil
			case edge.CodeTooLarge, edge.CodeUnknownRun, edge.CodeNotReady:
				return err
			}
			if now := h.set.cfg.Clock.Mono(); now >= quiet {
				quiet = now + sayAgain
				h.log.Warn("picture not kept", "run", run, "error", err)
			}
			return nil
		})
		switch code := edge.CodeOf(err); {
		case h.set.over.Err() != nil, ctx.Err() != nil, code == edge.CodeUnknownRun, code == edge.CodeNotReady: // the run is over
			return
		case code != edge.CodeCovered:
			h.log.Warn("run keeps no more pictures", "run", run, "code", code, "error", err)
			return
		}
		h.mu.Lock()
		uncovered := h.uncover
		h.mu.Unlock()
		select {
		case <-ctx.Done():
		case <-uncovered:
		}
	}
}

func (h *hub) recorded(run string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.runs[run]--; h.runs[run] <= 0 {
		delete(h.runs, run)
	}
}
