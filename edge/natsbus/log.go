package natsbus

import (
	"fmt"
	"log/slog"
	"strings"
)

// serverLog hands the embedded server's log to slog and listens for the one
// line that tells of a stream that died (the server offers no other sign).
type serverLog struct {
	s   *Server
	log *slog.Logger
}

func (l *serverLog) Noticef(f string, v ...any) { l.log.Debug("broker notice", "text", text(f, v)) }
func (l *serverLog) Debugf(string, ...any)      {}
func (l *serverLog) Tracef(string, ...any)      {}

func (l *serverLog) Warnf(f string, v ...any) { l.log.Warn("broker warning", "text", text(f, v)) }

func (l *serverLog) Fatalf(f string, v ...any) {
	t := text(f, v)
	l.log.Error("broker fatal", "text", t)
	l.s.failed(t)
}

func (l *serverLog) Errorf(f string, v ...any) {
	t := text(f, v)
	l.log.Error("broker error", "text", t)
	if strings.Contains(t, "Critical write error") || strings.Contains(t, "no space left") {
		l.s.failed(t)
	}
}

func text(f string, v []any) string { return fmt.Sprintf(f, v...) }
