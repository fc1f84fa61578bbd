package web_test

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

// fakeBus is an edge.Bus in the process: live messages and requests only.
type fakeBus struct {
	mu   sync.RWMutex
	subs []*fakeSub
	down atomic.Bool
}

type fakeSub struct {
	bus     *fakeBus
	pattern []string
	mu      sync.Mutex // handlers of one subscription run one after another
	live    func(edge.Msg)
	serve   func(context.Context, edge.Msg) ([]byte, error)
}

func (s *fakeSub) matches(subject string) bool {
	w := strings.Split(subject, ".")
	if len(w) != len(s.pattern) {
		return false
	}
	for i, p := range s.pattern {
		if p != "*" && p != w[i] {
			return false
		}
	}
	return true
}

func (s *fakeSub) Close() error {
	s.bus.mu.Lock()
	defer s.bus.mu.Unlock()
	s.bus.subs = slices.DeleteFunc(s.bus.subs, func(o *fakeSub) bool { return o == s })
	return nil
}

func (s *fakeSub) Dropped() uint64 { return 0 }

func (b *fakeBus) add(s *fakeSub) (edge.Subscription, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.subs = append(b.subs, s)
	return s, nil
}

func (b *fakeBus) find(subject string, server bool) []*fakeSub {
	b.mu.RLock()
	defer b.mu.RUnlock()
	var list []*fakeSub
	for _, s := range b.subs {
		if (s.serve != nil) == server && s.matches(subject) {
			list = append(list, s)
		}
	}
	return list
}

func (b *fakeBus) Publish(_ context.Context, subject string, data []byte) error {
	for _, s := range b.find(subject, false) {
		s.mu.Lock()
		s.live(edge.Msg{Subject: subject, Data: data})
		s.mu.Unlock()
	}
	return nil
}

func (b *fakeBus) Subscribe(pattern string, fn func(edge.Msg)) (edge.Subscription, error) {
	return b.add(&fakeSub{bus: b, pattern: strings.Split(pattern, "."), live: fn})
}

func (b *fakeBus) Serve(pattern string, fn func(context.Context, edge.Msg) ([]byte, error)) (edge.Subscription, error) {
	return b.add(&fakeSub{bus: b, pattern: strings.Split(pattern, "."), serve: fn})
}

func (b *fakeBus) Request(ctx context.Context, subject string, data []byte) ([]byte, error) {
	servers := b.find(subject, true)
	switch {
	case b.down.Load():
		return nil, edge.Errorf(edge.CodeBusDown, "the broker is away")
	case len(servers) == 0:
		return nil, edge.Errorf(edge.CodeNoAnswer, "nobody serves %s", subject)
	}
	type outcome struct {
		b   []byte
		err error
	}
	ch := make(chan outcome, 1)
	go func() {
		b, err := servers[0].serve(ctx, edge.Msg{Subject: subject, Data: data})
		ch <- outcome{b, err}
	}()
	select {
	case o := <-ch:
		return o.b, o.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (b *fakeBus) Declare(context.Context, edge.Queue) error             { return nil }
func (b *fakeBus) Enqueue(context.Context, string, string, []byte) error { return nil }
func (b *fakeBus) Dead(context.Context, string, int) ([]edge.Job, error) { return nil, nil }
func (b *fakeBus) Close() error                                          { return nil }
func (b *fakeBus) Consume(string, func(context.Context, edge.Job) error) (edge.Subscription, error) {
	return &fakeSub{bus: b}, nil
}

func (b *fakeBus) Health() error {
	if b.down.Load() {
		return edge.Errorf(edge.CodeBusDown, "the broker is away")
	}
	return nil
}

// fakeKV is an edge.KV in a map; nothing expires.
type fakeKV struct {
	mu   sync.Mutex
	m    map[string][]byte
	down atomic.Bool
}

func newKV() *fakeKV { return &fakeKV{m: map[string][]byte{}} }

func (k *fakeKV) with(fn func()) error {
	if k.down.Load() {
		return edge.Errorf(edge.CodeStoreDown, "the store is away")
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	fn()
	return nil
}

func (k *fakeKV) Get(_ context.Context, key string) (v []byte, ok bool, err error) {
	err = k.with(func() { v, ok = k.m[key] })
	return bytes.Clone(v), ok, err
}

func (k *fakeKV) GetMany(_ context.Context, keys ...string) (vs [][]byte, err error) {
	err = k.with(func() {
		for _, key := range keys {
			vs = append(vs, bytes.Clone(k.m[key]))
		}
	})
	return vs, err
}

func (k *fakeKV) Set(_ context.Context, key string, v []byte, _ time.Duration) error {
	return k.with(func() { k.m[key] = bytes.Clone(v) })
}

func (k *fakeKV) Create(_ context.Context, key string, v []byte, _ time.Duration) (ok bool, err error) {
	err = k.with(func() {
		if _, has := k.m[key]; !has {
			k.m[key], ok = bytes.Clone(v), true
		}
	})
	return ok, err
}

func (k *fakeKV) Swap(_ context.Context, key string, old, v []byte, _ time.Duration) (ok bool, err error) {
	err = k.with(func() {
		if has, there := k.m[key]; there && bytes.Equal(has, old) {
			k.m[key], ok = bytes.Clone(v), true
		}
	})
	return ok, err
}

func (k *fakeKV) Raise(_ context.Context, key string, n uint64) (held uint64, err error) {
	err = k.with(func() {
		held, _ = strconv.ParseUint(string(k.m[key]), 10, 64)
		if n > held {
			held, k.m[key] = n, []byte(strconv.FormatUint(n, 10))
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

func (k *fakeKV) Touch(_ context.Context, key string, _ time.Duration) (ok bool, err error) {
	err = k.with(func() { _, ok = k.m[key] })
	return ok, err
}

func (k *fakeKV) TTL(_ context.Context, key string) (left time.Duration, ok bool, err error) {
	err = k.with(func() { _, ok = k.m[key] })
	return 30 * 24 * time.Hour, ok, err
}

func (k *fakeKV) Keys(_ context.Context, prefix string) (keys []string, err error) {
	err = k.with(func() {
		for _, key := range slices.Sorted(maps.Keys(k.m)) {
			if strings.HasPrefix(key, prefix) {
				keys = append(keys, key)
			}
		}
	})
	return keys, err
}

func (k *fakeKV) Health(context.Context) error { return k.with(func() {}) }
func (k *fakeKV) Close() error                 { return nil }
