package httpcam

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"labbox/devices/camera/source"
	"labbox/edge"
)

const maxEnd = 50 * time.Millisecond

// snapshots asks for a picture whenever one is due.
type snapshots struct {
	client *client
	ctx    context.Context //nolint:containedctx // that of Open bounds the stream's life
	cancel context.CancelFunc
	due    time.Time
	once   sync.Once
}

func (s *snapshots) Next() ([]byte, error) {
	if wait := time.Until(s.due); wait > 0 {
		t := time.NewTimer(wait)
		defer t.Stop()
		select {
		case <-s.ctx.Done():
			return nil, source.Lost(source.Ended, "closed")
		case <-t.C:
		}
	}
	s.due = time.Now().Add(time.Duration(float64(time.Second) / s.client.o.RateHz))
	resp, err := s.client.get(s.ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.ContentLength > int64(s.client.o.Max) {
		return nil, source.Lost(source.TooLarge, "a picture of %d bytes; the limit is %d", resp.ContentLength, s.client.o.Max).
			WithHint("a smaller picture in the camera's settings, or a larger `max_picture:` in the box file")
	}
	body, ok := resp.Body.(*held)
	if !ok {
		return nil, source.Lost(source.Unsupported, "no body")
	}
	in, err := s.client.intake(resp, func() { body.cancel(nil) })
	if err != nil {
		return nil, err
	}
	jpeg, err := in.Next()
	if err != nil {
		return nil, err
	}
	// the end of the body, so that the connection can be kept; the picture waits no longer
	late := time.AfterFunc(maxEnd, func() { body.cancel(nil) })
	defer late.Stop()
	_, _ = io.CopyN(io.Discard, in, maxRefusal)
	return jpeg, nil
}

func (s *snapshots) Close() error {
	s.once.Do(func() {
		s.cancel()
		s.client.pool.close()
	})
	return nil
}

func isLost(err error) bool {
	var e *edge.Error
	return errors.As(err, &e) && e.Code == edge.CodeNoPicture
}
