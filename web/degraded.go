package web

import (
	"context"
	"sync"
	"time"
)

// Parts of a lab that may be away while the rest works.
const (
	partOwner  = "owner"  // the process that owns the devices
	partBroker = "broker" // what carries news and requests
	partStore  = "store"  // what holds seats and copies
)

// storeEvery is how often the store is asked whether it is well.
const storeEvery = 2 * time.Second

// parts remembers since when each part is away.
type parts struct {
	mu    sync.Mutex
	since map[string]time.Duration // on the process's clock
}

// note files whether a part is away now.
func (p *parts) note(part string, away bool, now time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !away {
		delete(p.since, part)
		return
	}
	if p.since == nil {
		p.since = map[string]time.Duration{}
	}
	if _, known := p.since[part]; !known {
		p.since[part] = now
	}
}

// away says whether a part is.
func (p *parts) away(part string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, away := p.since[part]
	return away
}

// degradedPart is one part that is away, as panels are told.
type degradedPart struct {
	Part  string `json:"part"`
	ForMS int64  `json:"for_ms"`
}

// list returns the parts that are away, what matters most to a driver first.
func (p *parts) list(now time.Duration) []degradedPart {
	p.mu.Lock()
	defer p.mu.Unlock()
	var l []degradedPart
	for _, name := range []string{partBroker, partOwner, partStore} {
		if since, away := p.since[name]; away {
			l = append(l, degradedPart{name, (now - since).Milliseconds()})
		}
	}
	return l
}

// watchStore keeps an eye on the store until ctx ends.
func (s *Server) watchStore(ctx context.Context) {
	t := time.NewTicker(storeEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		hctx, cancel := context.WithTimeout(ctx, storeEvery)
		err := s.cfg.KV.Health(hctx)
		cancel()
		if ctx.Err() == nil {
			s.parts.note(partStore, err != nil, s.mono())
		}
	}
}

// tellDegraded tells the clients what is away, again every beat, and once when all
// is back (a notice without a code takes it away).
func (s *Server) tellDegraded(was bool) bool {
	now := s.mono()
	_, age := s.hub.lastTick()
	broker := s.cfg.Bus.Health() != nil
	s.parts.note(partBroker, broker, now)
	// Without a broker the owner cannot be heard: that says nothing about it.
	s.parts.note(partOwner, age > silentAfter && !broker, now-age)
	list := s.parts.list(now)
	switch {
	case len(list) > 0:
		s.hub.toAll(text(map[string]any{"op": "notice", "code": "degraded",
			"args": map[string]any{"part": list[0].Part, "for_ms": list[0].ForMS, "parts": list}}), true)
	case was:
		s.hub.toAll(text(map[string]any{"op": "notice", "code": ""}), false)
	}
	return len(list) > 0
}
