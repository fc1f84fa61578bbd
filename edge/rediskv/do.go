package rediskv

import (
	"context"
	"errors"
	"os"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// once is a command that the Cluster client must not send again when its reply
// is lost; redirections it still follows.
type once struct{ *redis.Cmd }

func (once) NoRetry() bool { return true }

// write sends one command, once. Where the connection failed before that, it
// looks for another connection, also once.
func (k *KV) write(ctx context.Context, args ...any) *redis.Cmd {
	ctx, cancel := k.bound(ctx)
	defer cancel()
	cmd := redis.NewCmd(ctx, args...)
	err := k.c.Process(ctx, once{cmd})
	var early *notSent
	if errors.As(err, &early) && !errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		cmd = redis.NewCmd(ctx, args...)
		err = k.c.Process(ctx, once{cmd})
	}
	k.note(err)
	return cmd
}

// run runs a script on one key.
func (k *KV) run(ctx context.Context, s script, key string, args ...any) *redis.Cmd {
	all := append([]any{"evalsha", s.sha1, 1, k.prefix + key}, args...)
	cmd := k.write(ctx, all...)
	if err := cmd.Err(); err != nil && redis.HasErrorPrefix(err, "NOSCRIPT") {
		all[0], all[1] = "eval", s.src
		cmd = k.write(ctx, all...)
	}
	return cmd
}

// again runs a read, and runs it a second time when the connection broke under it.
func again[T any](ctx context.Context, k *KV, read func(ctx context.Context) (T, error)) (T, error) {
	ctx, cancel := k.bound(ctx)
	defer cancel()
	v, err := read(ctx)
	if err != nil && ctx.Err() == nil && broken(err) {
		v, err = read(ctx)
	}
	k.note(err)
	return v, err
}

func nothing() {}

// bound gives an operation its longest time.
func (k *KV) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	if k.timeout == 0 {
		return ctx, nothing
	}
	return context.WithTimeout(ctx, k.timeout)
}

// note remembers since when nobody answers.
func (k *KV) note(err error) {
	if err == nil || !broken(err) {
		k.away.end()
		return
	}
	if errors.Is(err, context.Canceled) {
		return
	}
	k.away.begin()
	if cluster, ok := k.c.(*redis.ClusterClient); ok {
		cluster.ReloadState(context.Background()) // another node may be master now
	}
}

// since is when something began, zero while it is not so.
type since struct{ ns atomic.Int64 }

func (s *since) begin() { s.ns.CompareAndSwap(0, time.Now().UnixNano()) }

func (s *since) end() {
	if s.ns.Load() != 0 {
		s.ns.Store(0)
	}
}

func (s *since) time() time.Time {
	if ns := s.ns.Load(); ns != 0 {
		return time.Unix(0, ns)
	}
	return time.Time{}
}
