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
// latched stops, epochs. Local is the owner's own durable store; Shared is the
// lab's KV, where copies lie and from where an owner with an empty disk learns
// the numbers again. In an edge box both are one. Safe for concurrent use.
type Ledger struct {
	Box    string
	Local  edge.KV
	Shared edge.KV // nil: Local is all there is
	Logger *slog.Logger

	mu     sync.Mutex
	fences map[string]uint64
	epochs map[string]uint32
	stops  map[string]*edge.Stop
}

// storeTimeout bounds every wait for a store. The safe state never waits.
const storeTimeout = 2 * time.Second

func fenceKey(box, device string) string { return edge.Key(box, "fence", device) }
func epochKey(box, device string) string { return edge.Key(box, "epoch", device) }
func stopKey(box, device string) string  { return edge.Key(box, "stop", device) }

// NewLedger reads the latched stops. Without them nobody may say that a device
// is not stopped, so an unreadable store is an error.
func NewLedger(ctx context.Context, box string, local, shared edge.KV, logger *slog.Logger) (*Ledger, error) {
	l := &Ledger{Box: box, Local: local, Shared: shared, Logger: logger,
		fences: map[string]uint64{}, epochs: map[string]uint32{}, stops: map[string]*edge.Stop{}}
	prefix := stopKey(box, "")
	keys, err := local.Keys(ctx, prefix)
	if err != nil {
		return nil, fmt.Errorf("devices: read latched stops: %w", err)
	}
	for _, k := range keys {
		v, ok, err := local.Get(ctx, k)
		if err != nil {
			return nil, fmt.Errorf("devices: read latched stop %s: %w", k, err)
		}
		if !ok {
			continue
		}
		stop := &edge.Stop{}
		if err := json.Unmarshal(v, stop); err != nil {
			logger.Error("latched stop not readable, device stays stopped", "key", k, "error", err)
		}
		l.stops[k[len(prefix):]] = stop
	}
	return l, nil
}

// nextFence returns a number greater than every one before, durable already:
// max(own, shared) + 1.
func (l *Ledger) nextFence(ctx context.Context, device string) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	key := fenceKey(l.Box, device)
	l.mu.Lock()
	defer l.mu.Unlock()
	last := l.fences[device]
	if own, err := l.read(ctx, l.Local, key); err != nil {
		return 0, err
	} else {
		last = max(last, own)
	}
	if l.Shared != nil {
		if n, err := l.read(ctx, l.Shared, key); err != nil {
			l.Logger.Warn("shared fencing number not readable, own one rules", "device", device, "error", err)
		} else {
			last = max(last, n)
		}
	}
	next := last + 1
	got, err := l.Local.Raise(ctx, key, next)
	if err != nil {
		return 0, fmt.Errorf("devices: fencing number not durable: %w", err)
	}
	if got != next {
		return 0, edge.Errorf(edge.CodeInternal, "fencing number %d was taken by another owner", next)
	}
	l.fences[device] = next
	if l.Shared != nil {
		if _, err := l.Shared.Raise(ctx, key, next); err != nil {
			l.Logger.Warn("fencing number not copied", "device", device, "error", err)
		}
	}
	return next, nil
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
// fails the number is still new in this process.
func (l *Ledger) nextEpoch(device string) uint32 {
	ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
	defer cancel()
	l.mu.Lock()
	defer l.mu.Unlock()
	key := epochKey(l.Box, device)
	n, err := l.read(ctx, l.Local, key)
	next := max(uint32(n), l.epochs[device]) + 1
	l.epochs[device] = next
	if err == nil {
		_, err = l.Local.Raise(ctx, key, uint64(next))
	}
	if err != nil {
		l.Logger.Warn("epoch not durable", "device", device, "error", err)
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
func (l *Ledger) latch(device string, st *edge.Stop) error {
	l.mu.Lock()
	l.stops[device] = st
	l.mu.Unlock()
	body, err := json.Marshal(st)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
	defer cancel()
	return l.Local.Set(ctx, stopKey(l.Box, device), body, 0)
}

// unlatch removes a stop; it is gone only when nil is returned.
func (l *Ledger) unlatch(device string) error {
	ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
	defer cancel()
	if _, err := l.Local.Delete(ctx, stopKey(l.Box, device)); err != nil {
		return err
	}
	l.mu.Lock()
	delete(l.stops, device)
	l.mu.Unlock()
	return nil
}
