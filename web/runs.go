package web

import (
	"context"
	"net/http"
	"time"

	"labbox/edge"
)

// writeRun is how long a client may take for the next piece of a download.
const writeRun = 30 * time.Second

func (s *Server) recorder() (Runs, error) {
	if s.cfg.Runs == nil {
		return nil, errNoRecorder()
	}
	return s.cfg.Runs, nil
}

func errNoRecorder() error {
	return edge.Errorf(edge.CodeNotReady, "this process has no recorder")
}

// startRun is POST runs.
func (s *Server) startRun(q *call) error {
	var body struct {
		Device       string           `json:"device"`
		Name         string           `json:"name"`
		Notes        string           `json:"notes"`
		PreTriggerMS int64            `json:"pre_trigger_ms"`
		Pictures     *edge.PictureAsk `json:"pictures"`
	}
	if err := q.body(&body); err != nil {
		return err
	}
	if body.Device == "" {
		return edge.Errorf(edge.CodeMissingValue, "device is missing").With("field", "device")
	}
	a := edge.Ask{Verb: edge.VerbRunStart, Device: body.Device,
		Run: &edge.RunAsk{Name: body.Name, Notes: body.Notes, PreTriggerMS: body.PreTriggerMS, Pictures: body.Pictures}}
	if err := s.mayKeep(q.r.Context(), &a, s.tokenOf(q.r)); err != nil {
		return err
	}
	return s.forward(q, a, http.StatusCreated, ofRun)
}

// mayKeep refuses runs with pictures to who may not see them.
func (s *Server) mayKeep(ctx context.Context, a *edge.Ask, token string) error {
	if a.Run == nil || a.Run.Pictures == nil {
		return nil
	}
	_, err := s.sightOf(ctx, token)
	return err
}

func ofRun(a *edge.Answer) any { return map[string]any{"run": a.Run} }

// listRuns is GET runs?device=.
func (s *Server) listRuns(q *call) error {
	runs, err := s.recorder()
	if err != nil {
		return err
	}
	list, err := runs.List(q.r.Context(), q.r.URL.Query().Get("device"))
	if err != nil {
		return err
	}
	if list, err = s.seen(q, list); err != nil {
		return err
	}
	return q.json(http.StatusOK, map[string]any{"runs": list})
}

// runOf returns the run that the path names, if the actor may use verb on it.
func (s *Server) runOf(q *call, v edge.Verb) (Runs, edge.Run, error) {
	runs, err := s.recorder()
	if err != nil {
		return nil, edge.Run{}, err
	}
	run, err := runs.Get(q.r.Context(), q.params["id"])
	if err != nil {
		return nil, edge.Run{}, err
	}
	if err := edge.Authorize(s.masked(q.actor, v, run.Device), v, run.Device); err != nil {
		return nil, edge.Run{}, err
	}
	if v == edge.VerbExport || v == edge.VerbDelete {
		err = s.checkOwn(q, v, run)
	}
	return runs, run, err
}

// getRun is GET runs/{id}.
func (s *Server) getRun(q *call) error {
	_, run, err := s.runOf(q, edge.VerbExport)
	if err != nil {
		return err
	}
	return q.json(http.StatusOK, map[string]any{"run": run})
}

// changeRun is PATCH runs/{id}: {"stop":true} or {"annotate":"text"}.
func (s *Server) changeRun(q *call) error {
	var body struct {
		Stop     bool   `json:"stop"`
		Annotate string `json:"annotate"`
	}
	if err := q.body(&body); err != nil {
		return err
	}
	a := edge.Ask{Verb: edge.VerbRunStop, Run: &edge.RunAsk{ID: q.params["id"]}}
	if body.Annotate != "" {
		a.Verb, a.Run.Text = edge.VerbAnnotate, body.Annotate
	}
	if body.Stop == (body.Annotate != "") {
		return edge.Errorf(edge.CodeBadRequest, `the body is {"stop":true} or {"annotate":"text"}`)
	}
	_, run, err := s.runOf(q, a.Verb)
	if err != nil {
		return err
	}
	a.Device = run.Device
	return s.forward(q, a, http.StatusOK, func(ans *edge.Answer) any {
		if ans.Run == nil { // a note changes nothing else
			return map[string]any{"run": run}
		}
		return ofRun(ans)
	})
}

// deleteRun is DELETE runs/{id}.
func (s *Server) deleteRun(q *call) error {
	runs, run, err := s.runOf(q, edge.VerbDelete)
	if err != nil {
		return err
	}
	if err := runs.Delete(q.r.Context(), run.ID); err != nil {
		return err
	}
	q.w.WriteHeader(http.StatusNoContent)
	return nil
}

// runCSV is GET runs/{id}.csv?lang=.
func (s *Server) runCSV(q *call) error {
	runs, run, err := s.runOf(q, edge.VerbExport)
	if err != nil {
		return err
	}
	h := q.w.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="`+fileName(run)+`.csv"`)
	h.Set("Cache-Control", "no-store")
	if q.r.Method == http.MethodHead {
		return nil
	}
	w := newDownload(q.w)
	defer w.end()
	return s.cut(q, w, runs.CSV(q.r.Context(), run.ID, q.r.URL.Query().Get("lang"), w))
}

// fileName is a name that every system can store.
func fileName(run edge.Run) string {
	b := []byte(run.Device + "-" + run.ID)
	for i, c := range b {
		if c != '-' && c != '_' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			b[i] = '_'
		}
	}
	return string(b)
}

// download writes to a client as long as it keeps taking.
type download struct {
	w     http.ResponseWriter
	ctl   *http.ResponseController
	begun bool
}

// newDownload also lifts the server's read timeout, which would end the request's
// context in the middle of a long file.
func newDownload(w http.ResponseWriter) *download {
	d := &download{w: w, ctl: http.NewResponseController(w)}
	_ = d.ctl.SetReadDeadline(time.Time{}) // a test's recorder has none
	return d
}

// end leaves the connection to the next request.
func (d *download) end() { _ = d.ctl.SetWriteDeadline(time.Time{}) }

func (d *download) Write(b []byte) (int, error) {
	d.begun = true
	_ = d.ctl.SetWriteDeadline(time.Now().Add(writeRun))
	return d.w.Write(b)
}

// cut ends a download that failed: as an error while nothing is out, by cutting
// the connection later, so that half a file is not taken for the whole.
func (s *Server) cut(q *call, d *download, err error) error {
	if err == nil {
		return nil
	}
	if !d.begun {
		q.w.Header().Del("Content-Disposition")
		return err
	}
	if q.r.Context().Err() == nil {
		s.log.Warn("download failed", "request", idOf(q.w), "path", q.r.URL.Path, "err", err)
	}
	panic(http.ErrAbortHandler)
}
