package experiment

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"
)

// mirror copies what the worker knows to the shared store, the newest of each, as
// long as it takes: an outbox whose contents lie in the local store.
type mirror struct {
	w    *Worker
	wake chan struct{}

	mu    sync.Mutex
	jobs  map[*job]bool
	lines map[string]bool
	known map[string]*entry // ended ones that the shared store may have lost, by id
}

const (
	mirrorEvery = 50 * time.Millisecond // at most: a running experiment changes all the time
	mirrorPause = 500 * time.Millisecond
)

func newMirror(w *Worker) *mirror {
	return &mirror{w: w, wake: make(chan struct{}, 1), jobs: map[*job]bool{}, lines: map[string]bool{}, known: map[string]*entry{}}
}

func (m *mirror) mark(j *job) {
	m.mu.Lock()
	m.jobs[j] = true
	m.mu.Unlock()
	m.nudge()
}

func (m *mirror) markLine(device string) {
	m.mu.Lock()
	m.lines[device] = true
	m.mu.Unlock()
	m.nudge()
}

func (m *mirror) nudge() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

func (m *mirror) run(ctx context.Context) {
	audit := time.NewTicker(auditEvery)
	defer audit.Stop()
	m.audit(ctx)
	for told := false; ; {
		err := m.round(ctx)
		pause := mirrorEvery
		if err != nil {
			pause = mirrorPause
			if !told && ctx.Err() == nil {
				m.w.log.Warn("experiments not copied yet", "error", err)
			}
			m.nudge()
		}
		told = err != nil
		if !sleep(ctx, pause) {
			break
		}
		select {
		case <-ctx.Done():
		case <-m.wake:
		case <-audit.C:
			m.audit(ctx)
		}
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	if err := m.round(last); err != nil {
		m.w.log.Warn("experiments not copied, they will be after the next start", "error", err)
	}
}

// round copies what has changed. What could not be copied stays marked.
func (m *mirror) round(ctx context.Context) error {
	m.mu.Lock()
	jobs, lines, known := m.jobs, m.lines, m.known
	m.jobs, m.lines, m.known = map[*job]bool{}, map[string]bool{}, map[string]*entry{}
	m.mu.Unlock()
	defer func() {
		m.mu.Lock()
		for j := range jobs {
			m.jobs[j] = true
		}
		for l := range lines {
			m.lines[l] = true
		}
		for id, e := range known {
			m.known[id] = e
		}
		m.mu.Unlock()
	}()
	for j := range jobs {
		if err := m.copy(ctx, j); err != nil {
			return err
		}
		delete(jobs, j)
	}
	for id, e := range known {
		if err := m.heal(ctx, e); err != nil {
			return err
		}
		delete(known, id)
	}
	for device := range lines {
		if err := m.line(ctx, m.w.lanes[device]); err != nil {
			return err
		}
		delete(lines, device)
	}
	return nil
}

// copy brings one record up to date.
func (m *mirror) copy(ctx context.Context, j *job) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	w := m.w
	w.mu.Lock()
	e := *j.e
	id, state, ph := e.Exp.ID, e.Exp.State, e.Phase
	e.Phase, e.Seq, e.Life = "", 0, ""
	raw := encode(&e)
	w.mu.Unlock()
	key := recordKey(w.cfg.Box, id)
	switch {
	case ph == accepted && state == Pending:
		return m.copyPending(ctx, j, key, raw)
	case ph == started:
		w.noteProgress(ctx, j)
		return w.cfg.Shared.Set(ctx, key, raw, 0)
	case ph != ended:
		return nil
	}
	if err := w.cfg.Shared.Set(ctx, key, raw, Keep); err != nil {
		return err
	}
	// The result is where everybody finds it. Here stays what keeps it from running
	// again, and the result itself for a shared store that loses everything.
	if err := w.retire(ctx, j); err != nil {
		return err
	}
	w.mu.Lock()
	l := w.lanes[j.e.Exp.Device]
	l.ended = append(l.ended, place{ID: id, Size: len(raw), no: j.ended})
	delete(w.jobs, id)
	w.mu.Unlock()
	m.markLine(l.device)
	return nil
}

// copyPending takes care not to cover a cancellation that came by the store.
func (m *mirror) copyPending(ctx context.Context, j *job, key string, raw []byte) error {
	kv := m.w.cfg.Shared
	had, hadRaw, err := readEntry(ctx, kv, key)
	switch {
	case err != nil && hadRaw == nil:
		return err
	case hadRaw == nil:
		_, err = kv.Create(ctx, key, raw, 0)
		return err
	case had == nil: // not readable
		return kv.Set(ctx, key, raw, 0)
	case had.Cancel != nil && had.mayCancel(*had.Cancel) == nil:
		return m.w.cancelJob(ctx, j, *had.Cancel)
	case had.Exp.State == Pending && string(hadRaw) != string(raw):
		ok, err := kv.Swap(ctx, key, hadRaw, raw, 0)
		if err == nil && !ok {
			m.mark(j)
		}
		return err
	}
	return nil
}

// retire leaves the mark of an ended experiment in the local store.
func (w *Worker) retire(ctx context.Context, j *job) error {
	w.mu.Lock()
	e := *j.e
	w.mu.Unlock()
	e.Phase = known
	if w.cfg.Local == w.cfg.Shared {
		e.Exp = Experiment{ID: e.Exp.ID, Device: e.Exp.Device, State: e.Exp.State}
	}
	return w.cfg.Local.Set(ctx, localKey(w.cfg.Box, e.Exp.ID), encode(&e), Keep)
}

// noteProgress keeps how far a run got, for the case that the box is killed. A
// note that comes after the end changes nothing.
func (w *Worker) noteProgress(ctx context.Context, j *job) {
	w.mu.Lock()
	old, key := j.local, localKey(w.cfg.Box, j.e.Exp.ID)
	raw := encode(j.e)
	stale := j.e.Phase != started
	w.mu.Unlock()
	if stale {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	ok, err := w.cfg.Local.Swap(ctx, key, old, raw, 0)
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case ok && string(j.local) == string(old):
		j.local = raw
	case err != nil && j.e.Phase == started: // perhaps written: look
		if held, there, err := w.cfg.Local.Get(ctx, key); err == nil && there {
			j.local = held
		}
	}
}

// line brings a device's line into this worker's order and takes ended ones out.
func (m *mirror) line(ctx context.Context, l *lane) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	w := m.w
	var drop, lost []string
	var shown []place
	restored := false
	arrange := func(ln *line) (bool, error) {
		if !ln.Kept && !restored {
			return false, errLineLost
		}
		before := encode(ln)
		w.mu.Lock()
		defer w.mu.Unlock()
		drop, lost = l.arrangeLocked(ln, w.cfg.Settle)
		shown = l.ended
		return string(encode(ln)) != string(before), nil
	}
	err := changeLine(ctx, w.cfg.Shared, w.cfg.Box, l.device, arrange)
	if errors.Is(err, errLineLost) {
		// Nobody would notice the loss once there is a line again.
		if err := m.restore(ctx, l); err != nil {
			return err
		}
		restored = true
		err = changeLine(ctx, w.cfg.Shared, w.cfg.Box, l.device, arrange)
	}
	if err != nil {
		return err
	}
	w.mu.Lock()
	clear(l.gone)
	l.ended = l.ended[len(shown):]
	w.mu.Unlock()
	for _, id := range drop {
		if err := w.forget(ctx, id); err != nil {
			w.log.Warn("old experiment not removed", "id", id, "error", err)
		}
	}
	for _, id := range lost {
		w.adopt(ctx, l, id)
	}
	return nil
}

// errLineLost says that the shared store has lost a line, and with it perhaps all.
var errLineLost = errors.New("experiment: line lost")

// forget removes an old record; the mark that it ran stays.
func (w *Worker) forget(ctx context.Context, id string) error {
	if _, err := w.cfg.Shared.Delete(ctx, recordKey(w.cfg.Box, id)); err != nil {
		return err
	}
	key := localKey(w.cfg.Box, id)
	e, raw, err := readEntry(ctx, w.cfg.Local, key)
	if err != nil || e == nil || e.Phase != known {
		return err
	}
	e.Exp = Experiment{ID: id, Device: e.Exp.Device, State: e.Exp.State}
	_, err = w.cfg.Local.Swap(ctx, key, raw, encode(e), Keep)
	return err
}

// audit looks whether the shared store still has what it had.
func (m *mirror) audit(ctx context.Context) {
	for device, l := range m.w.lanes {
		tctx, cancel := context.WithTimeout(ctx, storeTimeout)
		ln, ok, err := readLine(tctx, m.w.cfg.Shared, m.w.cfg.Box, device)
		if err == nil && (!ok || !ln.Kept) {
			err = m.restore(tctx, l)
		}
		cancel()
		if err != nil {
			return
		}
		m.markLine(device)
	}
}

// restore marks everything of a lane: the store has lost it, or never had it.
func (m *mirror) restore(ctx context.Context, l *lane) error {
	w := m.w
	w.mu.Lock()
	for _, j := range w.jobs {
		if j.e.Exp.Device == l.device {
			m.mark(j)
		}
	}
	w.mu.Unlock()
	if w.cfg.Local == w.cfg.Shared {
		return nil
	}
	keys, err := w.cfg.Local.Keys(ctx, localKey(w.cfg.Box, ""))
	if err != nil {
		return err
	}
	for _, key := range keys {
		raw, ok, err := w.cfg.Local.Get(ctx, key)
		if err != nil {
			return err
		}
		var e entry
		if !ok || json.Unmarshal(raw, &e) != nil || e.Phase != known || e.Exp.Device != l.device || e.Exp.Contract == "" {
			continue
		}
		e.Phase, e.Seq, e.Life = "", 0, ""
		body := encode(&e)
		made, err := w.cfg.Shared.Create(ctx, recordKey(w.cfg.Box, e.Exp.ID), body, Keep)
		if err != nil {
			return err
		}
		if made {
			w.mu.Lock()
			l.ended = append(l.ended, place{ID: e.Exp.ID, Size: len(body)})
			w.mu.Unlock()
		}
	}
	return nil
}
