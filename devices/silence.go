package devices

import (
	"sync"
	"time"

	"labbox/firmware-protocols/lines"
)

// silencer is a codec that has to know when the line falls silent: a pause ends
// a message, or shows that one was cut off.
type silencer interface {
	silence() time.Duration // 0: it does not care
	silent(emit func(*lines.Record))
}

// pauses tells a codec of pauses. The reader and the timer take turns on the
// codec under mu.
type pauses struct {
	mu    *sync.Mutex
	of    silencer
	after time.Duration
	timer *time.Timer
	bytes uint64 // received so far: a timer that fires late must not cut what came since
	emit  func(*lines.Record, time.Duration)
	now   func() time.Duration
	s     *Supervisor
	l     *link
}

func newPauses(c codec, mu *sync.Mutex, now func() time.Duration, emit func(*lines.Record, time.Duration), s *Supervisor, l *link) *pauses {
	p := &pauses{mu: mu, emit: emit, now: now, s: s, l: l}
	if q, ok := c.(silencer); ok && q.silence() > 0 {
		p.of, p.after = q, q.silence()
	}
	return p
}

// arm is called, with mu held, after n bytes were fed.
func (p *pauses) arm(n int) {
	if p.of == nil {
		return
	}
	p.bytes += uint64(n)
	seen := p.bytes
	if p.timer != nil {
		p.timer.Stop()
	}
	p.timer = time.AfterFunc(p.after, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		defer p.s.guard(p.l)
		if p.bytes == seen {
			p.of.silent(func(r *lines.Record) { p.emit(r, p.now()) })
		}
	})
}

// stop ends it: no record comes after it returned.
func (p *pauses) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.bytes++
	if p.timer != nil {
		p.timer.Stop()
	}
}
