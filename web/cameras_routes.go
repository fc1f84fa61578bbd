package web

import (
	"context"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"labbox/edge"
	"labbox/edge/picture"
)

// listCameras is GET cameras: what is known of each, to who may see their pictures;
// others are told why they may not, where there are any.
func (s *Server) listCameras(q *call) error {
	list, err := s.feeds.cameras()
	if err != nil {
		return err
	}
	body := struct {
		Cameras []edge.Camera `json:"cameras"`
		Why     *edge.Error   `json:"why,omitempty"`
	}{Cameras: []edge.Camera{}}
	if len(list) == 0 {
		return q.json(http.StatusOK, body)
	}
	if q.actor, err = s.actorOf(q.r, s.tokenOf(q.r)); err != nil {
		if edge.CodeOf(err) != edge.CodeNoSeat {
			return err
		}
		body.Why = edge.AsError(err)
		return q.json(http.StatusOK, body)
	}
	_, members := s.room.now()
	if !q.actor.Role.AtLeast(edge.RoleTeacher) && !isMember(members, q.actor.Seat) {
		if _, err := s.sightOf(q.r.Context(), s.tokenOf(q.r)); err != nil {
			if edge.CodeOf(err) != edge.CodeForbidden {
				return err
			}
			body.Why = edge.AsError(err)
			return q.json(http.StatusOK, body)
		}
	}
	for i := range list {
		body.Cameras = append(body.Cameras, s.shown(q.actor.Role, list[i]))
	}
	return q.json(http.StatusOK, body)
}

// shown is a camera as a role may know it: the details of a fault, in which addresses
// stand, are the teacher's, and names are under the veil.
func (s *Server) shown(role edge.Role, c edge.Camera) edge.Camera {
	c.Reason = toldTo(role, c.Reason)
	if veil := s.veilNow(); veil != nil {
		seats := make([]edge.SeatRef, len(c.Viewers))
		for i, r := range c.Viewers {
			seats[i] = veil.ref(r)
		}
		c.Viewers = seats
	}
	return c
}

// toldTo is why a camera gives no picture, as a role may know it.
func toldTo(role edge.Role, e *edge.Error) *edge.Error {
	if e == nil || role.AtLeast(edge.RoleTeacher) {
		return e
	}
	short := edge.Errorf(e.Code, "the camera gives no picture")
	if why, ok := e.Args["why"]; ok {
		short = short.With("why", why)
	}
	return short
}

// coverCamera is PUT cameras/{id}/cover.
func (s *Server) coverCamera(q *call) error {
	var body struct {
		Covered *bool `json:"covered"`
	}
	if err := q.body(&body); err != nil {
		return err
	}
	if body.Covered == nil {
		return edge.Errorf(edge.CodeMissingValue, "covered is missing").With("field", "covered")
	}
	id := q.params["id"]
	if _, err := s.feeds.camera(id); err != nil {
		return err
	}
	c, err := s.cfg.Cameras.Cover(q.r.Context(), id, q.actor, *body.Covered)
	s.feeds.stale()
	if err != nil {
		return err
	}
	if *body.Covered {
		s.feeds.covered(id, errCovered(&c))
	}
	return q.json(http.StatusOK, map[string]any{"camera": s.shown(q.actor.Role, c)})
}

func errCovered(c *edge.Camera) error {
	e := edge.Errorf(edge.CodeCovered, "the teacher has covered the camera").With("camera", c.ID)
	if c.Covered != nil {
		e = e.With("by", c.Covered.By.Name)
	}
	return e
}

// viewerOf is who asks for a camera's pictures, if the seat may see them and there is
// something to see. stop frees what it has.
func (s *Server) viewerOf(q *call) (v *viewer, stop func(), err error) {
	if err := s.checkPicture(q.r); err != nil {
		return nil, nil, err
	}
	token := s.tokenOf(q.r)
	now, err := s.sightOf(q.r.Context(), token)
	if err != nil {
		return nil, nil, err
	}
	c, err := s.feeds.camera(q.params["id"])
	if err != nil {
		return nil, nil, err
	}
	if c.State == edge.CameraCovered {
		return nil, nil, errCovered(&c)
	}
	ctx, cancel := context.WithCancelCause(q.r.Context())
	closing := context.AfterFunc(s.ctx, func() { cancel(errClosing()) })
	v = &viewer{seat: now.actor.Seat, token: token, ctx: ctx, cancel: cancel, ctl: http.NewResponseController(q.w),
		wake: make(chan struct{}, 1), sight: now, known: s.mono()}
	stop = func() {
		closing()
		cancel(nil)
	}
	if err := s.sees(v); err != nil { // the class ended a moment ago
		stop()
		return nil, nil, err
	}
	return v, stop, nil
}

// checkPicture refuses pictures to other sites' pages. The cookie is not sent for those;
// what is looked at here holds for browsers and hosts where it would be.
func (s *Server) checkPicture(r *http.Request) error {
	if err := s.checkOrigin(r); err != nil {
		return err
	}
	if r.Header.Get("Origin") != "" || r.Header.Get("Sec-Fetch-Site") != "" || r.Header.Get("Authorization") != "" {
		return nil
	}
	from := r.Header.Get("Referer")
	if u, err := url.Parse(from); from != "" && (err != nil || !strings.EqualFold(u.Host, r.Host)) {
		return edge.Errorf(edge.CodeBadOrigin, "a picture for another site: %s", clip(from)).
			With("origin", clip(from)).WithHint("open the panel from the box itself")
	}
	return nil
}

// cameraStream is GET cameras/{id}/stream?hz=: pictures without end.
func (s *Server) cameraStream(q *call) error {
	every, err := hzQuery(q)
	if err != nil {
		return err
	}
	return s.asViewer(q, picture.ContentType, func(v *viewer) (given bool, err error) {
		narrow(q.r)
		d := newDownload(q.w)
		defer d.end()
		defer s.guard(v)()
		return s.pump(v, q.w, every), nil // how it ended the panel sees in the list
	})
}

// asViewer lets show give pictures to who asks, as long as that is a viewer. given: there
// was one.
func (s *Server) asViewer(q *call, kind string, show func(*viewer) (given bool, err error)) error {
	v, stop, err := s.viewerOf(q)
	if err != nil {
		return err
	}
	defer stop()
	h := q.w.Header()
	h.Set("Content-Type", kind)
	h.Set("Cache-Control", "no-store")
	if q.r.Method == http.MethodHead {
		return nil
	}
	if !s.begin() {
		return errClosing()
	}
	defer s.wg.Done()
	if err := s.feeds.join(v, q.params["id"]); err != nil {
		return err
	}
	given := false
	defer func() { s.feeds.leave(v, given) }()
	given, err = show(v)
	return err
}

// hzQuery is the shortest time between two pictures; 0: there is none.
func hzQuery(q *call) (time.Duration, error) {
	text := q.r.URL.Query().Get("hz")
	if text == "" {
		return 0, nil
	}
	hz, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(hz) || hz < 0.01 || math.IsInf(hz, 0) {
		return 0, edge.Errorf(edge.CodeBadRequest, "hz is not a rate of at least 0.01").With("field", "hz")
	}
	return time.Duration(float64(time.Second) / hz), nil
}

// pump sends the newest picture again and again until the viewer is gone or may not see
// it any more. given: there was one.
func (s *Server) pump(v *viewer, w http.ResponseWriter, every time.Duration) (given bool) {
	within := s.feeds.times.write
	if !v.arm(within) || v.ctl.Flush() != nil { // the answer begins before there is a picture
		return false
	}
	n, due := v.feed.skip(), time.Duration(0)
	for {
		if wait := due - s.mono(); every > 0 && wait > 0 {
			select {
			case <-v.ctx.Done():
				return given
			case <-time.After(wait):
			}
		}
		sh, err := v.feed.next(v.ctx, n)
		if err != nil || s.sees(v) != nil || !v.arm(within) {
			return given
		}
		given = true
		if _, err := w.Write(sh.part); err != nil || v.ctl.Flush() != nil {
			return given
		}
		n = sh.n
		// What comes a little late does not put off those after it.
		due = max(due, s.mono()-every) + every
	}
}

// cameraSnapshot is GET cameras/{id}/snapshot: the newest picture, or the next one.
func (s *Server) cameraSnapshot(q *call) error {
	return s.asViewer(q, "image/jpeg", func(v *viewer) (given bool, err error) {
		sh, err := s.shotFor(v)
		if err != nil {
			return false, err
		}
		narrow(q.r)
		defer s.guard(v)()
		h := q.w.Header()
		h.Set("Content-Length", strconv.Itoa(len(sh.JPEG)))
		h.Set(picture.HeaderTime, strconv.FormatInt(sh.At.Microseconds(), 10))
		h.Set(picture.HeaderWall, strconv.FormatInt(sh.WallMS, 10))
		h.Set(picture.HeaderSeq, strconv.FormatUint(sh.Seq, 10))
		d := newDownload(q.w)
		defer d.end()
		if v.arm(s.feeds.times.write) {
			_, _ = q.w.Write(sh.JPEG) // the browser is gone: nobody to tell
		}
		return true, nil
	})
}

// shotFor waits for a picture that v may still see when it has come.
func (s *Server) shotFor(v *viewer) (shot, error) {
	begun := s.mono()
	ctx, cancel := context.WithTimeout(v.ctx, s.feeds.times.snapshot)
	defer cancel()
	sh, err := v.feed.next(ctx, v.feed.skip())
	switch {
	case err != nil && v.ctx.Err() != nil:
		return sh, context.Cause(v.ctx)
	case err != nil && ctx.Err() != nil:
		return sh, s.noPicture(v)
	case err != nil:
		return sh, err
	}
	if s.mono()-begun > s.feeds.times.again {
		err = s.look(v)
	}
	if err == nil {
		err = s.sees(v)
	}
	return sh, err
}

// noPicture says why there is none.
func (s *Server) noPicture(v *viewer) error {
	s.feeds.stale()
	c, err := s.feeds.camera(v.feed.id)
	switch {
	case err != nil:
		return err
	case c.State == edge.CameraCovered:
		return errCovered(&c)
	case c.Reason != nil:
		return toldTo(v.actor().Role, c.Reason)
	}
	return edge.Errorf(edge.CodeNoPicture, "the camera has given no picture yet").With("why", "starting")
}
