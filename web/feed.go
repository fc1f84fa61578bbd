package web

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"labbox/edge"
	"labbox/edge/picture"
)

// shot is a picture as it goes out, the same bytes for every viewer.
type shot struct {
	edge.Picture
	part []byte        // of a stream
	came time.Duration // on this process's clock
	n    uint64        // counts those of the feed, 1 is the first
}

// feed is one camera in this process: one Watch of the box's cameras for all who look
// here. It holds the newest picture only, so a viewer that is slow skips those between.
type feed struct {
	id     string
	all    *feeds
	cancel context.CancelFunc
	wake   chan struct{} // other seats look

	// By feeds.mu.
	viewers map[*viewer]struct{}
	lately  map[string]glance // by seat: who had a picture a moment ago
	idle    *time.Timer       // runs while nobody looks

	mu   sync.Mutex
	last shot
	news chan struct{} // closed by the next picture, and at the end; nil: nobody waits
	over error         // why it has ended
}

// glance is somebody who has had a picture, and until when that is told.
type glance struct {
	actor edge.Actor
	until time.Duration
}

// run pulls pictures and tells who looks, until ctx ends or there is nothing to see.
func (f *feed) run(ctx context.Context) {
	var telling sync.WaitGroup
	telling.Go(func() { f.tell(ctx) })
	err := f.pull(ctx)
	f.end(err)
	telling.Wait()
}

// pull watches the camera again and again. What ends it for good is returned.
func (f *feed) pull(ctx context.Context) error {
	t := &f.all.times
	pause := t.pause
	for {
		err := f.all.cams.Watch(ctx, f.id, func(p edge.Picture) error {
			f.put(p)
			pause = t.pause
			return nil
		})
		switch code := edge.CodeOf(err); {
		case ctx.Err() != nil:
			return ctx.Err()
		case code == edge.CodeCovered || code == edge.CodeUnknownCamera:
			return err
		case err != nil:
			f.all.once.warn("camera not watched", "camera "+f.id, "camera", f.id, "err", err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause/2 + rand.N(pause)):
		}
		pause = min(2*pause, t.pauseMost)
	}
}

func (f *feed) put(p edge.Picture) {
	s := shot{Picture: p, part: picture.AppendPart(make([]byte, 0, len(p.JPEG)+256), &p), came: f.all.mono()}
	f.mu.Lock()
	defer f.mu.Unlock()
	s.n = f.last.n + 1
	f.last = s
	f.wakeAll()
}

// wakeAll is called with the lock.
func (f *feed) wakeAll() {
	if f.news != nil {
		close(f.news)
		f.news = nil
	}
}

// end tells the viewers that there is nothing more to see. The first reason counts.
func (f *feed) end(why error) {
	f.all.forget(f)
	f.cancel()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.over == nil {
		f.over, f.last = why, shot{n: f.last.n}
	}
	f.wakeAll()
}

// skip is the number of the newest picture if that is too old for somebody new, else 0.
// The newest of a camera that is slow and live is not too old.
func (f *feed) skip() uint64 {
	f.mu.Lock()
	n, at, old := f.last.n, f.last.At, f.all.mono()-f.last.came > f.all.times.fresh
	f.mu.Unlock()
	if !old || n == 0 {
		return 0
	}
	if c, err := f.all.camera(f.id); err == nil && c.State == edge.CameraLive && c.LastMS == max(1, at.Milliseconds()) {
		return 0
	}
	return n
}

// next waits for another picture than the one with number n.
func (f *feed) next(ctx context.Context, n uint64) (shot, error) {
	for {
		f.mu.Lock()
		s, over := f.last, f.over
		if over == nil && s.part != nil && s.n != n {
			f.mu.Unlock()
			return s, nil
		}
		if over != nil {
			f.mu.Unlock()
			return shot{}, over
		}
		if f.news == nil {
			f.news = make(chan struct{})
		}
		news := f.news
		f.mu.Unlock()
		select {
		case <-ctx.Done():
			return shot{}, context.Cause(ctx)
		case <-news:
		}
	}
}

// tell says who looks, again every second, and once when the last one is gone.
func (f *feed) tell(ctx context.Context) {
	t := time.NewTicker(f.all.times.seen)
	defer t.Stop()
	told := false
	say := func(ctx context.Context, seats []edge.SeatRef) {
		ctx, cancel := context.WithTimeout(ctx, seenWithin)
		defer cancel()
		if err := f.all.cams.Seen(ctx, f.id, f.all.by, seats); err != nil && ctx.Err() == nil {
			f.all.once.warn("owner not told who watches", "seen "+f.id, "camera", f.id, "err", err)
		}
	}
	for {
		if seats := f.all.watching(f); len(seats) > 0 || told {
			say(ctx, seats)
			told = len(seats) > 0
		}
		select {
		case <-ctx.Done():
		case <-t.C:
			continue
		case <-f.wake:
			select {
			case <-ctx.Done():
			case <-time.After(seenPause): // however many come and go
				continue
			}
		}
		if told {
			say(context.WithoutCancel(ctx), nil)
		}
		return
	}
}
