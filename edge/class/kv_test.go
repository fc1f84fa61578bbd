package class

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"labbox/edge"
)

// fakeKV is an edge.KV in a map, with a clock that tests move.
type fakeKV struct {
	mu    sync.Mutex
	now   time.Duration
	m     map[string]entry
	calls atomic.Int64
	down  atomic.Bool
}

type entry struct {
	v   []byte
	end time.Duration // 0: stays
}

func newKV() *fakeKV { return &fakeKV{m: map[string]entry{}} }

func (k *fakeKV) advance(d time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.now += d
}

func (k *fakeKV) dump() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	var all []string
	for key, e := range k.m {
		all = append(all, key+"="+string(e.v))
	}
	return all
}

// with runs fn under the lock, after dropping what has expired.
func (k *fakeKV) with(fn func()) error {
	k.calls.Add(1)
	if k.down.Load() {
		return edge.Errorf(edge.CodeStoreDown, "down")
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	maps.DeleteFunc(k.m, func(_ string, e entry) bool { return e.end != 0 && e.end <= k.now })
	fn()
	return nil
}

func (k *fakeKV) put(key string, v []byte, ttl time.Duration) {
	e := entry{v: bytes.Clone(v)}
	if ttl != 0 {
		e.end = k.now + ttl
	}
	k.m[key] = e
}

func (k *fakeKV) Get(_ context.Context, key string) (v []byte, ok bool, err error) {
	err = k.with(func() {
		var e entry
		if e, ok = k.m[key]; ok {
			v = bytes.Clone(e.v)
		}
	})
	return v, ok, err
}

func (k *fakeKV) GetMany(_ context.Context, keys ...string) (vs [][]byte, err error) {
	err = k.with(func() {
		for _, key := range keys {
			vs = append(vs, bytes.Clone(k.m[key].v))
		}
	})
	return vs, err
}

func (k *fakeKV) Set(_ context.Context, key string, v []byte, ttl time.Duration) error {
	return k.with(func() { k.put(key, v, ttl) })
}

func (k *fakeKV) Create(_ context.Context, key string, v []byte, ttl time.Duration) (ok bool, err error) {
	err = k.with(func() {
		if _, has := k.m[key]; !has {
			k.put(key, v, ttl)
			ok = true
		}
	})
	return ok, err
}

func (k *fakeKV) Swap(_ context.Context, key string, old, v []byte, ttl time.Duration) (ok bool, err error) {
	err = k.with(func() {
		if e, has := k.m[key]; has && bytes.Equal(e.v, old) {
			k.put(key, v, ttl)
			ok = true
		}
	})
	return ok, err
}

func (k *fakeKV) Raise(_ context.Context, key string, n uint64) (held uint64, err error) {
	err = k.with(func() {
		held, _ = strconv.ParseUint(string(k.m[key].v), 10, 64)
		if n > held {
			held = n
			k.put(key, []byte(strconv.FormatUint(n, 10)), 0)
		}
	})
	return held, err
}

func (k *fakeKV) Delete(_ context.Context, keys ...string) (n int, err error) {
	err = k.with(func() {
		for _, key := range keys {
			if _, ok := k.m[key]; ok {
				n++
			}
			delete(k.m, key)
		}
	})
	return n, err
}

func (k *fakeKV) Touch(_ context.Context, key string, ttl time.Duration) (ok bool, err error) {
	err = k.with(func() {
		var e entry
		if e, ok = k.m[key]; ok {
			k.put(key, e.v, ttl)
		}
	})
	return ok, err
}

func (k *fakeKV) TTL(_ context.Context, key string) (left time.Duration, ok bool, err error) {
	err = k.with(func() {
		var e entry
		if e, ok = k.m[key]; ok && e.end != 0 {
			left = e.end - k.now
		}
	})
	return left, ok, err
}

func (k *fakeKV) Keys(_ context.Context, prefix string) (keys []string, err error) {
	err = k.with(func() {
		for key := range k.m {
			if strings.HasPrefix(key, prefix) {
				keys = append(keys, key)
			}
		}
		slices.Sort(keys)
	})
	return keys, err
}

func (k *fakeKV) Health(context.Context) error { return k.with(func() {}) }

func (k *fakeKV) Close() error { return nil }
