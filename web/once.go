package web

import (
	"log/slog"
	"sync"
	"time"
)

// Bounds of a onceLog.
const (
	logAgain = time.Minute
	logKeys  = 1000
)

// onceLog logs what keeps happening once a minute, with how often it was.
type onceLog struct {
	log  *slog.Logger
	mono func() time.Duration

	mu   sync.Mutex
	seen map[string]*seen
}

type seen struct {
	at    time.Duration
	times int
}

func newOnceLog(log *slog.Logger, mono func() time.Duration) *onceLog {
	return &onceLog{log: log, mono: mono, seen: map[string]*seen{}}
}

// warn logs msg unless the same key was logged within a minute.
func (o *onceLog) warn(msg, key string, args ...any) {
	now := o.mono()
	o.mu.Lock()
	e := o.seen[key]
	if e != nil && now-e.at < logAgain {
		e.times++
		o.mu.Unlock()
		return
	}
	if e == nil {
		if len(o.seen) >= logKeys {
			clear(o.seen)
		}
		e = &seen{}
		o.seen[key] = e
	}
	again := e.times
	e.at, e.times = now, 0
	o.mu.Unlock()
	if again > 0 {
		args = append(args, "unlogged", again)
	}
	o.log.Warn(msg, args...)
}
