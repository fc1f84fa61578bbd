package web

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"labbox/edge"
	"labbox/edge/picture"
)

// streamEnd is the trailer of a stream of pictures that says why it ended, an edge.Error.
const streamEnd = "Lab-Error"

// ownerQuiet is how long the owner sends nothing at most: while a camera is lost there
// is a line end between two parts, so that silence means a dead connection.
const ownerQuiet = 3 * time.Second

// cameraRoutes serves the box's cameras to web processes.
func (o *ownerHandler) cameraRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET "+OwnerPath+"cameras", o.answer(o.listCameras))
	mux.HandleFunc("GET "+OwnerPath+"cameras/{id}/stream", o.answer(o.cameraStream))
	mux.HandleFunc("PUT "+OwnerPath+"cameras/{id}/cover", o.answer(o.coverCamera))
	mux.HandleFunc("PUT "+OwnerPath+"cameras/{id}/seen", o.answer(o.cameraSeen))
}

// coverAsk is what a web process sends for a teacher.
type coverAsk struct {
	Actor   edge.Actor `json:"actor"`
	Covered *bool      `json:"covered"`
}

// seenWord is what a web process says of its viewers.
type seenWord struct {
	By    string         `json:"by"`
	Seats []edge.SeatRef `json:"seats"`
}

func (o *ownerHandler) listCameras(w http.ResponseWriter, r *http.Request) error {
	list := []edge.Camera{}
	if o.cfg.Cameras != nil {
		var err error
		if list, err = o.cfg.Cameras.List(r.Context()); err != nil {
			return err
		}
	}
	writeJSON(w, http.StatusOK, map[string][]edge.Camera{"cameras": list})
	return nil
}

// camera is the one that the path names.
func (o *ownerHandler) camera(r *http.Request) (edge.Camera, error) {
	id := r.PathValue("id")
	if o.cfg.Cameras != nil {
		list, err := o.cfg.Cameras.List(r.Context())
		if err != nil {
			return edge.Camera{}, err
		}
		for i := range list {
			if list[i].ID == id {
				return list[i], nil
			}
		}
	}
	return edge.Camera{}, edge.Errorf(edge.CodeUnknownCamera, "no camera %q on this box", clip(id)).With("camera", clip(id))
}

// cameraStream sends the pictures of a camera for all who look through one process.
func (o *ownerHandler) cameraStream(w http.ResponseWriter, r *http.Request) error {
	c, err := o.camera(r)
	if err != nil {
		return err
	}
	if c.State == edge.CameraCovered {
		return errCovered(&c)
	}
	h := w.Header()
	h.Set("Content-Type", picture.ContentType)
	h.Set("Cache-Control", "no-store")
	if r.Method == http.MethodHead {
		return nil
	}
	h.Set("Trailer", streamEnd)
	narrow(r)
	d := newDownload(w)
	defer d.end()
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	out := &ownerStream{d: d, last: time.Now()}
	if err := out.send(nil); err != nil {
		return nil //nolint:nilerr // who asked is gone: nobody to tell
	}
	var fill sync.WaitGroup
	defer fill.Wait()
	defer cancel()
	fill.Go(func() { out.fill(ctx, cancel, orElse(o.cfg.quiet, ownerQuiet)) })
	var part []byte
	err = o.cfg.Cameras.Watch(ctx, c.ID, func(p edge.Picture) error {
		part = picture.AppendPart(part[:0], &p)
		return out.send(part)
	})
	if code := edge.CodeOf(err); code == edge.CodeCovered || code == edge.CodeUnknownCamera {
		if b, jerr := json.Marshal(edge.AsError(err)); jerr == nil {
			h.Set(streamEnd, string(b))
		}
	}
	return nil
}

// ownerStream writes pictures, and line ends where there are none.
type ownerStream struct {
	mu   sync.Mutex
	d    *download
	last time.Time
}

func (s *ownerStream) send(b []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = time.Now()
	_ = s.d.ctl.SetWriteDeadline(s.last.Add(peerSilent)) // a test's recorder has none
	s.d.begun = true
	if _, err := s.d.w.Write(b); err != nil {
		return err
	}
	return s.d.ctl.Flush()
}

func (s *ownerStream) quiet() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Since(s.last)
}

func (s *ownerStream) fill(ctx context.Context, gone func(), every time.Duration) {
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		if s.quiet() >= every/2 && s.send([]byte("\r\n")) != nil {
			gone()
			return
		}
	}
}

func (o *ownerHandler) coverCamera(w http.ResponseWriter, r *http.Request) error {
	var a coverAsk
	if json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(&a) != nil || a.Covered == nil {
		return edge.Errorf(edge.CodeBadRequest, "the body has no actor or no covered")
	}
	c, err := o.camera(r)
	if err != nil {
		return err
	}
	if err := edge.Authorize(a.Actor, edge.VerbCover, c.ID); err != nil {
		return err
	}
	if c, err = o.cfg.Cameras.Cover(r.Context(), c.ID, a.Actor, *a.Covered); err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, map[string]edge.Camera{"camera": c})
	return nil
}

func (o *ownerHandler) cameraSeen(w http.ResponseWriter, r *http.Request) error {
	var s seenWord
	if json.NewDecoder(http.MaxBytesReader(w, r.Body, 4*maxBody)).Decode(&s) != nil || s.By == "" || len(s.By) > 64 || len(s.Seats) > maxStreams {
		return edge.Errorf(edge.CodeBadRequest, "the body does not say who sees")
	}
	if o.cfg.Cameras == nil {
		_, err := o.camera(r)
		return err
	}
	if err := o.cfg.Cameras.Seen(r.Context(), r.PathValue("id"), s.By, s.Seats); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
