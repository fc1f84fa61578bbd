package experiment

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"time"

	"labbox/edge"
)

// How long a submission waits for store and broker, and a cancellation for the
// worker's word.
const (
	deskTimeout   = 5 * time.Second
	cancelPatient = 2 * time.Second
)

// Desk takes submissions and answers questions about them: the side of the web
// processes, of which there may be any number. It is safe for concurrent use.
type Desk struct {
	box    string
	bus    edge.Bus
	kv     edge.KV
	clock  edge.Clock
	limits Limits

	mu       sync.Mutex
	declared map[string]bool
}

// NewDesk returns a desk of a box.
func NewDesk(box string, bus edge.Bus, shared edge.KV, clock edge.Clock, limits Limits) *Desk {
	return &Desk{box: box, bus: bus, kv: shared, clock: clock, limits: limits.withDefaults(), declared: map[string]bool{}}
}

// Limits are those of this desk.
func (d *Desk) Limits() Limits { return d.limits }

// Submit checks a request against the device's contract and queues it. When it
// returns nil the experiment is durable and will end exactly once. After an error
// it may still run, at most once; the same key then finds it again.
func (d *Desk) Submit(ctx context.Context, a edge.Actor, c *edge.Contract, r *Request) (Experiment, error) {
	ctx, cancel := context.WithTimeout(ctx, deskTimeout)
	defer cancel()
	if err := edge.Authorize(a, edge.VerbExperiment, r.Device); err != nil {
		return Experiment{}, err
	}
	if err := r.checkNames(); err != nil {
		return Experiment{}, err
	}
	if c == nil {
		return Experiment{}, edge.Errorf(edge.CodeNotReady, "nothing is known of %s yet", r.Device).WithHint("try again in a moment")
	}
	length, err := Check(c, r.Steps, d.limits)
	if err != nil {
		return Experiment{}, err
	}
	e := &entry{V: version, Actor: a, Content: contentOf(r), Exp: Experiment{ID: idOf(d.box, a.Seat, r.Key), Device: r.Device, Name: r.Name,
		By: a.Ref(), State: Pending, Steps: r.Steps, Contract: c.Hash, LengthMS: length, SubmittedMS: d.clock.Wall().UnixMilli()}}
	if r.Key != "" {
		had, _, err := readEntry(ctx, d.kv, recordKey(d.box, e.Exp.ID))
		if err != nil {
			return Experiment{}, err
		}
		if had != nil {
			return d.again(ctx, had, e)
		}
	}
	raw, err := d.store(ctx, e)
	if err != nil {
		return Experiment{}, err
	}
	if err := d.enqueue(ctx, e); err != nil {
		d.undo(ctx, e, raw)
		return Experiment{}, err
	}
	return e.Exp, nil
}

// again answers a submission whose key was used before. The one before may have
// ended between record and queue, so a pending one is queued again: an id is
// taken once only.
func (d *Desk) again(ctx context.Context, had, e *entry) (Experiment, error) {
	if had.Content != e.Content {
		return Experiment{}, edge.Errorf(edge.CodeDuplicate, "this key was used for another experiment").With("id", had.Exp.ID).
			WithHint("choose a new key for each experiment")
	}
	if had.Exp.State == Pending {
		if err := d.enqueue(ctx, had); err != nil {
			return Experiment{}, err
		}
	}
	return d.Get(ctx, had.Exp.ID)
}

// store takes a place in the line, then makes the record: an error leaves no
// record without a place.
func (d *Desk) store(ctx context.Context, e *entry) (raw []byte, err error) {
	raw = encode(e)
	n := 0
	err = changeLine(ctx, d.kv, d.box, e.Exp.Device, func(l *line) (bool, error) {
		err := l.admit(place{ID: e.Exp.ID, Seat: e.Actor.Seat, Size: len(raw)}, e.Exp.Device, d.limits)
		n = l.placeOf(e.Exp.ID)
		return true, err
	})
	if err != nil {
		return nil, err
	}
	defer func() { e.Exp.Place = n }() // for the answer only
	_, err = d.kv.Create(ctx, recordKey(d.box, e.Exp.ID), raw, 0)
	if err != nil {
		d.undo(ctx, e, raw)
	}
	return raw, err
}

func (d *Desk) enqueue(ctx context.Context, e *entry) error {
	return d.send(ctx, e.Exp.Device, e.Exp.ID, message{V: version, Submit: e})
}

func (d *Desk) send(ctx context.Context, device, id string, m message) error {
	q := Queue(d.box, device)
	d.mu.Lock()
	declared := d.declared[device]
	d.mu.Unlock()
	if !declared {
		if err := d.bus.Declare(ctx, q); err != nil {
			return err
		}
		d.mu.Lock()
		d.declared[device] = true
		d.mu.Unlock()
	}
	return d.bus.Enqueue(ctx, q.Name, id, encode(m))
}

// undo removes what an unconfirmed submission left, unless somebody has changed
// it since. Where the broker has the job nevertheless, the worker makes the record
// anew.
func (d *Desk) undo(ctx context.Context, e *entry, raw []byte) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	// A removal that compares: a void record, for a moment.
	if ok, err := d.kv.Swap(ctx, recordKey(d.box, e.Exp.ID), raw, encode(entry{V: version}), 10*time.Millisecond); !ok || err != nil {
		return
	}
	_ = changeLine(ctx, d.kv, d.box, e.Exp.Device, func(l *line) (bool, error) {
		i := l.find(e.Exp.ID)
		if i < 0 {
			return false, nil
		}
		l.Open = slices.Delete(l.Open, i, i+1)
		return true, nil
	})
}

// Get returns an experiment. CodeUnknownExperiment: there is none of that id.
func (d *Desk) Get(ctx context.Context, id string) (Experiment, error) {
	e, _, err := d.read(ctx, id)
	if err != nil {
		return Experiment{}, err
	}
	if e.Exp.State == Pending {
		l, _, err := readLine(ctx, d.kv, d.box, e.Exp.Device)
		if err != nil {
			return Experiment{}, err
		}
		l.show(&e.Exp)
	}
	return e.Exp, nil
}

func (d *Desk) read(ctx context.Context, id string) (*entry, []byte, error) {
	none := edge.Errorf(edge.CodeUnknownExperiment, "no experiment %q", clip(id)).With("experiment", clip(id))
	if !checkID(id) {
		return nil, nil, none
	}
	e, raw, err := readEntry(ctx, d.kv, recordKey(d.box, id))
	if err == nil && e == nil {
		err = none
	}
	return e, raw, err
}

// List returns the experiments of a device, of all with "": those that are open
// in their order, then those that ended, newest first; without steps.
func (d *Desk) List(ctx context.Context, device string) ([]Experiment, error) {
	devices := []string{device}
	if device == "" {
		prefix := lineKey(d.box, "")
		keys, err := d.kv.Keys(ctx, prefix)
		if err != nil {
			return nil, err
		}
		devices = devices[:0]
		for _, k := range keys {
			devices = append(devices, strings.TrimPrefix(k, prefix))
		}
	} else if err := edge.CheckName(device); err != nil {
		return nil, err
	}
	list := []Experiment{}
	for _, device := range devices {
		l, _, err := readLine(ctx, d.kv, d.box, device)
		if err != nil {
			return nil, err
		}
		slices.Reverse(l.Ended)
		if list, err = d.append(ctx, list, &l, l.Open); err != nil {
			return nil, err
		}
		if list, err = d.append(ctx, list, &l, l.Ended); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func (d *Desk) append(ctx context.Context, list []Experiment, l *line, places []place) ([]Experiment, error) {
	for part := range slices.Chunk(places, 100) {
		keys := make([]string, len(part))
		for i, p := range part {
			keys[i] = recordKey(d.box, p.ID)
		}
		values, err := d.kv.GetMany(ctx, keys...)
		if err != nil {
			return nil, err
		}
		for _, v := range values {
			var e entry
			if v == nil || json.Unmarshal(v, &e) != nil {
				continue // expired, or on its way
			}
			if e.Exp.State == Pending {
				l.show(&e.Exp)
			}
			list = append(list, e.Exp.brief())
		}
	}
	return list, nil
}

// Cancel ends an experiment: one that is pending at once, one that runs as soon
// as its worker hears of it. It returns what is known after a short wait; a state
// that is not final means that the cancellation is durable and on its way.
func (d *Desk) Cancel(ctx context.Context, a edge.Actor, id string) (Experiment, error) {
	ctx, cancel := context.WithTimeout(ctx, deskTimeout)
	defer cancel()
	if err := edge.Authorize(a, edge.VerbCancel, ""); err != nil {
		return Experiment{}, err
	}
	e, raw, err := d.read(ctx, id)
	if err != nil {
		return Experiment{}, err
	}
	if err := e.mayCancel(a); err != nil {
		return Experiment{}, err
	}
	if e.Exp.State.Final() {
		return e.Exp, nil
	}
	if err := d.send(ctx, e.Exp.Device, id+".cancel", message{V: version, Cancel: id, Actor: &a}); err != nil {
		return Experiment{}, err
	}
	if e.Exp.State == Pending {
		// Everybody sees it at once; a worker that was away reads it first.
		e.cancelled(a, d.clock.Wall().UnixMilli())
		if _, err := d.kv.Swap(ctx, recordKey(d.box, id), raw, encode(e), Keep); err != nil {
			return Experiment{}, err
		}
	}
	for end := time.Now().Add(cancelPatient); ; {
		x, err := d.Get(ctx, id)
		if err != nil || x.State.Final() || time.Now().After(end) {
			return x, err
		}
		select {
		case <-ctx.Done():
			return x, nil
		case <-time.After(25 * time.Millisecond):
		}
	}
}
