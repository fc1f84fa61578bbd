package web

import (
	"encoding/json"
	"sync"
	"time"

	"labbox/edge"
	"labbox/edge/frame"
)

// maxEvents is how many events of a device are kept for those who come later.
const maxEvents = 200

// forgetAfter is how long a device stays known without a status; its owner sends
// one every second.
const forgetAfter = 30 * time.Second

// holdEpoch is how long frames of a new epoch wait for the status that announces
// it, and with it perhaps a new contract.
const holdEpoch = 1500 * time.Millisecond

// device is one device as this process knows it.
type device struct {
	id string

	mu       sync.RWMutex
	status   edge.Status
	has      bool
	statusAt time.Duration
	raw      json.RawMessage // the contract, as the owner wrote it
	contract *edge.Contract
	hash     string // of the contract that is there
	events   []json.RawMessage
	all      *view            // every channel, every sample
	views    map[string]*view // the others, by key
	lastBox  time.Duration    // box time of the newest sample
	lastAt   time.Duration    // its arrival
}

func newDevice(id string, keep time.Duration, ringBytes int) *device {
	return &device{id: id, all: &view{ring: newRing(keep, ringBytes), subs: map[*sub]struct{}{}}, views: map[string]*view{}}
}

func (d *device) known() bool {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.has
}

func (d *device) contractHash() string {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.hash
}

func (d *device) setContract(raw json.RawMessage, c *edge.Contract) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.raw, d.contract, d.hash = raw, c, c.Hash
	for _, v := range d.views {
		v.resolve(c)
	}
}

func (d *device) setStatus(st *edge.Status, now time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.status, d.has, d.statusAt = *st, true, now
}

// forget drops a device that its owner does not speak of any more, such as one
// that only an old copy in the store knew.
func (d *device) forget(now time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if now-d.statusAt > forgetAfter {
		d.has = false
	}
}

// noteLease keeps what the owner just answered, until its next status says it.
func (d *device) noteLease(l *edge.LeaseInfo) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if l == nil || d.status.Lease == nil || l.Fence > d.status.Lease.Fence {
		d.status.Lease = l
	}
}

func (d *device) state() edge.Status {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.status
}

func (d *device) contractNow() (json.RawMessage, *edge.Contract) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.raw, d.contract
}

func (d *device) addEvent(b json.RawMessage) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.events) == maxEvents {
		copy(d.events, d.events[1:])
		d.events = d.events[:maxEvents-1]
	}
	d.events = append(d.events, b)
}

// lastEvents returns the newest n events, oldest first.
func (d *device) lastEvents(n int) []json.RawMessage {
	d.mu.RLock()
	defer d.mu.RUnlock()
	n = min(max(n, 0), len(d.events))
	return append([]json.RawMessage{}, d.events[len(d.events)-n:]...)
}

// put files one frame. Numbers that jump without a word were lost on the Bus: the
// copy says so.
func (d *device) put(v frame.View, now time.Duration) {
	h := v.Header()
	if h.MinMax() || h.Samples == 0 {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	r := d.all.ring
	var more uint32
	if n := len(r.items); n > 0 {
		last := &r.items[n-1]
		if last.stream == h.Stream && last.epoch == h.Epoch {
			if h.Seq < last.next {
				return // had it already
			}
			if jump := h.Seq - last.next; h.Lost != frame.LostUnknown && jump > uint64(h.Lost) {
				more = uint32(min(jump-uint64(h.Lost), frame.LostUnknown-1))
			}
		}
	}
	r.put(v, more, now)
	d.lastBox, d.lastAt = v.BoxTime(h.Samples-1), now
}

// flush makes what has come since the last tick visible, feeds the views and
// wakes the clients concerned.
func (d *device) flush(now time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	r := d.all.ring
	was := r.visible
	for r.visible < r.head() && d.mayShow(r.item(r.visible), now) {
		r.visible++
	}
	if r.visible != was {
		d.all.wake()
	}
	for _, v := range d.views {
		before := v.ring.visible
		v.feed(r, d.boxNow(now), now)
		if v.ring.visible != before {
			v.wake()
		}
	}
}

// mayShow holds the frames of a new epoch back until a status that came after
// them, or that names their epoch, is known.
func (d *device) mayShow(it *item, now time.Duration) bool {
	return d.has && (d.status.Stream.Epoch == it.epoch || d.statusAt > it.at) || now-it.at > holdEpoch
}

// boxNow estimates the owner's clock from the newest sample. It is behind rather
// than ahead, so that no min/max bucket ends before its samples have come.
func (d *device) boxNow(now time.Duration) time.Duration {
	return d.lastBox + max(0, now-d.lastAt-200*time.Millisecond)
}

// watchers returns the clients subscribed to this device.
func (d *device) watchers() []*client {
	d.mu.RLock()
	defer d.mu.RUnlock()
	var list []*client
	for s := range d.all.subs {
		list = append(list, s.c)
	}
	for _, v := range d.views {
		for s := range v.subs {
			list = append(list, s.c)
		}
	}
	return list
}
