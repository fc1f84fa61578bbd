package web

import (
	"context"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"strconv"
	"time"

	"labbox/edge"
	"labbox/edge/picture"
)

// peerSilent is how long a stream of pictures may say nothing before its connection
// counts as dead.
const peerSilent = 10 * time.Second

// maxPeerPicture is the largest picture that is taken from an owner.
const maxPeerPicture = 64 << 20

// Cameras are those of the owner, over its listener.
func (p *Peer) Cameras() Cameras { return &peerCameras{peer: p, silent: peerSilent} }

// peerCameras is apart from Peer, whose List is that of its runs.
type peerCameras struct {
	peer   *Peer
	silent time.Duration
}

// List implements Cameras.
func (c *peerCameras) List(ctx context.Context) ([]edge.Camera, error) {
	res, err := c.peer.call(ctx, http.MethodGet, nil, nil, "cameras")
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	var body struct {
		Cameras []edge.Camera `json:"cameras"`
	}
	err = decode(res.Body, &body)
	return body.Cameras, err
}

// Seen implements Cameras.
func (c *peerCameras) Seen(ctx context.Context, id, by string, seats []edge.SeatRef) error {
	res, err := c.peer.call(ctx, http.MethodPut, nil, seenWord{By: by, Seats: seats}, "cameras", id, "seen")
	if err != nil {
		return err
	}
	return res.Body.Close()
}

// Cover implements Cameras.
func (c *peerCameras) Cover(ctx context.Context, id string, by edge.Actor, covered bool) (edge.Camera, error) {
	res, err := c.peer.call(ctx, http.MethodPut, nil, coverAsk{Actor: by, Covered: &covered}, "cameras", id, "cover")
	if err != nil {
		return edge.Camera{}, err
	}
	defer res.Body.Close()
	var body struct {
		Camera edge.Camera `json:"camera"`
	}
	err = decode(res.Body, &body)
	return body.Camera, err
}

// Watch implements Cameras. It ends with CodeNoAnswer, too: when the connection does, or
// when nothing comes by it.
func (c *peerCameras) Watch(ctx context.Context, id string, fn func(edge.Picture) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	res, err := c.peer.call(ctx, http.MethodGet, nil, nil, "cameras", id, "stream") //nolint:bodyclose // below
	if err != nil {
		return err
	}
	defer res.Body.Close()
	_, params, err := mime.ParseMediaType(res.Header.Get("Content-Type"))
	if err != nil || params["boundary"] == "" {
		return edge.Errorf(edge.CodeNoAnswer, "the owner of the devices sends no stream of pictures")
	}
	var last picture.Latest
	read := make(chan struct{})
	go func() {
		defer close(read)
		cancel(c.read(res, params["boundary"], cancel, &last))
	}()
	defer func() { // before the body is closed
		cancel(nil)
		<-read
	}()
	for seen := uint64(0); ; {
		pic, err := last.Next(ctx, seen)
		if err != nil {
			return context.Cause(ctx)
		}
		seen = pic.Seq
		if err := fn(pic); err != nil {
			return err
		}
	}
}

// read takes pictures from the stream until it ends, and says why it did.
func (c *peerCameras) read(res *http.Response, boundary string, cancel context.CancelCauseFunc, last *picture.Latest) error {
	alive := &aliveReader{r: res.Body, within: c.silent, t: time.AfterFunc(c.silent, func() {
		cancel(edge.Errorf(edge.CodeNoAnswer, "the owner of the devices sends no pictures and does not say why"))
	})}
	defer alive.t.Stop()
	r := picture.NewParts(alive, boundary, maxPeerPicture)
	for {
		jpeg, h, err := r.Next()
		if err != nil {
			return ended(res, err)
		}
		p := edge.Picture{JPEG: jpeg, Seq: number(h.Get(picture.HeaderSeq)), WallMS: int64(number(h.Get(picture.HeaderWall))),
			At: time.Duration(number(h.Get(picture.HeaderTime))) * time.Microsecond}
		p.Width, p.Height, _ = picture.Dimensions(jpeg) // the owner has looked at it
		last.Put(p)
	}
}

// number is a header of the owner's; one that is none is 0.
func number(s string) uint64 {
	n, _ := strconv.ParseUint(s, 10, 63)
	return n
}

// ended is the owner's own reason, or that the stream broke off.
func ended(res *http.Response, err error) error {
	var why edge.Error
	if json.Unmarshal([]byte(res.Trailer.Get(streamEnd)), &why) == nil && why.Code != "" {
		return &why
	}
	return edge.Errorf(edge.CodeNoAnswer, "the owner's pictures ended: %w", err)
}

// aliveReader runs its timer while somebody waits for bytes.
type aliveReader struct {
	r      io.Reader
	within time.Duration
	t      *time.Timer
}

func (a *aliveReader) Read(b []byte) (int, error) {
	a.t.Reset(a.within)
	n, err := a.r.Read(b)
	a.t.Stop()
	return n, err
}
