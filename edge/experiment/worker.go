package experiment

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"labbox/edge"
)

// Driver is the owner of the devices, beside which a worker runs.
type Driver interface {
	// Do carries out one request.
	Do(ctx context.Context, ask *edge.Ask) (*edge.Answer, error)
	// Tick is the newest heartbeat.
	Tick() edge.Tick
	// Contract is a device's, nil where there is no such device.
	Contract(device string) *edge.Contract
	// Status is a device's, now.
	Status(device string) (edge.Status, bool)
}

// Config is what a Worker is made of.
type Config struct {
	Box     string
	Devices []string
	Bus     edge.Bus
	// Local is the worker's own durable store, Shared the lab's; they may be one.
	Local, Shared edge.KV
	Driver        Driver
	Clock         edge.Clock
	Logger        *slog.Logger // nil: none

	// MinGap and MaxGap bound the time that a device stays free after an
	// experiment, so that people get their turn: a tenth of the time it was used;
	// 0: 2 s and 30 s.
	MinGap, MaxGap time.Duration
	// Settle is how long a submission that only the store knows of may be on its
	// way before the worker takes it from there; 0: 30 s.
	Settle time.Duration
}

// Keep is how long the record of an ended experiment stays.
const Keep = 7 * 24 * time.Hour

const (
	storeTimeout = 2 * time.Second
	retryEvery   = 200 * time.Millisecond
	lookEvery    = 100 * time.Millisecond // whether the device is free
	auditEvery   = 2 * time.Second        // whether the shared store still knows
	keepBytes    = 512 << 10              // of ended records per device
	keepMost     = 500
)

func (c *Config) complete() error {
	if c.Bus == nil || c.Local == nil || c.Shared == nil || c.Driver == nil || c.Clock == nil {
		return errors.New("experiment: config needs Bus, Local, Shared, Driver and Clock")
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	for p, d := range map[*time.Duration]time.Duration{&c.MinGap: 2 * time.Second, &c.MaxGap: 30 * time.Second, &c.Settle: 30 * time.Second} {
		if *p <= 0 {
			*p = d
		}
	}
	c.MaxGap = max(c.MaxGap, c.MinGap)
	return edge.CheckName(c.Box)
}

// Worker runs the experiments of a box's devices, one after another on each. It
// is the only one that writes to its local store.
type Worker struct {
	cfg    Config
	log    *slog.Logger
	life   string
	lanes  map[string]*lane
	mirror *mirror
	news   *news

	taking sync.Mutex // one submission at a time gets into the local store

	mu   sync.Mutex
	seq  uint64
	jobs map[string]*job // open ones, and ended ones that the shared store has not taken
}

// job is an experiment that this worker has. Worker.mu guards it.
type job struct {
	e      *entry
	local  []byte // as it stands in the local store
	ended  uint64 // in the order of the ends
	cancel context.CancelCauseFunc
}

// NewWorker returns a worker; Run makes it work.
func NewWorker(cfg Config) (*Worker, error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	w := &Worker{cfg: cfg, log: cfg.Logger, life: rand.Text(), lanes: map[string]*lane{}, jobs: map[string]*job{}}
	w.mirror, w.news = newMirror(w), newNews(w)
	for _, d := range cfg.Devices {
		w.lanes[d] = newLane(w, d)
	}
	return w, nil
}

// Run works until ctx ends; an experiment under way is then stopped and marked
// interrupted. The error is that of a local store that cannot be read.
func (w *Worker) Run(ctx context.Context) error {
	if err := w.load(ctx); err != nil {
		return err
	}
	var lanes, copying, hearing sync.WaitGroup
	newsCtx, noNews := context.WithCancel(context.WithoutCancel(ctx))
	mirrorCtx, noMirror := context.WithCancel(context.WithoutCancel(ctx))
	copying.Go(func() { w.news.run(newsCtx) })
	copying.Go(func() { w.mirror.run(mirrorCtx) })
	for _, l := range w.lanes {
		hearing.Go(func() { w.hear(ctx, l.device) })
		lanes.Go(func() { l.run(ctx) })
	}
	<-ctx.Done()
	lanes.Wait()
	hearing.Wait()
	noMirror()
	noNews()
	copying.Wait()
	return nil
}

// hear consumes a device's queue until ctx ends, however long the broker is away
// at first.
func (w *Worker) hear(ctx context.Context, device string) {
	q := Queue(w.cfg.Box, device)
	for told := false; ; {
		err := w.cfg.Bus.Declare(ctx, q)
		var sub edge.Subscription
		if err == nil {
			sub, err = w.cfg.Bus.Consume(q.Name, func(ctx context.Context, j edge.Job) error { return w.take(ctx, device, j) })
		}
		if err == nil {
			<-ctx.Done()
			_ = sub.Close() // nothing to save: jobs come again
			return
		}
		if ctx.Err() == nil && !told {
			w.log.Warn("queue of experiments not heard yet", "device", device, "error", err)
			told = true
		}
		if !sleep(ctx, 5*retryEvery) {
			return
		}
	}
}

// take is given one job. It is done with it as soon as the local store has it.
// An error, for what nobody can read, sets it aside after a few tries.
func (w *Worker) take(ctx context.Context, device string, j edge.Job) error {
	var m message
	bad := func(why string) error {
		w.log.Warn("job refused", "device", device, "id", j.ID, "why", why)
		return edge.Errorf(edge.CodeBadRequest, "job %s is %s", j.ID, why)
	}
	if err := json.Unmarshal(j.Data, &m); err != nil || m.V != version {
		return bad("not readable")
	}
	switch {
	case m.Submit != nil && m.Submit.V == version && checkID(m.Submit.Exp.ID) && m.Submit.Exp.Device == device && len(m.Submit.Exp.Steps) > 0:
		return w.accept(ctx, m.Submit)
	case checkID(m.Cancel) && m.Actor != nil:
		return w.withdraw(ctx, m.Cancel, *m.Actor)
	}
	return bad("neither a submission nor a cancellation")
}

// accept puts a submission into the local store, once.
func (w *Worker) accept(ctx context.Context, sub *entry) error {
	w.taking.Lock()
	defer w.taking.Unlock()
	id := sub.Exp.ID
	w.mu.Lock()
	_, have := w.jobs[id]
	w.seq++
	seq := w.seq
	w.mu.Unlock()
	if have {
		return nil
	}
	e := *sub
	e.Phase, e.Seq, e.Life, e.Cancel = accepted, seq, w.life, nil
	e.Exp = Experiment{ID: id, Device: e.Exp.Device, Name: e.Exp.Name, By: e.Actor.Ref(), State: Pending, Steps: e.Exp.Steps,
		Contract: e.Exp.Contract, LengthMS: e.Exp.LengthMS, SubmittedMS: e.Exp.SubmittedMS}
	raw, key := encode(&e), localKey(w.cfg.Box, id)
	for {
		err := func() error {
			ctx, cancel := context.WithTimeout(ctx, storeTimeout)
			defer cancel()
			ok, err := w.cfg.Local.Create(ctx, key, raw, 0)
			if err != nil || ok {
				return err
			}
			had, hadRaw, err := readEntry(ctx, w.cfg.Local, key)
			switch {
			case err != nil || had == nil:
				return err
			case had.Phase == accepted, had.Phase == started:
				// An earlier try of ours whose answer was lost, or what an earlier life
				// wrote after this one had read the store: nobody else does it.
				e, raw = *had, hadRaw
				return nil
			case had.Phase == known:
				w.mirror.markKnown(had)
			case had.Phase == withdrawn && had.Cancel != nil && e.mayCancel(*had.Cancel) == nil:
				return w.acceptWithdrawn(ctx, &e, *had.Cancel)
			}
			return errKnown
		}()
		switch {
		case errors.Is(err, errKnown):
			return nil
		case err == nil:
			j := &job{e: &e, local: raw}
			if e.Phase == started {
				w.interrupted(ctx, j)
				w.changed(j)
				return nil
			}
			w.mu.Lock()
			w.jobs[id] = j
			if e.Phase == accepted {
				w.lanes[e.Exp.Device].addLocked(j)
			}
			w.mu.Unlock()
			w.changed(j)
			return nil
		}
		if !sleep(ctx, retryEvery) {
			return err
		}
	}
}

// errKnown says that there is nothing to take over.
var errKnown = errors.New("experiment: known already")

// acceptWithdrawn files a submission whose cancellation came first.
func (w *Worker) acceptWithdrawn(ctx context.Context, e *entry, by edge.Actor) error {
	e.cancelled(by, w.cfg.Clock.Wall().UnixMilli())
	e.Phase = ended
	return w.cfg.Local.Set(ctx, localKey(w.cfg.Box, e.Exp.ID), encode(e), 0)
}

// withdraw cancels an experiment.
func (w *Worker) withdraw(ctx context.Context, id string, by edge.Actor) error {
	w.taking.Lock()
	defer w.taking.Unlock()
	w.mu.Lock()
	j := w.jobs[id]
	w.mu.Unlock()
	if j == nil {
		e := &entry{V: version, Cancel: &by, Phase: withdrawn, Exp: Experiment{ID: id}}
		ctx, cancel := context.WithTimeout(ctx, storeTimeout)
		defer cancel()
		_, err := w.cfg.Local.Create(ctx, localKey(w.cfg.Box, id), encode(e), Keep)
		return err
	}
	return w.cancelJob(ctx, j, by)
}

func (w *Worker) cancelJob(ctx context.Context, j *job, by edge.Actor) error {
	w.mu.Lock()
	if j.e.mayCancel(by) != nil {
		w.mu.Unlock()
		w.log.Warn("cancellation refused", "id", j.e.Exp.ID, "seat", by.Seat)
		return nil //nolint:nilerr // the job is dealt with: nobody's wish is left to do
	}
	if j.e.Phase == started && j.cancel != nil {
		j.e.Cancel = &by
		j.cancel(errWithdrawn)
		w.mu.Unlock()
		return nil
	}
	if j.e.Phase != accepted || !w.lanes[j.e.Exp.Device].claimLocked(j) {
		w.mu.Unlock()
		return nil
	}
	j.e.cancelled(by, w.cfg.Clock.Wall().UnixMilli())
	w.mu.Unlock()
	return w.finish(ctx, j)
}

// errWithdrawn ends a run that somebody cancelled.
var errWithdrawn = errors.New("experiment: cancelled")

// finish makes an end durable, in the worker's own store, then tells of it.
func (w *Worker) finish(ctx context.Context, j *job) error {
	w.mu.Lock()
	j.e.Phase = ended
	w.seq++
	j.ended = w.seq
	raw := encode(j.e)
	key := localKey(w.cfg.Box, j.e.Exp.ID)
	w.mu.Unlock()
	err := w.persist(ctx, func(ctx context.Context) error { return w.cfg.Local.Set(ctx, key, raw, 0) })
	w.mu.Lock()
	if err == nil {
		j.local = raw
	}
	w.lanes[j.e.Exp.Device].removeLocked(j)
	rest := slices.Clone(w.lanes[j.e.Exp.Device].open)
	w.mu.Unlock()
	w.changed(j)
	for i := range min(len(rest), 50) { // their places have changed
		w.news.tell(rest[i])
	}
	return err
}

// persist tries until the local store has taken something, or ctx ends; then once
// more.
func (w *Worker) persist(ctx context.Context, fn func(ctx context.Context) error) error {
	for told := false; ; {
		last := ctx.Err() != nil
		tctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
		err := fn(tctx)
		cancel()
		if err == nil || last {
			return err
		}
		if !told {
			w.log.Error("own store does not take experiments", "error", err)
			told = true
		}
		sleep(ctx, retryEvery)
	}
}

// changed tells the store and the panels of a job.
func (w *Worker) changed(j *job) {
	w.mirror.mark(j)
	w.news.tell(j)
}

// sleep waits, and says whether ctx goes on.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
