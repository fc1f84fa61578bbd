package record

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"labbox/edge/frame"
)

// window is the part of a device's recording that is a run.
type window struct {
	Start key  `json:"start"` // Zero less the time before the trigger
	Zero  key  `json:"zero"`  // when the run was started: box_time_s 0
	End   key  `json:"end"`   // inclusive; meaningless while Open
	Open  bool `json:"open"`
	// ZeroWall is the wall clock at Zero, Unix ns: it relates other starts of
	// the process to this one.
	ZeroWall int64 `json:"zero_wall_ns"`
}

func (w window) touches(seg *segment) bool {
	return !(key{seg.boot, seg.span.last}).before(w.Start) && (w.Open || !w.End.before(key{seg.boot, seg.span.first}))
}

// offset is the time of at since Zero, on the monotonic clock within one start
// of the process and on the wall clock between two.
func (w window) offset(boot uint64, wall int64, at time.Duration) time.Duration {
	if boot == w.Zero.Boot {
		return at - w.Zero.At
	}
	return time.Duration(wall + int64(at) - w.ZeroWall)
}

// item is one thing met in a window, in order: a gap, or samples, or an event.
type item struct {
	head   *header
	gap    *Gap
	view   frame.View
	lo, hi int // samples of view within the window
	event  []byte
	at     time.Duration
}

// cursor is how far a walk has come.
type cursor struct {
	number uint64
	off    int64
	gaps   gaps
	past   bool // a sample after the window's end was met
	head   *header
}

// errNextSegment, returned by a walk's fn, skips the rest of the segment.
var errNextSegment = errors.New("next segment")

// walk calls fn for everything in the window from cur on. It reads what is
// written by now; memory stays within one record.
func (s *Store) walk(ctx context.Context, device string, w window, cur *cursor, fn func(*item) error) error {
	return s.walkSegments(ctx, s.touched(device, w, cur.number), w, cur, fn)
}

// touched are the segments of a window from a number on.
func (s *Store) touched(device string, w window, number uint64) (segs []segment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.tracks[device]; t != nil {
		for _, seg := range t.segments {
			if seg.number >= number && w.touches(seg) {
				segs = append(segs, *seg)
			}
		}
	}
	return segs
}

func (s *Store) walkSegments(ctx context.Context, segs []segment, w window, cur *cursor, fn func(*item) error) error {
	for i := range segs {
		if cur.past {
			return nil
		}
		if segs[i].number != cur.number {
			cur.number, cur.off, cur.head = segs[i].number, 0, nil
		}
		if err := walkSegment(ctx, &segs[i], w, cur, fn); err != nil && !errors.Is(err, errNextSegment) {
			return fmt.Errorf("record: segment %d of %s: %w", segs[i].number, segs[i].device, err)
		}
	}
	return nil
}

func walkSegment(ctx context.Context, seg *segment, w window, cur *cursor, fn func(*item) error) error {
	f, err := os.Open(seg.path)
	if err != nil {
		return err
	}
	defer f.Close()
	sc := newScanner(f, cur.off, seg.bytes)
	for !cur.past {
		if err := ctx.Err(); err != nil {
			return err
		}
		r, ok, err := sc.next()
		if err != nil {
			return err
		}
		if !ok {
			if sc.good < seg.bytes { // the tail is damaged
				cur.gaps.damaged = true
			}
			cur.off = max(cur.off, sc.good)
			return nil
		}
		if r.skipped > 0 {
			cur.gaps.damaged = true
		}
		if err := visit(seg, w, cur, &r, fn); err != nil {
			return err
		}
		cur.off = sc.off
	}
	return nil
}

// visit hands one record on.
func visit(seg *segment, w window, cur *cursor, r *rec, fn func(*item) error) error {
	if cur.head == nil && r.kind != kindHeader {
		cur.head = &header{Boot: seg.boot, WallOffset: seg.wall} // its header is damaged
	}
	switch r.kind {
	case kindHeader:
		if h, err := parseHeader(r.payload); err == nil {
			cur.head = &h
		}
	case kindGap:
		var g Gap
		if json.Unmarshal(r.payload, &g) == nil && !cur.after(w, seg.boot, r.at) {
			cur.gaps.declared = &g
		}
	case kindEvent:
		if k := (key{seg.boot, r.at}); !k.before(w.Start) && !cur.after(w, seg.boot, r.at) {
			return fn(&item{head: cur.head, event: r.payload, at: r.at})
		}
	case kindFrame:
		v, _, err := frame.Parse(r.payload)
		if err != nil {
			cur.gaps.damaged = true
			return nil //nolint:nilerr // damage is a gap, not the end of the walk
		}
		return visitFrame(seg, w, cur, v, fn)
	}
	return nil
}

func (c *cursor) after(w window, boot uint64, at time.Duration) bool {
	return !w.Open && w.End.before(key{boot, at})
}

func visitFrame(seg *segment, w window, cur *cursor, v frame.View, fn func(*item) error) error {
	n := v.Header().Samples
	lo, hi := 0, n
	for lo < n && (key{seg.boot, v.BoxTime(lo)}).before(w.Start) {
		lo++
	}
	for hi > lo && cur.after(w, seg.boot, v.BoxTime(hi-1)) {
		hi--
	}
	cur.past = hi < n && lo < n
	gap, isGap := cur.gaps.frame(seg.boot, v.Header())
	switch {
	case lo == n: // before the window
		return nil
	case hi == lo && gap.Reason == reasonRestart, hi == lo && gap.Lost == 0:
		return nil // after the window: what is missing is not of this run
	}
	if isGap && lo == 0 {
		if err := fn(&item{head: cur.head, gap: &gap, at: v.Header().T0}); err != nil {
			return err
		}
	}
	if hi == lo {
		return nil
	}
	return fn(&item{head: cur.head, view: v, lo: lo, hi: hi, at: v.BoxTime(lo)})
}
