package devices

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"labbox/edge"
)

// memoryKV is an edge.KV for what need not outlive the process: the ledger of a
// rehearsal. It keeps no ttl.
type memoryKV struct {
	mu sync.Mutex
	m  map[string][]byte
}

var _ edge.KV = (*memoryKV)(nil)

func newMemoryLedger(box string, log *slog.Logger) *Ledger {
	return &Ledger{Box: box, Local: &memoryKV{m: map[string][]byte{}}, Logger: log,
		pages: map[string]*page{}, epochs: map[string]uint32{}, stops: map[string]*edge.Stop{}}
}

func (k *memoryKV) Get(_ context.Context, key string) ([]byte, bool, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	v, ok := k.m[key]
	return bytes.Clone(v), ok, nil
}

func (k *memoryKV) GetMany(_ context.Context, keys ...string) ([][]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	all := make([][]byte, len(keys))
	for i, key := range keys {
		all[i] = bytes.Clone(k.m[key])
	}
	return all, nil
}

func (k *memoryKV) Set(_ context.Context, key string, v []byte, _ time.Duration) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.m[key] = bytes.Clone(v)
	return nil
}

func (k *memoryKV) Create(_ context.Context, key string, v []byte, _ time.Duration) (bool, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, ok := k.m[key]; ok {
		return false, nil
	}
	k.m[key] = bytes.Clone(v)
	return true, nil
}

func (k *memoryKV) Swap(_ context.Context, key string, old, v []byte, _ time.Duration) (bool, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if now, ok := k.m[key]; !ok || !bytes.Equal(now, old) {
		return false, nil
	}
	k.m[key] = bytes.Clone(v)
	return true, nil
}

func (k *memoryKV) Raise(_ context.Context, key string, n uint64) (uint64, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if held, err := strconv.ParseUint(string(k.m[key]), 10, 64); err == nil && held >= n {
		return held, nil
	}
	k.m[key] = strconv.AppendUint(nil, n, 10)
	return n, nil
}

func (k *memoryKV) Delete(_ context.Context, keys ...string) (n int, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, key := range keys {
		if _, ok := k.m[key]; ok {
			n++
		}
		delete(k.m, key)
	}
	return n, nil
}

func (k *memoryKV) Touch(_ context.Context, key string, _ time.Duration) (bool, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	_, ok := k.m[key]
	return ok, nil
}

func (k *memoryKV) TTL(_ context.Context, key string) (time.Duration, bool, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	_, ok := k.m[key]
	return 0, ok, nil
}

func (k *memoryKV) Keys(_ context.Context, prefix string) ([]string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	var keys []string
	for key := range k.m {
		if strings.HasPrefix(key, prefix) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys, nil
}

func (k *memoryKV) Health(context.Context) error { return nil }

func (k *memoryKV) Close() error { return nil }
