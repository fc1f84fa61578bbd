package rediskv_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"labbox/edge"
	"labbox/edge/rediskv"
	"labbox/edge/rediskv/redistest"
)

func TestOpenTellsNoPassword(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for _, c := range []struct {
		url  string
		code edge.Code
	}{
		{"redis://me:hunter2@127.0.0.1:1/0", edge.CodeStoreDown},
		{"redis+cluster://me:hunter2@127.0.0.1:1,127.0.0.1:2", edge.CodeStoreDown},
		{"redis://me:hunter2@127.0.0.1:port/0", edge.CodeBadConfig},
		{"redis://me:hunter2@127.0.0.1:1/hunter2", edge.CodeBadConfig},
		{"redis://me:hunter2@127.0.0.1:1/0?hunter2=1", edge.CodeBadConfig},
		{"amqp://me:hunter2@127.0.0.1:1/0", edge.CodeBadConfig},
		{"amqp+cluster://me:hunter2@127.0.0.1:1/0", edge.CodeBadConfig},
		{"redis://me:hunter2%zz@127.0.0.1:1/0", edge.CodeBadConfig},
	} {
		_, err := rediskv.Open(ctx, c.url)
		if edge.CodeOf(err) != c.code {
			t.Errorf("%s: %v (code %q), want code %q", c.url, err, edge.CodeOf(err), c.code)
		}
		if e := edge.AsError(err); strings.Contains(e.Error()+e.Hint, "hunter2") {
			t.Errorf("%s: the password is in %q", c.url, err)
		}
	}
}

func TestHealthWantsDurability(t *testing.T) {
	p := redistest.Start(t, "--appendonly", "no", "--maxmemory-policy", "allkeys-lru")
	for url, code := range map[string]edge.Code{"redis://" + p.Addr(): "", "redis://" + p.Addr() + "?durable=1": edge.CodeStoreDown} {
		kv := open(t, url)
		if err := kv.Health(t.Context()); edge.CodeOf(err) != code {
			t.Errorf("%s: %v, want code %q", url, err, code)
		}
		_ = kv.Close()
	}
}

func TestStoreFull(t *testing.T) {
	p := redistest.Start(t, "--maxmemory", "3mb")
	kv := open(t, "redis://"+p.Addr())
	defer kv.Close()
	for i := range 100 {
		err := kv.Set(t.Context(), edge.Key("b", strings.Repeat("k", i+1)), make([]byte, 1<<20), 0)
		if err != nil {
			if edge.CodeOf(err) != edge.CodeStoreFull {
				t.Fatalf("%v (code %q), want store_full", err, edge.CodeOf(err))
			}
			return
		}
	}
	t.Fatal("100 MiB went into 3 MB")
}
