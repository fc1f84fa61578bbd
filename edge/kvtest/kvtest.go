package kvtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"labbox/edge"
)

// Harness is one running store.
type Harness struct {
	// Open connects one more client. The suite closes it.
	Open func(t testing.TB) edge.KV
	// Restart ends the store and starts it on the same data. KVs opened before
	// are not used after it. nil: the test that needs it is skipped.
	Restart func(t testing.TB)
	// Down ends the store for good. nil: the test that needs it is skipped.
	Down func(t testing.TB)
}

// Run tests the stores that start starts, a fresh and empty one per test.
func Run(t *testing.T, start func(t *testing.T) Harness) {
	for _, c := range []struct {
		name string
		test func(t *testing.T, h Harness)
	}{
		{"Values", testValues}, {"Names", testNames}, {"Limits", testLimits}, {"GetMany", testGetMany},
		{"Create", testCreate}, {"Swap", testSwap}, {"Raise", testRaise}, {"Delete", testDelete},
		{"Expiry", testExpiry}, {"WhatEndsATTL", testReplacedTTL}, {"Keys", testKeys},
		{"CreateRace", testCreateRace}, {"SwapRace", testSwapRace}, {"RaiseRace", testRaiseRace}, {"Together", testTogether},
		{"TwoClients", testTwoClients}, {"Contexts", testContexts}, {"Restart", testRestart}, {"Down", testDown},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, start(t)) })
	}
}

func open(t *testing.T, h Harness) edge.KV {
	t.Helper()
	kv := h.Open(t)
	t.Cleanup(func() { _ = kv.Close() })
	return kv
}

func ctxOf(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// key makes names of one box, as labbox does.
func key(parts ...string) string { return edge.Key("bench", parts...) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%v (code %q)", err, edge.CodeOf(err))
	}
}

func wantCode(t *testing.T, what string, err error, code edge.Code) {
	t.Helper()
	if edge.CodeOf(err) != code {
		t.Errorf("%s: %v (code %q), want code %q", what, err, edge.CodeOf(err), code)
	}
}

// wantValue checks that k holds want; nil stands for no such key.
func wantValue(t *testing.T, kv edge.KV, k string, want []byte) {
	t.Helper()
	got, ok, err := kv.Get(ctxOf(t), k)
	must(t, err)
	if ok != (want != nil) || string(got) != string(want) {
		t.Fatalf("%s holds %.60q (there: %v), want %.60q (there: %v)", k, got, ok, want, want != nil)
	}
}

func testValues(t *testing.T, h Harness) {
	ctx, kv := ctxOf(t), open(t, h)
	must(t, kv.Health(ctx))
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	wantValue(t, kv, key("none"), nil)
	for i, v := range [][]byte{{}, nil, []byte("a"), []byte("\r\n$-1\r\n"), all, make([]byte, 9000)} {
		k := key("v", fmt.Sprint(i))
		must(t, kv.Set(ctx, k, v, 0))
		if v == nil {
			v = []byte{}
		}
		wantValue(t, kv, k, v)
	}
	k := key("twice")
	must(t, kv.Set(ctx, k, []byte("one"), 0))
	must(t, kv.Set(ctx, k, []byte("two"), 0))
	wantValue(t, kv, k, []byte("two"))
}

func testNames(t *testing.T, h Harness) {
	ctx, kv := ctxOf(t), open(t, h)
	for _, k := range []string{"", "a b", "a\x00", "a\n", "\u00e9", "\x7f", string(slices.Repeat([]byte("k"), 513))} {
		what := fmt.Sprintf("key %.20q", k)
		_, _, err := kv.Get(ctx, k)
		wantCode(t, "get "+what, err, edge.CodeBadName)
		_, err = kv.GetMany(ctx, "good", k)
		wantCode(t, "get many "+what, err, edge.CodeBadName)
		wantCode(t, "set "+what, kv.Set(ctx, k, nil, 0), edge.CodeBadName)
		_, err = kv.Create(ctx, k, nil, 0)
		wantCode(t, "create "+what, err, edge.CodeBadName)
		_, err = kv.Swap(ctx, k, nil, nil, 0)
		wantCode(t, "swap "+what, err, edge.CodeBadName)
		_, err = kv.Raise(ctx, k, 1)
		wantCode(t, "raise "+what, err, edge.CodeBadName)
		_, err = kv.Delete(ctx, "good", k)
		wantCode(t, "delete "+what, err, edge.CodeBadName)
		_, err = kv.Touch(ctx, k, 0)
		wantCode(t, "touch "+what, err, edge.CodeBadName)
		_, _, err = kv.TTL(ctx, k)
		wantCode(t, "ttl "+what, err, edge.CodeBadName)
		if k != "" {
			_, err = kv.Keys(ctx, k)
			wantCode(t, "keys "+what, err, edge.CodeBadName)
		}
	}
	for _, k := range []string{"!", "~", "a.b>*", "{x}{y}", `\`, `"'`, string(slices.Repeat([]byte("k"), 512))} {
		must(t, kv.Set(ctx, k, []byte(k), 0))
		wantValue(t, kv, k, []byte(k))
	}
}

func testLimits(t *testing.T, h Harness) {
	ctx, kv := ctxOf(t), open(t, h)
	k, most := key("big"), make([]byte, 1<<20)
	must(t, kv.Set(ctx, k, most, 0))
	wantValue(t, kv, k, most)
	most[len(most)-1] = 1
	if ok, err := kv.Swap(ctx, k, make([]byte, 1<<20), most, 0); err != nil || !ok {
		t.Fatalf("swap of 1 MiB: %v %v", ok, err)
	}
	wantValue(t, kv, k, most)
	over := make([]byte, 1<<20+1)
	wantCode(t, "set", kv.Set(ctx, k, over, 0), edge.CodeTooLarge)
	_, err := kv.Create(ctx, key("new"), over, 0)
	wantCode(t, "create", err, edge.CodeTooLarge)
	_, err = kv.Swap(ctx, k, most, over, 0)
	wantCode(t, "swap", err, edge.CodeTooLarge)
	wantValue(t, kv, k, most)
	wantCode(t, "negative ttl", kv.Set(ctx, k, nil, -1), edge.CodeBadRequest)
	wantValue(t, kv, k, most)
}

func testGetMany(t *testing.T, h Harness) {
	ctx, kv := ctxOf(t), open(t, h)
	must(t, kv.Set(ctx, key("a"), []byte("1"), 0))
	must(t, kv.Set(ctx, key("e"), nil, 0))
	must(t, kv.Set(ctx, edge.Key("other", "a"), []byte("2"), 0))
	got, err := kv.GetMany(ctx, key("a"), key("none"), key("e"), edge.Key("other", "a"), key("a"))
	must(t, err)
	want := [][]byte{[]byte("1"), nil, {}, []byte("2"), []byte("1")}
	if !slices.EqualFunc(got, want, func(a, b []byte) bool { return string(a) == string(b) && (a == nil) == (b == nil) }) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, err := kv.GetMany(ctx); err != nil || len(got) != 0 {
		t.Errorf("of no keys: %q %v", got, err)
	}
}

func testTwoClients(t *testing.T, h Harness) {
	ctx, a, b := ctxOf(t), open(t, h), open(t, h)
	must(t, a.Set(ctx, key("k"), []byte("by a"), 0))
	wantValue(t, b, key("k"), []byte("by a"))
	must(t, a.Close())
	must(t, b.Set(ctx, key("k"), []byte("by b"), 0))
	wantValue(t, b, key("k"), []byte("by b"))
}

func testContexts(t *testing.T, h Harness) {
	kv := open(t, h)
	ctx, cancel := context.WithCancel(ctxOf(t))
	must(t, kv.Set(ctx, key("k"), []byte("v"), 0))
	cancel()
	if _, _, err := kv.Get(ctx, key("k")); !errors.Is(err, context.Canceled) {
		t.Errorf("get: %v, want an error that wraps context.Canceled", err)
	}
	if err := kv.Set(ctx, key("k"), []byte("w"), 0); !errors.Is(err, context.Canceled) {
		t.Errorf("set: %v, want an error that wraps context.Canceled", err)
	}
}
