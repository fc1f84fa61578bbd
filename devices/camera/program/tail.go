package program

import (
	"io"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
)

const (
	maxLines   = 20   // of standard error that are kept
	maxRaw     = 4096 // bytes of a line that are looked at
	maxLine    = 300  // characters of a line that are kept
	logLines   = 5    // a minute
	hidden     = "***"
	flood      = 64 << 10 // bytes
	floodSpan  = 100 * time.Millisecond
	noLineLeft = "more lines of the program are not logged"
)

// tail keeps the last lines of what is written to standard error.
type tail struct {
	secrets []string
	login   *regexp.Regexp
	log     func(string)

	mu   sync.Mutex
	kept []string
}

func newTail(secrets []string, log func(string)) *tail {
	t := &tail{log: log, login: regexp.MustCompile(`://[^\s'"]*@`)}
	for _, s := range secrets {
		if s != "" {
			t.secrets = append(t.secrets, s)
		}
	}
	// the longest first: one may hold another
	slices.SortFunc(t.secrets, func(a, b string) int { return len(b) - len(a) })
	return t
}

// read reads r to its end, no faster than flood in each floodSpan: who writes without
// end waits, and takes no core.
func (t *tail) read(r io.Reader) {
	b := make([]byte, 4096)
	var line []byte
	since, took := time.Now(), 0
	for {
		n, err := r.Read(b)
		if took += n; took > flood {
			if left := floodSpan - time.Since(since); left > 0 && err == nil {
				time.Sleep(left)
			}
			since, took = time.Now(), 0
		}
		for _, c := range b[:n] {
			switch {
			case c == '\n' || c == '\r':
				t.add(line)
				line = line[:0]
			case len(line) < maxRaw:
				line = append(line, c)
			}
		}
		if err != nil {
			t.add(line)
			return
		}
	}
}

// add keeps a line without what is secret.
func (t *tail) add(raw []byte) {
	s := strings.TrimSpace(clean(t.redact(string(raw))))
	if s == "" {
		return
	}
	t.mu.Lock()
	if len(t.kept) == maxLines {
		t.kept = append(t.kept[:0], t.kept[1:]...)
	}
	t.kept = append(t.kept, s)
	t.mu.Unlock()
	t.log(s)
}

func (t *tail) redact(s string) string {
	for _, secret := range t.secrets {
		s = strings.ReplaceAll(s, secret, hidden)
	}
	return t.login.ReplaceAllString(s, "://"+hidden+"@")
}

// clean is s in bounds and without what could move a cursor.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, strings.ToValidUTF8(s, "?"))
	if r := []rune(s); len(r) > maxLine {
		s = string(r[:maxLine]) + "..."
	}
	return s
}

func (t *tail) lines() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.kept)
}

// lineLog logs a few lines a minute, over all starts of a program.
type lineLog struct {
	log   *slog.Logger
	mu    sync.Mutex
	since time.Time
	n     int
}

func (l *lineLog) line(s string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := time.Now(); now.Sub(l.since) > time.Minute {
		l.since, l.n = now, 0
	}
	l.n++
	switch {
	case l.n <= logLines:
		l.log.Info("camera program says", "line", s)
	case l.n == logLines+1:
		l.log.Info(noLineLeft, "for", time.Minute)
	}
}
