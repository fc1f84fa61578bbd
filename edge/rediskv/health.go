package rediskv

import (
	"context"
	"strings"

	"github.com/redis/go-redis/v9"

	"labbox/edge"
)

// Health implements edge.KV: every master answers, has loaded its data, can
// write its append-only file, and is no replica. With Options.Durable it also
// demands appendonly and that memory pressure evicts no key.
func (k *KV) Health(ctx context.Context) error {
	if k.opts.Health != nil {
		if err := k.opts.Health(ctx); err != nil {
			return err
		}
		return readErrorOrNil("health", k.c.Ping(ctx).Err())
	}
	cluster, ok := k.c.(*redis.ClusterClient)
	if !ok {
		return k.nodeHealth(ctx, k.c)
	}
	info, err := cluster.ClusterInfo(ctx).Result()
	if err != nil {
		return readError("health", err)
	}
	if !strings.Contains(info, "cluster_state:ok") {
		return edge.Errorf(edge.CodeStoreDown, "rediskv: health: the cluster says it is not ok")
	}
	return cluster.ForEachMaster(ctx, func(ctx context.Context, c *redis.Client) error { return k.nodeHealth(ctx, c) })
}

func (k *KV) nodeHealth(ctx context.Context, c redis.Cmdable) error {
	text, err := c.Info(ctx, "persistence", "replication", "memory").Result()
	if err != nil {
		return readError("health", err)
	}
	info := make(map[string]string)
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			info[name] = value
		}
	}
	sick := func(why, hint string) error {
		return edge.Errorf(edge.CodeStoreDown, "rediskv: health: %s", why).WithHint("%s", hint)
	}
	switch {
	case info["loading"] == "1":
		return sick("the store is loading its data", "wait")
	case info["role"] == "slave":
		return sick("the store is a replica", "name its master")
	case info["aof_last_write_status"] == "err":
		return sick("the store cannot write its append-only file", "look at its disk")
	case k.opts.Durable && info["aof_enabled"] == "0":
		return sick("the store keeps no append-only file", "set appendonly yes and appendfsync always")
	case k.opts.Durable && info["maxmemory_policy"] != "" && info["maxmemory_policy"] != "noeviction":
		return sick("the store evicts keys when memory is short", "set maxmemory-policy noeviction")
	}
	return nil
}

func readErrorOrNil(what string, err error) error {
	if err == nil {
		return nil
	}
	return readError(what, err)
}
