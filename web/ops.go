package web

import (
	"context"
	"encoding/json"
	"errors"

	"labbox/edge"
)

// maxAsked bounds the requests of one connection that wait for an owner.
const maxAsked = 32

// features are what this server offers beyond the plain protocol.
func features() []string { return []string{"minmax", "resume", "history"} }

// handle carries out one message. An error ends the connection.
func (c *client) handle(b []byte) error {
	m, err := parseMessage(b)
	if errors.Is(err, errNotJSON) {
		return err
	}
	c.mu.Lock()
	ready := c.ready
	c.mu.Unlock()
	if !ready {
		if m.Op != "hello" || err != nil {
			return errNoHello
		}
		return c.hello(&m)
	}
	if err != nil {
		c.answer(m.ID, nil, err)
		return nil
	}
	switch m.Op {
	case "subscribe":
		c.subscribe(&m)
	case "unsubscribe":
		c.unsubscribe(m.Device)
		c.answer(m.ID, nil, nil)
	case "ack":
		c.ack(&m)
	case "ping":
		c.answer(m.ID, map[string]int64{"mono_ms": c.s.mono().Milliseconds(), "wall_ms": c.s.cfg.Clock.Wall().UnixMilli()}, nil)
	case "hello":
		c.answer(m.ID, nil, edge.Errorf(edge.CodeBadRequest, "hello was said already"))
	default:
		c.forward(&m)
	}
	return nil
}

func (c *client) hello(m *message) error {
	if m.V != 1 {
		c.bid(closeProtocol, "only v 1 is spoken")
		return nil
	}
	c.mu.Lock()
	if m.Token != "" {
		c.via, c.token = viaAPI, m.Token
	}
	token := c.token
	c.mu.Unlock()
	if token != "" {
		if over := c.sit(token, m.Token != ""); over {
			return nil
		}
	}
	if len(m.Tab) > 64 {
		m.Tab = m.Tab[:64]
	}
	c.replace(m.Tab)
	c.mu.Lock()
	seat, role := c.actor.Seat, c.actor.Role
	c.mu.Unlock()
	class := c.s.classFor(role)
	list := []edge.Status{}
	for _, d := range c.s.hub.all() {
		if d.seenBy(seat) {
			list = append(list, d.state())
		}
	}
	defer c.back()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ready = true
	c.queue(text(map[string]any{"op": "welcome", "v": 1, "server_time": c.s.cfg.Clock.Wall().UnixMilli(),
		"mono_ms": c.s.mono().Milliseconds(), "session": c.session, "box": c.s.cfg.Box,
		"you": you(c.actor), "features": features(), "devices": list, "class": class}))
	c.wakeUp()
	return nil
}

// sit looks up the seat of a connection that is known to the hub by now: what has
// become of the seat since the handshake was told to nobody here. given: the hello
// names it.
func (c *client) sit(token string, given bool) (over bool) {
	for range 2 { // once more: news of a seat reaches a connection only once it is its own
		actor, err := c.s.lookup(c.s.ctx, token)
		c.mu.Lock()
		had := c.actor.Seat
		if err == nil {
			c.actor = actor
		}
		c.mu.Unlock()
		switch {
		case edge.CodeOf(err) == edge.CodeNoSeat && (given || had != ""):
			c.bid(closeSeat, "the seat is not known")
			return true
		case err != nil && given:
			c.bid(closeLater, string(edge.CodeOf(err)))
			return true
		case err != nil || had == actor.Seat:
			return false
		}
	}
	return false
}

// back beats at once for who drives and has come back: her next command shall not
// find her away.
func (c *client) back() {
	c.mu.Lock()
	seat := c.actor.Seat
	c.mu.Unlock()
	if seat == "" {
		return
	}
	for _, d := range c.s.hub.all() {
		if l := d.state().Lease; l != nil && drives(l, seat) {
			c.s.sendBeat(d.id, c, l.Fence)
		}
	}
}

// you is an actor as it is told about itself, null without a seat.
func you(a edge.Actor) any {
	if a.Seat == "" {
		return nil
	}
	return map[string]any{"seat": a.Seat, "name": a.Name, "role": a.Role}
}

// replace ends an older connection of the same tab and seat.
func (c *client) replace(tab string) {
	c.mu.Lock()
	c.tab = tab
	seat := c.actor.Seat
	c.mu.Unlock()
	if tab == "" {
		return
	}
	for _, o := range c.s.hub.snapshot() {
		if o == c {
			continue
		}
		o.mu.Lock()
		same := o.tab == tab && o.actor.Seat == seat
		o.mu.Unlock()
		if same {
			o.bid(closeReplaced, "replaced by a newer connection of this tab")
		}
	}
}

func (c *client) subscribe(m *message) {
	d := c.s.hub.device(m.Device, false)
	c.mu.Lock()
	seat := c.actor.Seat
	c.mu.Unlock()
	if d == nil || !d.known() || !d.seenBy(seat) {
		c.answer(m.ID, nil, unknownDevice(m.Device))
		return
	}
	if err := checkView(m); err != nil {
		c.answer(m.ID, nil, err)
		return
	}
	c.unsubscribe(d.id)
	now := c.s.mono()
	c.mu.Lock()
	defer c.mu.Unlock()
	d.mu.Lock()
	defer d.mu.Unlock()
	v, err := d.see(m.Channels, m.MaxHz, now)
	if err != nil {
		c.queue(text(errorReply(idOrNull(m.ID), err)))
		c.wakeUp()
		return
	}
	s := &sub{c: c, d: d, v: v, stream: d.streamOf()}
	g := s.place(m, now)
	at := s.first()
	c.queue(text(okReply(idOrNull(m.ID), map[string]any{"device": d.id, "stream": s.stream,
		"epoch": at.Epoch, "seq": at.Seq, "contract": d.raw})))
	if g != nil {
		c.queue(text(g))
	}
	v.subs[s] = struct{}{}
	c.subs = append(c.subs, s)
	c.wakeUp()
}

func idOrNull(id json.RawMessage) json.RawMessage {
	if len(id) == 0 {
		return json.RawMessage("null")
	}
	return id
}

func (c *client) unsubscribe(device string) {
	c.mu.Lock()
	var gone *sub
	for i, s := range c.subs {
		if s.d.id == device {
			gone = s
			c.subs = append(c.subs[:i], c.subs[i+1:]...)
			break
		}
	}
	c.mu.Unlock()
	if gone != nil {
		gone.d.leave(gone)
	}
}

func (c *client) ack(m *message) {
	c.mu.Lock()
	for _, s := range c.subs {
		if p, ok := m.Streams[streamName(s.stream)]; ok && p[0] <= 1<<32-1 {
			s.ack(place{Epoch: uint32(p[0]), Seq: p[1]})
		}
	}
	c.mu.Unlock()
}

// forward passes a request on to the device's owner. Requests of one device keep
// their order; an emergency stop overtakes them all.
func (c *client) forward(m *message) {
	a, ok := m.ask()
	if !ok {
		c.answer(m.ID, nil, edge.Errorf(edge.CodeUnknownOp, "no op %q", clip(m.Op)).With("op", clip(m.Op)))
		return
	}
	c.mu.Lock()
	a.Actor = c.actor
	a.Actor.Via = c.via
	token := c.token
	full := c.asked >= maxAsked && a.Verb != edge.VerbStop
	if !full {
		c.asked++
	}
	c.mu.Unlock()
	if full {
		c.answer(m.ID, nil, edge.Errorf(edge.CodeTooMany, "%d requests are on their way already", maxAsked))
		return
	}
	id, to := append(json.RawMessage(nil), m.ID...), m.To
	c.lane(a, func() {
		// The request goes on when the browser is gone: its outcome is in the log.
		var answer *edge.Answer
		err := c.s.mayKeep(c.s.ctx, &a, token)
		if err == nil {
			answer, err = c.s.askFor(c.s.ctx, a, to)
		}
		c.mu.Lock()
		c.asked--
		c.mu.Unlock()
		c.answer(id, answer, err)
	})
}

// lane runs fn after the requests for the same device that came before.
func (c *client) lane(a edge.Ask, fn func()) {
	if !c.s.begin() {
		return // the box stops
	}
	if a.Verb == edge.VerbStop {
		go func() {
			defer c.s.wg.Done()
			fn()
		}()
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, busy := c.lanes[a.Device]; busy {
		c.lanes[a.Device] = append(c.lanes[a.Device], fn)
		c.s.wg.Done() // the lane's own runner counts
		return
	}
	if c.lanes == nil {
		c.lanes = map[string][]func(){}
	}
	c.lanes[a.Device] = nil
	go func() {
		defer c.s.wg.Done()
		for fn != nil {
			fn()
			fn = c.nextIn(a.Device)
		}
	}()
}

func (c *client) nextIn(device string) func() {
	c.mu.Lock()
	defer c.mu.Unlock()
	q := c.lanes[device]
	if len(q) == 0 {
		delete(c.lanes, device)
		return nil
	}
	c.lanes[device] = q[1:]
	return q[0]
}

// ask makes the request to the owner that an op stands for.
func (m *message) ask() (edge.Ask, bool) {
	a := edge.Ask{Verb: edge.Verb(m.Op), Device: m.Device, Fence: m.Fence}
	switch a.Verb {
	case edge.VerbTake:
		a.Wait, a.Over = m.Wait, m.Over
	case edge.VerbRelease, edge.VerbStop, edge.VerbResume, edge.VerbClear, edge.VerbLeave, edge.VerbGrant, edge.VerbPair,
		edge.VerbRevoke, edge.VerbHold, edge.VerbUnhold, edge.VerbRehearse:
	case edge.VerbNarrow:
		a.Limits = m.Limits
	case edge.VerbRules:
		a.Rules = m.Rules
	case edge.VerbCommand:
		a.Command = &edge.Command{Name: m.Name, Args: m.Args, Key: m.Key, Tick: m.Tick, WithinMS: m.WithinMS}
	case edge.VerbRunStart:
		a.Run = &edge.RunAsk{Name: m.Name, Notes: m.Notes, PreTriggerMS: m.PreTriggerMS, Pictures: m.Pictures}
	case edge.VerbRunStop:
		a.Run = &edge.RunAsk{ID: m.Run}
	case edge.VerbAnnotate:
		a.Run = &edge.RunAsk{ID: m.Run, Text: m.Text}
	default:
		return a, false
	}
	return a, true
}

// askFor is ask for a request that names another seat, by its id.
func (s *Server) askFor(ctx context.Context, a edge.Ask, to string) (*edge.Answer, error) {
	if to != "" && (a.Verb == edge.VerbGrant || a.Verb == edge.VerbPair) {
		if err := edge.Authorize(a.Actor, a.Verb, a.Device); err != nil {
			return nil, err // nobody else learns which seats there are
		}
		other, err := s.seatActor(ctx, to)
		if err != nil {
			return nil, err
		}
		a.To = &other
	}
	return s.ask(ctx, a)
}

func clip(s string) string { return s[:min(len(s), 64)] }
