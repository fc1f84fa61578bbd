package rediskv

import (
	"cmp"
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"labbox/edge"
)

// Health implements edge.KV: every master answers, has loaded its data, takes
// writes, and is no replica. With Options.Durable it also demands appendonly and
// that memory pressure evicts no key. The error's argument since_ms says since
// when it is so (Unix ms). What is only unwise is in Warnings.
func (k *KV) Health(ctx context.Context) error {
	err := k.health(ctx)
	if err == nil {
		k.unfit.end()
		return nil
	}
	if errors.Is(err, context.Canceled) {
		return err
	}
	k.unfit.begin()
	if e, ok := err.(*edge.Error); ok { //nolint:errorlint // a wrapped one keeps its own arguments
		if at := k.Since(); !at.IsZero() {
			return e.With("since_ms", at.UnixMilli())
		}
	}
	return err
}

// Since says when it was first noticed that the store does not answer or, by
// Health, that it is not fit to hold state. Zero: it was fit when last asked.
func (k *KV) Since() time.Time {
	away, unfit := k.away.time(), k.unfit.time()
	if away.IsZero() || !unfit.IsZero() && unfit.Before(away) {
		return unfit
	}
	return away
}

func (k *KV) health(ctx context.Context) error {
	if k.opts.Health != nil {
		if err := k.opts.Health(ctx); err != nil {
			return err
		}
		return k.told("health", k.c.Ping(ctx).Err())
	}
	ctx, cancel := k.bound(ctx)
	defer cancel()
	if cluster, ok := k.c.(*redis.ClusterClient); ok {
		info, err := cluster.ClusterInfo(ctx).Result()
		if err != nil {
			return k.told("health", err)
		}
		if f := fields(info); f["cluster_state"] != "ok" {
			return edge.Errorf(edge.CodeStoreDown, "rediskv: health: the cluster is not whole, %s of 16384 slots are served",
				cmp.Or(f["cluster_slots_ok"], "some")).WithHint("%s", refusals["CLUSTERDOWN"].hint)
		}
	}
	if err := k.masters(ctx, k.nodeHealth); err != nil {
		return err
	}
	return k.probe(ctx)
}

// told notes what an operation of health said.
func (k *KV) told(what string, err error) error {
	k.note(err)
	if err == nil {
		return nil
	}
	return readError(what, err)
}

// masters calls fn for the server, or for each master of the Cluster.
func (k *KV) masters(ctx context.Context, fn func(ctx context.Context, c redis.UniversalClient) error) error {
	cluster, ok := k.c.(*redis.ClusterClient)
	if !ok {
		return fn(ctx, k.c)
	}
	return cluster.ForEachMaster(ctx, func(ctx context.Context, c *redis.Client) error { return fn(ctx, c) })
}

func (k *KV) nodeHealth(ctx context.Context, c redis.UniversalClient) error {
	text, err := c.Info(ctx, "persistence", "replication", "memory").Result()
	if err := k.told("health", err); err != nil {
		return err
	}
	info := fields(text)
	sick := func(why, hint string) error {
		return edge.Errorf(edge.CodeStoreDown, "rediskv: health: %s", why).WithHint("%s", hint)
	}
	switch {
	case info["loading"] == "1":
		return sick("the store is loading its data", refusals["LOADING"].hint)
	case info["role"] == "slave":
		return sick("the store is a replica", refusals["READONLY"].hint)
	case info["aof_last_write_status"] == "err":
		return sick("the store cannot write its append-only file", refusals["MISCONF"].hint)
	case k.opts.Durable && info["aof_enabled"] == "0":
		return sick("the store keeps no append-only file", "set appendonly yes and appendfsync always")
	case k.opts.Durable && evicts(info):
		return sick("the store evicts keys when memory is short", "set maxmemory-policy noeviction")
	}
	return nil
}

// probe asks each master to replace a key that does not exist. Nothing is
// written, but the server refuses as it would refuse a write.
func (k *KV) probe(ctx context.Context) error {
	cluster, ok := k.c.(*redis.ClusterClient)
	if !ok {
		return k.probeNode(ctx, k.c, k.prefix+probeKey(""))
	}
	seen := make(map[string]bool)
	for i := range 64 { // enough tags to meet each master of a Cluster of usual size
		key := k.prefix + probeKey(strconv.Itoa(i))
		c, err := cluster.MasterForKey(ctx, key)
		if err != nil {
			return k.told("health", err)
		}
		if addr := c.Options().Addr; !seen[addr] {
			seen[addr] = true
			if err := k.probeNode(ctx, c, key); err != nil {
				return err
			}
		}
	}
	return nil
}

// probeKey is of no box: names of boxes do not begin so.
func probeKey(s string) string { return edge.Key("_probe"+s, "probe") }

func (k *KV) probeNode(ctx context.Context, c redis.UniversalClient, key string) error {
	err := c.Do(ctx, "set", key, "", "xx", "px", 1).Err()
	if _, moved := redis.IsMovedError(err); errors.Is(err, redis.Nil) || moved && c != k.c {
		return nil
	}
	return k.told("health: a write would be refused", err)
}
