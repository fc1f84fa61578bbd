package minikv_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"labbox/edge"
	"labbox/edge/minikv"
)

func dial(t testing.TB, b *box) *redis.Client {
	t.Helper()
	c := redis.NewClient(&redis.Options{Addr: "minikv", Dialer: b.Dialer(), MaxRetries: -1, Protocol: 2, PoolSize: 64, PoolTimeout: time.Minute, ReadTimeout: time.Minute})
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestGateRefusesWhatItDoesNotJournal(t *testing.T) {
	b := newBox(t, minikv.Config{})
	c, ctx := dial(t, b), t.Context()
	for _, cmd := range []string{
		"flushall", "flushdb", "xadd s * a b", "pfadd h a", "geoadd g 1 2 m", "blpop l 1", "brpop l 1", "copy a b", "move a 1",
		"select 1", "swapdb 0 1", "restore k 0 x", "hexpire h 10 fields 1 f", "sunionstore d a b", "bitop not d a", "expire k 10 gt",
		"pexpire k 10 LT", "sort l", "eval_ro x 0", "config get x", "shutdown", "getdelx k",
	} {
		var args []any
		for w := range strings.FieldsSeq(cmd) {
			args = append(args, w)
		}
		if err := c.Do(ctx, args...).Err(); err == nil || !strings.HasPrefix(err.Error(), "ERR ") {
			t.Errorf("%s: %v, want a refusal", cmd, err)
		}
	}
	err := c.Eval(ctx, "redis.call('SET','before','x') redis.call('XADD','s','*','a','b') return 1", nil).Err()
	if err == nil || !strings.Contains(err.Error(), "xadd") {
		t.Errorf("a script got through: %v", err)
	}
	b.stop() // a script that fails half way has done its first half, as in Redis
	b.start(t)
	if v, err := dial(t, b).Get(ctx, "before").Result(); err != nil || v != "x" {
		t.Errorf("%q %v", v, err)
	}
}

func TestAllTypesComeBack(t *testing.T) {
	b := newBox(t, minikv.Config{})
	c, ctx := dial(t, b), t.Context()
	for _, cmd := range [][]any{
		{"set", "k\xff\x00 odd", "v\x00\xff"}, {"hset", "h", "f", "1", "g", "2"}, {"hdel", "h", "f"}, {"rpush", "l", "a", "b", "c"}, {"lpop", "l"},
		{"sadd", "s", "x", "y"}, {"zadd", "z", "-1.5", "m", "inf", "n"}, {"mset", "a", "1", "b", "2"}, {"incr", "a"}, {"rename", "b", "c"},
		{"setex", "e", "100", "v"}, {"rename", "e", "e2"}, {"append", "e2", "w"}, {"getex", "c", "ex", "50"}, {"lmove", "l", "l2", "left", "right"},
		{"rpush", "once", "x"}, {"lpop", "once"}, {"set", "e2", "w", "keepttl"},
	} {
		if err := c.Do(ctx, cmd...).Err(); err != nil {
			t.Fatalf("%v: %v", cmd, err)
		}
	}
	check := func() {
		t.Helper()
		c := dial(t, b)
		for want, got := range map[string]any{
			"v\x00\xff":           c.Get(ctx, "k\xff\x00 odd").Val(),
			"map[g:2]":            c.HGetAll(ctx, "h").Val(),
			"[c]":                 c.LRange(ctx, "l", 0, -1).Val(),
			"[b]":                 c.LRange(ctx, "l2", 0, -1).Val(),
			"[x y]":               c.SMembers(ctx, "s").Val(),
			"[{-1.5 m} {+Inf n}]": c.ZRangeWithScores(ctx, "z", 0, -1).Val(),
			"2 ":                  c.Get(ctx, "a").Val() + " " + c.Get(ctx, "b").Val(),
			"w 1m40s":             c.Get(ctx, "e2").Val() + " " + c.TTL(ctx, "e2").Val().Round(10*time.Second).String(),
			"50s":                 c.TTL(ctx, "c").Val().Round(10 * time.Second),
			"0":                   c.Exists(ctx, "once", "e", "b").Val(),
		} {
			if fmt.Sprint(got) != want {
				t.Errorf("got %v, want %s", got, want)
			}
		}
	}
	check()
	b.stop()
	b.start(t)
	check()
}

func TestTransactions(t *testing.T) {
	b := newBox(t, minikv.Config{})
	c, ctx := dial(t, b), t.Context()
	_, err := c.TxPipelined(ctx, func(p redis.Pipeliner) error {
		p.Set(ctx, "a", "1", 0)
		p.Eval(ctx, "return redis.call('SET', KEYS[1], redis.call('GET','a'))", []string{"b"})
		p.Incr(ctx, "a")
		p.Get(ctx, "a")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.TxPipelined(ctx, func(p redis.Pipeliner) error {
		p.Set(ctx, "a", "no", 0)
		p.FlushAll(ctx)
		return nil
	}); err == nil {
		t.Error("a transaction with a refused command was carried out")
	}
	// WATCH sees the write of another connection, and only then.
	for _, touch := range []bool{true, false} {
		err := c.Watch(ctx, func(tx *redis.Tx) error {
			if touch {
				c.Set(ctx, "w", "other", 0)
			}
			_, err := tx.TxPipelined(ctx, func(p redis.Pipeliner) error { return p.Set(ctx, "w", "mine", time.Hour).Err() })
			return err
		}, "w")
		if errors.Is(err, redis.TxFailedErr) != touch {
			t.Errorf("touched %v: %v", touch, err)
		}
	}
	b.stop()
	b.start(t)
	if got := fmt.Sprint(dial(t, b).MGet(ctx, "a", "b", "w").Val()); got != "[2 1 mine]" {
		t.Errorf("after a restart: %s", got)
	}
}

func TestScriptsSeeTheTimeLeft(t *testing.T) {
	c, ctx := dial(t, newBox(t, minikv.Config{})), t.Context()
	c.Set(ctx, "k", "v", time.Hour)
	got, err := c.Eval(ctx, `local a = redis.call('PTTL','k')
		redis.call('SET','n','v','PX',5000)
		return {a, redis.call('PTTL','n'), redis.call('TTL','none'), redis.call('TTL','k')}`, nil).Int64Slice()
	if err != nil || got[0] > 3_600_000 || got[0] < 3_500_000 || got[1] > 5000 || got[1] < 4000 || got[2] != -2 || got[3] < 3500 {
		t.Errorf("%v %v", got, err)
	}
	if at := time.Unix(c.Do(ctx, "expiretime", "k").Val().(int64), 0); time.Until(at).Round(time.Minute) != time.Hour {
		t.Errorf("expiretime %v", at)
	}
}

// A connection's command that comes while another connection's script runs is
// no part of that script. When it was taken for one, its write was acknowledged
// without being journaled.
func TestConnectionsBesideScripts(t *testing.T) {
	b := newBox(t, minikv.Config{})
	ctx := t.Context()
	const each = 60
	var wg sync.WaitGroup
	for w := range 16 {
		c := dial(t, b)
		wg.Go(func() {
			for i := range each {
				key, err := fmt.Sprintf("k:%d:%d", w, i), error(nil)
				if w%2 == 0 {
					err = c.Set(ctx, key, "v", 0).Err()
				} else {
					err = c.Eval(ctx, "for i=1,50 do redis.call('GET','x') end return redis.call('SET',KEYS[1],'v')", []string{key}).Err()
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	b.stop()
	b.start(t)
	if n := dial(t, b).DBSize(ctx).Val(); n != 16*each {
		t.Errorf("%d of %d acknowledged keys came back", n, 16*each)
	}
}

func TestPipelines(t *testing.T) {
	b := newBox(t, minikv.Config{})
	c, ctx := dial(t, b), t.Context()
	value := strings.Repeat("v", 10_000)
	cmds, err := c.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i := range 300 {
			p.Set(ctx, fmt.Sprint(i), value, 0)
			p.GetSet(ctx, fmt.Sprint(i), value+"x")
		}
		return nil
	})
	if err != nil || len(cmds) != 600 {
		t.Fatal(len(cmds), err)
	}
	if got := c.MGet(ctx, "0", "299").Val(); fmt.Sprint(got) != fmt.Sprint([]any{value + "x", value + "x"}) {
		t.Error("other values")
	}
}

func TestStoreFull(t *testing.T) {
	b := newBox(t, minikv.Config{MaxBytes: 1 << 20})
	kv, c, ctx := b.KV(), dial(t, b), t.Context()
	defer kv.Close()
	var kept []string
	for i := 0; ; i++ {
		k := edge.Key("b", fmt.Sprintf("%03d", i))
		if err := kv.Set(ctx, k, make([]byte, 50_000), 0); err != nil {
			if edge.CodeOf(err) != edge.CodeStoreFull {
				t.Fatalf("%v (code %q)", err, edge.CodeOf(err))
			}
			break
		}
		kept = append(kept, k)
	}
	if len(kept) < 15 || len(kept) > 21 {
		t.Errorf("%d values of 50 kB went into 1 MiB", len(kept))
	}
	for _, err := range []error{
		c.SetRange(ctx, "big", 10<<20, "x").Err(), c.SetBit(ctx, "big", 80<<20, 1).Err(),
		c.Eval(ctx, "for i=1,1000 do redis.call('APPEND','big',string.rep('x',10000)) end", nil).Err(),
		func() error {
			_, err := c.TxPipelined(ctx, func(p redis.Pipeliner) error { return p.Set(ctx, "big", make([]byte, 1<<20), 0).Err() })
			return err
		}(),
	} {
		if err == nil || !strings.Contains(err.Error(), "OOM") && !strings.Contains(err.Error(), "EXECABORT") {
			t.Errorf("%v, want a full store", err)
		}
	}
	if keys, err := kv.Keys(ctx, edge.Key("b", "")); err != nil || !slices.Equal(keys, kept) {
		t.Errorf("kept %d keys, listed %d, %v", len(kept), len(keys), err)
	}
	if n, err := kv.Delete(ctx, kept...); err != nil || n != len(kept) {
		t.Fatal(n, err)
	}
	if err := kv.Set(ctx, kept[0], make([]byte, 50_000), 0); err != nil {
		t.Errorf("after room was made: %v", err)
	}
}

// The log is written anew when it has grown; nothing is lost on the way and the
// disk it takes stays bounded.
func TestLogIsWrittenAnew(t *testing.T) {
	b := newBox(t, minikv.Config{})
	kv, ctx := b.KV(), t.Context()
	keys := fill(t, kv, "stay", 500, 0)
	ttl := fill(t, kv, "hour", 10, time.Hour)
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range 40 {
				if err := kv.Set(ctx, edge.Key("bench", "big", fmt.Sprint(w)), []byte(strings.Repeat(fmt.Sprint(i%10), 1<<18)), 0); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	_ = kv.Close()
	for range 2 {
		js, _ := b.srv.JetStream()
		var names []string
		for end := time.Now().Add(10 * time.Second); len(names) != 1 && time.Now().Before(end); {
			names = nil // two of them while the log is being written anew
			for name := range js.StreamNames(ctx).Name() {
				names = append(names, name)
			}
		}
		if len(names) != 1 || names[0] == "MINIKV_lab_1" {
			t.Errorf("streams %q, want one of a later generation", names)
		}
		if s, err := js.Stream(ctx, names[0]); err != nil || s.CachedInfo().State.Bytes > 16<<20 {
			t.Errorf("%v: the log takes too much", err)
		}
		kv := b.KV()
		if vals, err := kv.GetMany(ctx, keys...); err != nil || slices.ContainsFunc(vals, func(v []byte) bool { return v == nil }) {
			t.Errorf("a key is gone, %v", err)
		}
		if left, ok, err := kv.TTL(ctx, ttl[3]); err != nil || !ok || left < 59*time.Minute || left > time.Hour {
			t.Errorf("ttl %v %v %v", left, ok, err)
		}
		v, _, _ := kv.Get(ctx, edge.Key("bench", "big", "3"))
		if string(v) != strings.Repeat("9", 1<<18) {
			t.Error("another value")
		}
		_ = kv.Close()
		b.stop()
		b.start(t)
	}
}
