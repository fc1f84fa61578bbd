package kvtest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"labbox/edge"
)

// slack is what a busy machine may add to a ttl before the suite complains.
const slack = 3 * time.Second

// wantTTL checks that k has between most-slack and most left; 0: it stays.
func wantTTL(t *testing.T, kv edge.KV, k string, most time.Duration) {
	t.Helper()
	wantTTLWithin(t, kv, k, most, slack)
}

func wantTTLWithin(t *testing.T, kv edge.KV, k string, most, slack time.Duration) {
	t.Helper()
	left, ok, err := kv.TTL(ctxOf(t), k)
	must(t, err)
	switch {
	case !ok:
		t.Fatalf("%s: no such key, want a ttl of %v", k, most)
	case most == 0 && left != 0:
		t.Fatalf("%s has %v left, want that it stays", k, left)
	case most != 0 && (left <= 0 || left > most || left < most-slack):
		t.Fatalf("%s has %v left, want %v", k, left, most)
	}
}

// gone polls until k is gone and says how long that took since start.
func gone(ctx context.Context, t *testing.T, kv edge.KV, k string, start time.Time) time.Duration {
	t.Helper()
	for {
		before := time.Since(start)
		_, ok, err := kv.Get(ctx, k)
		must(t, err)
		if !ok {
			return time.Since(start)
		}
		if before > 30*time.Second {
			t.Fatalf("%s is still there after %v", k, before)
		}
		time.Sleep(time.Millisecond) // paces the polling only
	}
}

func testExpiry(t *testing.T, h Harness) {
	ctx, kv := ctxOf(t), open(t, h)
	const ttl = 300 * time.Millisecond
	set := []func(k string) error{
		func(k string) error { return kv.Set(ctx, k, []byte("x"), ttl) },
		func(k string) error { _, err := kv.Create(ctx, k, []byte("x"), ttl); return err },
		func(k string) error {
			must(t, kv.Set(ctx, k, []byte("o"), 0))
			_, err := kv.Swap(ctx, k, []byte("o"), []byte("x"), ttl)
			return err
		},
		func(k string) error {
			must(t, kv.Set(ctx, k, []byte("o"), 0))
			_, err := kv.Touch(ctx, k, ttl)
			return err
		},
	}
	stays, longer := key("stays"), key("longer")
	must(t, kv.Set(ctx, stays, []byte("x"), 0))
	must(t, kv.Set(ctx, longer, []byte("x"), time.Hour))
	start := time.Now()
	for i, set := range set {
		must(t, set(key("t", fmt.Sprint(i))))
	}
	for i := range set {
		k := key("t", fmt.Sprint(i))
		if took := gone(ctx, t, kv, k, start); took < ttl || took > ttl+slack {
			t.Errorf("%s went after %v, want %v", k, took, ttl)
		}
		if _, ok, err := kv.TTL(ctx, k); err != nil || ok {
			t.Errorf("ttl of an expired key: %v %v", ok, err)
		}
		if ok, err := kv.Swap(ctx, k, []byte("x"), []byte("y"), 0); err != nil || ok {
			t.Errorf("swap of an expired key: %v %v", ok, err)
		}
		if ok, err := kv.Touch(ctx, k, time.Hour); err != nil || ok {
			t.Errorf("touch of an expired key: %v %v", ok, err)
		}
		if n, err := kv.Delete(ctx, k); err != nil || n != 0 {
			t.Errorf("delete of an expired key: %d %v", n, err)
		}
		if ok, err := kv.Create(ctx, k, []byte("z"), 0); err != nil || !ok {
			t.Errorf("create over an expired key: %v %v", ok, err)
		}
		wantTTL(t, kv, k, 0)
	}
	wantTTL(t, kv, stays, 0)
	wantTTL(t, kv, longer, time.Hour)
	must(t, kv.Set(ctx, key("short"), []byte("x"), time.Nanosecond)) // never 0, which would mean for ever
	gone(ctx, t, kv, key("short"), time.Now())
	keys, err := kv.Keys(ctx, key("short"))
	if must(t, err); len(keys) != 0 {
		t.Errorf("keys lists an expired key: %q", keys)
	}
}

func testReplacedTTL(t *testing.T, h Harness) {
	ctx, kv := ctxOf(t), open(t, h)
	k := key("k")
	yes := func(ok bool, err error) {
		t.Helper()
		if err != nil || !ok {
			t.Fatalf("%v %v", ok, err)
		}
	}
	must(t, kv.Set(ctx, k, []byte("a"), time.Hour))
	wantTTL(t, kv, k, time.Hour)
	must(t, kv.Set(ctx, k, []byte("a"), 0))
	wantTTL(t, kv, k, 0)
	yes(kv.Touch(ctx, k, time.Minute))
	wantTTL(t, kv, k, time.Minute)
	yes(kv.Touch(ctx, k, 0))
	wantTTL(t, kv, k, 0)
	yes(kv.Touch(ctx, k, 0))
	yes(kv.Swap(ctx, k, []byte("a"), []byte("b"), time.Hour))
	wantTTL(t, kv, k, time.Hour)
	if ok, err := kv.Swap(ctx, k, []byte("wrong"), []byte("c"), time.Minute); err != nil || ok {
		t.Fatalf("%v %v", ok, err)
	}
	wantTTL(t, kv, k, time.Hour) // a swap that is refused changes nothing
	yes(kv.Swap(ctx, k, []byte("b"), []byte("c"), 0))
	wantTTL(t, kv, k, 0)
	must(t, kv.Set(ctx, k, []byte("1"), time.Hour))
	if ok, err := kv.Create(ctx, k, []byte("2"), time.Minute); err != nil || ok {
		t.Fatalf("%v %v", ok, err)
	}
	wantTTL(t, kv, k, time.Hour)
	for _, n := range []uint64{2, 1} { // raised, and already greater
		yes(kv.Touch(ctx, k, time.Hour))
		_, err := kv.Raise(ctx, k, n)
		must(t, err)
		wantTTL(t, kv, k, 0)
	}
	if ok, err := kv.Touch(ctx, key("none"), 0); err != nil || ok {
		t.Errorf("touch of nothing: %v %v", ok, err)
	}
	if ok, err := kv.Touch(ctx, key("none"), time.Hour); err != nil || ok {
		t.Errorf("touch of nothing: %v %v", ok, err)
	}
	if left, ok, err := kv.TTL(ctx, key("none")); err != nil || ok || left != 0 {
		t.Errorf("ttl of nothing: %v %v %v", left, ok, err)
	}
}

func testKeys(t *testing.T, h Harness) {
	ctx, kv := ctxOf(t), open(t, h)
	var want []string
	for i := range 120 {
		want = append(want, key("many", fmt.Sprint(i)))
	}
	odd := []string{"a*", "a?b", "a[x]", `a\b`, "ax", "a", "b", edge.Key("other", "many", "1")}
	for _, k := range append(slices.Clone(want), odd...) {
		must(t, kv.Set(ctx, k, nil, 0))
	}
	slices.Sort(want)
	got, err := kv.Keys(ctx, key("many:"))
	if must(t, err); !slices.Equal(got, want) {
		t.Errorf("keys of a prefix: %q", got)
	}
	for _, prefix := range []string{"a", "a*", "a?", "a[", "a[x]", `a\`, "*", "z", ""} {
		var want []string
		for _, k := range append(slices.Clone(odd), got...) {
			if strings.HasPrefix(k, prefix) {
				want = append(want, k)
			}
		}
		slices.Sort(want)
		if got, err := kv.Keys(ctx, prefix); err != nil || !slices.Equal(got, want) {
			t.Errorf("keys of prefix %q: %q %v, want %q", prefix, got, err, want)
		}
	}
}

func testRestart(t *testing.T, h Harness) {
	if h.Restart == nil {
		t.Skip("this store is not restarted here")
	}
	ctx, kv := ctxOf(t), open(t, h)
	start := time.Now()
	must(t, kv.Set(ctx, key("stays"), []byte("x"), 0))
	must(t, kv.Set(ctx, key("hour"), []byte("x"), time.Hour))
	must(t, kv.Set(ctx, key("touched"), []byte("x"), time.Hour))
	_, err := kv.Touch(ctx, key("touched"), 0)
	must(t, err)
	must(t, kv.Set(ctx, key("gone"), []byte("x"), 0))
	_, err = kv.Delete(ctx, key("gone"))
	must(t, err)
	must(t, kv.Set(ctx, key("brief"), []byte("x"), 200*time.Millisecond))
	brief := time.Now()
	must(t, kv.Set(ctx, key("swapped"), []byte("a"), 0))
	_, err = kv.Swap(ctx, key("swapped"), []byte("a"), []byte("b"), time.Minute)
	must(t, err)
	_, err = kv.Raise(ctx, key("fence"), 41)
	must(t, err)
	must(t, kv.Close())
	for range 2 { // the second time finds what the first one wrote
		h.Restart(t)
		kv = open(t, h)
		must(t, kv.Health(ctx))
		wantValue(t, kv, key("stays"), []byte("x"))
		wantTTL(t, kv, key("stays"), 0)
		wantTTLWithin(t, kv, key("hour"), time.Hour, slack+time.Since(start)) // a Cluster takes seconds
		wantTTL(t, kv, key("touched"), 0)
		wantValue(t, kv, key("gone"), nil)
		wantValue(t, kv, key("swapped"), []byte("b"))
		wantTTLWithin(t, kv, key("swapped"), time.Minute, slack+time.Since(start))
		if n, err := kv.Raise(ctx, key("fence"), 1); err != nil || n != 41 {
			t.Fatalf("the fencing number went back to %d %v", n, err)
		}
		gone(ctx, t, kv, key("brief"), brief)
		must(t, kv.Close())
	}
}

func testDown(t *testing.T, h Harness) {
	if h.Down == nil {
		t.Skip("this store is not stopped here")
	}
	ctx, kv := ctxOf(t), open(t, h)
	must(t, kv.Set(ctx, key("k"), []byte("x"), 0))
	h.Down(t)
	_, _, err := kv.Get(ctx, key("k"))
	wantCode(t, "get", err, edge.CodeStoreDown)
	wantCode(t, "health", kv.Health(ctx), edge.CodeStoreDown)
	err = kv.Set(ctx, key("k"), []byte("y"), 0)
	if c := edge.CodeOf(err); c != edge.CodeStoreDown && c != edge.CodeUnknownOutcome {
		t.Errorf("set: %v (code %q), want store_down or unknown_outcome", err, c)
	}
	err = kv.Set(ctx, key("k"), []byte("y"), 0)
	wantCode(t, "second set", err, edge.CodeStoreDown)
}
