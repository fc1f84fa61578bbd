package web

import (
	"bufio"
	"crypto/rand"
	"encoding/hex"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// requestIDHeader names a request, in its answer and in the log.
const requestIDHeader = "X-Request-Id"

// maxRequestID is the longest name that a proxy or a client may have given.
const maxRequestID = 64

// requestID is the name that came with the request, where it can stand in a log
// and a header, else a new one.
func requestID(r *http.Request) string {
	given := r.Header.Values(requestIDHeader)
	if len(given) == 1 && saneRequestID(given[0]) {
		return given[0]
	}
	b := make([]byte, 8)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

func saneRequestID(s string) bool {
	if s == "" || len(s) > maxRequestID {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' && c != '.' {
			return false
		}
	}
	return true
}

// idOf is the name of the request that w answers.
func idOf(w http.ResponseWriter) string { return w.Header().Get(requestIDHeader) }

// trace follows one answer for the log: the route's pattern, never the path, in
// which ids stand, and never the query.
type trace struct {
	http.ResponseWriter
	route  string
	status int
	bytes  int64
	start  time.Time
}

// Routes of what is no endpoint.
const (
	routeNone  = "none"
	routeFiles = "files"
)

// follow names the request. end logs it.
func follow(w http.ResponseWriter, r *http.Request) *trace {
	w.Header().Set(requestIDHeader, requestID(r))
	return &trace{ResponseWriter: w, route: routeNone, start: time.Now()}
}

// end writes the access log's line.
func (t *trace) end(log *slog.Logger, r *http.Request) {
	if t.status == 0 {
		t.status = http.StatusOK
	}
	level := slog.LevelDebug
	if t.status >= http.StatusInternalServerError {
		level = slog.LevelInfo
	}
	if ctx := r.Context(); log.Enabled(ctx, level) {
		log.LogAttrs(ctx, level, "request", slog.String("request", idOf(t)), slog.String("method", clip(r.Method)),
			slog.String("route", t.route), slog.Int("status", t.status), slog.Duration("took", time.Since(t.start)),
			slog.Int64("bytes", t.bytes))
	}
}

// Logged gives requests to h, a ServeMux, ids and lines in the log, as a Server's have.
func Logged(h http.Handler, log *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t := follow(w, r)
		defer func() {
			if r.Pattern != "" { // a ServeMux has set it
				t.route = r.Pattern
			}
			t.end(log, r)
		}()
		h.ServeHTTP(t, r)
	})
}

// routed notes which route answers.
func routed(w http.ResponseWriter, route string) {
	if t, ok := w.(*trace); ok {
		t.route = route
	}
}

// WriteHeader implements http.ResponseWriter.
func (t *trace) WriteHeader(status int) {
	if t.status == 0 && status >= http.StatusOK {
		t.status = status
	}
	t.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (t *trace) Write(b []byte) (int, error) {
	if t.status == 0 {
		t.status = http.StatusOK
	}
	n, err := t.ResponseWriter.Write(b)
	t.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (t *trace) Unwrap() http.ResponseWriter { return t.ResponseWriter }

// Flush implements http.Flusher.
func (t *trace) Flush() { _ = http.NewResponseController(t.ResponseWriter).Flush() } // where it can

// Hijack implements http.Hijacker, for websockets.
func (t *trace) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, rw, err := http.NewResponseController(t.ResponseWriter).Hijack()
	if err == nil && t.status == 0 {
		t.status = http.StatusSwitchingProtocols
	}
	return c, rw, err
}

// bare is the server's own writer: some of net/http knows no other.
func bare(w http.ResponseWriter) http.ResponseWriter {
	if t, ok := w.(*trace); ok {
		return t.ResponseWriter
	}
	return w
}
