package record

import (
	"errors"
	"io/fs"
	"math"
	"os"
	"time"
)

// makeRoom removes segments that are neither pinned nor young enough, oldest
// first, and looks at the free space. It runs in the writer goroutine, and
// before that starts: nobody else removes segments.
func (s *Store) makeRoom() {
	free, err := s.cfg.free(s.cfg.Dir)
	unknown := err != nil
	if unknown {
		free = s.cfg.MinFree // a failed write will tell
	}
	now := s.cfg.Clock.Mono()
	wall := int64(now) + s.openWall // a calendar that is set meanwhile ages nothing

	s.mu.Lock()
	total, pinned := s.pictureBytes, int64(0)
	var loose []*segment // not pinned, may go
	for _, t := range s.tracks {
		for _, seg := range t.segments {
			total += seg.bytes
			if s.pinned(seg) {
				pinned += seg.bytes
			} else if !seg.active {
				loose = append(loose, seg)
			}
		}
	}
	var gone []*segment
	for len(loose) > 0 {
		oldest := 0
		for i, seg := range loose {
			if s.age(seg, now, wall) > s.age(loose[oldest], now, wall) {
				oldest = i
			}
		}
		seg := loose[oldest]
		if s.age(seg, now, wall) <= s.cfg.KeepFor && total <= s.cfg.MaxBytes && free >= s.cfg.MinFree {
			break
		}
		loose = append(loose[:oldest], loose[oldest+1:]...)
		gone = append(gone, seg)
		total -= seg.bytes
		free += uint64(seg.bytes)
		s.forget(seg)
	}
	s.low = free < s.cfg.MinFree
	s.total, s.pinnedBytes, s.free = total, pinned, free
	if unknown {
		s.free = math.MaxUint64
	}
	s.mu.Unlock()

	for _, seg := range gone {
		if err := os.Remove(seg.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			s.cfg.Logger.Warn("segment not removed", "device", seg.device, "segment", seg.number, "err", err)
		}
	}
}

// age is how long ago the segment's last sample was; s.mu is held.
func (s *Store) age(seg *segment, now time.Duration, wall int64) time.Duration {
	if seg.boot == s.boot {
		return now - seg.span.last
	}
	return time.Duration(wall - seg.wall - int64(seg.span.last))
}

// pinned reports whether a run's window touches seg; s.mu is held.
func (s *Store) pinned(seg *segment) bool {
	for _, r := range s.runs {
		if r.Device == seg.device && r.window.touches(seg) {
			return true
		}
	}
	return false
}

// forget drops seg from its track; s.mu is held. The slice is copied: readers
// may walk the old one.
func (s *Store) forget(seg *segment) {
	t := s.tracks[seg.device]
	kept := make([]*segment, 0, len(t.segments))
	for _, x := range t.segments {
		if x != seg {
			kept = append(kept, x)
		}
	}
	t.segments = kept
}

// lowSpace reports whether the disk has less space than is to be left free.
func (s *Store) lowSpace() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.low
}
