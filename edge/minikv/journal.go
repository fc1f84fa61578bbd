package minikv

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// batch is what one round of the log makes durable.
type batch struct {
	images  map[string]image
	clocks  []clockMark
	writers int  // commands that wait for it
	urgent  bool // somebody waits
	done    chan struct{}
	err     error // set before done is closed
}

func newBatch() *batch { return &batch{images: map[string]image{}, done: make(chan struct{})} }

func (b *batch) empty() bool { return len(b.images) == 0 && len(b.clocks) == 0 && !b.urgent }

func (b *batch) wait() error {
	<-b.done
	return b.err
}

// journal writes batches, one after another: while one is on its way to the
// disk the next one gathers, so the writers of a busy store share a sync.
type journal struct {
	s    *Store
	dest *generation

	applying atomic.Bool  // a command is applied whose images are in no batch yet
	busy     atomic.Int32 // urgent batches that are not durable

	mu     sync.Mutex
	open   *batch
	flight *batch // being written, or nil

	kick    chan struct{}
	stop    chan struct{}
	running sync.WaitGroup
}

func newJournal(s *Store, dest *generation) *journal {
	return &journal{s: s, dest: dest, open: newBatch(), kick: make(chan struct{}, 1), stop: make(chan struct{})}
}

// add puts the images of one command into the open batch. Without images it
// returns the newest batch that is under way, which covers whatever the command
// has read, or nil.
func (j *journal) add(images []image) *batch {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(images) == 0 {
		return j.newest()
	}
	for _, i := range images {
		j.open.images[i.key] = i
	}
	j.open.writers++
	return j.urge()
}

// newest is the last batch somebody waits for. The lock is held.
func (j *journal) newest() *batch {
	if j.open.urgent {
		return j.open
	}
	if j.flight != nil && j.flight.urgent {
		return j.flight
	}
	return nil
}

// urge has the open batch written soon and returns it. The lock is held.
func (j *journal) urge() *batch {
	if !j.open.urgent {
		j.open.urgent = true
		j.busy.Add(1)
		select {
		case j.kick <- struct{}{}:
		default:
		}
	}
	return j.open
}

// addLazy notes that a key has expired: it may wait for company.
func (j *journal) addLazy(key string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.open.images[key] = image{key: key}
}

func (j *journal) addClock(c clockMark) *batch {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.open.clocks = append(j.open.clocks, c)
	return j.urge()
}

// settle waits until the command that is being applied has its images in a batch.
func (j *journal) settle() {
	if j.applying.Load() {
		j.s.mu.Lock()
		j.s.mu.Unlock() //nolint:staticcheck // an empty section is the wait
	}
}

// waitKeys returns when what a read has just seen of keys is durable.
func (j *journal) waitKeys(keys []string) error {
	j.settle()
	if j.busy.Load() == 0 {
		return nil
	}
	j.mu.Lock()
	var b *batch
	for _, k := range keys {
		if j.open.urgent {
			if _, ok := j.open.images[k]; ok {
				b = j.open
				break
			}
		}
		if j.flight != nil && j.flight.urgent {
			if _, ok := j.flight.images[k]; ok {
				b = j.flight
			}
		}
	}
	j.mu.Unlock()
	if b == nil {
		return nil
	}
	return b.wait()
}

// waitAll is waitKeys for every key.
func (j *journal) waitAll() error {
	j.settle()
	j.mu.Lock()
	b := j.newest()
	j.mu.Unlock()
	if b == nil {
		return nil
	}
	return b.wait()
}

const (
	gatherWait = 300 * time.Microsecond
	lazyWait   = time.Second
	writeWait  = 15 * time.Second

	compactPause = time.Minute
)

// run writes batches until close.
func (j *journal) run() {
	lazy := time.NewTicker(lazyWait)
	defer lazy.Stop()
	company := 1
	var again time.Time // when to try to compact after a failure
	for {
		last := false
		select {
		case <-j.kick:
			j.gather(company)
		case <-lazy.C:
		case <-j.stop:
			last = true
		}
		if b := j.take(); b != nil {
			company = b.writers
			j.finish(b, j.write(b))
		}
		if last {
			return
		}
		if j.s.down.Load() == nil && !time.Now().Before(again) && j.dest.grown(j.s) {
			if err := j.compact(); err != nil {
				j.s.cfg.Logger.Error("log not written anew", "store", j.s.cfg.Name, "err", err)
				again = time.Now().Add(compactPause)
			}
		}
	}
}

// gather lets the writers that the last batch released come back, so that they
// share this sync and not every other one.
func (j *journal) gather(company int) {
	for end := time.Now().Add(gatherWait); ; {
		j.mu.Lock()
		here := j.open.writers
		j.mu.Unlock()
		if here >= company || time.Now().After(end) {
			return
		}
		runtime.Gosched()
	}
}

func (j *journal) take() *batch {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.open.empty() {
		return nil
	}
	b := j.open
	j.open, j.flight = newBatch(), b
	return b
}

func (j *journal) finish(b *batch, err error) {
	if err != nil {
		j.s.fail(err)
	}
	j.mu.Lock()
	b.err = err
	j.flight = nil
	j.mu.Unlock()
	if b.urgent {
		j.busy.Add(-1)
	}
	close(b.done)
}

func (j *journal) write(b *batch) error {
	if err := j.s.down.Load(); err != nil {
		return *err
	}
	ctx, cancel := context.WithTimeout(context.Background(), writeWait)
	defer cancel()
	w := recordWriter{boot: j.s.boot, emit: func(rec []byte) error { return j.dest.append(ctx, rec) }}
	for _, c := range b.clocks {
		w.clock(c)
	}
	for _, i := range b.images {
		if err := w.image(&i); err != nil {
			return err
		}
	}
	if err := w.end(); err != nil {
		return err
	}
	return j.dest.commit(ctx)
}

func (j *journal) close() {
	close(j.stop)
	j.running.Wait()
	j.dest.close(j.s.down.Load() == nil)
}
