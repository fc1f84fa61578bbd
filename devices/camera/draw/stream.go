package draw

import (
	"bytes"
	"context"
	"image/jpeg"
	"sync"
	"time"

	"labbox/devices/camera/source"
	"labbox/edge"
)

// Options of a picture that is made. Zero values take the defaults; Clock is required.
type Options struct {
	Title         string // above a drawing
	Width, Height int    // default 640x480
	RateHz        float64
	Quality       int // of the JPEG, default 80
	Clock         edge.Clock
}

const (
	defaultRate    = 15
	defaultQuality = 80
)

func (o *Options) defaults() {
	if o.Width <= 0 || o.Height <= 0 {
		o.Width, o.Height = sheetWidth, sheetHeight
	}
	if o.RateHz <= 0 {
		o.RateHz = defaultRate
	}
	if o.Quality <= 0 {
		o.Quality = defaultQuality
	}
}

// painter paints pictures one after another. It lives as long as a stream.
type painter interface {
	// still is what never changes; it is painted once.
	still(c *canvas)
	// moving paints what does; ctx bounds what it asks of others.
	moving(ctx context.Context, c *canvas, now time.Duration)
}

// made is a source of pictures that are made.
type made struct {
	name  string
	opt   Options
	begin func() painter
}

func (m *made) String() string { return m.name }

// Open implements source.Source.
func (m *made) Open(ctx context.Context) (source.Stream, error) {
	ctx, cancel := context.WithCancel(ctx)
	s := &stream{opt: m.opt, ctx: ctx, cancel: cancel, p: m.begin(), c: newCanvas(m.opt.Width, m.opt.Height),
		back: newCanvas(m.opt.Width, m.opt.Height), next: m.opt.Clock.Mono()}
	s.p.still(s.back)
	return s, nil
}

type stream struct {
	opt     Options
	ctx     context.Context
	cancel  context.CancelFunc
	p       painter
	c, back *canvas
	next    time.Duration
	out     bytes.Buffer
	busy    sync.Mutex
}

// Next implements source.Stream.
func (s *stream) Next() ([]byte, error) {
	period := time.Duration(float64(time.Second) / s.opt.RateHz)
	now := s.opt.Clock.Mono()
	if wait := s.next - now; wait > 0 {
		t := time.NewTimer(wait)
		defer t.Stop()
		select {
		case <-s.ctx.Done():
		case <-t.C:
		}
	} else if wait < -period {
		s.next = now
	}
	s.next += period
	if s.ctx.Err() != nil {
		return nil, source.Lost(source.Ended, "closed")
	}
	return s.picture()
}

// askWithin bounds what a picture asks of a device: better an old value than none.
const askWithin = 100 * time.Millisecond

func (s *stream) picture() ([]byte, error) {
	s.busy.Lock()
	defer s.busy.Unlock()
	ctx, cancel := context.WithTimeout(s.ctx, askWithin)
	defer cancel()
	s.c.paste(s.back)
	s.p.moving(ctx, s.c, s.opt.Clock.Mono())
	s.out.Reset()
	if err := jpeg.Encode(&s.out, s.c.YCbCr, &jpeg.Options{Quality: s.opt.Quality}); err != nil {
		return nil, source.Lost(source.Unsupported, "%v", err)
	}
	return bytes.Clone(s.out.Bytes()), nil
}

// Close implements source.Stream.
func (s *stream) Close() error {
	s.cancel()
	return nil
}
