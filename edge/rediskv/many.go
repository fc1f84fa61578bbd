package rediskv

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"

	"labbox/edge"
)

// GetMany implements edge.KV.
func (k *KV) GetMany(ctx context.Context, keys ...string) ([][]byte, error) {
	for _, key := range keys {
		if err := checkKey(key); err != nil {
			return nil, err
		}
	}
	out := make([][]byte, len(keys))
	for _, at := range k.bySlot(keys) {
		args := make([]any, 1, len(at)+1)
		args[0] = "mget"
		for _, i := range at {
			args = append(args, k.prefix+keys[i])
		}
		vals, err := again(ctx, k, func(ctx context.Context) ([]any, error) { return k.c.Do(ctx, args...).Slice() })
		if err != nil {
			return nil, readError("get many", err)
		}
		for j, i := range at {
			if s, ok := vals[j].(string); ok {
				out[i] = []byte(s)
			}
		}
	}
	return out, nil
}

// Delete implements edge.KV.
func (k *KV) Delete(ctx context.Context, keys ...string) (int, error) {
	for _, key := range keys {
		if err := checkKey(key); err != nil {
			return 0, err
		}
	}
	sum := 0
	for part, at := range k.bySlot(keys) {
		args := make([]any, 1, len(at)+1)
		args[0] = "del"
		for _, i := range at {
			args = append(args, k.prefix+keys[i])
		}
		n, err := k.write(ctx, args...).Int()
		if err != nil && part > 0 { // no code that says that nothing was done
			return sum, edge.Errorf(edge.CodeUnknownOutcome, "rediskv: delete: keys of one box are deleted, those of another are not: %w", err).
				WithHint("delete them again")
		}
		if err != nil {
			return 0, writeError("delete", err)
		}
		sum += n
	}
	return sum, nil
}

// Keys implements edge.KV.
func (k *KV) Keys(ctx context.Context, prefix string) ([]string, error) {
	if prefix != "" {
		if err := checkKey(prefix); err != nil {
			return nil, err
		}
	}
	match := globEscape(k.prefix+prefix) + "*"
	var mu sync.Mutex
	var keys []string
	scan := func(ctx context.Context, c redis.Cmdable) error {
		for cursor := uint64(0); ; {
			part, next, err := k.scan(ctx, c, cursor, match)
			if err != nil {
				return err
			}
			mu.Lock()
			for _, key := range part {
				keys = append(keys, key[len(k.prefix):])
			}
			mu.Unlock()
			if cursor = next; cursor == 0 {
				return nil
			}
		}
	}
	var err error
	if cluster, ok := k.c.(*redis.ClusterClient); ok {
		err = cluster.ForEachMaster(ctx, func(ctx context.Context, c *redis.Client) error { return scan(ctx, c) })
	} else {
		err = scan(ctx, k.c)
	}
	if err != nil {
		return nil, readError("keys", err)
	}
	slices.Sort(keys) // SCAN may give a key twice
	return slices.Compact(keys), nil
}

// scan takes one step, which alone is an operation with a longest time.
func (k *KV) scan(ctx context.Context, c redis.Cmdable, cursor uint64, match string) (part []string, next uint64, err error) {
	_, err = again(ctx, k, func(ctx context.Context) (struct{}, error) {
		part, next, err = c.Scan(ctx, cursor, match, 1000).Result()
		return struct{}{}, err
	})
	return part, next, err
}

// bySlot groups the places of keys so that each group lies in one hash slot.
func (k *KV) bySlot(keys []string) [][]int {
	if len(keys) == 0 {
		return nil
	}
	_, cluster := k.c.(*redis.ClusterClient)
	var groups [][]int
	place := make(map[string]int)
	for i, key := range keys {
		tag := ""
		if cluster {
			tag = hashTag(key)
		}
		g, ok := place[tag]
		if !ok {
			g = len(groups)
			place[tag] = g
			groups = append(groups, nil)
		}
		groups[g] = append(groups[g], i)
	}
	return groups
}

// hashTag returns the part of key that decides its slot (Redis Cluster
// specification, "Hash tags").
func hashTag(key string) string {
	if _, rest, ok := strings.Cut(key, "{"); ok {
		if tag, _, ok := strings.Cut(rest, "}"); ok && tag != "" {
			return tag
		}
	}
	return key
}

// globEscape makes s match itself in a SCAN pattern.
func globEscape(s string) string {
	if !strings.ContainsAny(s, `*?[]\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if strings.IndexByte(`*?[]\`, s[i]) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
