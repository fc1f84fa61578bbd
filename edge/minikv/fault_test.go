package minikv_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"labbox/edge"
	"labbox/edge/minikv"
)

func TestFailedLogStopsTheStore(t *testing.T) {
	b := newBox(t, minikv.Config{})
	kv, ctx := b.KV(), t.Context()
	defer kv.Close()
	if err := kv.Set(ctx, "k", []byte("old"), 0); err != nil {
		t.Fatal(err)
	}
	js, err := b.srv.JetStream()
	if err != nil {
		t.Fatal(err)
	}
	s, err := js.Stream(ctx, "MINIKV_lab_1")
	if err != nil {
		t.Fatal(err)
	}
	cfg := s.CachedInfo().Config
	cfg.MaxBytes = 1 // from now on the stream takes nothing more
	if _, err := js.UpdateStream(ctx, cfg); err != nil {
		t.Fatal(err)
	}
	if err := kv.Set(ctx, "k", []byte("new"), 0); edge.CodeOf(err) != edge.CodeUnknownOutcome {
		t.Fatalf("%v (code %q), want unknown_outcome", err, edge.CodeOf(err))
	}
	if v, _, err := kv.Get(ctx, "k"); edge.CodeOf(err) != edge.CodeStoreDown {
		t.Errorf("a value that is not durable can be read: %q %v", v, err)
	}
	if err := kv.Set(ctx, "other", nil, 0); edge.CodeOf(err) != edge.CodeStoreDown {
		t.Errorf("%v (code %q), want store_down", err, edge.CodeOf(err))
	}
	if edge.CodeOf(b.Health()) != edge.CodeStoreDown || edge.CodeOf(kv.Health(ctx)) != edge.CodeStoreDown {
		t.Errorf("health says %v", b.Health())
	}
	b.stop()
	b.start(t)
	kv2 := b.KV()
	defer kv2.Close()
	if v, _, err := kv2.Get(ctx, "k"); err != nil || string(v) != "old" {
		t.Errorf("%q %v", v, err)
	}
	if err := kv2.Set(ctx, "k", []byte("newer"), 0); err != nil {
		t.Error(err)
	}
}

// Damage on the disk is told, and what is left is served.
func TestDamageIsTold(t *testing.T) {
	for name, harm := range map[string]func(t *testing.T, streams string){
		"flipped byte": func(t *testing.T, dir string) {
			blocks, err := filepath.Glob(filepath.Join(dir, "*", "msgs", "*.blk"))
			if err != nil || len(blocks) == 0 {
				t.Fatal("no block files", err)
			}
			_ = os.Remove(filepath.Join(filepath.Dir(blocks[0]), "index.db"))
			raw, err := os.ReadFile(blocks[0])
			if err != nil {
				t.Fatal(err)
			}
			raw[bytes.Index(raw, []byte("victim"))] ^= 1
			if err := os.WriteFile(blocks[0], raw, 0o600); err != nil {
				t.Fatal(err)
			}
		},
		"lost stream": func(t *testing.T, dir string) {
			if err := os.RemoveAll(dir); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBox(t, minikv.Config{})
			kv, ctx := b.KV(), t.Context()
			for _, k := range []string{"first", "second", "third"} {
				if err := kv.Set(ctx, k, []byte("victim"+k), 0); err != nil {
					t.Fatal(err)
				}
			}
			_ = kv.Close()
			dir := filepath.Join(b.dir, "jetstream", "$G", "streams")
			b.stop()
			harm(t, dir)
			b.start(t)
			if err := b.Health(); edge.CodeOf(err) != edge.CodeStoreDown || !strings.Contains(err.Error(), "damaged") {
				t.Errorf("health says %v", err)
			}
		})
	}
}

// Without its meta file the broker does not see a stream; its messages are there.
func TestStreamWithoutMeta(t *testing.T) {
	b := newBox(t, minikv.Config{})
	kv := b.KV()
	fill(t, kv, "k", 100, 0)
	_ = kv.Close()
	b.stop()
	meta, _ := filepath.Glob(filepath.Join(b.dir, "jetstream", "$G", "streams", "*", "meta.*"))
	if len(meta) == 0 {
		t.Fatal("no meta files")
	}
	for _, m := range meta {
		if err := os.WriteFile(m, []byte("garbage"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	b.start(t)
	if keys, err := b.KV().Keys(t.Context(), ""); err != nil || len(keys) != 100 {
		t.Errorf("%d keys came back, %v", len(keys), err)
	}
	if err := b.Health(); err != nil {
		t.Error(err)
	}
}

func TestLostManifest(t *testing.T) {
	for _, text := range []string{"", "garbage", `{"format":1}`} {
		b := newBox(t, minikv.Config{})
		kv := b.KV()
		fill(t, kv, "k", 10, 0)
		_ = kv.Close()
		b.stop()
		path := filepath.Join(b.dir, "minikv-lab.json")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		b.start(t)
		if keys, err := b.KV().Keys(t.Context(), ""); err != nil || len(keys) != 10 || b.Health() != nil {
			t.Errorf("%q: %d keys came back, %v, %v", text, len(keys), err, b.Health())
		}
	}
}

func TestBadName(t *testing.T) {
	if _, err := minikv.Open(t.Context(), minikv.Config{Name: "a.b"}); edge.CodeOf(err) != edge.CodeBadName {
		t.Error(err)
	}
}
