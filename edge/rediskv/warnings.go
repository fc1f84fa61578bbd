package rediskv

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"

	"labbox/edge"
)

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
