package camera

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"labbox/devices/camera/source"
	"labbox/edge"
)

const (
	firstPause   = 500 * time.Millisecond
	longestPause = 15 * time.Second
	// loginPause parts the tries with a name or password that was refused: cameras lock
	// out who tries often.
	loginPause   = time.Minute
	leastStall   = 5 * time.Second  // without a picture
	firstPicture = 15 * time.Second // after the source was opened
	stallPeriods = 5
	sayAgain     = time.Minute
	// flood is how many pictures of one floodSpan are read at full speed: a source that
	// gives more is no camera, and must not take a core for itself.
	flood     = 25
	floodSpan = 100 * time.Millisecond
)

// run is the camera's life: a session whenever somebody wants pictures.
func (h *hub) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.wanted:
		}
		if sctx, quit := h.start(ctx); sctx != nil {
			h.session(sctx)
			quit()
			h.stopped()
		}
	}
}

// start begins a session where somebody wants one.
func (h *hub) start(ctx context.Context) (context.Context, context.CancelFunc) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.users == 0 || h.covered != nil || ctx.Err() != nil {
		return nil, nil
	}
	sctx, quit := context.WithCancel(ctx)
	h.quit = quit
	h.put(edge.CameraStarting, nil)
	return sctx, quit
}

// stopped ends a session, and begins another where somebody came meanwhile.
func (h *hub) stopped() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.quit = nil
	if h.idle != nil {
		h.idle.Stop()
		h.idle = nil
	}
	if h.covered == nil {
		h.put(edge.CameraIdle, nil)
		if h.users > 0 {
			h.wake()
		}
	}
}

// session reads the source until ctx ends.
func (h *hub) session(ctx context.Context) {
	pause := firstPause
	for {
		if left := time.Until(h.barred); left > 0 { // whoever has come and gone meanwhile
			h.lost(h.refused)
			if !sleep(ctx, left) {
				return
			}
		}
		got, err := h.read(ctx)
		if ctx.Err() != nil {
			return
		}
		if got {
			pause = firstPause
		}
		h.lost(err)
		if edge.AsError(err).Args["why"] == string(source.Login) {
			h.barred, h.refused = time.Now().Add(loginPause), err
		}
		// Many cameras behind one switch do not come back all at once.
		if !sleep(ctx, pause-time.Duration(rand.Int64N(int64(pause)/5))) {
			return
		}
		pause = min(2*pause, longestPause)
	}
}

// sleep says whether ctx has not ended meanwhile.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// lost says why there is no picture.
func (h *hub) lost(err error) {
	e := edge.AsError(err)
	if e.Code != edge.CodeNoPicture {
		e = source.Lost(source.Gone, "%s", e.Message)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.covered != nil {
		return
	}
	h.put(edge.CameraLost, e)
	if now := time.Now(); !now.Before(h.quiet) {
		h.quiet, h.told = now.Add(sayAgain), true
		h.log.Warn("camera gives no picture", "source", h.src.String(), "why", e.Args["why"], "error", err)
	}
}

// read opens the source once and takes pictures until it fails. got says whether there
// was one.
func (h *hub) read(ctx context.Context) (got bool, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	period := time.Duration(float64(time.Second) / h.cfg.PictureRate())
	stall := max(leastStall, stallPeriods*period)
	errStalled := source.Lost(source.Stalled, "no picture for %v", stall)
	watch := time.AfterFunc(max(firstPicture, stall), func() { cancel(errStalled) })
	defer watch.Stop()
	h.mu.Lock()
	h.counts.Opened++
	h.mu.Unlock()
	stream, err := h.src.Open(ctx)
	if err != nil {
		return false, cause(ctx, err)
	}
	closed := make(chan struct{})
	stop := context.AfterFunc(ctx, func() { defer close(closed); _ = stream.Close() })
	defer func() {
		if stop() {
			_ = stream.Close()
		} else {
			<-closed
		}
	}()
	pace, storm := pacer{period: period, slack: slack}, counter{}
	var bad error
	for {
		jpeg, err := stream.Next()
		if err != nil {
			if err = cause(ctx, err); bad != nil && errors.Is(err, errStalled) {
				err = bad // it does say something
			}
			return got, err
		}
		now := h.set.cfg.Clock.Mono()
		if wait := storm.over(now, flood, floodSpan); wait > 0 {
			sleep(ctx, wait)
		}
		if !pace.take(now) {
			h.count(func(c *Counts) { c.Skipped++ })
			continue
		}
		p, err := h.admit(ctx, jpeg)
		if err != nil {
			if ctx.Err() == nil { // else it was cut short
				bad = err
			}
			h.count(func(c *Counts) { c.Bad++ })
			continue
		}
		p.At, p.WallMS = now, h.set.cfg.Clock.Wall().UnixMilli()
		if !h.show(ctx, p) {
			return got, context.Cause(ctx)
		}
		got, bad = true, nil
		watch.Reset(stall)
	}
}

// cause is why ctx ended, where it has: what a source says then is about that.
func cause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

func (h *hub) count(f func(*Counts)) {
	h.mu.Lock()
	f(&h.counts)
	h.mu.Unlock()
}

// show hands a picture to all who watch, unless the session is over.
func (h *hub) show(ctx context.Context, p edge.Picture) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if ctx.Err() != nil || h.covered != nil {
		return false
	}
	p.Seq = h.last.Seq + 1
	if h.state != edge.CameraLive {
		h.put(edge.CameraLive, nil)
		if h.told { // one that comes and goes fills no log
			h.told = false
			h.log.Info("camera gives pictures again")
		}
	}
	h.counts.Pictures++
	h.meter.add(p.At)
	h.latest.Put(p)
	h.last = p
	h.last.JPEG = nil
	return true
}
