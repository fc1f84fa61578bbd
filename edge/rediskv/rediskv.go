package rediskv

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"labbox/edge"
)

// Options of New. The zero value is usable.
type Options struct {
	// Health replaces the questions that KV.Health asks the server after PING.
	Health func(context.Context) error
	// Durable makes KV.Health demand appendonly and a policy that evicts nothing.
	Durable bool
	// OnClose runs when the KV is closed, after the client is.
	OnClose func() error
}

// KV implements edge.KV on a Redis client.
type KV struct {
	c       redis.UniversalClient
	opts    Options
	prefix  string
	timeout time.Duration // of one operation, 0: what client is set to

	away  since // nobody answers
	unfit since // Health says no
}

var _ edge.KV = (*KV)(nil)

// New makes a KV of client and owns it from then on. See the package comment
// for what client should be set to.
func New(client redis.UniversalClient, opts Options) *KV { return &KV{c: client, opts: opts} }

// Get implements edge.KV.
func (k *KV) Get(ctx context.Context, key string) ([]byte, bool, error) {
	if err := checkKey(key); err != nil {
		return nil, false, err
	}
	b, err := again(ctx, k, func(ctx context.Context) ([]byte, error) { return k.c.Get(ctx, k.prefix+key).Bytes() })
	if errors.Is(err, redis.Nil) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, readError("get", err)
	}
	return b, true, nil
}

// Set implements edge.KV.
func (k *KV) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	ms, err := check(key, value, ttl)
	if err != nil {
		return err
	}
	args := append(make([]any, 0, 5), "set", k.prefix+key, value)
	if ms > 0 {
		args = append(args, "px", ms)
	}
	return writeError("set", k.write(ctx, args...).Err())
}

// Create implements edge.KV.
func (k *KV) Create(ctx context.Context, key string, value []byte, ttl time.Duration) (bool, error) {
	ms, err := check(key, value, ttl)
	if err != nil {
		return false, err
	}
	args := append(make([]any, 0, 6), "set", k.prefix+key, value, "nx")
	if ms > 0 {
		args = append(args, "px", ms)
	}
	err = k.write(ctx, args...).Err()
	if errors.Is(err, redis.Nil) {
		return false, nil
	}
	return err == nil, writeError("create", err)
}

// Swap implements edge.KV.
func (k *KV) Swap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
	ms, err := check(key, new, ttl)
	if err != nil {
		return false, err
	}
	n, err := k.run(ctx, swapScript, key, old, new, ms).Int()
	return n == 1, writeError("swap", err)
}

// Raise implements edge.KV.
func (k *KV) Raise(ctx context.Context, key string, n uint64) (uint64, error) {
	if err := checkKey(key); err != nil {
		return 0, err
	}
	s, err := k.run(ctx, raiseScript, key, strconv.FormatUint(n, 10)).Text()
	if err != nil {
		return 0, writeError("raise", err)
	}
	held, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		return 0, edge.Errorf(edge.CodeBadValue, "rediskv: raise: the key holds no number")
	}
	return held, nil
}

// Touch implements edge.KV.
func (k *KV) Touch(ctx context.Context, key string, ttl time.Duration) (bool, error) {
	ms, err := check(key, nil, ttl)
	if err != nil {
		return false, err
	}
	var n int
	if ms > 0 {
		n, err = k.write(ctx, "pexpire", k.prefix+key, ms).Int()
	} else {
		n, err = k.run(ctx, persistScript, key).Int()
	}
	return n == 1, writeError("touch", err)
}

// TTL implements edge.KV.
func (k *KV) TTL(ctx context.Context, key string) (time.Duration, bool, error) {
	if err := checkKey(key); err != nil {
		return 0, false, err
	}
	ms, err := again(ctx, k, func(ctx context.Context) (int64, error) {
		return k.c.Do(ctx, "pttl", k.prefix+key).Int64()
	})
	switch {
	case err != nil:
		return 0, false, readError("ttl", err)
	case ms == -2:
		return 0, false, nil
	case ms == -1:
		return 0, true, nil
	}
	return max(time.Duration(ms), 1) * time.Millisecond, true, nil
}

// Close implements edge.KV.
func (k *KV) Close() error {
	err := k.c.Close()
	if errors.Is(err, redis.ErrClosed) {
		return nil
	}
	if k.opts.OnClose != nil {
		err = errors.Join(err, k.opts.OnClose())
	}
	if err != nil {
		return fmt.Errorf("rediskv: close: %w", err)
	}
	return nil
}
