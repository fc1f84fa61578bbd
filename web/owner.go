package web

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"labbox/edge"
)

// OwnerPath is where the owner of the devices serves the lab's other processes.
const OwnerPath = "/owner/v1/"

// OwnerConfig is what an owner's listener serves.
type OwnerConfig struct {
	// Token is the secret that edge.Presence tells the lab's other processes.
	Token string
	// Stop carries out an emergency stop without broker and store.
	Stop func(context.Context, *edge.Ask) (*edge.Answer, error)
	Runs Runs
	// Cameras are the box's; nil: there are none.
	Cameras Cameras

	quiet time.Duration // of a stream of pictures, for tests; 0: ownerQuiet
}

// NewOwnerHandler serves what web processes ask of the owner directly, below
// OwnerPath: emergency stops, so that they need no broker, and recordings, which
// lie where the device is. Only for those who have the token; never for pages.
//
//	POST   ask                     an edge.Ask whose verb is estop; answers an edge.Answer
//	GET    runs?device=            {"runs":[...]}
//	GET    runs/{id}               {"run":{...}}
//	GET    runs/{id}/csv?lang=     the CSV
//	GET    runs/{id}/frames        the frames, one after another; t, len, zero, max_hz as in runs/{id}/frames of the API
//	GET    runs/{id}/detail        an edge.RunDetail
//	GET    runs/{id}/picture?camera=&t=
//	DELETE runs/{id}
//	GET    cameras                 {"cameras":[...]}
//	GET    cameras/{id}/stream     multipart; the trailer Lab-Error says why it ended
//	PUT    cameras/{id}/cover      {"actor":{...},"covered":true}; {"camera":{...}}
//	PUT    cameras/{id}/seen       {"by":"...","seats":[...]}
//
// A download that fails half-way is cut. Safe for concurrent use.
func NewOwnerHandler(cfg OwnerConfig) http.Handler {
	o := &ownerHandler{cfg: cfg, statuses: statuses()}
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+OwnerPath+"ask", o.answer(o.ask))
	mux.HandleFunc("GET "+OwnerPath+"runs", o.answer(o.list))
	mux.HandleFunc("GET "+OwnerPath+"runs/{id}", o.answer(o.get))
	mux.HandleFunc("GET "+OwnerPath+"runs/{id}/csv", o.answer(o.csv))
	o.runRoutes(mux)
	mux.HandleFunc("DELETE "+OwnerPath+"runs/{id}", o.answer(o.remove))
	o.cameraRoutes(mux)
	return mux
}

type ownerHandler struct {
	cfg      OwnerConfig
	statuses map[edge.Code]int
}

func (o *ownerHandler) answer(fn func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		err := o.allowed(r)
		if err == nil {
			err = fn(w, r)
		}
		if err != nil {
			e := edge.AsError(err)
			writeJSON(w, orElse(o.statuses[e.Code], http.StatusInternalServerError), map[string]*edge.Error{"error": e})
		}
	}
}

func (o *ownerHandler) allowed(r *http.Request) error {
	if r.Header.Get("Origin") != "" {
		return edge.Errorf(edge.CodeBadOrigin, "this path is for the lab's own processes, not for pages")
	}
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if o.cfg.Token == "" || subtle.ConstantTimeCompare([]byte(token), []byte(o.cfg.Token)) != 1 {
		return edge.Errorf(edge.CodeNoSeat, "this path is for the lab's own processes").
			WithHint("they learn the token from the store")
	}
	return nil
}

func (o *ownerHandler) ask(w http.ResponseWriter, r *http.Request) error {
	var a edge.Ask
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(&a); err != nil {
		return edge.Errorf(edge.CodeBadRequest, "the body is not an Ask")
	}
	if a.Verb != edge.VerbStop {
		return edge.Errorf(edge.CodeBadRequest, "only emergency stops may come here")
	}
	answer, err := o.cfg.Stop(r.Context(), &a)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, answer)
	return nil
}

func (o *ownerHandler) runs() (Runs, error) {
	if o.cfg.Runs == nil {
		return nil, errNoRecorder()
	}
	return o.cfg.Runs, nil
}

func (o *ownerHandler) list(w http.ResponseWriter, r *http.Request) error {
	runs, err := o.runs()
	if err != nil {
		return err
	}
	list, err := runs.List(r.Context(), r.URL.Query().Get("device"))
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, map[string][]edge.Run{"runs": list})
	return nil
}

func (o *ownerHandler) get(w http.ResponseWriter, r *http.Request) error {
	runs, err := o.runs()
	if err != nil {
		return err
	}
	run, err := runs.Get(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, map[string]edge.Run{"run": run})
	return nil
}

func (o *ownerHandler) csv(w http.ResponseWriter, r *http.Request) error {
	runs, err := o.runs()
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	d := newDownload(w)
	defer d.end()
	return o.cut(d, runs.CSV(r.Context(), r.PathValue("id"), r.URL.Query().Get("lang"), d))
}

// cut ends a download that failed half-way without the end that a whole one has.
func (o *ownerHandler) cut(d *download, err error) error {
	if err != nil && d.begun {
		panic(http.ErrAbortHandler)
	}
	return err
}

func (o *ownerHandler) remove(w http.ResponseWriter, r *http.Request) error {
	runs, err := o.runs()
	if err != nil {
		return err
	}
	if err := runs.Delete(r.Context(), r.PathValue("id")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// ownerURL joins the parts of a path below OwnerPath.
func ownerURL(base string, parts ...string) string {
	for i, p := range parts {
		parts[i] = url.PathEscape(p)
	}
	return strings.TrimSuffix(base, "/") + OwnerPath + strings.Join(parts, "/")
}

// ListenerConfig is what a process serves that owns devices and has no panel.
type ListenerConfig struct {
	Owner   OwnerConfig
	Box     string
	Version string
	Ready   func(context.Context) []edge.Error // reasons not to be ready
	Warn    func(context.Context) []edge.Error // what is unwise; may be nil
	// Mount serves further paths, such as where a device dials in; requests with an
	// Origin are refused there.
	Mount map[string]http.Handler
}

// NewListener serves what an owner process shows without a panel: /healthz,
// /readyz, OwnerPath and the mounted paths. Safe for concurrent use.
func NewListener(cfg ListenerConfig) http.Handler {
	mux := http.NewServeMux()
	for path, h := range cfg.Mount {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Origin") != "" {
				refuse(w, http.StatusForbidden, edge.Errorf(edge.CodeBadOrigin, "this path is for devices, not for pages"))
				return
			}
			h.ServeHTTP(w, r)
		})
	}
	mux.Handle(OwnerPath, NewOwnerHandler(cfg.Owner))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]string{"status": "ok", "box": cfg.Box, "version": cfg.Version})
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		var warnings []edge.Error
		if cfg.Warn != nil {
			warnings = cfg.Warn(r.Context())
		}
		writeReady(w, cfg.Ready(r.Context()), warnings)
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, http.StatusNotFound, edge.Errorf(edge.CodeNotFound, "this process owns devices and has no panel").
			WithHint("open the address of a `labbox run --roles web`"))
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		secureHeaders(w.Header())
		mux.ServeHTTP(w, r)
	})
}

func refuse(w http.ResponseWriter, status int, e *edge.Error) {
	writeJSON(w, status, map[string]*edge.Error{"error": e})
}
