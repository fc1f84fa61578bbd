package devices

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"labbox/edge"
)

// Ledger keeps what must not be forgotten about devices: fencing numbers,
// latched stops, queues, epochs. Local is the owner's own durable store; Shared is the
// lab's KV, where copies lie and from where an owner with an empty disk learns
// the numbers again. In an edge box both are one. Safe for concurrent use; one
// device never waits for what another one asks of the store.
type Ledger struct {
	Box    string
	Local  edge.KV
	Shared edge.KV // nil: Local is all there is
	Logger *slog.Logger

	mu     sync.Mutex
	pages  map[string]*page
	epochs map[string]uint32
	stops  map[string]*edge.Stop // as they shall be; the store follows
	saved  map[string]savedTurns // as they were found
	floor  uint64                // every fencing number is greater
}

// page is one device's part. Its locks are held while the store is asked, so
// that they are channels: whoever waits can give up.
type page struct {
	fencing chan struct{} // holds one token
	fence   uint64
	saving  chan struct{} // the same, for the latched stop
	turning chan struct{} // and for the queue
	turned  []byte        // what the store holds of it, nil: nobody knows
}

func newPage() *page {
	p := &page{fencing: make(chan struct{}, 1), saving: make(chan struct{}, 1), turning: make(chan struct{}, 1)}
	p.fencing <- struct{}{}
	p.saving <- struct{}{}
	p.turning <- struct{}{}
	return p
}

// errStore says that others still wait for the store.
var errStore = edge.Errorf(edge.CodeStoreDown, "the store does not answer").WithHint("is the disk full or failing?")

func lock(ctx context.Context, token chan struct{}) error {
	select {
	case <-token:
		return nil
	case <-ctx.Done():
		return errStore
	}
}

func unlock(token chan struct{}) { token <- struct{}{} }

// storeTimeout bounds every wait for a store. The safe state never waits.
const storeTimeout = 2 * time.Second

// sharedTimeout bounds how long a turn waits for what the shared store knows.
const sharedTimeout = 500 * time.Millisecond

// epochTimeout bounds the wait before a device's port is opened: the boot's safe
// sequence is behind it.
const epochTimeout = 200 * time.Millisecond

// FenceFloorKey is where a restored backup says that every fencing number of the
// box is greater than this: numbers given out since the backup are not in it.
func FenceFloorKey(box string) string { return edge.Key(box, "fence-floor") }

// FencePrefix is the common prefix of the keys of a box's fencing numbers.
func FencePrefix(box string) string { return fenceKey(box, "") }

func fenceKey(box, device string) string { return edge.Key(box, "fence", device) }
func epochKey(box, device string) string { return edge.Key(box, "epoch", device) }
func stopKey(box, device string) string  { return edge.Key(box, "stop", device) }

// NewLedger reads the latched stops, the queues and the epochs. Without them nobody may say
// that a device is not stopped, so an unreadable store is an error.
func NewLedger(ctx context.Context, box string, local, shared edge.KV, logger *slog.Logger) (*Ledger, error) {
	l := &Ledger{Box: box, Local: local, Shared: shared, Logger: logger,
		pages: map[string]*page{}, epochs: map[string]uint32{}, stops: map[string]*edge.Stop{}, saved: map[string]savedTurns{}}
	err := l.each(ctx, stopKey(box, ""), func(device string, v []byte) {
		stop := &edge.Stop{}
		if err := json.Unmarshal(v, stop); err != nil {
			logger.Error("latched stop not readable, device stays stopped", "device", device, "error", err)
		}
		l.stops[device] = stop
	})
	if err != nil {
		return nil, fmt.Errorf("devices: read latched stops: %w", err)
	}
	err = l.each(ctx, epochKey(box, ""), func(device string, v []byte) {
		n, err := strconv.ParseUint(string(v), 10, 32)
		if err != nil {
			logger.Error("epoch not readable", "device", device, "error", err)
		}
		l.epochs[device] = uint32(n)
	})
	if err != nil {
		return nil, fmt.Errorf("devices: read epochs: %w", err)
	}
	if l.floor, err = l.read(ctx, local, FenceFloorKey(box)); err != nil {
		return nil, fmt.Errorf("devices: read the least fencing number: %w", err)
	}
	return l, l.readTurns(ctx)
}

func (l *Ledger) each(ctx context.Context, prefix string, fn func(device string, v []byte)) error {
	keys, err := l.Local.Keys(ctx, prefix)
	if err != nil {
		return err
	}
	for _, k := range keys {
		v, ok, err := l.Local.Get(ctx, k)
		if err != nil {
			return fmt.Errorf("%s: %w", k, err)
		}
		if ok {
			fn(k[len(prefix):], v)
		}
	}
	return nil
}

func (l *Ledger) page(device string) *page {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.pages[device]
	if p == nil {
		p = newPage()
		l.pages[device] = p
	}
	return p
}

// nextFence returns a number greater than every one before, durable already:
// max(own, shared) + 1.
func (l *Ledger) nextFence(ctx context.Context, device string) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	key, p := fenceKey(l.Box, device), l.page(device)
	if err := lock(ctx, p.fencing); err != nil {
		return 0, err
	}
	defer unlock(p.fencing)
	own, err := l.read(ctx, l.Local, key)
	if err != nil {
		return 0, err
	}
	last := max(p.fence, own, l.floor)
	if l.Shared != nil {
		sctx, cancel := context.WithTimeout(ctx, sharedTimeout)
		n, err := l.read(sctx, l.Shared, key)
		cancel()
		if err != nil {
			l.Logger.Warn("shared fencing number not readable, own one rules", "device", device, "error", err)
		} else {
			last = max(last, n)
		}
	}
	next := last + 1
	if next == 0 {
		return 0, edge.Errorf(edge.CodeInternal, "fencing numbers of %s are used up", device)
	}
	got, err := l.Local.Raise(ctx, key, next)
	if err != nil {
		return 0, fmt.Errorf("devices: fencing number not durable: %w", err)
	}
	if got != next {
		return 0, edge.Errorf(edge.CodeInternal, "fencing number %d was taken by another owner", next)
	}
	p.fence = next
	if l.Shared != nil {
		go l.copyFence(device, key, next)
	}
	return next, nil
}

// copyFence tells the shared store, which may be slow or away: the own number
// rules.
func (l *Ledger) copyFence(device, key string, n uint64) {
	ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
	defer cancel()
	if _, err := l.Shared.Raise(ctx, key, n); err != nil {
		l.Logger.Warn("fencing number not copied", "device", device, "error", err)
	}
}

func (l *Ledger) read(ctx context.Context, kv edge.KV, key string) (uint64, error) {
	v, ok, err := kv.Get(ctx, key)
	if err != nil || !ok {
		return 0, err
	}
	n, err := strconv.ParseUint(string(v), 10, 64)
	if err != nil {
		return 0, edge.Errorf(edge.CodeInternal, "%s holds %q, which is no number", key, v)
	}
	return n, nil
}

// nextEpoch returns a number the device's stream has not used. Where the store
// fails or is slow the number is still new in this process.
func (l *Ledger) nextEpoch(device string) uint32 {
	l.mu.Lock()
	l.epochs[device]++
	next := l.epochs[device]
	l.mu.Unlock()
	done := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
		defer cancel()
		_, err := l.Local.Raise(ctx, epochKey(l.Box, device), uint64(next))
		done <- err
	}()
	t := time.NewTimer(epochTimeout)
	defer t.Stop()
	select {
	case err := <-done:
		if err != nil {
			l.Logger.Warn("epoch not durable", "device", device, "error", err)
		}
	case <-t.C:
		l.Logger.Warn("epoch not durable yet, the store is slow", "device", device)
	}
	return next
}

// stop is the latched stop of a device, nil when there is none.
func (l *Ledger) stop(device string) *edge.Stop {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.stops[device]
}

// latch makes a stop durable.
func (l *Ledger) latch(device string, st *edge.Stop) error { return l.save(device, st) }

// unlatch removes a stop; it is gone only when nil is returned.
func (l *Ledger) unlatch(device string) error {
	before := l.stop(device)
	err := l.save(device, nil)
	if err != nil && before != nil {
		l.mu.Lock()
		if l.stops[device] == nil {
			l.stops[device] = before
		}
		l.mu.Unlock()
	}
	return err
}

// save brings the store to the newest that is wanted, whoever comes last.
func (l *Ledger) save(device string, st *edge.Stop) error {
	p := l.page(device)
	l.mu.Lock()
	if st == nil {
		delete(l.stops, device)
	} else {
		l.stops[device] = st
	}
	l.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
	defer cancel()
	if err := lock(ctx, p.saving); err != nil {
		return err
	}
	defer unlock(p.saving)
	if st = l.stop(device); st == nil {
		_, err := l.Local.Delete(ctx, stopKey(l.Box, device))
		return err
	}
	body, err := json.Marshal(st)
	if err != nil {
		return err
	}
	return l.Local.Set(ctx, stopKey(l.Box, device), body, 0)
}
