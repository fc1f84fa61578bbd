package audit

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"time"

	"labbox/edge/durable"
)

// retryEvery is how often a failing disk is tried again.
const retryEvery = time.Second

// copyWithin bounds one call of Config.Copy.
const copyWithin = 2 * time.Second

// writer is the goroutine that writes the files, and what it alone uses.
type writer struct {
	log   *Log
	f     file
	path  string
	first uint64 // number of the file's first record
	size  int64
	head  Head // of the chain
	buf   []byte

	queue []byte // taken from the log's, and not written yet
	ends  []int
	lost  uint64
	asks  []chan error // of Sync, for what was taken

	dirty    bool
	told     Head // by the head file
	copied   Head // by Copy
	copying  chan struct{}
	born     time.Time // and bornMono: tell whether the calendar was set since
	bornMono time.Duration
}

// run writes until the log is closed.
func (w *writer) run() {
	l := w.log
	defer close(l.done)
	w.copying = make(chan struct{}, 1)
	w.copying <- struct{}{}
	var syncAt, retryAt, sweepAt, copyAt <-chan time.Time
	again := false // the last write failed
	for {
		select {
		case <-l.wake:
		case <-syncAt:
			syncAt = nil
			again = !w.sync()
		case <-retryAt:
			retryAt, again = nil, false
		case <-sweepAt:
			sweepAt = nil
			w.sweep(false)
		case <-copyAt:
			copyAt = nil
			w.tell(false)
		case <-l.stop:
			w.sweep(true)
			w.write()
			w.sync()
			w.tell(true)
			w.answer(l.Health())
			_ = w.f.Close()
			return
		}
		if !again {
			again = !w.write()
		}
		if len(w.asks) > 0 && !again {
			again = !w.sync()
		}
		if len(w.asks) > 0 {
			w.answer(l.Health())
		}
		arm(&syncAt, w.dirty && !again, l.cfg.SyncEvery)
		arm(&retryAt, again, retryEvery)
		arm(&sweepAt, w.floods(), time.Second)
		arm(&copyAt, w.told != w.head || l.cfg.Copy != nil && w.copied != w.head, l.cfg.CopyEvery)
	}
}

func arm(at *<-chan time.Time, wanted bool, d time.Duration) {
	if wanted && *at == nil {
		*at = time.After(d)
	}
}

func (w *writer) floods() bool {
	w.log.mu.Lock()
	defer w.log.mu.Unlock()
	return len(w.log.flood.floods) > 0
}

func (w *writer) answer(err error) {
	for _, c := range w.asks {
		c <- err
	}
	w.asks = nil
}

// sweep puts what was left out of floods into the queue.
func (w *writer) sweep(end bool) {
	l := w.log
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.flood.sweep(l.cfg.Clock.Mono(), end) {
		own := l.own(e.Code, e.Args)
		own.Device, own.Actor = e.Device, e.Actor
		l.add(own)
	}
}

// write brings what waits into the file: what had failed, and then what has come
// since. It says whether that worked; if not, all of it waits on.
func (w *writer) write() bool {
	failed := len(w.ends) > 0
	return w.writeBatch() && (!failed || w.writeBatch())
}

// writeBatch is one write.
func (w *writer) writeBatch() bool {
	l := w.log
	if len(w.ends) == 0 { // else the last ones failed
		l.mu.Lock()
		w.queue, l.queue = l.queue, w.queue[:0]
		w.ends, l.ends = l.ends, w.ends[:0]
		w.lost, l.lost = l.lost, 0
		w.asks, l.asked = l.asked, nil
		l.mu.Unlock()
	}
	if len(w.ends) == 0 && w.lost == 0 {
		return true
	}
	w.buf = w.buf[:0]
	head, from := w.head, 0
	for _, end := range w.ends {
		w.buf, head = appendRecord(w.buf, head, w.queue[from:end])
		from = end
	}
	if w.lost > 0 {
		w.buf, head = appendRecord(w.buf, head, appendEvent(nil, l.own(codeLost, map[string]any{"n": w.lost})))
	}
	if err := w.put(w.buf, head); err != nil {
		w.fail(err)
		return false
	}
	w.ends, w.lost = w.ends[:0], 0
	if w.size >= l.cfg.FileBytes {
		if err := w.rotate(); err != nil {
			w.fail(err)
			return false
		}
	}
	return true
}

// put appends whole records to the file, or nothing.
func (w *writer) put(b []byte, head Head) error {
	if w.f == nil {
		if err := w.reopen(); err != nil {
			return err
		}
	}
	if _, err := w.f.Write(b); err != nil {
		if terr := w.f.Truncate(w.size); terr != nil {
			_ = w.f.Close()
			w.f = nil // its end is looked at before more is written
		}
		return err
	}
	w.size, w.head, w.dirty = w.size+int64(len(b)), head, true
	w.log.mu.Lock()
	w.log.head = head
	w.log.mu.Unlock()
	return nil
}

// reopen comes back to a file that could not even be cut.
func (w *writer) reopen() error {
	f, err := w.log.cfg.open(w.path)
	if err != nil {
		return err
	}
	if err := f.Truncate(w.size); err != nil {
		_ = f.Close()
		return err
	}
	w.f = f
	return nil
}

// sync puts what was written on the disk.
func (w *writer) sync() bool {
	if !w.dirty {
		return true
	}
	if w.f == nil {
		return false
	}
	if err := w.f.Sync(); err != nil {
		w.fail(err)
		return false
	}
	w.dirty = false
	l := w.log
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fault != nil {
		l.fault = nil
		l.cfg.Logger.Info("audit log is written again", "lost", l.failed)
	}
	return true
}

func (w *writer) fail(err error) {
	l := w.log
	l.mu.Lock()
	defer l.mu.Unlock()
	w.asks, l.asked = append(w.asks, l.asked...), nil // they are told now
	if l.fault == nil {
		l.cfg.Logger.Error("audit log not written", "path", w.path, "error", err)
	}
	l.fault = storeError(err)
}

// tell writes the head that is on the disk beside the files and hands it to
// Copy, which is not waited for except at the end.
func (w *writer) tell(end bool) {
	l := w.log
	if !w.sync() {
		return
	}
	head := w.head
	if head != w.told {
		if err := writeHead(l.cfg.Dir, head); err != nil {
			w.fail(err)
			return
		}
		w.told = head
	}
	if l.cfg.Copy == nil {
		return
	}
	if end {
		<-w.copying
		if w.copied != head {
			w.copy(head)
		}
		return
	}
	select {
	case <-w.copying:
		w.copied = head
		go func() {
			w.copy(head)
			w.copying <- struct{}{}
		}()
	default: // the one before is still on its way
	}
}

func (w *writer) copy(head Head) {
	ctx, cancel := context.WithTimeout(context.Background(), copyWithin)
	defer cancel()
	if err := w.log.cfg.Copy(ctx, head); err != nil {
		w.log.cfg.Logger.Warn("head of the audit log not copied", "error", err)
	}
}

// rotate ends the file, begins the next one and drops the oldest.
func (w *writer) rotate() error {
	if err := w.f.Sync(); err != nil {
		return err
	}
	w.dirty = false
	old := w.f
	if err := w.next(w.head.N + 1); err != nil {
		return err
	}
	_ = old.Close()
	return w.retain()
}

// next begins the file whose first record will be number n.
func (w *writer) next(n uint64) error {
	path := fileName(w.log.cfg.Dir, n)
	f, err := w.log.cfg.open(path)
	if err != nil {
		return err
	}
	if err := durable.Names(w.log.cfg.Dir); err != nil {
		_ = f.Close()
		return err
	}
	w.f, w.path, w.first, w.size = f, path, n, 0
	return nil
}

// retain drops the oldest files beyond size and age. That they are gone, and
// where the rest begins, is on the disk before each goes.
func (w *writer) retain() error {
	l := w.log
	files, err := list(l.cfg.Dir)
	if err != nil {
		return err
	}
	total := w.size
	for _, f := range files {
		if f.first != w.first {
			total += f.size
		}
	}
	for _, f := range files {
		why := ""
		switch {
		case f.first >= w.first:
			return nil
		case total > l.cfg.MaxBytes:
			why = "size"
		case w.older(f):
			why = "age"
		default:
			return nil
		}
		last, err := lastOf(f.path)
		if err != nil {
			return err
		}
		rec, head := appendRecord(nil, w.head, appendEvent(nil, l.own(codeDropped, map[string]any{"n": last.N, "hash": last.Hash.String(), "why": why})))
		if err := w.put(rec, head); err != nil {
			return err
		}
		if !w.sync() {
			return nil // said already
		}
		if err := os.Remove(f.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		total -= f.size
	}
	return nil
}

// older says that a file is over its age. The machine's calendar tells, unless it
// was set since this process began: a clock that jumps a year deletes nothing.
func (w *writer) older(f logFile) bool {
	now := time.Now().Round(0)
	drift := now.Sub(w.born.Round(0)) - (w.log.cfg.Clock.Mono() - w.bornMono)
	return drift.Abs() < time.Minute && now.Sub(f.changed) > w.log.cfg.MaxAge
}
