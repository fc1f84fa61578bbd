package web

import (
	"net/http"
	"strconv"
	"time"

	"labbox/edge"
	"labbox/edge/picture"
)

// runRoutes are those of what runs keep.
func (o *ownerHandler) runRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET "+OwnerPath+"runs/{id}/frames", o.answer(o.frames))
	mux.HandleFunc("GET "+OwnerPath+"runs/{id}/detail", o.answer(o.detail))
	mux.HandleFunc("GET "+OwnerPath+"runs/{id}/picture", o.answer(o.picture))
}

func (o *ownerHandler) frames(w http.ResponseWriter, r *http.Request) error {
	runs, err := o.runs()
	if err != nil {
		return err
	}
	ask, err := framesAsk(r.URL.Query())
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	d := newDownload(w)
	defer d.end()
	return o.cut(d, runs.Frames(r.Context(), r.PathValue("id"), ask, func(f []byte) error {
		_, err := d.Write(f)
		return err
	}))
}

func (o *ownerHandler) detail(w http.ResponseWriter, r *http.Request) error {
	runs, err := o.runs()
	if err != nil {
		return err
	}
	d, err := runs.Detail(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, d)
	return nil
}

func (o *ownerHandler) picture(w http.ResponseWriter, r *http.Request) error {
	runs, err := o.runs()
	if err != nil {
		return err
	}
	query := r.URL.Query()
	t, err := msQuery(query, "t", -maxRunMS)
	if err != nil {
		return err
	}
	p, err := runs.Picture(r.Context(), r.PathValue("id"), query.Get("camera"), t)
	if err != nil {
		return err
	}
	return o.cut(&download{begun: true}, writePicture(w, r, &p))
}

// runPictureOf reads what writePicture has sent.
func runPictureOf(h http.Header, jpeg []byte) edge.RunPicture {
	number := func(name string) int64 {
		n, _ := strconv.ParseInt(h.Get(name), 10, 64) // an owner's own: 0 is as good as any
		return n
	}
	p := edge.RunPicture{Camera: h.Get(headerCamera), TimeMS: number(headerRunTime)}
	p.JPEG, p.WallMS, p.Seq = jpeg, number(picture.HeaderWall), uint64(number(picture.HeaderSeq))
	p.At = time.Duration(number(picture.HeaderTime)) * time.Microsecond
	return p
}
