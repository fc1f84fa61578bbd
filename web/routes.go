package web

import (
	"encoding/json"
	"errors"
	"io"
	"iter"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"

	"labbox/edge"
)

// route is one endpoint. A segment {x} of the pattern takes any name; {x}.csv one
// with that end.
type route struct {
	method, pattern string
	// anonymous endpoints need no seat. This table is the only place that says so.
	anonymous bool
	// verb is what the caller's role must allow on the box; "": the owner of the
	// device, or the handler, says who may.
	verb   edge.Verb
	handle func(*call) error
}

// stopAllPath is the emergency stop of all devices.
const stopAllPath = "/api/v1/class/stop"

// routeTable is the whole HTTP surface besides the panel's files
// (docs/ref/openapi.yaml; a test compares the two).
func (s *Server) routeTable() []route {
	const anyone, seat = true, false
	return []route{
		{"GET", "/healthz", anyone, "", s.healthz},
		{"GET", "/readyz", anyone, "", s.readyz},
		{"GET", "/ws", anyone, "", s.serveWS}, // without a seat: watches only

		{"POST", "/api/v1/seats", anyone, "", s.join},
		{"GET", "/api/v1/seats", seat, "", s.whoami},
		{"DELETE", "/api/v1/seats", seat, "", s.leave},

		{"GET", "/api/v1/teacher", anyone, "", s.getTeacher},
		{"POST", "/api/v1/teacher", anyone, "", s.signIn},
		{"POST", "/api/v1/teacher/password", seat, edge.VerbBox, s.setPassword},
		{"GET", "/api/v1/teachers", seat, edge.VerbBox, s.listTeachers},
		{"POST", "/api/v1/teachers", seat, edge.VerbBox, s.invite},
		{"DELETE", "/api/v1/teachers/{name}", seat, edge.VerbBox, s.removeTeacher},

		{"GET", "/api/v1/class", anyone, "", s.getClass},
		{"POST", "/api/v1/class", seat, edge.VerbClass, s.openClass},
		{"PATCH", "/api/v1/class", seat, edge.VerbClass, s.changeClass},
		{"DELETE", "/api/v1/class", seat, edge.VerbClass, s.closeClass},
		{"POST", "/api/v1/class/names", anyone, "", s.classNames},
		{"GET", "/api/v1/class/qr.svg", seat, edge.VerbClass, s.classQR},
		{"PATCH", "/api/v1/class/seats/{seat}", seat, edge.VerbClass, s.renameSeat},
		{"DELETE", "/api/v1/class/seats/{seat}", seat, edge.VerbClass, s.removeSeat},
		{"POST", "/api/v1/class/freeze", seat, edge.VerbClass, s.freeze},
		{"POST", stopAllPath, seat, edge.VerbClass, s.stopAll},
		{"POST", "/api/v1/class/runs", seat, edge.VerbClass, s.runAll},

		{"GET", "/api/v1/box", seat, "", s.getBox},
		{"POST", "/api/v1/clock", seat, edge.VerbBox, s.setClock},

		{"GET", "/api/v1/devices", anyone, "", s.listDevices},
		{"GET", "/api/v1/devices/{id}", anyone, "", s.getDevice},
		{"GET", "/api/v1/devices/{id}/events", anyone, "", s.listEvents},
		{"POST", "/api/v1/devices/{id}/lease", seat, "", s.take},
		{"DELETE", "/api/v1/devices/{id}/lease", seat, "", s.release},
		{"POST", "/api/v1/devices/{id}/commands/{name}", seat, "", s.command},
		{"POST", "/api/v1/devices/{id}/estop", seat, "", s.estop},
		{"POST", "/api/v1/devices/{id}/resume", seat, edge.VerbResume, s.resume},
		{"POST", "/api/v1/devices/{id}/clear", seat, edge.VerbClear, s.clear},
		{"POST", "/api/v1/devices/{id}/queue", seat, "", s.queue},
		{"DELETE", "/api/v1/devices/{id}/queue", seat, "", s.unqueue},
		{"POST", "/api/v1/devices/{id}/turn", seat, "", s.turn},
		{"PUT", "/api/v1/devices/{id}/limits", seat, edge.VerbNarrow, s.limits},
		{"PUT", "/api/v1/devices/{id}/rules", seat, edge.VerbRules, s.rules},
		{"POST", "/api/v1/devices/{id}/rehearsal", seat, "", s.rehearse},

		{"GET", "/api/v1/cameras", anyone, "", s.listCameras}, // without a seat: that there are some
		{"GET", "/api/v1/cameras/{id}/stream", seat, "", s.cameraStream},
		{"GET", "/api/v1/cameras/{id}/snapshot", seat, "", s.cameraSnapshot},
		{"PUT", "/api/v1/cameras/{id}/cover", seat, edge.VerbCover, s.coverCamera},

		{"POST", "/api/v1/runs", seat, "", s.startRun},
		{"GET", "/api/v1/runs", seat, "", s.listRuns},
		{"GET", "/api/v1/runs/{id}.csv", seat, "", s.runCSV},
		{"GET", "/api/v1/runs/{id}", seat, "", s.getRun},
		{"PATCH", "/api/v1/runs/{id}", seat, "", s.changeRun},
		{"DELETE", "/api/v1/runs/{id}", seat, "", s.deleteRun},
		{"GET", "/api/v1/runs/{id}/frames", seat, "", s.runFrames},
		{"GET", "/api/v1/runs/{id}/detail", seat, "", s.runDetail},

		{"POST", "/api/v1/experiments", seat, "", s.submitExperiment},
		{"GET", "/api/v1/experiments", seat, "", s.listExperiments},
		{"GET", "/api/v1/experiments/{id}", seat, "", s.getExperiment},
		{"DELETE", "/api/v1/experiments/{id}", seat, "", s.cancelExperiment},
	}
}

// match returns the values of the pattern's names where path fits.
func (rt *route) match(path string) (map[string]string, bool) {
	want, have := strings.Split(rt.pattern, "/"), strings.Split(path, "/")
	if len(want) != len(have) {
		return nil, false
	}
	params := map[string]string{}
	for i, w := range want {
		name, end, found := strings.Cut(strings.TrimPrefix(w, "{"), "}")
		if !found {
			if w != have[i] {
				return nil, false
			}
			continue
		}
		v, ok := strings.CutSuffix(have[i], end)
		if !ok || v == "" {
			return nil, false
		}
		params[name] = v
	}
	return params, true
}

// call is one request on its way through a handler.
type call struct {
	w      http.ResponseWriter
	r      *http.Request
	params map[string]string
	actor  edge.Actor // zero on anonymous endpoints
}

func (q *call) json(status int, v any) error {
	writeJSON(q.w, status, v)
	return nil
}

// body reads the request's JSON object into v. An empty body is an empty object.
func (q *call) body(v any) error {
	b, err := io.ReadAll(http.MaxBytesReader(bare(q.w), q.r.Body, maxBody))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return edge.Errorf(edge.CodeTooLarge, "the body is over %d bytes", maxBody).With("max", maxBody)
	case err != nil:
		return edge.Errorf(edge.CodeBadRequest, "the body ended early")
	case len(b) == 0:
		return nil
	}
	if first(b) != '{' || !json.Valid(b) {
		return edge.Errorf(edge.CodeBadRequest, "the body is not a JSON object").WithHint("see docs/ref/openapi.yaml")
	}
	if err := json.Unmarshal(b, v); err != nil {
		var coded *edge.Error
		if errors.As(err, &coded) {
			return coded
		}
		e := edge.Errorf(edge.CodeBadRequest, "a field has the wrong type")
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) {
			e = e.With("field", wrong.Field)
		}
		return e
	}
	return nil
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	w := follow(rw, r)
	defer func() { w.end(s.log, r) }()
	defer func() {
		if p := recover(); p != nil {
			if p == http.ErrAbortHandler { //nolint:errorlint // a panic value, as net/http documents it
				panic(p)
			}
			w.status = http.StatusInternalServerError
			s.log.Error("handler failed", "request", idOf(w), "path", r.URL.Path, "panic", p, "stack", string(debug.Stack()))
			panic(http.ErrAbortHandler) // an answer half sent is worse than none
		}
	}()
	secureHeaders(w.Header())
	r = s.forwarded(r)
	if at, h, ok := s.mounted(r); ok {
		w.route = at
		if r.Header.Get("Origin") != "" {
			s.fail(w, r, edge.Errorf(edge.CodeBadOrigin, "this path is for devices, not for pages"))
			return
		}
		h.ServeHTTP(w, r)
		return
	}
	if err := s.serve(w, r); err != nil {
		if edge.CodeOf(err) == edge.CodeBadOrigin {
			s.hub.once.warn("request refused", "origin "+r.Header.Get("Origin")+r.Host, "remote", r.RemoteAddr, "err", err)
		}
		s.fail(w, r, err)
	}
}

// mounted finds the owner's own handler for a path, and where it is mounted.
func (s *Server) mounted(r *http.Request) (at string, h http.Handler, ok bool) {
	if h, ok := s.cfg.Mount[r.URL.Path]; ok {
		return r.URL.Path, h, true
	}
	for prefix, h := range s.cfg.Mount {
		if len(prefix) > 1 && strings.HasSuffix(prefix, "/") && strings.HasPrefix(r.URL.Path, prefix) {
			return prefix, h, true
		}
	}
	return "", nil, false
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) error {
	if err := s.checkHost(r); err != nil {
		return err
	}
	path, ok := strings.CutPrefix(r.URL.Path, s.cfg.BasePath)
	if !ok || path != "" && path[0] != '/' {
		return edge.Errorf(edge.CodeNotFound, "nothing here: the panel is below %s/", s.cfg.BasePath)
	}
	if path == "" {
		path = "/"
	}
	if s.cors(w, r) {
		return nil
	}
	var allow []string
	for i := range s.routes {
		rt := &s.routes[i]
		params, ok := rt.match(path)
		if !ok {
			continue
		}
		routed(w, rt.pattern)
		if r.Method == rt.method || r.Method == http.MethodHead && rt.method == http.MethodGet && path != "/ws" {
			return s.run(rt, &call{w: w, r: r, params: params})
		}
		allow = append(allow, rt.method)
	}
	switch {
	case allow != nil:
		return s.notAllowed(w, r, allow)
	case path == "/api" || strings.HasPrefix(path, "/api/"):
		return edge.Errorf(edge.CodeNotFound, "no such path").WithHint("see docs/ref/openapi.yaml")
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		return s.notAllowed(w, r, []string{http.MethodGet})
	}
	routed(w, routeFiles)
	return s.files.serve(w, r, path)
}

// run checks the Origin and the seat, then calls the handler.
func (s *Server) run(rt *route, q *call) error {
	if rt.method != http.MethodGet || rt.pattern == "/ws" {
		if err := s.checkOrigin(q.r); err != nil {
			return err
		}
	}
	if !rt.anonymous {
		var err error
		token := s.tokenOf(q.r)
		known, ok := s.seats.get(token)
		if ok && (strings.HasSuffix(rt.pattern, "/estop") || rt.pattern == stopAllPath && known.Role.AtLeast(edge.RoleTeacher)) {
			q.actor = known // a stop waits for no store
			q.actor.Via = viaAPI
		} else if q.actor, err = s.actorOf(q.r, token); err != nil {
			return err
		}
		if rt.verb != "" {
			if err := edge.Authorize(q.actor, rt.verb, ""); err != nil {
				return err
			}
		}
	}
	return rt.handle(q)
}

func (s *Server) notAllowed(w http.ResponseWriter, r *http.Request, allow []string) error {
	slices.Sort(allow)
	w.Header().Set("Allow", strings.Join(slices.Compact(allow), ", "))
	writeJSON(w, http.StatusMethodNotAllowed, map[string]*edge.Error{"error": edge.Errorf(edge.CodeBadRequest,
		"%s does not work here", clip(r.Method)).With("method", clip(r.Method)).With("allow", allow)})
	return nil
}

// splitList yields the items of a comma separated header.
func splitList(h string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for p := range strings.SplitSeq(h, ",") {
			if !yield(strings.TrimSpace(p)) {
				return
			}
		}
	}
}
