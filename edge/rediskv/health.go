package rediskv

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
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

// Warnings lists settings with which the store may lose what it holds: no
// append-only file, one that is not synced always, or a policy that evicts. Nil
// where the store does not answer, which Health says.
func (k *KV) Warnings(ctx context.Context) []edge.Error {
	if k.opts.Health != nil {
		return nil
	}
	ctx, cancel := k.bound(ctx)
	defer cancel()
	var mu sync.Mutex
	var all []edge.Error
	_ = k.masters(ctx, func(ctx context.Context, c redis.UniversalClient) error {
		list := k.nodeWarnings(ctx, c)
		mu.Lock()
		defer mu.Unlock()
		all = append(all, list...)
		return nil
	})
	slices.SortStableFunc(all, func(a, b edge.Error) int {
		return cmp.Or(cmp.Compare(a.Message, b.Message), cmp.Compare(fmt.Sprint(a.Args), fmt.Sprint(b.Args)))
	})
	return all
}

func (k *KV) nodeWarnings(ctx context.Context, c redis.UniversalClient) (list []edge.Error) {
	warn := func(why, hint string) {
		e := edge.Errorf(edge.CodeBadConfig, "the store %s", why).WithHint("%s", hint)
		if one, ok := c.(*redis.Client); ok {
			e = e.With("node", one.Options().Addr)
		}
		list = append(list, *e)
	}
	text, err := c.Info(ctx, "persistence", "memory").Result()
	if k.note(err); err != nil {
		return nil
	}
	info := fields(text)
	if evicts(info) {
		warn("may evict keys when its memory is short", "set maxmemory-policy noeviction")
	}
	if info["aof_enabled"] == "0" {
		warn("keeps no append-only file: its restart forgets what labbox was told is kept", "set appendonly yes and appendfsync always")
		return list
	}
	conf, err := c.ConfigGet(ctx, "appendfsync").Result()
	rewrite, err2 := c.ConfigGet(ctx, "no-appendfsync-on-rewrite").Result()
	switch {
	case err != nil || err2 != nil || conf["appendfsync"] == "":
		warn("does not tell how it syncs its append-only file", "permit +config|get, or see to appendfsync always by hand")
	case conf["appendfsync"] != "always":
		warn("does not sync each write to its disk: a power cut may lose the last second, or more", "set appendfsync always")
	case rewrite["no-appendfsync-on-rewrite"] == "yes":
		warn("does not sync while it rewrites its append-only file", "set no-appendfsync-on-rewrite no")
	}
	return list
}

func evicts(info map[string]string) bool {
	p := info["maxmemory_policy"]
	return p != "" && p != "noeviction"
}

// fields reads the name:value lines of INFO and CLUSTER INFO.
func fields(text string) map[string]string {
	m := make(map[string]string)
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			m[name] = value
		}
	}
	return m
}
