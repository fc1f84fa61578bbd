package web

import (
	"encoding/json"
	"net/http"
	"strconv"

	"labbox/edge"
)

// statuses is the one table from error codes to HTTP statuses; docs/ref/errors.md
// explains each code. A test keeps both complete.
func statuses() map[edge.Code]int {
	return map[edge.Code]int{
		edge.CodeInternal:          http.StatusInternalServerError,
		edge.CodeBadRequest:        http.StatusBadRequest,
		edge.CodeBadName:           http.StatusBadRequest,
		edge.CodeTooLarge:          http.StatusRequestEntityTooLarge,
		edge.CodeTooMany:           http.StatusTooManyRequests,
		edge.CodeUnknownOp:         http.StatusBadRequest,
		edge.CodeUnknownDevice:     http.StatusNotFound,
		edge.CodeUnknownChannel:    http.StatusNotFound,
		edge.CodeUnknownCommand:    http.StatusNotFound,
		edge.CodeUnknownRun:        http.StatusNotFound,
		edge.CodeUnknownExperiment: http.StatusNotFound,
		edge.CodeUnknownCamera:     http.StatusNotFound,
		edge.CodeCovered:           http.StatusConflict,
		edge.CodeNoPicture:         http.StatusServiceUnavailable,
		edge.CodeNameTaken:         http.StatusConflict,
		edge.CodeNotFound:          http.StatusNotFound,
		edge.CodeNoSeat:            http.StatusUnauthorized,
		edge.CodeNoClass:           http.StatusNotFound,
		edge.CodeClassLocked:       http.StatusForbidden,
		edge.CodeBadLogin:          http.StatusUnauthorized,
		edge.CodeNameUsed:          http.StatusConflict,
		edge.CodeUnknownSeat:       http.StatusNotFound,
		edge.CodeHeld:              http.StatusConflict,
		edge.CodeTooLong:           http.StatusConflict,
		edge.CodeForbidden:         http.StatusForbidden,
		edge.CodeBadOrigin:         http.StatusForbidden,
		edge.CodeNotHolder:         http.StatusConflict,
		edge.CodeLeaseTaken:        http.StatusConflict,
		edge.CodeStaleFence:        http.StatusConflict,
		edge.CodeLate:              http.StatusConflict,
		edge.CodeStaleTick:         http.StatusConflict,
		edge.CodeDuplicate:         http.StatusConflict,
		edge.CodeOutOfRange:        http.StatusUnprocessableEntity,
		edge.CodeSlew:              http.StatusUnprocessableEntity,
		edge.CodeRate:              http.StatusTooManyRequests,
		edge.CodeBadValue:          http.StatusUnprocessableEntity,
		edge.CodeMissingValue:      http.StatusUnprocessableEntity,
		edge.CodeInterlock:         http.StatusConflict,
		edge.CodeStopped:           http.StatusConflict,
		edge.CodeSafing:            http.StatusConflict,
		edge.CodeQuarantined:       http.StatusConflict,
		edge.CodeNotReady:          http.StatusServiceUnavailable,
		edge.CodeDeviceRefused:     http.StatusBadGateway,
		edge.CodeNoAnswer:          http.StatusGatewayTimeout,
		edge.CodeUnknownOutcome:    http.StatusGatewayTimeout,
		edge.CodeWriteStuck:        http.StatusBadGateway,
		edge.CodePortMissing:       http.StatusServiceUnavailable,
		edge.CodePortBusy:          http.StatusServiceUnavailable,
		edge.CodePortForbidden:     http.StatusServiceUnavailable,
		edge.CodePortLost:          http.StatusServiceUnavailable,
		edge.CodeGarbage:           http.StatusBadGateway,
		edge.CodeLineTooLong:       http.StatusBadGateway,
		edge.CodeContract:          http.StatusConflict,
		edge.CodeBusDown:           http.StatusServiceUnavailable,
		edge.CodeStoreDown:         http.StatusServiceUnavailable,
		edge.CodeStoreFull:         http.StatusInsufficientStorage,
		edge.CodeDataLocked:        http.StatusServiceUnavailable,
		edge.CodeBadConfig:         http.StatusInternalServerError,
	}
}

// Close codes of lab.v1 (docs/ref/websocket.md).
const (
	closeGoingAway = 1001 // the box stops
	closeLater     = 1013 // too slow, or the store is away: try again
	closeProtocol  = 4400 // not JSON, binary, no hello, over a limit
	closeSeat      = 4401 // the seat is not known any more
	closeReplaced  = 4409 // by a newer connection of the same tab
)

// statusOf returns the HTTP status of a coded error.
func (s *Server) statusOf(e *edge.Error) int {
	if st, ok := s.statuses[e.Code]; ok {
		return st
	}
	return http.StatusInternalServerError
}

// fail answers with err as coded JSON. A fault of ours is logged here, once; what
// a client did wrong is its own.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	e := edge.AsError(err)
	if e.Code == edge.CodeInternal {
		s.log.Error("request failed", "request", idOf(w), "method", r.Method, "path", r.URL.Path, "err", causeOf(err, e))
	}
	status := s.statusOf(e)
	if wait, ok := e.Args["wait_s"].(int); ok && wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(wait))
	} else if status == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", "1")
	}
	writeJSON(w, status, map[string]*edge.Error{"error": e})
}

// causeOf is what the log should see of an error whose text is hidden from users.
func causeOf(err error, e *edge.Error) error {
	if c := e.Unwrap(); c != nil {
		return c
	}
	return err
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		status, b = http.StatusInternalServerError, []byte(`{"error":{"code":"internal","message":"internal error"}}`)
	}
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(b, '\n')) // the client is gone: nobody to tell
}
