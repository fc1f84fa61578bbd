package web

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"labbox/edge"
	"labbox/edge/picture"
)

// Headers of a picture of a run, besides those of a part of a stream.
const (
	headerRunTime = "Lab-Time-Ms" // since the run's start
	headerCamera  = "Lab-Camera"
)

// runGoesOn is edge.Run.State of a run that has not ended.
const runGoesOn = "recording"

// Bounds of max_hz of a run's min/max view.
const (
	minRunHz = 0.001
	maxRunHz = 1000
)

// runFrames is GET runs/{id}/frames?t=&len=&zero=&max_hz=: the sample frames of a part
// of the run, as they were recorded or as min/max buckets; with camera=, or where an
// image is asked for, the picture at or before t.
func (s *Server) runFrames(q *call) error {
	q.w.Header().Add("Vary", "Accept")
	query := q.r.URL.Query()
	if query.Has("camera") || wantsImage(q.r.Header.Values("Accept")) {
		return s.runPicture(q, query)
	}
	ask, err := framesAsk(query)
	if err != nil {
		return err
	}
	runs, run, err := s.runOf(q, edge.VerbExport)
	if err != nil {
		return err
	}
	q.w.Header().Set("Content-Type", "application/octet-stream")
	q.w.Header().Set("Cache-Control", "no-store")
	if q.r.Method == http.MethodHead {
		return nil
	}
	w := newDownload(q.w)
	defer w.end()
	return s.cut(q, w, runs.Frames(q.r.Context(), run.ID, ask, func(b []byte) error {
		_, err := w.Write(b)
		return err
	}))
}

// runPicture is GET runs/{id}/frames?camera=&t=.
func (s *Server) runPicture(q *call, query url.Values) error {
	if err := s.checkPicture(q.r); err != nil {
		return err
	}
	for _, name := range []string{"len", "zero", "max_hz"} {
		if query.Has(name) {
			return edge.Errorf(edge.CodeBadRequest, "%s does not go with a picture", name).With("field", name)
		}
	}
	t, err := msQuery(query, "t", -maxRunMS)
	if err != nil {
		return err
	}
	runs, run, err := s.runOf(q, edge.VerbExport)
	if err != nil {
		return err
	}
	p, err := runs.Picture(q.r.Context(), run.ID, query.Get("camera"), t)
	if err != nil {
		return err
	}
	// Of a run that goes on this is as good as looking at the camera.
	if run.State == runGoesOn && s.cfg.Cameras != nil && q.r.Method != http.MethodHead {
		if err := s.feeds.glance(q.actor, p.Camera); err != nil && edge.CodeOf(err) != edge.CodeUnknownCamera {
			return err
		}
	}
	return s.cut(q, &download{begun: true}, writePicture(q.w, q.r, &p))
}

// runDetail is GET runs/{id}/detail.
func (s *Server) runDetail(q *call) error {
	runs, run, err := s.runOf(q, edge.VerbExport)
	if err != nil {
		return err
	}
	d, err := runs.Detail(q.r.Context(), run.ID)
	if err != nil {
		return err
	}
	b, err := json.Marshal(d)
	if err != nil {
		return err
	}
	return q.json(http.StatusOK, json.RawMessage(s.veilNow().hide(b)))
}

// maxRunMS bounds the moments of a run: 34 years.
const maxRunMS = 1 << 40

// msQuery reads a number of ms, 0 where it is missing.
func msQuery(query url.Values, name string, least int64) (time.Duration, error) {
	v := query.Get(name)
	if v == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil || n < least || n > maxRunMS {
		return 0, badQuery(name)
	}
	return time.Duration(n) * time.Millisecond, nil
}

// framesAsk reads the part of a run that a query asks for; framesQuery writes it.
func framesAsk(query url.Values) (ask edge.FramesAsk, err error) {
	least := int64(0)
	switch zero := query.Get("zero"); zero {
	case "", "first":
	case "start":
		ask.FromStart, least = true, -maxRunMS
	default:
		return ask, edge.Errorf(edge.CodeBadRequest, "zero is first or start").With("field", "zero")
	}
	if ask.From, err = msQuery(query, "t", least); err != nil {
		return ask, err
	}
	if ask.Length, err = msQuery(query, "len", 0); err != nil {
		return ask, err
	}
	if query.Get("len") != "" {
		ask.Length = max(ask.Length, 1) // 0 ms: what is at this moment
	}
	if v := query.Get("max_hz"); v != "" {
		hz, err := strconv.ParseFloat(v, 64)
		if err != nil || !(hz >= minRunHz && hz <= maxRunHz) {
			return ask, edge.Errorf(edge.CodeBadRequest, "max_hz is %g to %d", minRunHz, maxRunHz).With("field", "max_hz")
		}
		ask.MaxHz = hz
	}
	return ask, nil
}

func framesQuery(ask edge.FramesAsk) url.Values {
	query := url.Values{"t": {strconv.FormatInt(ask.From.Milliseconds(), 10)}}
	if ask.FromStart {
		query.Set("zero", "start")
	}
	if ask.Length > 0 {
		query.Set("len", strconv.FormatInt(ask.Length.Milliseconds(), 10))
	}
	if ask.MaxHz > 0 {
		query.Set("max_hz", strconv.FormatFloat(ask.MaxHz, 'g', -1, 64))
	}
	return query
}

// wantsImage says whether a client would rather have an image than frames (RFC 9110,
// 12.5.1). The order of the list does not count; a tie is no image.
func wantsImage(accept []string) bool {
	var image, other float64
	for part := range splitList(strings.Join(accept, ",")) {
		kind, params, _ := strings.Cut(part, ";")
		q := 1.0
		for p := range strings.SplitSeq(params, ";") {
			if v, ok := strings.CutPrefix(strings.ToLower(strings.TrimSpace(p)), "q="); ok {
				q, _ = strconv.ParseFloat(v, 64) // nonsense: 0
			}
		}
		switch kind = strings.ToLower(strings.TrimSpace(kind)); {
		case strings.HasPrefix(kind, "image/"):
			image = max(image, q)
		case kind == "*/*" || kind == "application/*" || kind == "application/octet-stream":
			other = max(other, q)
		}
	}
	return image > other
}

// writePicture answers with one picture of a run.
func writePicture(w http.ResponseWriter, r *http.Request, p *edge.RunPicture) error {
	h := w.Header()
	h.Set("Content-Type", "image/jpeg")
	h.Set("Content-Length", strconv.Itoa(len(p.JPEG)))
	h.Set("Cache-Control", "no-store")
	h.Set(headerCamera, p.Camera)
	h.Set(headerRunTime, strconv.FormatInt(p.TimeMS, 10))
	h.Set(picture.HeaderTime, strconv.FormatInt(p.At.Microseconds(), 10))
	h.Set(picture.HeaderWall, strconv.FormatInt(p.WallMS, 10))
	h.Set(picture.HeaderSeq, strconv.FormatUint(p.Seq, 10))
	if r.Method == http.MethodHead {
		return nil
	}
	d := newDownload(w)
	defer d.end()
	for b := p.JPEG; len(b) > 0; { // each piece has its own time
		n := min(len(b), 256<<10)
		if _, err := d.Write(b[:n]); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}
