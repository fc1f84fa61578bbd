package web

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"labbox/edge"
	"labbox/edge/frame"
)

// maxRunPicture is the largest picture that a recorder keeps.
const maxRunPicture = 64 << 20

// Frames implements Runs.
func (p *Peer) Frames(ctx context.Context, id string, ask edge.FramesAsk, fn func([]byte) error) error {
	res, err := p.call(ctx, http.MethodGet, framesQuery(ask), nil, "runs", id, "frames")
	if err != nil {
		return err
	}
	defer res.Body.Close()
	rd := bufio.NewReaderSize(res.Body, 64<<10)
	for {
		b, err := frame.Read(rd)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := fn(b); err != nil {
			return err
		}
	}
}

// Detail implements Runs.
func (p *Peer) Detail(ctx context.Context, id string) (edge.RunDetail, error) {
	res, err := p.call(ctx, http.MethodGet, nil, nil, "runs", id, "detail")
	if err != nil {
		return edge.RunDetail{}, err
	}
	defer res.Body.Close()
	var d edge.RunDetail
	err = decode(res.Body, &d)
	return d, err
}

// Picture implements Runs.
func (p *Peer) Picture(ctx context.Context, id, camera string, t time.Duration) (edge.RunPicture, error) {
	query := url.Values{"camera": {camera}, "t": {strconv.FormatInt(t.Milliseconds(), 10)}}
	res, err := p.call(ctx, http.MethodGet, query, nil, "runs", id, "picture")
	if err != nil {
		return edge.RunPicture{}, err
	}
	defer res.Body.Close()
	jpeg, err := io.ReadAll(io.LimitReader(res.Body, maxRunPicture+1))
	switch {
	case err != nil:
		return edge.RunPicture{}, edge.Errorf(edge.CodeNoAnswer, "the owner's answer ended early: %w", err)
	case len(jpeg) > maxRunPicture:
		return edge.RunPicture{}, edge.Errorf(edge.CodeNoAnswer, "the owner's picture is over %d bytes", maxRunPicture)
	}
	return runPictureOf(res.Header, jpeg), nil
}
