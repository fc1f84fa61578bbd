package rediskv_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"labbox/edge"
	"labbox/edge/rediskv"
	"labbox/edge/rediskv/redistest"
)

func TestWarnings(t *testing.T) {
	for _, c := range []struct {
		args []string
		want []string
	}{
		{nil, nil},
		{[]string{"--appendfsync", "everysec"}, []string{"does not sync each write"}},
		{[]string{"--appendfsync", "no"}, []string{"does not sync each write"}},
		{[]string{"--no-appendfsync-on-rewrite", "yes"}, []string{"while it rewrites"}},
		{[]string{"--appendonly", "no"}, []string{"keeps no append-only file"}},
		{[]string{"--maxmemory", "10mb", "--maxmemory-policy", "volatile-ttl"}, []string{"may evict keys"}},
		{[]string{"--appendonly", "no", "--maxmemory-policy", "allkeys-lru"}, []string{"keeps no append-only file", "may evict keys"}},
	} {
		s := redistest.Start(t, c.args...)
		kv := dial(t, rediskv.Config{URL: s.URL()})
		if err := kv.Health(t.Context()); err != nil {
			t.Errorf("%v: %v, want warnings only", c.args, err)
		}
		got := kv.Warnings(t.Context())
		if !slices.EqualFunc(got, c.want, func(e edge.Error, part string) bool {
			return strings.Contains(e.Message, part) && e.Hint != "" && e.Code == edge.CodeBadConfig && e.Args["node"] == s.Addr()
		}) {
			t.Errorf("%v: %+v, want %q", c.args, got, c.want)
		}
		s.Kill()
	}
}

func TestMemoryFull(t *testing.T) {
	s := redistest.Start(t, "--maxmemory", "4mb", "--maxmemory-policy", "noeviction")
	kv := dial(t, rediskv.Config{URL: s.URL(), Durable: true})
	kept := edge.Key("bench", "fence", "arm")
	if _, err := kv.Raise(t.Context(), kept, 41); err != nil {
		t.Fatal(err)
	}
	if err := kv.Health(t.Context()); err != nil {
		t.Fatal(err)
	}
	var err error
	for i := 0; err == nil; i++ {
		if i == 100 {
			t.Fatal("100 MiB went into 4 MB")
		}
		err = kv.Set(t.Context(), edge.Key("bench", "fill", fmt.Sprint(i)), make([]byte, 1<<20), 0)
	}
	wantCode(t, "set", err, edge.CodeStoreFull)
	wantHint(t, "set", err, "maxmemory")
	s.Do(t, "config", "set", "maxmemory", "1mb") // not one byte is left
	_, err = kv.Raise(t.Context(), kept, 42)     // within a script
	wantCode(t, "raise", err, edge.CodeStoreFull)
	_, err = kv.Swap(t.Context(), kept, []byte("41"), []byte("43"), 0)
	wantCode(t, "swap", err, edge.CodeStoreFull)
	err = kv.Health(t.Context())
	wantCode(t, "health", err, edge.CodeStoreFull)
	wantHint(t, "health", err, "maxmemory")
	if v, ok, err := kv.Get(t.Context(), kept); err != nil || !ok || string(v) != "41" {
		t.Errorf("what was there holds %q %v %v", v, ok, err)
	}
	s.Do(t, "config", "set", "maxmemory", "100mb")
	if err := kv.Health(t.Context()); err != nil {
		t.Error(err)
	}
	if n, err := kv.Raise(t.Context(), kept, 42); err != nil || n != 42 {
		t.Errorf("raise: %d %v", n, err)
	}
}

func TestReplica(t *testing.T) {
	master := redistest.Start(t, "--repl-diskless-sync-delay", "0")
	host, port, _ := strings.Cut(master.Addr(), ":")
	replica := redistest.Start(t, "--replicaof", host+" "+port)
	kv := dial(t, rediskv.Config{URL: replica.URL()})
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if info := fmt.Sprint(replica.Do(t, "info", "replication")); strings.Contains(info, "master_link_status:up") {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the replica does not find its master")
		}
	}
	err := kv.Set(t.Context(), ctxKey, []byte("x"), 0)
	wantCode(t, "set", err, edge.CodeStoreDown)
	wantHint(t, "set", err, "name its master")
	_, err = kv.Raise(t.Context(), ctxKey, 1)
	wantCode(t, "raise", err, edge.CodeStoreDown)
	wantHint(t, "raise", err, "name its master")
	err = kv.Health(t.Context())
	wantCode(t, "health", err, edge.CodeStoreDown)
	wantHint(t, "health", err, "name its master")
	replica.Do(t, "replicaof", "no", "one") // it is made master
	if err := kv.Set(t.Context(), ctxKey, []byte("x"), 0); err != nil {
		t.Error(err)
	}
}

// TestDiskFails: a snapshot that cannot be written makes Redis refuse writes.
func TestDiskFails(t *testing.T) {
	s := redistest.Start(t, "--save", "3600 1000", "--dbfilename", "blocked")
	kv := dial(t, rediskv.Config{URL: s.URL()})
	if err := os.Mkdir(s.Dir+"/blocked", 0o700); err != nil { // stands in the snapshot's place
		t.Fatal(err)
	}
	if err := kv.Set(t.Context(), ctxKey, nil, 0); err != nil {
		t.Fatal(err)
	}
	s.Do(t, "bgsave")
	for end := time.Now().Add(10 * time.Second); !strings.Contains(fmt.Sprint(s.Do(t, "info", "persistence")), "rdb_last_bgsave_status:err"); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the snapshot does not fail")
		}
	}
	for what, err := range map[string]error{"set": kv.Set(t.Context(), ctxKey, nil, 0), "health": kv.Health(t.Context())} {
		wantCode(t, what, err, edge.CodeStoreDown)
		wantHint(t, what, err, "cannot save to its disk")
	}
}

// TestNeeds: each command of the documented list is needed, and its lack is told.
func TestNeeds(t *testing.T) {
	ctx := t.Context()
	ops := map[string]func(kv *rediskv.KV) error{
		"get":     func(kv *rediskv.KV) error { _, _, err := kv.Get(ctx, ctxKey); return err },
		"mget":    func(kv *rediskv.KV) error { _, err := kv.GetMany(ctx, ctxKey); return err },
		"set":     func(kv *rediskv.KV) error { return kv.Set(ctx, ctxKey, nil, 0) },
		"del":     func(kv *rediskv.KV) error { _, err := kv.Delete(ctx, ctxKey); return err },
		"pexpire": func(kv *rediskv.KV) error { _, err := kv.Touch(ctx, ctxKey, time.Hour); return err },
		"exists":  func(kv *rediskv.KV) error { _, err := kv.Touch(ctx, ctxKey, 0); return err },
		"persist": func(kv *rediskv.KV) error { _, err := kv.Touch(ctx, ctxKey, 0); return err },
		"pttl":    func(kv *rediskv.KV) error { _, _, err := kv.TTL(ctx, ctxKey); return err },
		"evalsha": func(kv *rediskv.KV) error { _, err := kv.Raise(ctx, edge.Key("bench", "n"), 1); return err },
		"eval":    func(kv *rediskv.KV) error { _, err := kv.Raise(ctx, edge.Key("bench", "n"), 1); return err },
		"scan":    func(kv *rediskv.KV) error { _, err := kv.Keys(ctx, "x"); return err },
		"info":    func(kv *rediskv.KV) error { return kv.Health(ctx) },
	}
	s := redistest.StartWith(t, redistest.WithACL("labbox", "p", aclRules))
	kv := dial(t, rediskv.Config{URL: s.URL(), Username: "labbox", PasswordFile: s.PasswordFile, KeyPrefix: "campus:"})
	for command, op := range ops {
		s.Do(t, "script", "flush")
		if err := kv.Set(ctx, ctxKey, nil, 0); err != nil {
			t.Fatal(err)
		}
		s.Do(t, "acl", "setuser", "labbox", "-"+command)
		err := op(kv)
		wantCode(t, "without "+command, err, edge.CodeStoreDown)
		wantHint(t, "without "+command, err, "+"+command+" ")
		s.Do(t, "acl", "setuser", "labbox", "+"+command)
		if err := op(kv); err != nil {
			t.Errorf("with %s: %v", command, err)
		}
	}
	s.Do(t, "acl", "setuser", "labbox", "-config|get")
	if w := kv.Warnings(ctx); len(w) != 1 || !strings.Contains(w[0].Message, "does not tell") {
		t.Errorf("without config|get: %v", w)
	}
	other := dial(t, rediskv.Config{URL: s.URL(), Username: "labbox", PasswordFile: s.PasswordFile, KeyPrefix: "another:"})
	for what, err := range map[string]error{"set": other.Set(ctx, ctxKey, nil, 0), "health": other.Health(ctx)} {
		wantCode(t, what+" of another prefix", err, edge.CodeStoreDown)
		wantHint(t, what+" of another prefix", err, "on the keys of labbox")
	}
}
