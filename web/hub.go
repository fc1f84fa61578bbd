package web

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"labbox/edge"
	"labbox/edge/frame"
)

// hub is what this process knows of the box's devices, and the clients that
// watch them. It subscribes once per kind of news. A lock is never held while
// another device's or client's is taken in the other direction: hub.mu, then
// client.mu, then device.mu.
type hub struct {
	box    string
	bus    edge.Bus
	kv     edge.KV
	mono   func() time.Duration
	log    *slog.Logger
	once   *onceLog
	keep   time.Duration
	bytes  int
	states chan []byte
	// seatGone is told the ids of seats that were given up, here or elsewhere.
	seatGone func(seat string)
	// hide replaces names in what an owner says, while the class hides them.
	hide func([]byte) []byte
	// classChanged is told that the class has changed.
	classChanged func(edge.Msg)
	subs         []edge.Subscription

	mu      sync.RWMutex
	devices map[string]*device
	clients map[*client]struct{}
	tick    edge.Tick
	tickAt  time.Duration
	beating map[string]bool // devices whose last heartbeat is still on its way
	nudge   chan struct{}   // the first client came
}

func newHub(cfg *Config) *hub {
	return &hub{box: cfg.Box, bus: cfg.Bus, kv: cfg.KV, mono: cfg.Clock.Mono, log: cfg.Logger,
		once: newOnceLog(cfg.Logger, cfg.Clock.Mono), keep: cfg.Keep, bytes: cfg.RingBytes,
		states: make(chan []byte, 256), devices: map[string]*device{}, clients: map[*client]struct{}{},
		beating: map[string]bool{}, nudge: make(chan struct{}, 1)}
}

// start reads the copies in the store and subscribes to the news.
func (h *hub) start(ctx context.Context) error {
	handlers := []struct {
		device, kind string
		fn           func(edge.Msg)
	}{
		{"*", edge.KindState, h.onState},
		{"*", edge.KindEvent, h.onEvent},
		{"*", edge.KindLive, h.onLive},
		{"*", edge.KindExperiment, h.onExperiment},
		{edge.OwnerName, edge.KindTick, h.onTick},
		{edge.OwnerName, edge.KindSeat, func(m edge.Msg) { h.seatGone(string(m.Data)) }},
		{edge.OwnerName, edge.KindClass, func(m edge.Msg) { h.classChanged(m) }},
	}
	for _, s := range handlers {
		sub, err := h.bus.Subscribe(edge.Subject(h.box, s.device, s.kind), s.fn)
		if err != nil {
			h.stop()
			return err
		}
		h.subs = append(h.subs, sub)
	}
	if err := h.load(ctx); err != nil {
		h.once.warn("store not read at start", "load", "err", err)
	}
	return nil
}

func (h *hub) stop() {
	for _, s := range h.subs {
		_ = s.Close() // nothing to save
	}
}

// load reads the status copies, so that a panel has something to show at once.
func (h *hub) load(ctx context.Context) error {
	keys, err := h.kv.Keys(ctx, edge.StatusPrefix(h.box))
	if err != nil || len(keys) == 0 {
		return err
	}
	values, err := h.kv.GetMany(ctx, keys...)
	if err != nil {
		return err
	}
	for i, v := range values {
		id := strings.TrimPrefix(keys[i], edge.StatusPrefix(h.box))
		h.mu.RLock()
		_, known := h.devices[id]
		h.mu.RUnlock()
		if v != nil && !known { // news that came meanwhile is newer
			h.apply(ctx, v)
		}
	}
	return nil
}

// device returns the device, making it where create is set.
func (h *hub) device(id string, create bool) *device {
	h.mu.RLock()
	d := h.devices[id]
	h.mu.RUnlock()
	if d != nil || !create || edge.CheckName(id) != nil {
		return d
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if d = h.devices[id]; d == nil {
		d = newDevice(id, h.keep, h.bytes)
		h.devices[id] = d
	}
	return d
}

// all returns the devices whose status is known, by id.
func (h *hub) all() []*device {
	h.mu.RLock()
	list := make([]*device, 0, len(h.devices))
	for _, d := range h.devices {
		list = append(list, d)
	}
	h.mu.RUnlock()
	list = slices.DeleteFunc(list, func(d *device) bool { return !d.known() })
	slices.SortFunc(list, func(a, b *device) int { return strings.Compare(a.id, b.id) })
	return list
}

// onState hands a status to the worker, which may have to read the store.
func (h *hub) onState(m edge.Msg) {
	for b := slices.Clone(m.Data); ; {
		select {
		case h.states <- b:
			return
		default:
		}
		select {
		case <-h.states: // the oldest; every status comes again within a second
		default:
		}
	}
}

func (h *hub) work(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case b := <-h.states:
			h.apply(ctx, b)
		}
	}
}

// apply takes one status, fetches its contract where that is new and tells the
// clients: first the contract, then the state, then frames of a new epoch.
func (h *hub) apply(ctx context.Context, b []byte) {
	var st edge.Status
	b = h.hide(b)
	if err := json.Unmarshal(b, &st); err != nil || edge.CheckName(st.Device) != nil {
		h.once.warn("status not understood", "status", "err", err)
		return
	}
	d := h.device(st.Device, true)
	var raw json.RawMessage
	var contract *edge.Contract
	if st.Contract != "" && st.Contract != d.contractHash() {
		if raw, contract = h.fetch(ctx, st.Contract); contract != nil {
			d.setContract(raw, contract)
			h.toWatchers(d, text(map[string]any{"op": "contract", "device": d.id, "contract": raw}))
		}
	}
	d.setStatus(&st, h.mono())
	h.tell(st.Rehearsal, framed(opText, slices.Concat([]byte(`{"op":"state","status":`), b, []byte(`}`))), true)
	if st.Rehearsal != nil && st.Rehearsal.Over {
		h.over(d)
	}
}

func (h *hub) fetch(ctx context.Context, hash string) (json.RawMessage, *edge.Contract) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	b, ok, err := h.kv.Get(ctx, edge.ContractKey(h.box, hash))
	if err != nil || !ok {
		h.once.warn("contract not in the store", "contract "+hash, "hash", hash, "err", err)
		return nil, nil
	}
	var c edge.Contract
	if err := json.Unmarshal(b, &c); err != nil {
		h.once.warn("contract not understood", "contract "+hash, "hash", hash, "err", err)
		return nil, nil
	}
	return b, &c
}

func (h *hub) onEvent(m edge.Msg) {
	_, id, _, _ := edge.ParseSubject(m.Subject)
	if !json.Valid(m.Data) {
		h.once.warn("event not understood", "event "+id, "device", id)
		return
	}
	b := slices.Clone(h.hide(m.Data))
	var r *edge.Rehearsal
	if d := h.device(id, true); d != nil {
		d.addEvent(b)
		r = d.state().Rehearsal
	}
	h.tell(r, framed(opText, slices.Concat([]byte(`{"op":"event","event":`), b, []byte(`}`))), false)
}

func (h *hub) onTick(m edge.Msg) {
	var t edge.Tick
	if err := json.Unmarshal(m.Data, &t); err != nil {
		h.once.warn("tick not understood", "tick", "err", err)
		return
	}
	h.mu.Lock()
	h.tick, h.tickAt = t, h.mono()
	h.mu.Unlock()
	h.toAll(text(map[string]any{"op": "tick", "tick": t}), true)
}

// lastTick returns the owner's newest heartbeat and how old it is.
func (h *hub) lastTick() (edge.Tick, time.Duration) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.tick, h.mono() - h.tickAt
}

// firstTick is the newest heartbeat; where this process has just started it waits a
// moment for the first.
func (h *hub) firstTick(ctx context.Context) edge.Tick {
	for range 50 {
		if t, _ := h.lastTick(); t.N > 0 {
			return t
		}
		select {
		case <-ctx.Done():
		case <-time.After(20 * time.Millisecond):
			continue
		}
		break
	}
	return edge.Tick{}
}

// onLive files the frames of one message.
func (h *hub) onLive(m edge.Msg) {
	_, id, _, _ := edge.ParseSubject(m.Subject)
	d := h.device(id, true)
	if d == nil {
		return
	}
	for rest := m.Data; len(rest) > 0; {
		v, next, err := frame.Parse(rest)
		if err != nil {
			h.once.warn("frame not understood", "frame "+id, "device", id, "err", err)
			return
		}
		d.put(v, h.mono())
		rest = next
	}
}

// toAll queues a framed message for every client that has said hello. passing
// news may be dropped for a client that is behind: more of it comes.
func (h *hub) toAll(msg []byte, passing bool) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	for c := range h.clients {
		c.push(msg, passing)
	}
}

func (h *hub) toWatchers(d *device, msg []byte) {
	for _, c := range d.watchers() {
		c.push(msg, false)
	}
}

func (h *hub) add(c *client) {
	h.mu.Lock()
	h.clients[c] = struct{}{}
	h.mu.Unlock()
	select {
	case h.nudge <- struct{}{}:
	default:
	}
}

func (h *hub) remove(c *client) {
	h.mu.Lock()
	delete(h.clients, c)
	h.mu.Unlock()
}

func (h *hub) snapshot() []*client {
	h.mu.RLock()
	defer h.mu.RUnlock()
	list := make([]*client, 0, len(h.clients))
	for c := range h.clients {
		list = append(list, c)
	}
	return list
}

// countOf is how many clients there are, and how many of one seat, "" for none.
func (h *hub) countOf(seat string) (all, same int) {
	for _, c := range h.snapshot() {
		c.mu.Lock()
		if c.actor.Seat == seat {
			same++
		}
		c.mu.Unlock()
		all++
	}
	return all, same
}

func (h *hub) count() int {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return len(h.clients)
}

// run is the process tick: at display rate it makes the new frames visible and
// wakes the clients that they concern. Without clients it sleeps.
func (h *hub) run(ctx context.Context, every time.Duration) {
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		if h.count() == 0 {
			t.Stop()
			select {
			case <-ctx.Done():
				return
			case <-h.nudge:
				t.Reset(every)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			h.flush()
		}
	}
}

func (h *hub) flush() {
	now := h.mono()
	h.mu.RLock()
	devices := make([]*device, 0, len(h.devices))
	for _, d := range h.devices {
		devices = append(devices, d)
	}
	h.mu.RUnlock()
	for _, d := range devices {
		d.flush(now)
	}
	h.mu.RLock()
	defer h.mu.RUnlock()
	for c := range h.clients {
		if c.waiting.Load() {
			c.wakeUp()
		}
	}
}
