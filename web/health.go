package web

import (
	"context"
	"net/http"
	"time"

	"labbox/edge"
)

// silentAfter is how long without the owner's heartbeat it counts as silent.
const silentAfter = 3 * time.Second

// healthz is GET /healthz: this process answers.
func (s *Server) healthz(q *call) error {
	return q.json(http.StatusOK, map[string]string{"status": "ok", "box": s.cfg.Box, "version": s.cfg.Version})
}

// readyz is GET /readyz: 200, or 503 with the reasons.
func (s *Server) readyz(q *call) error {
	var warnings []edge.Error
	if s.cfg.Warn != nil {
		warnings = s.cfg.Warn(q.r.Context())
	}
	writeReady(q.w, s.Reasons(q.r.Context()), warnings)
	return nil
}

// writeReady answers 200, or 503 with the reasons. Warnings are what is unwise, and
// keep nobody from being ready.
func writeReady(w http.ResponseWriter, reasons, warnings []edge.Error) {
	status := http.StatusOK
	if len(reasons) > 0 {
		status = http.StatusServiceUnavailable
	}
	writeJSON(w, status, map[string]any{"ready": len(reasons) == 0, "reasons": append([]edge.Error{}, reasons...),
		"warnings": append([]edge.Error{}, warnings...)})
}

// Reasons says what keeps this process from being fully fit, as /readyz does.
func (s *Server) Reasons(ctx context.Context) []edge.Error {
	list := []edge.Error{}
	add := func(err error) {
		if err != nil {
			list = append(list, *edge.AsError(err))
		}
	}
	ctx, cancel := context.WithTimeout(ctx, storeWithin)
	defer cancel()
	add(s.cfg.Bus.Health())
	add(s.cfg.KV.Health(ctx))
	if _, age := s.hub.lastTick(); age > silentAfter {
		add(edge.Errorf(edge.CodeNotReady, "no heartbeat from the process that owns the devices"))
	}
	if s.cfg.Ready != nil {
		list = append(list, s.cfg.Ready()...)
	}
	return list
}
