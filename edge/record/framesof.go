package record

import (
	"context"
	"errors"
	"math"
	"time"

	"labbox/edge"
	"labbox/edge/frame"
)

// errEnough, returned by a walk's fn, ends the walk.
var errEnough = errors.New("enough")

// Frames calls fn for every frame that has a sample in the run, whole and in
// order: the first and the last may hold samples outside of it. Lost in each
// frame's header says what is missing before it, damage to the files included.
func (s *Store) Frames(ctx context.Context, id string, fn func(frame []byte) error) error {
	return s.FramesOf(ctx, id, edge.FramesAsk{}, fn)
}

// FramesOf is Frames for a part of the run, and makes min/max buckets where ask says
// so. What lies before the part is not read.
func (s *Store) FramesOf(ctx context.Context, id string, ask edge.FramesAsk, fn func(frame []byte) error) error {
	r, err := s.find(id)
	if err != nil {
		return err
	}
	if err := s.drain(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	win, device := r.window, r.Device
	s.mu.Unlock()
	segs := s.touched(device, win, 0)
	p := part{win: win, from: math.MinInt64, to: math.MaxInt64, fn: fn}
	if ask.MaxHz > 0 {
		p.dec, p.every = frame.NewDecimator(ask.MaxHz), time.Duration(1000/ask.MaxHz*float64(time.Second))
	}
	if ask != (edge.FramesAsk{MaxHz: ask.MaxHz}) {
		p.from = ask.From
		if !ask.FromStart {
			first, _, err := s.firstFrame(ctx, win, segs)
			if err != nil {
				return err
			}
			p.from += first
		}
		if ask.Length > 0 {
			p.to = p.from + ask.Length
		}
		for len(segs) > 1 && win.offset(segs[1].boot, segs[1].wall, segs[1].span.last) < p.from {
			segs = segs[1:] // the one before the part tells what is lost at its begin
		}
	}
	var cur cursor
	err = s.walkSegments(ctx, segs, win, &cur, p.item)
	if err == nil || errors.Is(err, errEnough) {
		err = p.drain(math.MaxInt64)
	}
	return err
}

// firstFrame is when, since the run's start, the first frame of a window begins.
func (s *Store) firstFrame(ctx context.Context, win window, segs []segment) (first time.Duration, ok bool, err error) {
	var cur cursor
	err = s.walkSegments(ctx, segs, win, &cur, func(it *item) error {
		if it.hi == it.lo {
			return nil
		}
		first, ok = win.offset(it.head.Boot, it.head.WallOffset, it.view.BoxTime(0)), true
		return errEnough
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return first, ok, err
}

// part hands on the frames between two moments of a run.
type part struct {
	win      window
	from, to time.Duration // since the run's start
	fn       func([]byte) error
	gap      *Gap
	patched  []byte

	dec     *frame.Decimator
	every   time.Duration // of box time: so much goes into one frame of buckets
	drained time.Duration
	out     []byte
}

func (p *part) item(it *item) error {
	if it.gap != nil {
		p.gap = it.gap
		return nil
	}
	if it.hi == it.lo {
		return nil
	}
	b, gap, n := it.view.Bytes(), p.gap, it.view.Header().Samples
	p.gap = nil
	switch {
	case p.win.offset(it.head.Boot, it.head.WallOffset, it.view.BoxTime(n-1)) < p.from:
		return nil
	case p.win.offset(it.head.Boot, it.head.WallOffset, it.view.BoxTime(0)) > p.to:
		return errEnough
	}
	if gap != nil && gap.Lost != it.view.Header().Lost {
		p.patched = append(p.patched[:0], b...)
		frame.SetLost(p.patched, gap.Lost)
		b = p.patched
	}
	if p.dec == nil {
		return p.fn(b)
	}
	v, _, err := frame.Parse(b)
	if err != nil {
		return err // was parsed before: cannot be
	}
	p.dec.Add(v)
	if now := v.BoxTime(n - 1); now-p.drained > p.every || now < p.drained {
		p.drained = now
		return p.drain(now)
	}
	return nil
}

// drain hands on the buckets that have ended.
func (p *part) drain(now time.Duration) error {
	if p.dec == nil {
		return nil
	}
	p.out = p.dec.AppendFrame(p.out[:0], now)
	for rest := p.out; len(rest) > 0; {
		v, next, err := frame.Parse(rest)
		if err != nil {
			return err // ours: cannot be
		}
		if err := p.fn(v.Bytes()); err != nil {
			return err
		}
		rest = next
	}
	return nil
}
