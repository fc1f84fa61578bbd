package experiment

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"time"

	"labbox/edge"
)

// line is a device's queue as everybody may read it, one value in the shared
// store that is only ever swapped. Its worker puts it in the order that it will
// keep, and makes it anew where the store has lost it.
type line struct {
	Open  []place `json:"open"`
	Ended []place `json:"ended,omitempty"` // oldest first; their records are kept
	// Kept is set by the worker: a line without it was made after the store lost all.
	Kept bool `json:"kept,omitempty"`
}

type place struct {
	ID      string `json:"id"`
	Seat    string `json:"seat,omitempty"`
	Size    int    `json:"size"` // bytes of its record
	Running bool   `json:"running,omitempty"`

	no uint64 // in the order of the ends
}

func (l *line) find(id string) int {
	return slices.IndexFunc(l.Open, func(p place) bool { return p.ID == id })
}

// placeOf is the place in the queue, 1 is next; one that is not there yet comes
// last.
func (l *line) placeOf(id string) int {
	n := 1
	for _, p := range l.Open {
		if p.ID == id {
			break
		}
		if !p.Running {
			n++
		}
	}
	return n
}

// show tells a pending experiment's place. Its record may be behind.
func (l *line) show(x *Experiment) {
	if i := l.find(x.ID); i >= 0 && l.Open[i].Running {
		x.State, x.Reason = Running, nil
		return
	}
	x.Place = l.placeOf(x.ID)
}

// admit adds a submission where the limits allow it.
func (l *line) admit(p place, device string, lim Limits) error {
	mine, bytes := 0, p.Size
	for _, o := range l.Open {
		if o.ID == p.ID {
			return nil
		}
		bytes += o.Size
		if o.Seat == p.Seat {
			mine++
		}
	}
	switch {
	case mine >= lim.PerSeat:
		return edge.Errorf(edge.CodeTooMany, "%d experiments of yours wait for %s already", mine, device).With("max", lim.PerSeat).
			WithHint("wait until one has ended, or cancel one")
	case len(l.Open) >= lim.PerDevice, bytes > lim.OpenBytes:
		return edge.Errorf(edge.CodeTooMany, "the queue of %s is full", device).With("max", lim.PerDevice).
			WithHint("try again when some have ended")
	}
	l.Open = append(l.Open, p)
	return nil
}

// changeLine swaps a device's line for what fn makes of it. An error of fn ends
// it. fn says whether there is anything to write, and may be called again.
func changeLine(ctx context.Context, kv edge.KV, box, device string, fn func(l *line) (bool, error)) error {
	key := lineKey(box, device)
	for {
		raw, ok, err := kv.Get(ctx, key)
		if err != nil {
			return err
		}
		var l line
		if ok && json.Unmarshal(raw, &l) != nil {
			l = line{} // its worker makes it anew
		}
		change, err := fn(&l)
		if err != nil || !change {
			return err
		}
		if ok {
			ok, err = kv.Swap(ctx, key, raw, encode(l), 0)
		} else {
			ok, err = kv.Create(ctx, key, encode(l), 0)
		}
		if ok || err != nil {
			return err
		}
		select { // somebody else was faster
		case <-ctx.Done():
			return edge.Errorf(edge.CodeStoreDown, "the queue of %s changes all the time", device).WithHint("try again")
		case <-time.After(rand.N(10 * time.Millisecond)): //nolint:gosec // jitter
		}
	}
}

func readLine(ctx context.Context, kv edge.KV, box, device string) (line, bool, error) {
	var l line
	raw, ok, err := kv.Get(ctx, lineKey(box, device))
	if err != nil || !ok {
		return line{}, false, err
	}
	sound := json.Unmarshal(raw, &l) == nil // else its worker makes it anew
	return l, sound, nil
}

func readEntry(ctx context.Context, kv edge.KV, key string) (e *entry, raw []byte, err error) {
	raw, ok, err := kv.Get(ctx, key)
	if err != nil || !ok {
		return nil, nil, err
	}
	e = &entry{}
	if err := json.Unmarshal(raw, e); err != nil || e.V != version {
		return nil, raw, edge.Errorf(edge.CodeInternal, "record %s is not readable", key)
	}
	if e.Exp.ID == "" { // void
		return nil, raw, nil
	}
	return e, raw, nil
}
