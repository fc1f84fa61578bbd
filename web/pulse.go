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
	told := map[string]toldOf{}
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		clients := s.hub.snapshot()
		seats := bySeat(clients)
		drivers := s.beat(seats)
		s.present(seats, told)
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

// bySeat sorts connections that have said hello by their seats.
func bySeat(clients []*client) map[string][]*client {
	seats := map[string][]*client{}
	for _, c := range clients {
		c.mu.Lock()
		if seat := c.actor.Seat; seat != "" && c.ready && !c.over {
			seats[seat] = append(seats[seat], c)
		}
		c.mu.Unlock()
	}
	return seats
}

// alive is a connection that was heard lately, nil where there is none.
func alive(list []*client, now, within time.Duration) *client {
	for _, c := range list {
		if now-time.Duration(c.heard.Load()) < within {
			return c
		}
	}
	return nil
}

// beat sends the heartbeat of every lease whose holder or partner is connected here
// and was heard within holderAlive. It returns the connections of all who drive.
func (s *Server) beat(seats map[string][]*client) map[*client]bool {
	drivers := map[*client]bool{}
	if len(seats) == 0 {
		return drivers
	}
	now := s.mono()
	for _, d := range s.hub.all() {
		l := d.state().Lease
		if l == nil {
			continue
		}
		drive := []string{l.Holder.ID}
		if l.Partner != nil {
			drive = append(drive, l.Partner.ID)
		}
		for _, seat := range drive {
			for _, c := range seats[seat] {
				drivers[c] = true
			}
			if c := alive(seats[seat], now, holderAlive); c != nil {
				s.sendBeat(d.id, c, l.Fence)
			}
		}
	}
	return drivers
}

// drives says whether a seat has the lease, or a part in it.
func drives(l *edge.LeaseInfo, seat string) bool {
	return l.Holder.ID == seat || l.Partner != nil && l.Partner.ID == seat
}

// sendBeat sends one heartbeat unless the last is still on its way.
func (s *Server) sendBeat(device string, c *client, fence uint64) {
	c.mu.Lock()
	a := edge.Ask{Verb: edge.VerbBeat, Device: device, Actor: c.actor, Fence: fence}
	a.Actor.Via = c.via
	c.mu.Unlock()
	s.tell(a, device+" "+a.Actor.Seat, "heartbeat not delivered")
}

// tell asks an owner in the background, unless the last of the same key is still on
// its way, and says whether it does.
func (s *Server) tell(a edge.Ask, key, failed string) bool {
	h := s.hub
	h.mu.Lock()
	busy := h.beating[key]
	h.beating[key] = true
	h.mu.Unlock()
	if busy {
		return false
	}
	done := func() {
		h.mu.Lock()
		delete(h.beating, key)
		h.mu.Unlock()
	}
	if !s.begin() {
		done()
		return false
	}
	go func() {
		defer s.wg.Done()
		ctx, cancel := context.WithTimeout(s.ctx, 2*beatEvery)
		defer cancel()
		_, err := s.ask(ctx, a)
		done()
		switch edge.CodeOf(err) {
		case "", edge.CodeNotHolder, edge.CodeStaleFence: // the turn ended meanwhile
		default:
			if s.ctx.Err() == nil {
				h.once.warn(failed, string(a.Verb)+" "+a.Device, "device", a.Device, "err", err)
			}
		}
	}()
	return true
}
