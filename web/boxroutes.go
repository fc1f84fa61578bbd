package web

import (
	"net/http"
	"time"

	"labbox/edge"
)

// getBox is GET box: how the box is reached, and what its clock says.
func (s *Server) getBox(q *call) error {
	var info BoxInfo
	if s.cfg.Info != nil {
		info = s.cfg.Info()
	}
	if info.Addresses == nil {
		info.Addresses = []string{}
	}
	offset := int64(0)
	if c, ok := s.cfg.Clock.(interface{ Offset() time.Duration }); ok {
		offset = c.Offset().Milliseconds()
	}
	return q.json(http.StatusOK, struct {
		Box     string `json:"box"`
		Version string `json:"version"`
		BoxInfo
		OffsetMS int64 `json:"clock_offset_ms"`
		WallMS   int64 `json:"wall_ms"`
	}{s.cfg.Box, s.cfg.Version, info, offset, s.wallMS()})
}

// setClock is POST clock: the calendar of a box without a clock of its own, by the
// teacher's browser. Nothing that ends by itself ends by the calendar.
func (s *Server) setClock(q *call) error {
	var body struct {
		WallMS *int64 `json:"wall_ms"`
	}
	if err := q.body(&body); err != nil {
		return err
	}
	if body.WallMS == nil {
		return edge.Errorf(edge.CodeMissingValue, "wall_ms is missing").With("field", "wall_ms")
	}
	if s.cfg.SetClock == nil {
		return edge.Errorf(edge.CodeNotReady, "the clock of this box is not set from here")
	}
	was := s.wallMS()
	if err := s.cfg.SetClock(q.r.Context(), time.UnixMilli(*body.WallMS)); err != nil {
		return err
	}
	s.audit("clock", &q.actor, map[string]any{"from_ms": was, "wall_ms": *body.WallMS})
	return s.getBox(q)
}
