package web

import (
	"context"
	"time"

	"labbox/edge"
)

// pulse pings the clients, beats for those who drive and says what has failed and
// since when.
func (s *Server) pulse(ctx context.Context) {
	t := time.NewTicker(beatEvery)
	defer t.Stop()
	degraded := false
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		clients := s.hub.snapshot()
		drivers := s.beat(clients)
		ping := framed(opPing, nil)
		for _, c := range clients {
			// A driver's connection is asked twice as often: its word counts for 1.5 s.
			if n%2 == 0 || drivers[c] {
				c.ping(ping)
			}
		}
		if degraded = s.tellDegraded(degraded); !degraded {
			now := s.mono()
			for _, d := range s.hub.all() {
				d.forget(now)
			}
		}
	}
}

// beat sends the heartbeat of every lease whose holder is connected here and was
// heard within holderAlive. It returns the connections of all holders.
func (s *Server) beat(clients []*client) map[*client]bool {
	bySeat := map[string][]*client{}
	for _, c := range clients {
		c.mu.Lock()
		if seat := c.actor.Seat; seat != "" && c.ready && !c.over {
			bySeat[seat] = append(bySeat[seat], c)
		}
		c.mu.Unlock()
	}
	drivers := map[*client]bool{}
	if len(bySeat) == 0 {
		return drivers
	}
	now := s.mono()
	for _, d := range s.hub.all() {
		st := d.state()
		if st.Lease == nil {
			continue
		}
		var alive *client
		for _, c := range bySeat[st.Lease.Holder.ID] {
			drivers[c] = true
			if now-time.Duration(c.heard.Load()) < holderAlive {
				alive = c
			}
		}
		if alive != nil {
			s.sendBeat(d.id, alive, st.Lease.Fence)
		}
	}
	return drivers
}

// sendBeat sends one heartbeat unless the last is still on its way.
func (s *Server) sendBeat(device string, c *client, fence uint64) {
	h := s.hub
	h.mu.Lock()
	busy := h.beating[device]
	h.beating[device] = true
	h.mu.Unlock()
	if busy || !s.begin() {
		return
	}
	c.mu.Lock()
	a := edge.Ask{Verb: edge.VerbBeat, Device: device, Actor: c.actor, Fence: fence}
	a.Actor.Via = c.via
	c.mu.Unlock()
	go func() {
		defer s.wg.Done()
		ctx, cancel := context.WithTimeout(s.ctx, 2*beatEvery)
		defer cancel()
		_, err := s.ask(ctx, a)
		h.mu.Lock()
		delete(h.beating, device)
		h.mu.Unlock()
		switch edge.CodeOf(err) {
		case "", edge.CodeNotHolder, edge.CodeStaleFence: // the turn ended meanwhile
		default:
			if s.ctx.Err() == nil {
				h.once.warn("heartbeat not delivered", "beat "+device, "device", device, "err", err)
			}
		}
	}()
}
