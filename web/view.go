package web

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"labbox/edge"
	"labbox/edge/frame"
)

// maxViews bounds the re-encoded views of one device: each costs work per sample.
const maxViews = 32

// historyStep parts the history of a new min/max view, by arrival.
const historyStep = 250 * time.Millisecond

// view is one way to see a device's stream, shared by all who ask for the same:
// the plain one (every channel, every sample; no work at all), a subset of the
// channels, or min/max buckets. The device's lock guards it.
type view struct {
	key      string
	channels []string // ids; nil: all
	maxHz    float64  // of min/max buckets; 0: every sample
	ring     *ring
	subs     map[*sub]struct{}

	indices []uint16 // of channels in the contract
	dec     *frame.Decimator
	fed     uint64 // frames of the plain ring before this one are in
	pos     []int
	buf     []byte
	out     []byte
	drained time.Duration // when buckets were last filed
}

func viewKey(channels []string, maxHz float64) string {
	return strconv.FormatFloat(maxHz, 'g', -1, 64) + " " + strings.Join(channels, " ")
}

// see returns the view that a subscription asks for. A new one starts with all
// that the plain ring still holds.
func (d *device) see(channels []string, maxHz float64, now time.Duration) (*view, error) {
	if len(channels) == 0 && maxHz == 0 {
		return d.all, nil
	}
	if d.contract != nil {
		for _, id := range channels {
			if d.contract.Channel(id) < 0 {
				return nil, edge.Errorf(edge.CodeUnknownChannel, "%s has no channel %q", d.id, id).
					With("device", d.id).With("channel", id)
			}
		}
	} else if len(channels) > 0 {
		return nil, edge.Errorf(edge.CodeNotReady, "the channels of %s are not known yet", d.id)
	}
	key := viewKey(channels, maxHz)
	if v := d.views[key]; v != nil {
		return v, nil
	}
	if len(d.views) >= maxViews {
		return nil, edge.Errorf(edge.CodeTooMany, "%s is watched in %d ways already", d.id, maxViews).
			WithHint("subscribe to all channels")
	}
	r := d.all.ring
	v := &view{key: key, channels: channels, maxHz: maxHz, ring: newRing(r.keep, r.maxBytes),
		subs: map[*sub]struct{}{}, fed: r.base}
	v.resolve(d.contract)
	if maxHz > 0 {
		v.dec = frame.NewDecimator(maxHz)
	}
	d.views[key] = v
	v.feed(r, d.boxNow(now), now)
	return v, nil
}

// leave ends a subscription and the view with its last one.
func (d *device) leave(s *sub) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(s.v.subs, s)
	if s.v != d.all && len(s.v.subs) == 0 {
		delete(d.views, s.v.key)
	}
}

// resolve finds the channels in the contract; one that is gone is left out.
func (v *view) resolve(c *edge.Contract) {
	v.indices = v.indices[:0]
	if c == nil {
		return
	}
	for _, id := range v.channels {
		if i := c.Channel(id); i >= 0 {
			v.indices = append(v.indices, uint16(i))
		}
	}
}

// feed encodes the frames of the plain ring that have become visible.
func (v *view) feed(from *ring, boxNow, now time.Duration) {
	v.fed = max(v.fed, from.base)
	for ; v.fed < from.visible; v.fed++ {
		it := from.item(v.fed)
		f, _, err := frame.Parse((*it.slab)[it.off:it.end])
		if err != nil {
			continue // was parsed before: cannot be
		}
		if v.channels != nil {
			v.pos = frame.Positions(v.pos[:0], f, v.indices)
			v.buf = frame.Select(v.buf[:0], f, v.pos)
			if f, _, err = frame.Parse(v.buf); err != nil {
				continue // none of the channels is in this frame
			}
		}
		if v.dec == nil {
			v.ring.put(f, 0, it.at)
			continue
		}
		v.dec.Add(f)
		if it.at-v.drained > historyStep { // history: keeps arrival times apart
			v.drain(f.BoxTime(f.Header().Samples-1), it.at)
		}
	}
	if v.dec != nil {
		v.drain(boxNow, now)
	}
	v.ring.visible = v.ring.head()
}

// drain files the min/max buckets that have ended.
func (v *view) drain(boxNow, at time.Duration) {
	v.drained = at
	v.out = v.dec.AppendFrame(v.out[:0], boxNow)
	for rest := v.out; len(rest) > 0; {
		f, next, err := frame.Parse(rest)
		if err != nil {
			return // ours: cannot be
		}
		v.ring.put(f, 0, at)
		rest = next
	}
}

func (v *view) wake() {
	for s := range v.subs {
		s.c.wakeUp()
	}
}

// checkView refuses what a subscription may not ask for.
func checkView(m *message) error {
	bad := func(field, format string, args ...any) error {
		return edge.Errorf(edge.CodeBadRequest, "%s", fmt.Sprintf(format, args...)).With("field", field)
	}
	switch m.Mode {
	case "", "raw":
		if m.MaxHz != 0 {
			return bad("max_hz", "max_hz belongs to mode minmax: raw is every sample")
		}
	case "minmax":
		if !(m.MaxHz >= 0.1 && m.MaxHz <= 1000) {
			return bad("max_hz", "mode minmax needs max_hz from 0.1 to 1000")
		}
	default:
		return bad("mode", "mode is raw or minmax")
	}
	if len(m.Channels) > 64 {
		return bad("channels", "more than 64 channels")
	}
	if m.BackMS < 0 || m.BackMS > 60_000 {
		return bad("back_ms", "back_ms is 0 to 60000")
	}
	return nil
}
